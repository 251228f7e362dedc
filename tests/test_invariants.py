"""Identities of sample paths that hold in any scenario that starts empty and drains, to rounding."""

import numpy as np
import pytest
from hypothesis import given

from analysis.invariants import critical_segments
from scenarios.build import build
from scenarios.reading import bundled, load
from simulator.record import CALL_FIELDS
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
        busy = station.busy_time()
        assert busy == pytest.approx(station.run_service_s, rel=1e-9, abs=1e-9), station.name
    for link in trace.links:
        bits = link.run_bits
        assert bits["in"] == pytest.approx(bits["out"] + bits["dropped"] + bits["lost"] + bits["withdrawn"] + bits["under_way"], rel=1e-9, abs=1e-9), link.name
    for memory in trace.memories:
        assert 0.0 <= memory.peak_bits <= memory.capacity_bits, memory.node
    check_critical_path(trace)


def check_critical_path(trace: Trace) -> None:
    """Along the critical path queue, service, spike, back-off and every hop add up to the latency of each traced, completed request."""
    total, traced = critical_segments(trace)
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


class Watch:
    """Looks at the memories again and again: what they hold is what their models take, idle is who has no calls, nobody waits in vain."""

    def __init__(self, simulation):
        self.simulation = simulation
        self.looks = 0

    def __call__(self):
        self.looks += 1
        for memory in self.simulation.memories:
            resident = [model for model in memory.models if model.resident]
            loading = [model for model in memory.models if model.loading is not None and model.loading.begun >= 0.0]
            assert memory.used == sum(model.bits for model in resident + loading) <= memory.capacity
            assert set(memory.idle) == {model for model in resident if model.users == 0}
            assert memory.idle_bits == sum(model.bits for model in memory.idle)
            assert not set(resident) & set(loading)
            for model in memory.models:
                present = sum(station.number for station in model.stations)
                assert 0 <= model.users <= present
                assert not model.waiting or model.loading is not None
        environment = self.simulation.environment
        environment.call(environment.now + 0.007, self)


@given(scenario_texts())
def test_memory_at_any_moment(text):
    described = scenario(text)
    simulation = build(described)
    if not simulation.memories:
        return
    watch = Watch(simulation)
    simulation.environment.call(0.0, watch)
    simulation.run(described.control.policy.actor(simulation))
    assert watch.looks > 10
