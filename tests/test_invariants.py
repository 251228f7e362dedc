"""Identities of sample paths that hold in any scenario that starts empty and drains, to rounding."""

import numpy as np
import pytest
from hypothesis import given

from scenarios.load import bundled, load
from simulator.record import CALL_FIELDS, HOP_FIELDS, PAUSE_FIELDS
from simulator.trace import Trace
from tests.helpers import run, scenario
from tests.random_scenarios import scenario_texts


def check(trace: Trace) -> None:
    counts = trace.outcome_counts(np.ones(len(trace.latency), dtype=bool))
    assert sum(counts.values()) == len(trace.latency)
    assert counts["unfinished"] == 0, "it drains"
    for station in trace.stations:
        n = np.arange(len(station.run_time_at))
        integral = float(n @ station.run_time_at)
        assert integral == pytest.approx(station.run_sojourn_s, rel=1e-9, abs=1e-9), station.name  # Little's law on the path
        busy = float(np.minimum(n, station.workers) @ station.run_time_at)
        assert busy == pytest.approx(station.run_service_s, rel=1e-9, abs=1e-9), station.name
    for link in trace.links:
        bits = link.run_bits
        assert bits["in"] == pytest.approx(bits["out"] + bits["dropped"] + bits["lost"] + bits["under_way"], rel=1e-9, abs=1e-9), link.name
    check_critical_path(trace)


def check_critical_path(trace: Trace) -> None:
    """Along the critical path queue, service, spike, back-off and every hop add up to the latency of each traced, completed request."""
    total = np.zeros(len(trace.latency))
    call = dict(zip(CALL_FIELDS, trace.calls.T, strict=True))
    hop = dict(zip(HOP_FIELDS, trace.hops.T, strict=True))
    np.add.at(total, call["request"].astype(int), (call["finished"] - call["reached"]) * call["critical"])
    np.add.at(total, hop["request"].astype(int), (hop["arrived"] - hop["reached"]) * hop["critical"])
    pause = dict(zip(PAUSE_FIELDS, trace.pauses.T, strict=True))
    np.add.at(total, pause["request"].astype(int), (pause["until"] - pause["since"]) * pause["critical"])
    traced = np.zeros(len(total), dtype=bool)
    traced[call["request"].astype(int)] = True
    traced &= trace.completed
    np.testing.assert_allclose(total[traced], trace.latency[traced], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", bundled())
def test_bundled_scenarios(name):
    short = ["drain=stop", "warm_up=0 s", "record={spans: all}", "requests=3000", "horizon=null"]
    trace = run(load(name, short).scenario)
    check(trace)
    assert trace.completed.sum() > 2900
    assert len(trace.calls) > 0


@given(scenario_texts())
def test_random_scenarios(text):
    described = scenario(text)
    trace = run(described)
    check(trace)
    latency = trace.latency
    assert (latency >= 0).all()
    assert np.isfinite(latency).all()
    queue = trace.calls[:, CALL_FIELDS.index("started")] - trace.calls[:, CALL_FIELDS.index("reached")]
    assert (queue >= 0).all()
