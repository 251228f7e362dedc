"""What agents are told of servers, worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from agents.baselines import Random
from agents.observation import Encoder, shape_of
from scenarios.build import build
from tests.helpers import run, scenario

WORLD = """
name: telemetry
drain: stop
network:
  nodes: [{{name: a}}, {{name: b{node}}}]
  links: [{{between: [a, b], propagation: 30 ms}}]
services: {{s: {{service_time: 1 s}}}}
deployments: [{{service: s, nodes: all{deployment}}}]
applications: {{x: {{calls: [{{name: c, service: s}}]}}}}
workload:
  - {{name: far, application: x, ingress: a, arrivals: {{kind: times, at: [0 s, 10 ms, 50 ms, 250 ms, 450 ms]}}}}
  - {{name: near, application: x, ingress: b, arrivals: {{kind: times, at: [55 ms]}}}}
{spikes}
control: {{telemetry: {telemetry}}}
"""


def seen(telemetry: str = "{period: 100 ms}", spikes: str = "", node: str = "", deployment: str = "") -> list[tuple]:
    """(time, agent, outstanding, expected backlog for a mean of 1 s, age) of the server on b at each decision; all calls go there."""
    simulation = build(scenario(WORLD.format(telemetry=telemetry, spikes=spikes, node=node, deployment=deployment)), Path())
    rows = []
    for decision in simulation.decisions():
        b = next(candidate for candidate in decision.candidates if candidate.node == "b")
        view = b.view
        rows.append((round(decision.time, 9), decision.agent_name, view.outstanding, view.expected_backlog(1.0), round(view.age, 9)))
        decision.choose(b)
    return rows


def test_others_are_seen_late_and_own_calls_are_added():
    assert seen() == [
        (0.0, "a", 0, 0.0, 0.0),
        (0.01, "a", 1, 1.0, 0.01),  # its own, under way
        (0.05, "a", 2, 2.0, 0.05),  # the snapshot taken at 0 has arrived; both came after it
        (0.055, "b", 2, 2.0, 0.0),  # b sees what is there, and not the third, which is under way to it
        (0.25, "a", 4, 4.0, 0.05),  # the snapshot of 200 ms
        (0.45, "a", 5, 5.0, 0.05),  # its own of 250 ms reached b at 280 ms and is in the snapshot of 400 ms
    ]


def test_exact_is_the_server_itself():
    assert [row[2] for row in seen("exact")] == [0, 1, 2, 3, 4, 5]
    described = scenario(WORLD.format(telemetry="exact", spikes="", node="", deployment=""))
    decision = next(build(described, Path()).decisions())
    assert all(candidate.view is candidate.server for candidate in decision.candidates)


@pytest.mark.parametrize("spike", ["kind: freeze", "kind: outage"])
def test_a_server_out_of_order_sends_nothing(spike):
    rows = seen(spikes=f"spikes: [{{name: stop, {spike}, nodes: [b], at: [150 ms], for: 270 ms}}]")
    assert rows[4][:1] + rows[4][4:] == (0.25, 0.15), "the snapshot of 100 ms is the last"
    assert rows[5][:1] + rows[5][4:] == (0.45, 0.35)
    # The four of that snapshot, and its own of 250 ms: that an outage has lost it will be known with the next snapshot.
    assert rows[5][2] == 5


@pytest.mark.parametrize("discipline", ["processor_sharing", "{kind: batch, size: 2, wait: 0 s, duration: sum}", "{kind: priority, preemptive: true}"])
def test_other_disciplines_tell_the_same(discipline):
    assert seen(node=f", discipline: {discipline}") == seen()


def test_replicas_are_told_as_one():
    rows = seen(deployment=", workers: 1, replicas: 3")
    assert [row[2] for row in rows] == [0, 1, 2, 2, 4, 5]


def test_telemetry_changes_no_draw():
    text = WORLD.replace("kind: times, at: [0 s, 10 ms, 50 ms, 250 ms, 450 ms]", "kind: poisson, rate: 3 /s").replace("drain: stop", "requests: 300")
    known, told = (
        run(scenario(text.format(telemetry=telemetry, spikes="", node="", deployment="")), policy=Random()) for telemetry in ("exact", "{period: 7 ms}")
    )
    np.testing.assert_array_equal(known.latency, told.latency)


def test_own_calls_are_forgotten_even_if_nobody_looks():
    text = WORLD.replace("kind: times, at: [0 s, 10 ms, 50 ms, 250 ms, 450 ms]", "kind: poisson, rate: 900 /s").replace("drain: stop", "requests: 3000")
    text = text.replace("1 s", "1 ms")
    simulation = build(scenario(text.format(telemetry="{period: 10 ms}", spikes="", node="", deployment="")), Path())
    longest = 0
    for decision in simulation.decisions():
        b = next(candidate for candidate in decision.candidates if candidate.node == "b")
        longest = max(longest, len(b.view.sent))
        decision.choose(b)
    assert 10 < longest < 200


def test_recent_is_what_the_last_visits_took_and_slowness_the_present_pace():
    spikes = "spikes: [{name: slow, kind: slow_down, nodes: [b], factor: 4, at: [0 s], for: 100 s}]"
    text = WORLD.replace("[0 s, 10 ms, 50 ms, 250 ms, 450 ms]", "[0 s, 0 s, 9 s]")
    simulation = build(scenario(text.format(telemetry="{period: 100 ms}", spikes=spikes, node=", workers: 2", deployment="")), Path())
    rows = []
    for decision in simulation.decisions():
        b = next(candidate for candidate in decision.candidates if candidate.node == "b")
        rows.append((decision.time, b.view.recent, b.view.slowness))
        decision.choose(b)
    # Two start at 30 ms and are there for 4 s each; the third came at 55 ms, waited until 4.03 s and was done at 8.03 s: 7.975 s.
    assert rows[0] == (0.0, 1.0, 1.0)
    assert rows[-1] == (9.0, pytest.approx((4 + 4 + 7.975) / 3), 4.0)


@pytest.mark.parametrize(("telemetry", "expected"), [("{period: 100 ms}", 4.0), ("{period: 100 ms, pace: false}", 1.0)])
def test_paces_are_told_or_not(telemetry, expected):
    slow = "spikes: [{name: slow, kind: slow_down, nodes: [b], factor: 4, at: [0 s], for: 10 s}]"
    simulation = build(scenario(WORLD.format(telemetry=telemetry, spikes=slow, node="", deployment="")), Path())
    shape = shape_of(simulation)
    encoder = Encoder(shape, simulation)
    own, node = ([feature.name for feature in features].index(name) for features, name in ((shape.own, "own_slowness"), (shape.node, "slowness")))
    found = {}
    for decision in simulation.decisions():
        b = next(candidate for candidate in decision.candidates if candidate.node == "b")
        found[decision.agent_name] = (b.view.slowness, b.view.report()[3], encoder.observe(decision)[0][own])
        assert encoder.node_states()[1, node] == 0.75, "critics see it"
        decision.choose(b)
    assert found == {"a": (expected, expected, 0.0), "b": (expected, expected, 1.0 - 1.0 / expected)}
