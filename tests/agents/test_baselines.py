"""Baselines against places worked out by hand."""

import ast
import math

import numpy as np
import pytest

from agents.baselines import BASELINES, EarliestFinish, ExpectedUtility, LargestInTime, Oracle, ShortestExpectedDelay
from agents.baselines.feedback import FAILED, WEIGHT, Feedback
from agents.baselines.remaining import Remaining
from agents.baselines.utility import Worth
from scenarios.build import build
from simulator.utility import Utility
from tests.conftest import ROOT
from tests.helpers import run, scenario

CHAIN = """
name: chain
network:
  nodes: [{name: here, workers: 1}, {name: there, workers: 1, speed: 2}, {name: store, workers: 1}]
  links:
    - {between: [here, there], bandwidth: 8 Mbit/s, propagation: 10 ms}
    - {between: [there, store], bandwidth: 8 Mbit/s, propagation: 10 ms}
services:
  first: {service_time: 100 ms}
  second: {service_time: 40 ms}
deployments: [{service: first, nodes: [here, there]}, {service: second, nodes: [here, store]}]
applications:
  job: {response: 1 kB, calls: [{name: one, service: first, payload: 1 kB}, {name: two, service: second, after: {one: PAYLOAD}}]}
workload: [{name: w, application: job, ingress: here, arrivals: {kind: times, at: [0 s]}}]
control: {policy: shortest-expected-delay}
"""


def places(text: str, policy) -> list[str]:
    """Where a policy puts each call, in order of decision."""
    simulation = build(scenario(text))
    actor = policy.actor(simulation)
    found = []
    for decision in simulation.decisions():
        chosen = actor.act(decision)
        found.append(f"{chosen.node}:{chosen.variant_name}" if chosen.variant_name else chosen.node)
        decision.choose(chosen)
    return found


def test_earliest_finish_keeps_a_call_near_the_data_of_the_next():
    # one: 100 ms here, or 1 ms + 10 ms + 50 ms = 61 ms there. Its output of 100 kB then needs 110 ms back (or on to the store), none from here.
    heavy = CHAIN.replace("PAYLOAD", "100 kB")
    assert places(heavy, ShortestExpectedDelay()) == ["there", "here"]
    assert places(heavy, EarliestFinish()) == ["here", "here"]
    # 10 kB need 20 ms: 61 + 20 + 40 = 121 ms beats 140 ms
    assert places(CHAIN.replace("PAYLOAD", "10 kB"), EarliestFinish()) == ["there", "here"]


def test_remaining_by_hand():
    simulation = build(scenario(CHAIN.replace("PAYLOAD", "100 kB")))
    remaining = Remaining(simulation)
    application = simulation.applications[0]
    one, two = application.vertices
    here, there, store = range(3)
    response = 0.001 + 0.010  # 1 kB over a link
    assert remaining.path(application, two, here, here) == 0.0
    assert remaining.path(application, two, store, here) == pytest.approx(2 * response)
    assert remaining.path(application, one, here, here) == pytest.approx(0.040)
    # from there: 110 ms to either, then 40 ms; from the store the response would still have two links to go
    assert remaining.path(application, one, there, here) == pytest.approx(0.150)


MODELS = """
name: models
network:
  nodes: [{name: a, workers: 1}, {name: b, workers: 1}]
  links: [{between: [a, b], propagation: 1 ms}]
services: {g: {variants: {small: {quality: 0.7, service_time: 100 ms}, large: {quality: 1, service_time: 300 ms}}}}
deployments: [{service: g, nodes: [a, b]}]
applications: {job: {utility: {midpoint: 500 ms, steepness: 10 /s}, objective: OBJECTIVE, calls: [{name: c, service: g}]}}
workload: [{name: w, application: job, ingress: a, arrivals: {kind: times, at: [0 s, 0 s, 0 s, 0 s, 0 s]}}]
"""


def test_largest_in_time_by_hand():
    # large ends at 300 (a), 301 (b); then 600 on a is late: small at 400 (a), 401 (b); the last finds a small nowhere before 500 ms
    found = places(MODELS.replace("OBJECTIVE", "450 ms"), LargestInTime())
    assert found == ["a:large", "b:large", "a:small", "b:small", "a:small"]


def test_expected_utility_by_hand():
    # U(T) = q (1 + e^-5) / (1 + e^(10 T - 5)): large now .887, small now .687; then b's; then large at .6 s .271, small at .4 s .515
    assert places(MODELS.replace("OBJECTIVE", "1 s"), ExpectedUtility()) == ["a:large", "b:large", "a:small", "b:small", "a:small"]


def test_a_price_makes_crowding_dear():
    # the first meets empty servers and pays nothing; beside it large costs .3 p, small .1 p; b is empty
    assert places(MODELS.replace("OBJECTIVE", "1 s"), ExpectedUtility(price=100.0))[:2] == ["a:large", "b:large"]
    crowded = MODELS.replace("nodes: [a, b]", "nodes: [a]").replace("OBJECTIVE", "1 s").replace("workers: 1", "workers: 2", 1)
    assert places(crowded, ExpectedUtility())[:2] == ["a:large", "a:large"]  # a second worker is idle
    assert places(crowded, ExpectedUtility(price=3.0))[:2] == ["a:large", "a:small"]  # .887 - 3 * .3 / 2 < .687 - 3 * .1 / 2


SLOW = """
name: slow
network:
  nodes: [{name: a, workers: 1}, {name: b, workers: 1}]
  links: [{between: [a, b], propagation: 10 ms}]
services: {s: {service_time: 100 ms}}
deployments: [{service: s, nodes: [a, b]}]
applications: {job: {utility: {midpoint: 500 ms, steepness: 10 /s}, calls: [{name: c, service: s}]}}
workload: [{name: w, application: job, ingress: a, arrivals: {kind: times, at: [2.5 s]}}]
spikes: [{name: slow, kind: slow_down, nodes: [a], factor: 4, at: [2 s], for: 5 s}]
control: {telemetry: TELEMETRY}
"""


def test_the_oracle_sees_what_agents_are_not_told():
    stale = SLOW.replace("TELEMETRY", "{period: 10 s}")
    # a's own agent knows its pace if it asks for it; that it is slow shows in the oracle's prediction without asking
    assert places(stale, ExpectedUtility()) == ["a"]
    assert places(stale, ExpectedUtility(slowness=1.0)) == ["b"]
    assert places(stale, Oracle()) == ["b"]
    far = stale.replace("ingress: a", "ingress: b").replace("nodes: [a], factor", "nodes: [b], factor").replace("propagation: 10 ms", "propagation: 350 ms")
    assert places(far, Oracle()) == ["b"]  # 400 ms at a quarter of the pace, or 350 + 100
    remote = stale.replace("{service: s, nodes: [a, b]}", "{service: s, nodes: [a, c]}").replace("ingress: a", "ingress: b")
    remote = remote.replace("{name: b, workers: 1}]", "{name: b, workers: 1}, {name: c, workers: 1}]").replace(
        "links: [", "links: [{between: [b, c], propagation: 50 ms}, "
    )
    assert places(remote, ExpectedUtility(slowness=1.0)) == ["a"]  # the snapshot of time 0
    assert places(remote, Oracle()) == ["c"]


def test_only_the_oracle_reads_the_server():
    readers = set()
    for path in (ROOT / "agents" / "baselines").glob("*.py"):
        for made in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(made, ast.ClassDef) and any(isinstance(n, ast.Attribute) and n.attr == "server" for n in ast.walk(made)):
                readers.add(made.name)
    assert readers == {"OracleActor"}


ONCE = """
name: once
network: {nodes: [{name: a, workers: 1}, {name: b, workers: 1}], links: [{between: [a, b], propagation: 100 ms}]}
services: {s: {service_time: 200 ms}}
deployments: [{service: s, nodes: [b]}]
applications: {job: {calls: [{name: c, service: s}]}}
workload: [{name: w, application: job, ingress: a, arrivals: {kind: times, at: [0 s, 350 ms, 450 ms, 10 s]}}]
control: {forced: ask}
"""


def test_feedback_by_hand():
    simulation = build(scenario(ONCE))
    feedback = Feedback(simulation, memory=10.0)
    ratios = []
    for decision in simulation.decisions():
        (candidate,) = decision.candidates
        feedback.look(decision.agent, decision.time)
        ratios.append(feedback.ratio(decision.agent, candidate.view, decision.time))
        feedback.note(decision, candidate, expected=0.1)
        decision.choose(candidate)
    # the first call ends at 300 ms, three times what was expected. At 350 ms the news is still on its way, but the call is 3.5 times late;
    # at 450 ms it is known: 1 + 0.3 (3 - 1) = 1.6. The second, by then one expected time old, is not late.
    assert ratios[:3] == pytest.approx([1.0, 3.5, 1.0 + 2.0 * WEIGHT])
    # at 10 s both others are known: sent at 350 and 450 ms, ended at 650 and 850 ms, ratios 3 and 4; learned at 10 s, after 9.55 s of forgetting
    kept = 1.0 + 2.0 * WEIGHT * math.exp(-0.955)
    third = kept + WEIGHT * (3.0 - kept)
    assert ratios[3] == pytest.approx(third + WEIGHT * (4.0 - third))


def test_a_lost_call_counts_as_slow():
    simulation = build(scenario(ONCE + "spikes: [{name: gone, kind: outage, nodes: [b], at: [200 ms], for: 10 ms}]\n"))
    feedback = Feedback(simulation, memory=1e9)
    ratios = []
    for decision in simulation.decisions():
        feedback.look(decision.agent, decision.time)
        ratios.append(feedback.ratio(decision.agent, decision.candidates[0].view, decision.time))
        feedback.note(decision, decision.candidates[0], expected=1.0)
        decision.choose(decision.candidates[0])
    assert ratios[1] == pytest.approx(1.0 + WEIGHT * (FAILED - 1.0))


def test_the_quick_utility_is_the_utility():
    law = Utility(midpoint=0.8, steepness=8.0, penalty=0.1, cost=0.05)
    quick = Worth(law, 5.0)
    latency = np.array([0.0, 0.3, 0.8, 2.0, 4.9])
    assert [quick.of(t, 0.9) for t in latency] == pytest.approx(list(law.of(latency, np.full(5, 0.9))), abs=1e-15)
    assert quick.of(5.1, 0.9) == -0.1
    assert Worth(law, math.inf).of(1e6, 1.0) == pytest.approx(-0.05)


@pytest.mark.parametrize("policy", BASELINES, ids=lambda policy: policy().kind)
def test_every_baseline_serves_a_scenario_with_all_there_is(policy):
    text = (ROOT / "scenarios" / "library" / "spike-storm.yaml").read_text(encoding="utf-8")
    trace = run(scenario(text, ("horizon=8 s", "warm_up=1 s", "control.telemetry={period: 100 ms}")), policy=policy())
    assert trace.completed[trace.counted].mean() > 0.9
