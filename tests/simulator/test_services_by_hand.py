"""Spikes on one service's jobs at a station that others share, at whole times."""

import pytest

from simulator.request import OUTCOMES
from tests.helpers import run, scenario
from tests.test_invariants import check

DISCIPLINES = ["fifo", "lifo", "random", "priority", "{kind: priority, preemptive: true}"]


def world(spike: str, at: str = "0 s", discipline: str = "fifo", workers: int = 2):
    trace = run(
        scenario(f"""
name: services
drain: stop
record: {{spans: all}}
network: {{nodes: [{{name: n, workers: {workers}, discipline: {discipline}}}]}}
services: {{s: {{service_time: 4 s}}, t: {{service_time: 4 s}}}}
deployments: [{{service: s, nodes: all}}, {{service: t, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}, b: {{calls: [{{name: c, service: t}}]}}}}
workload:
  - {{name: v, application: a, ingress: n, arrivals: {{kind: times, at: [{at}]}}}}
  - {{name: w, application: b, ingress: n, arrivals: {{kind: times, at: [{at}]}}}}
spikes: [{{name: event, services: [s], {spike}}}]
""")
    )
    check(trace)
    return trace


def ends(trace, entry: int):
    mine = trace.requests["entry"] == entry
    return [(OUTCOMES[outcome], end) for outcome, end in zip(trace.requests["outcome"][mine], trace.requests["end"][mine].tolist(), strict=True)]


def done(*times):
    return [("completed", pytest.approx(time)) for time in times]


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_only_its_jobs_are_slowed(discipline):
    """Half done at 2, the other half at a third of the speed; or 3 s of that, and 1 s at full speed."""
    trace = world("kind: slow_down, factor: 3, at: [2 s], for: 100 s", discipline=discipline)
    assert (ends(trace, 0), ends(trace, 1)) == (done(8), done(4))
    trace = world("kind: slow_down, factor: 3, at: [2 s], for: 3 s", discipline=discipline)
    assert (ends(trace, 0), ends(trace, 1)) == (done(6), done(4))
    assert trace.episodes[0][1] == "s on n"
    spans = trace.tables()["spans"]
    mine = spans["kind"].values() == "spike"
    assert (spans["end_s"] - spans["start_s"])[mine] == pytest.approx([2.0])
    assert trace.requests["spiked"].tolist() == [1, 0]


@pytest.mark.parametrize("discipline", [*DISCIPLINES, "processor_sharing"])
def test_only_its_jobs_stand_still(discipline):
    trace = world("kind: freeze, at: [2 s], for: 3 s", discipline=discipline)
    assert (ends(trace, 0), ends(trace, 1)) == (done(7), done(4))


@pytest.mark.parametrize("discipline", [*DISCIPLINES, "processor_sharing", "{kind: batch, size: 1}"])
def test_only_its_jobs_are_lost(discipline):
    trace = world("kind: outage, at: [2 s], for: 3 s", at="0 s, 3 s, 6 s", discipline=discipline, workers=4)
    assert ends(trace, 0) == [("failed", 2.0), ("failed", 3.0), *done(10)]
    assert ends(trace, 1) == done(4, 7, 10)


def test_under_sharing():
    """One worker for two: at 2 each has had 1; then s needs 3 * 3 of work and t 3: t ends 6 s on, at 8, when s has had 3 of 9; 6 more at full speed."""
    trace = world("kind: slow_down, factor: 3, at: [2 s], for: 100 s", discipline="processor_sharing", workers=1)
    assert (ends(trace, 0), ends(trace, 1)) == (done(14), done(8))


def test_an_interrupted_job_is_slowed_too():
    """The job of s starts at 0, gives way at 1 to one of t (priority 0), and has 3 of 4 left when it resumes at 5, at half the speed."""
    text = """
name: interrupted
drain: stop
record: {spans: all}
network: {nodes: [{name: n, discipline: {kind: priority, preemptive: true}}]}
services: {s: {service_time: 4 s}, t: {service_time: 4 s}}
deployments: [{service: s, nodes: all}, {service: t, nodes: all}]
applications: {a: {calls: [{name: c, service: s, priority: 1}]}, b: {calls: [{name: c, service: t, priority: 0}]}}
workload:
  - {name: v, application: a, ingress: n, arrivals: {kind: times, at: [0 s]}}
  - {name: w, application: b, ingress: n, arrivals: {kind: times, at: [1 s]}}
spikes: [{name: event, kind: slow_down, services: [s], factor: 2, at: [3 s], for: 100 s}]
"""
    trace = run(scenario(text))
    check(trace)
    assert (ends(trace, 0), ends(trace, 1)) == (done(11), done(5))


def test_a_batch_that_has_begun_goes_on_as_it_is():
    spike = "kind: slow_down, factor: 2, at: [2 s], for: 100 s"
    trace = world(spike, at="0 s, 3 s", discipline="{kind: batch, size: 1}", workers=4)
    assert (ends(trace, 0), ends(trace, 1)) == (done(4, 11), done(4, 7))


def test_slow_starts_leave_what_runs_alone():
    trace = world("kind: slow_down, factor: 2, applies: at_start, at: [2 s], for: 1.5 s", at="0 s, 3 s, 6 s", workers=8)
    assert (ends(trace, 0), ends(trace, 1)) == (done(4, 11, 10), done(4, 7, 10))
