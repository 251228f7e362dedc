"""Whose the excess of a call is that several spikes lengthened, at times worked out by hand and as a sum that must come out."""

import numpy as np
import pytest

from simulator.record import SpanRows
from tests.helpers import run, scenario

DISCIPLINES = ["fifo", "lifo", "{kind: priority, preemptive: true}", "processor_sharing"]


def world(spikes: str, at: str = "0 s", work: str = "1 s", discipline: str = "fifo", more: str = ""):
    return scenario(f"""
name: blame
record: {{spans: all}}
network: {{nodes: [{{name: n, workers: 2, discipline: {discipline}}}]}}
services: {{s: {{service_time: {work}}}, t: {{service_time: {work}}}}}
deployments: [{{service: s, nodes: [n]}}, {{service: t, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}, b: {{calls: [{{name: c, service: t}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: times, at: [{at}]}}}}]
spikes: [{spikes}]
{more or "drain: stop"}
""")


def parts(trace) -> list[tuple[str, float, float]]:
    """(entry, start, end) of every span of kind spike."""
    spans = trace.tables()["spans"]
    mine = spans["kind"].values() == "spike"
    return list(zip(spans["spike"].values()[mine].tolist(), spans["start_s"][mine].tolist(), spans["end_s"][mine].tolist(), strict=True))


def near(*rows):
    return [(name, pytest.approx(start, abs=1e-12), pytest.approx(end, abs=1e-12)) for name, start, end in rows]


STOPS = "{name: one, kind: freeze, nodes: [n], at: [0.5 s], for: 500 ms}, {name: two, kind: freeze, nodes: [n], at: [0.9 s], for: 200 ms}"
SERVICES = STOPS.replace("nodes: [n]", "services: [s]")
MIXED = STOPS.replace("nodes: [n]", "services: [s]", 1)


@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("spikes", [STOPS, SERVICES, MIXED])
def test_an_overlap_of_freezes_is_the_first_ones(spikes, discipline):
    """Stands still over [0.5, 1) for one and [0.9, 1.1) for two: 0.5 s and what is left of the other, 0.1 s, both after the service."""
    assert parts(run(world(spikes, discipline=discipline))) == near(("one", 1.0, 1.5), ("two", 1.5, 1.6))


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_a_call_spike_and_slow_downs(discipline):
    """1 s of work and 0.2 s more. Half speed over [0.5, 0.9), a fifth of that over [0.7, 1.1): C takes 0.4 * 1/2, D 0.2 * (1/2 - 1/10) + 0.2 * 4/5."""
    spikes = """{name: F, kind: call_spike, services: all, probability: 100 %, add: 200 ms},
  {name: C, kind: slow_down, nodes: [n], factor: 2, at: [0.5 s], for: 400 ms},
  {name: D, kind: slow_down, nodes: [n], factor: 5, at: [0.7 s], for: 400 ms}"""
    assert parts(run(world(spikes, discipline=discipline))) == near(("F", 1.0, 1.2), ("C", 1.2, 1.4), ("D", 1.4, 1.64))


def test_call_spikes_and_slow_starts_come_in_the_order_in_which_they_apply():
    """1 s of work, times 3, and 1 s more; half speed for all that starts in [0, 1): 4 s more."""
    spikes = """{name: late, kind: slow_down, nodes: [n], factor: 2, applies: at_start, at: [0 s], for: 1 s},
  {name: p, kind: call_spike, services: all, probability: 100 %, factor: 3}, {name: o, kind: call_spike, services: all, probability: 100 %, add: 1 s}"""
    assert parts(run(world(spikes, at="0.5 s"))) == near(("p", 1.5, 3.5), ("o", 3.5, 4.5), ("late", 4.5, 8.5))


def test_episodes_of_one_entry_are_one_part():
    """Two that overlap, 0.5 to 0.9 and 0.8 to 1.2, are 0.7 s of the same entry; there is nothing to share out."""
    trace = run(world("{name: E, kind: freeze, nodes: [n], at: [0.5 s, 0.8 s], for: 400 ms}"))
    assert parts(trace) == near(("E", 1.0, 1.7))
    assert len(trace.shares) == 0


def test_an_entry_that_cost_nothing_has_no_part():
    """The second freeze lies within the first."""
    spikes = STOPS.replace("for: 200 ms", "for: 50 ms")
    assert parts(run(world(spikes))) == near(("one", 1.0, 1.5))


def test_a_call_that_the_end_of_the_run_finds_frozen():
    """At 1.3 it has had 0.2 s of a slow-down's cost, 0.4 of the time, and stands still since 0.7; only 0.5 s of its 1 s are done."""
    spikes = "{name: C, kind: slow_down, nodes: [n], factor: 2, at: [0.3 s], for: 400 ms}, {name: E, kind: freeze, nodes: [n], at: [0.7 s], for: 9 s}"
    trace = run(world(spikes, more="horizon: 2 s\ndrain: {limit: 0 s}"))
    found = parts(trace)
    assert [name for name, _, _ in found] == ["C", "E"]
    assert found[-1][2] == 2.0
    lengths = [end - start for _, start, end in found]
    assert lengths[0] / lengths[1] == pytest.approx(0.2 / 1.3)  # a service that did not end: in proportion


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_the_parts_are_the_excess(discipline, monkeypatch):
    """Before they are laid out the seconds by entry add up to the excess of every call, with slow-downs of all kinds at random times."""
    seen: list[tuple[float, float]] = []
    share = SpanRows._share

    def look(self, call):
        seen.append((sum(getattr(call, "shares", {}).values()), call.finished - call.started - call.work / call.station.speed))
        share(self, call)

    monkeypatch.setattr(SpanRows, "_share", look)
    law = "up: {kind: exponential, mean: 2 s}, down: {kind: exponential, mean: 1 s}"
    trace = run(
        scenario(f"""
name: sum
drain: stop
requests: 1500
record: {{spans: all}}
network: {{nodes: [{{name: n, workers: 2, speed: 1.5, discipline: {discipline}}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 300 ms}}}}, t: {{service_time: {{kind: exponential, mean: 200 ms}}}}}}
deployments: [{{service: s, nodes: [n]}}, {{service: t, nodes: [n]}}]
applications:
  a: {{calls: [{{name: c, service: s, priority: 1}}]}}
  b: {{calls: [{{name: c, service: t, priority: 0}}]}}
workload:
  - {{name: v, application: a, ingress: n, arrivals: {{kind: poisson, rate: 1 /s}}}}
  - {{name: w, application: b, ingress: n, arrivals: {{kind: poisson, rate: 2 /s}}}}
spikes:
  - {{name: stragglers, kind: call_spike, services: all, probability: 10 %, factor: {{kind: pareto, minimum: 2, shape: 2}}}}
  - {{name: more, kind: call_spike, services: [s], probability: 20 %, add: 100 ms}}
  - {{name: slow, kind: slow_down, nodes: [n], factor: 3, {law}}}
  - {{name: some, kind: slow_down, services: [s], factor: 2, {law}}}
  - {{name: start, kind: slow_down, services: [t], factor: 2, applies: at_start, {law}}}
  - {{name: starts, kind: slow_down, nodes: [n], factor: 1.5, applies: at_start, {law}}}
  - {{name: stop, kind: freeze, nodes: [n], {law.replace("1 s", "100 ms")}}}
  - {{name: stops, kind: freeze, services: [s], {law.replace("1 s", "100 ms")}}}
""")
    )
    told, excess = np.array(seen).T
    assert len(told) > 1000
    np.testing.assert_allclose(told, excess, rtol=1e-9, atol=1e-9)
    spans = trace.tables()["spans"]
    lengths = spans["end_s"] - spans["start_s"]
    assert lengths[spans["kind"].values() == "spike"].sum() == pytest.approx(excess[excess > 0].sum(), rel=1e-9)
    assert set(spans["spike"].values()) == {"", *trace.spikes}
