"""Outages and what they leave, at whole times."""

import numpy as np
import pytest

from simulator.request import OUTCOMES
from tests.helpers import run, scenario


def world(at: str, spike: str, node: str = "", care: str = "", replicas: str = ""):
    return scenario(f"""
name: faults
drain: stop
record: {{spans: all}}
network: {{nodes: [{{name: n{node}}}]}}
services: {{s: {{service_time: 5 s}}}}
deployments: [{{service: s, nodes: all{replicas}}}]
applications: {{a: {{calls: [{{name: c, service: s{care}}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: times, at: [{at}]}}}}]
spikes: [{{name: out, kind: outage, nodes: all, {spike}}}]
""")


def ends(trace):
    return [(OUTCOMES[outcome], end) for outcome, end in zip(trace.requests["outcome"], trace.requests["end"].tolist(), strict=True)]


@pytest.mark.parametrize("discipline", ["fifo", "lifo", "random", "{kind: priority, preemptive: true}", "processor_sharing", "{kind: batch, size: 1}"])
def test_an_outage_loses_what_is_there_and_what_comes(discipline):
    """One in service since 0, one in line since 1, both lost at 2; what comes at 4 is lost; what comes as it ends, at 5, is served."""
    trace = run(world("0 s, 1 s, 4 s, 5 s", "at: [2 s], for: 3 s", f", discipline: {discipline}"))
    assert ends(trace) == [("failed", 2.0), ("failed", 2.0), ("failed", 4.0), ("completed", 10.0)]
    assert trace.stations[0].run_service_s == pytest.approx(7.0)  # 2 s wasted, 5 s of use: exactly the work in progress is lost
    assert trace.episodes == [[0, "n", 2.0, 5.0, np.inf]]


def test_a_restart_takes_its_time():
    trace = run(world("4 s, 6 s, 7 s", "at: [2 s], for: 3 s, restart: 2 s"))
    assert ends(trace) == [("failed", 4.0), ("failed", 6.0), ("completed", 12.0)]
    assert trace.episodes[0][3] == 7.0


def test_outages_that_overlap_last_until_the_last_is_over():
    trace = run(world("4 s, 6 s, 7 s", "at: [2 s, 4 s], for: 3 s"))
    assert ends(trace) == [("failed", 4.0), ("failed", 6.0), ("completed", 12.0)]


def test_what_an_outage_loses_is_tried_again():
    """Lost at 2; tries at 3 and 5 (back-offs 1 and 2 s): the first is lost too, the second, as the outage ends, is served."""
    trace = run(world("0 s", "at: [2 s], for: 3 s", care=", retry: {retries: 2, back_off: 1 s}"))
    assert ends(trace) == [("completed", 10.0)]
    spans = trace.tables()["spans"]
    assert spans["status"].values()[spans["kind"].values() == "service"].tolist() == ["lost", "lost", "ok"]


def test_replicas_go_down_together():
    trace = run(world("0 s, 0 s, 1 s", "at: [2 s], for: 1 s", replicas=", workers: 1, replicas: 2"))
    assert ends(trace) == [("failed", 2.0)] * 3
    assert trace.left_behind == 0


def test_without_an_entry_every_other_draw_is_as_it_was():
    """The same world with and without the outage: what both completed took the same work."""
    text = """
name: counterfactual
horizon: 60 s
record: {{spans: all}}
network: {{nodes: [{{name: n, workers: unlimited}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 50 ms}}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: 50 /s}}}}]
spikes:
  - {{name: stragglers, kind: call_spike, services: [s], probability: 5 %, factor: {{kind: pareto, minimum: 2, shape: 2}}}}
  {outage}
"""
    outage = "- {name: out, kind: outage, nodes: all, up: {kind: exponential, mean: 2 s}, down: 100 ms, restart: {kind: exponential, mean: 50 ms}}"
    calm, hit = run(scenario(text.format(outage=""))), run(scenario(text.format(outage=outage)))
    n = min(len(calm.latency), len(hit.latency))
    both = calm.completed[:n] & hit.completed[:n]
    assert 0.8 * n < both.sum() < 0.99 * n
    np.testing.assert_array_equal(calm.latency[:n][both], hit.latency[:n][both])
