"""Who earns what: hand-worked requests, and sums over whole runs."""

from math import exp
from pathlib import Path

import numpy as np
import pytest

from agents.baselines import Random
from agents.rewards import CREDITS, Ledger
from scenarios.build import build
from scenarios.reading import load
from simulator.decisions import REJECT
from simulator.errors import DecisionError
from simulator.request import UNFINISHED
from simulator.utility import Utility
from tests.helpers import scenario

TWO_CALLS = """
name: two-calls
drain: stop
network:
  nodes: [{name: a, workers: unlimited}, {name: b, workers: unlimited}]
  links: [{between: [a, b], propagation: 100 ms}]
services: {s: {service_time: 1 s}}
deployments: [{service: s, nodes: all}]
applications:
  x: {utility: {midpoint: 2 s, steepness: 1 /s, penalty: 0.5}, calls: [{name: one, service: s}, {name: two, service: s, after: [one]}]}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s]}}]
control: {policy: local-first}
"""
WORTH = (1 + exp(-2.0)) / (1 + exp(0.1))  # of a latency of 2.1 s


def walk(text: str, places: list[str], **options) -> tuple[Ledger, float]:
    """The ledger after a run in which decision k goes to places[k], and the time of its end."""
    simulation = build(scenario(text), Path())
    simulation.ledger = ledger = Ledger(simulation, **options)
    for decision, place in zip(simulation.decisions(), places, strict=True):
        decision.choose(REJECT if place == "reject" else next(c for c in decision.candidates if c.node == place))
    return ledger, float(simulation.trace.requests["end"][0])


@pytest.mark.parametrize(("credit", "a", "b"), [("share", 0.5, 0.5), ("ingress", 1, 0), ("full", 1, 1), ("team", 1, 1)])
def test_two_agents_decide(credit, a, b):
    ledger, end = walk(TWO_CALLS, ["b", "a"], credit=credit, beta=0.1)  # one decided at a, sent to b; there two is decided, sent to a
    assert end == pytest.approx(2.2)
    value = (1 + exp(-2.0)) / (1 + exp(0.2))
    for agent, part in ((0, a), (1, b)):
        earned = ledger.take(agent, 5.0)
        assert earned.reward == pytest.approx(part * value)
        assert earned.discounted == pytest.approx(part * value * exp(-0.1 * 2.2))
        assert earned.elapsed == 5.0
        assert ledger.take(agent, 6.0) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("credit", "a", "b"), [("share", (1, 0), (0, 1)), ("full", (2, 0), (0, 2)), ("team", (1, 1), (1, 1)), ("ingress", (1, 1), (0, 0))]
)
def test_rewards_as_if_they_came_at_the_decision(credit, a, b):
    """One is decided at a at 0 s, two at b at 1.1 s, the request ends at 2.2 s: discounted to 0 s each half counts by when it was decided."""
    ledger, end = walk(TWO_CALLS, ["b", "a"], credit=credit, beta=0.1, accrues=True)
    assert end == pytest.approx(2.2)
    half = (1 + exp(-2.0)) / (1 + exp(0.2)) / 2
    decided = (half, half * exp(-0.1 * 1.1))
    for agent, parts in ((0, a), (1, b)):
        assert ledger.take(agent, 5.0).discounted == pytest.approx(sum(part * worth for part, worth in zip(parts, decided, strict=True)))


def test_interest_stops():
    slow = TWO_CALLS.replace("service_time: 1 s", "service_time: 10 s").replace("midpoint: 2 s", "midpoint: 40 s")
    plain, grown = (walk(slow, ["a", "b"], beta=1.0, accrues=accrues)[0].take(0, 30.0).reward for accrues in (False, True))
    assert grown == pytest.approx(plain * exp(3.0))


def test_both_decisions_at_one_agent():
    assert walk(TWO_CALLS, ["a", "b"])[0].take(0, 3.0).reward == pytest.approx(WORTH)
    assert walk(TWO_CALLS, ["a", "b"], credit="full")[0].take(0, 3.0).reward == pytest.approx(2 * WORTH)
    assert walk(TWO_CALLS, ["a", "b"], central=True)[0].take(0, 3.0).reward == pytest.approx(WORTH)


def test_discount_runs_from_the_last_time_the_agent_took():
    simulation = build(scenario(TWO_CALLS), Path())
    simulation.ledger = ledger = Ledger(simulation, beta=0.5, log=True)
    taken = []
    for decision in simulation.decisions():
        taken.append(ledger.take(decision.agent, decision.time))
        decision.choose(decision.candidates[0])
    assert taken == [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0)]
    value = (1 + exp(-2.0)) / (1 + exp(0.0))
    assert ledger.take(0, 3.0) == pytest.approx((value, value * exp(-0.5), 2.0))
    assert ledger.log == [(0, 2.0, 0, pytest.approx(value / 2))] * 2


def test_default_discount_is_over_the_midpoint():
    assert walk(TWO_CALLS, ["a", "a"])[0].beta == 0.5


def test_rejecting_ends_the_request_and_costs_the_penalty():
    ledger, end = walk(TWO_CALLS.replace("local-first}", "local-first, reject: true}"), ["b", "reject"])
    assert end == pytest.approx(1.1)
    assert (ledger.take(0, 2.0).reward, ledger.take(1, 2.0).reward) == (-0.25, -0.25)


def test_rejecting_must_be_allowed():
    simulation = build(scenario(TWO_CALLS), Path())
    decision = next(simulation.decisions())
    with pytest.raises(DecisionError, match=r"control\.reject is false"):
        decision.choose(REJECT)
    decision.choose(decision.candidates[0])
    with pytest.raises(DecisionError, match="placed already"):
        decision.choose(REJECT)


def test_a_rejected_attempt_may_be_tried_again():
    text = TWO_CALLS.replace("local-first}", "local-first, reject: true}").replace("{name: one, service: s}", "{name: one, service: s, retry: {retries: 1}}")
    ledger, end = walk(text, ["reject", "a", "a"])
    assert end == pytest.approx(2.0, abs=0.1)
    assert ledger.take(0, 3.0).reward > 0.4


def test_forced_calls_are_placed_without_a_turn():
    text = TWO_CALLS.replace("nodes: all", "nodes: [b]")
    assert walk(text, [])[0].take(0, 3.0).reward == pytest.approx(WORTH), "nobody decided: the ingress earns"
    ledger, _ = walk(text.replace("local-first}", "local-first, forced: ask}"), ["b", "b"])
    assert (ledger.take(0, 3.0).reward, ledger.take(1, 3.0).reward) == pytest.approx((WORTH / 2, WORTH / 2))
    assert walk(text.replace("local-first}", "local-first, reject: true}"), ["b", "b"])[1] == pytest.approx(2.1)


@pytest.mark.parametrize("credit", CREDITS, ids="by-{}".format)
def test_over_a_run_the_agents_earn_what_the_requests_are_worth(credit):
    loaded = load("edge-chat", ["horizon=20 s", "warm_up=0 s", "applications.chat.timeout=500 ms", "applications.chat.utility.penalty=0.2"])
    simulation = loaded.build()
    simulation.ledger = ledger = Ledger(simulation, credit, log=True)
    trace = simulation.run(Random().actor(simulation))
    known = float(trace.requests["utility"][trace.requests["outcome"] != UNFINISHED].sum())
    assert not trace.completed.all(), "some were given up, at any stage"
    earned = [ledger.take(agent, 0.0).reward for agent in range(len(simulation.nodes))]
    if credit in ("share", "ingress"):
        assert sum(earned) == pytest.approx(known)
    elif credit == "team":
        assert earned == pytest.approx([known] * len(earned))
    else:
        assert sum(earned) > known
    if credit != "team":
        assert sum(row[3] for row in ledger.log) == pytest.approx(sum(earned))


def test_one_request_is_worth_what_many_are():
    utility = Utility(midpoint=0.8, steepness=8.0, cost=0.1)
    latency = np.concatenate([np.linspace(0, 3, 50), [50.0, 1e6]])
    quality = np.linspace(0, 1, 52)
    assert [utility.at(t, q) for t, q in zip(latency.tolist(), quality.tolist(), strict=True)] == pytest.approx(utility.of(latency, quality), rel=1e-12)
