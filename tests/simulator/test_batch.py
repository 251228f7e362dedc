"""Batch service by hand, at whole times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.summary import summarise
from tests.helpers import run, scenario


def world(discipline: str, at: str, works: tuple[str, str] = ("4 s", "4 s"), call: str = "", more: str = ""):
    """One station; two streams of different work where `at` has two parts."""
    parts = at.split("|")
    entries = "\n".join(f"  - {{name: w{i}, application: a{i}, ingress: n, arrivals: {{kind: times, at: [{part}]}}}}" for i, part in enumerate(parts))
    return scenario(f"""
name: batches
drain: stop
record: {{spans: all}}
network: {{nodes: [{{name: n, discipline: {discipline}}}]}}
services: {{s0: {{service_time: {works[0]}}}, s1: {{service_time: {works[1]}}}}}
deployments: [{{service: s0, nodes: all}}, {{service: s1, nodes: all}}]
applications: {{a0: {{calls: [{{name: c, service: s0{call}}}]}}, a1: {{calls: [{{name: c, service: s1{call}}}]}}}}
workload:
{entries}
{more}
""")


def test_two_or_whoever_is_there_after_three_seconds():
    """0 and 1 start at 1; 2 has waited 3 s when the worker is free at 5; 9 waits until 12."""
    trace = run(world("{kind: batch, size: 2, wait: 3 s}", "0 s, 1 s, 2 s, 9 s"))
    np.testing.assert_allclose(trace.requests["end"], [5, 5, 9, 16])
    station = trace.stations[0]
    assert station.run_busy_s == pytest.approx(12.0)
    assert station.run_service_s == pytest.approx(12.0)
    assert station.queue_s == pytest.approx(1 + 3)  # the first for 1 s, the third for 3 s; the fourth comes as the window closes


def test_full_batches_wait_for_ever():
    trace = run(world("{kind: batch, size: 2, wait: unlimited}", "0 s, 7 s, 8 s", more="horizon: 20 s"))
    np.testing.assert_allclose(trace.requests["end"][:2], [11, 11])
    assert trace.outcome_counts(np.ones(3, dtype=bool))["unfinished"] == 1
    assert trace.left_behind > 0
    assert summarise([trace])["invariants"]["little_ratio"] is None


def test_nobody_waits_but_all_of_an_instant_go_together():
    """With wait 0 the three of time 0 share a batch, though each alone could have started."""
    trace = run(world("{kind: batch, size: 8, wait: 0 s}", "0 s, 0 s, 0 s, 1 s, 2 s"))
    np.testing.assert_allclose(trace.requests["end"], [4, 4, 4, 8, 8])


@pytest.mark.parametrize(("duration", "ends"), [("once", 2.0), ("max", 3.0), ("sum", 5.0)])
def test_durations(duration, ends):
    trace = run(world(f"{{kind: batch, size: 2, duration: {duration}}}", "0 s|0 s", ("2 s", "3 s")))
    np.testing.assert_allclose(trace.requests["end"], [ends, ends])


def test_a_slow_down_stretches_a_batch_in_progress():
    """4 s of work from 0, at half speed during [1, 3): ends at 5; the excess is a spike's, the rest service."""
    slow = "spikes: [{name: s, kind: slow_down, nodes: all, factor: 2, at: [1 s], for: 2 s}]"
    trace = run(world("{kind: batch, size: 2}", "0 s, 0 s", more=slow))
    np.testing.assert_allclose(trace.requests["end"], [5, 5])
    spans = trace.tables()["spans"]
    excess = (spans["end_s"] - spans["start_s"])[spans["kind"].values() == "spike"]
    np.testing.assert_allclose(excess, [1, 1])


def test_those_who_give_up_leave_the_others_in_the_batch():
    """Time-outs of 3 s: 0 and 1 start at 1; the first gives up at 3, the other at 4 and frees the worker for 2 and 3, who give up too."""
    trace = run(world("{kind: batch, size: 2}", "0 s, 1 s, 2 s, 3 s", call=", timeout: 3 s"))
    np.testing.assert_allclose(trace.requests["end"], [3, 4, 5, 6])
    assert trace.stations[0].run_busy_s == pytest.approx(5.0)  # 1 to 4 and 4 to 6
    assert trace.stations[0].run_service_s == pytest.approx(5.0)


def test_two_workers_take_a_batch_each():
    described = world("{kind: batch, size: 2}", "0 s, 0 s, 1 s, 1 s")
    text = described.network.nodes[0]
    from dataclasses import replace

    described = replace(described, network=replace(described.network, nodes=(replace(text, workers=2.0),)))
    np.testing.assert_allclose(run(described).requests["end"], [4, 4, 5, 5])


@given(st.integers(1, 3), st.sampled_from(["exponential", "lognormal"]), st.integers(0, 99))
def test_batches_of_one_are_first_come_first_served(workers, law, seed):
    """Bit for bit, whatever the duration's meaning."""
    service = {"exponential": "{kind: exponential, mean: 10 ms}", "lognormal": "{kind: lognormal, mean: 10 ms, cv: 2}"}[law]
    ends = []
    for discipline in ("fifo", "{kind: batch, size: 1, duration: max}"):
        described = scenario(f"""
name: one
requests: 300
network: {{nodes: [{{name: n, workers: {workers}, discipline: {discipline}}}]}}
services: {{s: {{service_time: {service}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: 90 /s}}}}]
""")
        ends.append(run(described, seed).requests["end"])
    np.testing.assert_array_equal(*ends)


def test_two_copies_of_one_call_in_a_batch():
    """The hedge of a call joins its batch; both end together, one answers and the other is cancelled without harm."""
    trace = run(world("{kind: batch, size: 2}", "0 s", call=", hedge: {after: 1 s}"))
    np.testing.assert_allclose(trace.requests["end"], [5])
    assert trace.left_behind == 0
    statuses = trace.tables()["spans"]["status"].values().tolist()
    assert {"ok", "cancelled"} <= set(statuses)
