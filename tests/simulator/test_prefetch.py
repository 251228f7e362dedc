"""Prefetching from decisions, and what agents are told of models elsewhere."""

from pathlib import Path

import pytest

from scenarios.build import build
from simulator.errors import DecisionError
from simulator.prefetch import Prefetch
from tests.helpers import scenario

TEXT = """
name: prefetch
drain: {arrivals: stop, limit: 100 s}
network:
  nodes: [{name: n, workers: unlimited, memory: 2 GB, disk: 1 GB/s}, {name: far, workers: unlimited, memory: 2 GB, disk: 500 MB/s}]
  links: [{between: [n, far], propagation: 100 ms}]
services: {a: {service_time: 1 s, memory: 1 GB}, b: {service_time: 1 s, memory: 1 GB, load: {stall: 250 ms}}}
deployments: [{service: a, nodes: [n]}, {service: b, nodes: [n, far]}]
applications: {x: {calls: [{name: first, service: a}, {name: second, service: b, after: first}]}}
workload: [{name: w, application: x, ingress: n, arrivals: {kind: times, at: [0 s, 10 s]}}]
control: {prefetch: true}
"""


def live(text: str = TEXT):
    return build(scenario(text), Path())


def test_a_prefetch_puts_the_decision_again_at_the_same_time():
    simulation = live()
    order = []
    for decision in simulation.decisions():
        order.append((decision.time, decision.call_name))
        again = len(order) > 1 and order[-1] == order[-2]
        decision.choose(decision.candidates[0] if again else Prefetch(decision.candidates[0]))
    times = [(0.0, "first"), (2.0, "second"), (10.0, "first"), (11.0, "second")]
    assert order == [time for time in times for _ in range(2)]
    assert simulation.trace.latency.tolist() == [2.0 + 2.25, 2.0]
    assert simulation.memories[0].prefetches == 2  # those of models that were there are none


def test_a_prefetch_loads_while_the_call_runs_elsewhere():
    """At 4.25 the first request has ended on n; at 10 the second call's model is fetched on far (2 s and 0.25 s), and used from there later."""
    simulation = live(TEXT.replace("at: [0 s, 10 s]", "at: [0 s, 10 s, 20 s]"))
    far_at: list[tuple[float, float]] = []
    for decision in simulation.decisions():
        near = decision.candidates[0]
        if decision.call_name == "second":
            far = decision.candidates[1]
            assert far.node == "far"
            far_at.append((far.loading_time(), float(far.resident())))
            if len(far_at) == 1:
                decision.choose(Prefetch(far))
                assert far.loading_time() == 2.25
                continue
            near = far if len(far_at) > 2 else near
        decision.choose(near)
    assert far_at == [(2.25, 0.0), (2.25, 0.0), (0.0, 1.0), (0.0, 1.0)]
    assert simulation.memories[1].prefetches == 1
    assert simulation.trace.latency.tolist() == pytest.approx([4.25, 2.1, 2.1])


def test_mistakes_are_told():
    simulation = live(TEXT.replace("prefetch: true", "prefetch: false"))
    decision = next(simulation.decisions())
    with pytest.raises(DecisionError, match=r"set control\.prefetch to true"):
        decision.choose(Prefetch(decision.candidates[0]))
    simulation = live()
    decisions = simulation.decisions()
    decision = next(decisions)
    decision.choose(Prefetch(decision.candidates[0]))
    with pytest.raises(DecisionError, match=r"has prefetched .* already: choose where it goes"):
        decision.choose(Prefetch(decision.candidates[0]))
    other = simulation.applications[0].vertices[1].service.find_slots(0)[0]
    with pytest.raises(DecisionError, match="to be prefetched, is not a candidate"):
        decision.choose(Prefetch(other))
    assert next(decisions) is decision
    with pytest.raises(DecisionError, match="was not placed"):
        next(decisions)


def test_agents_are_told_of_models_elsewhere_by_snapshots():
    """far has its model from 2.25 on; the snapshot of 3 s says so from 3.1 on, that of 2 s does not."""
    text = TEXT.replace("at: [0 s, 10 s]", "at: [0 s, 0.5 s, 2.05 s]").replace("prefetch: true", "prefetch: true, telemetry: {period: 1 s}")
    simulation = live(text.replace("nodes: [n, far]}", "nodes: [far]}").replace("service: a, nodes: [n]", "service: a, nodes: [n], resident: all"))
    seen = []
    for decision in simulation.decisions():
        candidate = decision.candidates[0]
        if decision.call_name == "second":
            seen.append((decision.time, candidate.resident(), candidate.model.resident))
        elif decision.time == 0.0 and not simulation.memories[1].prefetches:
            second = simulation.applications[0].vertices[1].service.find_slots(0)[0]
            second.model.prefetch(0.0)
        decision.choose(candidate)
    assert seen == [(1.0, False, False), (1.5, False, False), (3.05, False, True)]
    assert candidate.loading_time() == 0.0
