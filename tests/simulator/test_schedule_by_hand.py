"""Hand-worked schedules: ties at whole times, slow-downs on work in progress, fan-out, branches, responses, spans: tail."""

import numpy as np
import pytest

from simulator.errors import DecisionError, SimulationError
from tests.helpers import one_station, run, scenario


def test_fifo_with_two_workers_by_hand():
    """Work 2 s, arrivals at 0, 0, 1, 1, 2: services end at 2, 2, 4, 4, 6."""
    described = one_station("2 s", "{kind: times, at: [0 s, 0 s, 1 s, 1 s, 2 s]}", "workers: 2", more="")
    described = scenario_times(described)
    trace = run(described)
    np.testing.assert_allclose(trace.requests["end"], [2, 2, 4, 4, 6])


def scenario_times(described):
    from dataclasses import replace

    return replace(described, requests=None, warm_up=0.0)


def test_capacity_frees_at_the_instant_of_a_departure():
    """A job that arrives at the instant of a departure finds the place free: departures come before arrivals."""
    described = scenario_times(one_station("1 s", "{kind: times, at: [0 s, 0.5 s, 1 s]}", "workers: 1, discipline: {kind: fifo, capacity: 1}"))
    trace = run(described)
    assert trace.outcome_counts(np.ones(3, dtype=bool)) | {"completed": 2, "rejected": 1} == trace.outcome_counts(np.ones(3, dtype=bool))
    np.testing.assert_allclose(trace.requests["end"], [1, 0.5, 2])


SLOW = "spikes: [{{name: s, kind: slow_down, nodes: all, factor: 4, applies: {applies}, at: [1 s], for: 2 s}}]"


@pytest.mark.parametrize(("applies", "ends"), [("in_progress", [3.5, 4.5]), ("at_start", [2.0, 6.0])])
def test_slow_down_by_hand(applies, ends):
    """Work 2 s and 1 s from time 0 on one worker, speed divided by 4 during [1, 3).

    In progress: 1 s is done at 1, 0.5 s more by 3, the rest ends at 3.5; the next takes 1 s. At start: the first is not touched; the
    second starts at 2 and brings four times its work.
    """
    described = scenario(f"""
name: x
record: {{spans: all}}
network: {{nodes: [{{name: n}}]}}
services: {{a: {{service_time: 2 s}}, b: {{service_time: 1 s}}}}
deployments: [{{service: a, nodes: all}}, {{service: b, nodes: all}}]
applications: {{x: {{calls: [{{name: c, service: a}}]}}, y: {{calls: [{{name: c, service: b}}]}}}}
workload:
  - {{name: w, application: x, ingress: n, arrivals: {{kind: times, at: [0 s]}}}}
  - {{name: v, application: y, ingress: n, arrivals: {{kind: times, at: [0 s]}}}}
{SLOW.format(applies=applies)}
""")
    trace = run(described)
    np.testing.assert_allclose(trace.requests["end"], ends)
    spans = trace.tables()["spans"]
    excess = (spans["end_s"] - spans["start_s"])[spans["kind"].values() == "spike"]
    assert excess.sum() == pytest.approx(1.5 if applies == "in_progress" else 3.0)
    assert trace.episodes == [[0, "n", 1.0, 3.0, 4.0]]


def test_response_payload_and_branches_by_hand():
    """1 MB over 8 Mbit/s takes 1 s each way; the skipped branch sends nothing."""
    described = scenario("""
name: x
network:
  nodes: [{name: a}, {name: b}]
  links: [{between: [a, b], bandwidth: 8 Mbit/s, propagation: 100 ms}]
services: {s: {service_time: 10 ms}, t: {service_time: 10 ms}}
deployments: [{service: s, nodes: [b]}, {service: t, nodes: [a]}]
applications:
  x:
    response: 1 MB
    calls:
      - {name: first, service: s, payload: 1 MB}
      - {name: never, service: t, after: [first], one_of: way, probability: 0 %}
      - {name: always, service: s, after: [first], one_of: way, probability: 100 %}
      - {name: last, service: s, after: {never: 1 MB, always: 1 MB}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s]}}]
""")
    trace = run(described)
    assert trace.latency[0] == pytest.approx(1.1 + 0.03 + 1.1)
    assert trace.requests["attempts"][0] == 3


def test_drop_loss_and_unreachable_end_requests():
    described = scenario("""
name: x
network:
  nodes: [{name: a}, {name: b}, {name: island}]
  links: [{between: [a, b], bandwidth: 8 Mbit/s, buffer: 1 MB}]
services: {s: {service_time: 10 ms}, t: {service_time: 10 ms}}
deployments: [{service: s, nodes: [b]}, {service: t, nodes: [island]}]
applications: {x: {calls: [{name: c, service: s, payload: 1 MB}]}, y: {calls: [{name: c, service: t}]}}
workload:
  - {name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s, 0.5 s, 1 s]}}
  - {name: v, application: y, ingress: a, arrivals: {kind: times, at: [2 s]}}
""")
    trace = run(described)
    found = trace.outcome_counts(np.ones(4, dtype=bool))
    assert (found["completed"], found["failed"], found["unreachable"]) == (2, 1, 1)
    np.testing.assert_allclose(trace.requests["end"], [1.01, 0.5, 2.01, 2.0])


def test_spans_of_the_tail_are_the_slowest():
    described = scenario_record("tail")
    trace = run(described)
    kept = np.unique(trace.calls[:, 0].astype(int))
    least = np.sort(trace.latency)[-len(kept)]
    assert 0.005 * len(trace.latency) < len(kept) < 0.02 * len(trace.latency)
    assert (trace.latency[kept] >= least).all()


def test_spans_of_a_share_are_the_same_requests_under_any_policy():
    assert set(np.unique(run(scenario_record("10 %")).calls[:, 0])) == set(range(0, 2200, 10))
    assert len(run(scenario_record("none")).calls) == 0


def scenario_record(spans: str):
    from scenarios.reading import load

    return load("m-m-1", ["requests=2000", "drain=stop", f"record={{spans: {spans}}}"]).scenario


def test_unfinished_requests_are_counted():
    described = one_station("{kind: exponential, mean: 10 ms}", "{kind: poisson, rate: 300 /s}", requests=3000, more="drain: {limit: 1 s}")
    trace = run(described)
    counts = trace.outcome_counts(trace.counted)
    assert counts["unfinished"] > 500
    assert sum(counts.values()) == 3000


def test_decisions_must_be_made_once_and_among_the_candidates():
    from scenarios.reading import load

    simulation = load("m-m-1", ["control.forced=ask"]).build()
    with pytest.raises(DecisionError, match="was not placed"):
        for _ in simulation.decisions():
            pass
    with pytest.raises(SimulationError, match="runs once"):
        next(iter(simulation.decisions()))
    simulation = load("m-m-1", ["control.forced=ask"]).build()
    decision = next(iter(simulation.decisions()))
    other = next(iter(load("m-m-1", ["control.forced=ask"]).build().decisions())).candidates[0]
    with pytest.raises(DecisionError, match="not a candidate"):
        decision.choose(other)
    decision.choose(decision.candidates[0])
    with pytest.raises(DecisionError, match="placed already"):
        decision.choose(decision.candidates[0])
    assert "call 'work'" in repr(decision)
    assert (decision.agent_name, decision.service, decision.application) == ("server", "work", "job")


def test_a_slow_down_that_began_while_a_job_was_interrupted_is_named():
    """Work 100 and 50; interrupted from 10 on; speed halved from 20 on: the urgent one ends at 20 + 2 * 40, the other at 100 + 2 * 90 ms."""
    trace = run(
        scenario("""
name: preempted-and-slowed
record: {spans: all}
network: {nodes: [{name: n, discipline: {kind: priority, preemptive: true}}]}
services: {long: {service_time: 100 ms}, short: {service_time: 50 ms}}
deployments: [{service: long, nodes: [n]}, {service: short, nodes: [n]}]
applications:
  later: {calls: [{name: c, service: long, priority: 1}]}
  urgent: {calls: [{name: c, service: short, priority: 0}]}
workload:
  - {name: later, application: later, ingress: n, arrivals: {kind: times, at: [0 s]}}
  - {name: urgent, application: urgent, ingress: n, arrivals: {kind: times, at: [10 ms]}}
spikes: [{name: slow, kind: slow_down, nodes: [n], factor: 2, at: [20 ms], for: 1 s}]
""")
    )
    assert trace.requests["end"].tolist() == pytest.approx([0.28, 0.1])
    assert trace.requests["spiked"].tolist() == [1, 1]
    spans = trace.tables()["spans"]
    excess = spans["kind"].values() == "spike"
    assert spans["spike"].values()[excess].tolist() == ["slow", "slow"]
    assert sorted((spans["end_s"] - spans["start_s"])[excess]) == pytest.approx([0.04, 0.09])
