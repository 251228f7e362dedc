"""Rollouts: hand-worked windows, rewards accounted for to the last, and independence of how the work is dealt."""

from dataclasses import fields, replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from agents.observation import shape_of
from agents.rollout import Environment, Group, Plan, Window, action_rows, fill_actions
from agents.settings import Learning
from scenarios.execute import Factory
from scenarios.reading import load
from tests.helpers import scenario

STEADY = """
name: steady
horizon: 1 h
network:
  nodes: [{name: a, workers: unlimited}, {name: b, workers: unlimited}]
  links: [{between: [a, b]}]
services: {s: {service_time: 2.5 s}}
deployments: [{service: s, nodes: all}]
applications: {x: {objective: 10 s, calls: [{name: one, service: s}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s, 1 s, 2 s, 3 s, 4 s, 5 s, 6 s, 7 s]}}]
"""


def plan_of(described, *, seed: int = 3, **keys) -> Plan:
    """A plan on one scenario."""
    make = Factory(described, Path(), 5)
    world = make(0)
    return Plan([make], [shape_of(world)], len(world.nodes), Learning(**{"environments": 1, "window": 1, **keys}), seed)


def first_slot(own, slots, legal, prior, number, uniform):
    return np.zeros(len(own), np.int64), np.zeros(len(own), np.float32)


def by_chance(own, slots, legal, prior, number, uniform):
    order = np.where(legal, (uniform[:, None] * 7919 * np.arange(1, legal.shape[1] + 1)) % 1.0, -1.0)
    return order.argmax(1), np.log(uniform).astype(np.float32)


def windows(plan: Plan, count: int, act=first_slot) -> list[Window]:
    groups = [Group(plan, numbers) for numbers in plan.groups()]
    for group in groups:
        group.begin()
    return [Window.of([group.collect(act, number) for group in groups]) for number in range(count)]


def test_rewards_in_flight_survive_the_windows_end():
    """Requests come every second and take 2.5 s: what is decided in one window earns in later ones."""
    plan = plan_of(scenario(STEADY), beta=0.5, window=2, episode=3600.0, credit="share")
    first, second, third = (window.transitions for window in windows(plan, 3))
    assert first.reward.sum() == 0.0 and np.allclose(first.discount, exp(-0.5))
    assert second.reward == pytest.approx(np.array([[exp(-0.25), 0.0], [exp(-0.25), 0.0]]))  # the requests of the first window
    assert third.reward == pytest.approx(second.reward) and third.offsets.tolist() == [0, 2] and not third.terminated.any()
    load_of_a = [feature.name for feature in plan.shapes[0].node].index("load")
    assert first.state[:, 0, load_of_a].tolist() == [0.0, 0.0, 0.0]  # unlimited workers: jobs over workers is nothing
    assert len(first.state) == 3 and len(first.own) == 2


REGIMES = ["record.spans=none", "warm_up=0 s"]


@pytest.mark.parametrize("keys", [{"credit": "share"}, {"credit": "ingress"}, {"credit": "full"}, {"credit": "team"}, {"credit": "team", "chain": "team"}])
def test_a_window_cut_anywhere_gives_the_same_rewards_in_total(keys):
    """Every agent's own rewards, with those that came before it first decided, over 120 decisions cut into windows of any length."""
    described = load("regimes", REGIMES).scenario
    totals, requests = [], []
    for length in (1, 8, 120):
        plan = plan_of(described, window=2 * length, environments=2, algorithm="ippo", beta=1e-12, episode=3.0, **keys)
        found = windows(plan, 120 // length)
        own = sum(w.transitions.reward[np.arange(len(w.transitions)), w.transitions.agent].sum() for w in found)
        totals.append(own + sum(w.early for w in found))
        requests.append(sum(len(w.utility) for w in found))
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-9) and totals[0] > 5.0
    assert len(set(requests)) == 1


def test_discounted_rewards_do_not_depend_on_the_cut_where_the_decision_lies_inside():
    """An agent's decisions but the last of each window have the same rewards and discounts as uncut."""
    described = load("regimes", REGIMES).scenario
    whole, cut = (windows(plan_of(described, window=n, environments=1, algorithm="ippo"), 240 // n) for n in (240, 60))
    uncut = whole[0].transitions
    key = {(int(a), *own.tolist()): k for k, (a, own) in enumerate(zip(uncut.agent, uncut.own, strict=True))}
    same = 0
    for window in cut:
        found = window.transitions
        last = set((found.offsets[1:] - 1).tolist())
        for k in range(len(found)):
            there = key[(int(found.agent[k]), *found.own[k].tolist())]
            if k not in last:
                assert np.array_equal(found.reward[k], uncut.reward[there]) and found.discount[k] == uncut.discount[there]
                same += 1
    assert same > 200


def test_one_chain_holds_all_decisions_in_order():
    plan = plan_of(load("regimes", REGIMES).scenario, window=50, algorithm="mappo", chain="team")
    found = windows(plan, 1)[0].transitions
    assert found.offsets.tolist() == [0, 50] and len(np.unique(found.agent)) > 1
    assert (found.reward == found.reward[:, :1]).all()


def test_episodes_are_cut_and_bootstrapped():
    plan = plan_of(load("regimes", REGIMES).scenario, window=300, episode=2.0, algorithm="ippo")
    found = windows(plan, 1)[0].transitions
    found.check()
    agents = len(np.unique(found.agent))
    assert len(found.terminated) > agents and not found.terminated.any()
    assert found.discount.min() > 0.0 and (found.discount <= 1.0).all()
    group = Group(plan, [0])
    group.begin()
    group.collect(first_slot, 0)
    assert group.environments[0].episode >= 1


def test_a_replayed_environment_goes_on_as_the_old_one():
    plan = plan_of(load("regimes", REGIMES).scenario, window=100, greedy_prior=5.0, prior_outcomes=0.5)
    group, other = Group(plan, [0]), Group(plan, [0])
    group.begin()
    group.collect(by_chance, 0)
    old = group.environments[0]
    other.environments[0].replay(old.episode, list(old.actions))
    same(group.collect(by_chance, 1), other.collect(by_chance, 1))


def same(one: Window, two: Window) -> None:
    for name in (field.name for field in fields(one.transitions)):
        assert np.array_equal(getattr(one.transitions, name), getattr(two.transitions, name)), name
    assert np.array_equal(one.utility, two.utility) and np.array_equal(one.latency, two.latency) and one.early == two.early


def test_rejections_and_prefetches_are_actions_of_their_own():
    plan = plan_of(scenario(STEADY, ("control.reject=true",)), window=4, episode=3600.0)
    shape = plan.shapes[0]
    found = windows(plan, 1, lambda own, *_: (np.full(len(own), shape.width), np.zeros(len(own), np.float32)))[0]
    assert found.transitions.slots.shape[1] == shape.width + 1 and not found.transitions.slots[:, -1].any()
    assert found.utility.tolist() == [0.0] * 4  # rejected at once
    both = replace(shape, prefetches=True)
    slots = np.random.default_rng(0).random((2, shape.width, 5)).astype(np.float32)
    rows = action_rows(slots, both)
    fill_actions(rows, slots, both)
    assert np.array_equal(rows[:, shape.width + 1 :], -slots)


def test_nothing_to_decide_is_said():
    from simulator.errors import SimulationError

    alone = STEADY.replace("deployments: [{service: s, nodes: all}]", "deployments: [{service: s, nodes: [a]}]")
    with pytest.raises(SimulationError, match="no decision"):
        Environment(0, plan_of(scenario(alone))).begin(0)
