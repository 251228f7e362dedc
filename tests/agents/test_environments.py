"""Environments: whose turn, what it earns and sees, where episodes end, and that no face changes what happens."""

from __future__ import annotations

import gc
import pickle
from itertools import pairwise
from math import exp

import gymnasium
import numpy as np
import pytest

import scenarios
from agents.baselines import LeastLoaded, Random
from agents.environments.single import Single
from agents.environments.turns import TermsError, callers
from agents.rewards import CREDITS
from scenarios.environments import described, make_single_env, maker
from scenarios.policies import policy_of
from simulator.request import UNFINISHED


def play(env, seed: int, choose=lambda observation, agent: int(observation["action_mask"].argmax()), stop: int = 10**9):
    """(agent, observation, reward, truncated, info, action) of every turn of an episode."""
    env.reset(seed=seed)
    turns = []
    for agent in env.agent_iter(stop):
        observation, reward, terminated, truncated, info = env.last()
        assert not terminated
        action = None if truncated else choose(observation, agent)
        turns.append((agent, observation, reward, truncated, dict(info), action))
        env.step(action)
    return turns


def test_a_face_changes_nothing():
    """The same choices through the environment and through the plain loop lead to the same requests."""
    env = scenarios.make_env("edge-chat", episode="20 s")
    turns = play(env, 3)
    simulation = described("edge-chat", ["horizon=20 s", "warm_up=0 s"]).build(seed=3)
    loop = iter(turns)
    for decision in simulation.decisions():
        if decision.time >= 20.0:
            break
        agent, *_, action = next(loop)
        assert decision.agent_name == agent
        decision.choose(decision.candidates[action])
    assert sum(turn[3] for turn in loop) == len(env.possible_agents), "then all are truncated"
    mine = env.turns.simulation.trace
    ended = mine.requests["outcome"] != UNFINISHED
    np.testing.assert_array_equal(mine.requests["end"][ended], simulation.requests.arrays(len(ended))["end"][ended])


@pytest.mark.parametrize("credit", CREDITS, ids="by-{}".format)
def test_rewards_are_sums_since_the_last_turn(credit):
    env = scenarios.make_env("edge-chat", episode="8 s", credit=credit, beta=0.5)
    turns = play(env, 1)
    requests = env.turns.simulation.trace.requests
    ended = requests["outcome"] != UNFINISHED
    worth = float(requests["utility"][ended].sum())
    total = sum(turn[2] for turn in turns)
    assert worth > 50.0
    if credit in ("share", "ingress"):
        assert total == pytest.approx(worth)
    elif credit == "team":
        assert total == pytest.approx(worth * len(env.possible_agents))
    else:
        assert total > 2 * worth
    for name in env.possible_agents:
        mine = [turn for turn in turns if turn[0] == name]
        for before, after in pairwise(mine):
            info = after[4]
            assert info["elapsed"] == pytest.approx(info["time"] - before[4]["time"])
            assert info["discount"] == pytest.approx(exp(-0.5 * info["elapsed"]))
            assert after[2] * info["discount"] - 1e-9 <= info["discounted_reward"] <= after[2] + 1e-9
        assert mine[-1][4]["time"] == 8.0 and mine[-1][3]


def test_the_central_dispatcher_earns_all_there_is():
    env = make_single_env("edge-chat", "central", episode="8 s")
    observation, _ = env.reset(seed=1)
    total, truncated, count = 0.0, False, 0
    while not truncated:
        observation, reward, terminated, truncated, _ = env.step(int(observation["action_mask"].argmax()))
        total += reward
        count += 1
        assert not terminated
    requests = env.turns.simulation.trace.requests
    assert total == pytest.approx(float(requests["utility"][requests["outcome"] != UNFINISHED].sum()))
    assert count == len(play(scenarios.make_env("edge-chat", episode="8 s"), 1)) - 4
    with pytest.raises(TermsError, match="reset"):
        env.step(0)


def test_others_follow_their_policy():
    """Where the one agent does what the policy would, nothing tells the run from the policy's own."""
    env = make_single_env("edge-chat", "edge-a", others="least-loaded", episode="10 s")
    env.reset(seed=5)
    actor, truncated = LeastLoaded().actor(env.turns.simulation), False
    while not truncated:
        decision = env.turns.decision
        assert decision.agent_name == "edge-a"
        *_, truncated, _ = env.step(decision.candidates.index(actor.act(decision)))
    plain = described("edge-chat", ["horizon=10 s", "warm_up=0 s"]).build(seed=5).run(LeastLoaded().actor(None))
    mine = env.turns.simulation.trace.requests
    ended = mine["outcome"] != UNFINISHED
    np.testing.assert_array_equal(mine["end"][ended], plain.requests["end"][: len(ended)][ended])


def test_seeds():
    env = scenarios.make_env("edge-chat")

    def seen(seed):
        return [turn[1]["observation"] for turn in play(env, seed, stop=40)]

    first, second, other = seen(1), seen(1), seen(2)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert not all((a == b).all() for a, b in zip(first, other, strict=True))
    env.reset(seed=4)
    seeds = [env.seed]
    for _ in range(3):
        env.reset()
        seeds.append(env.seed)
    assert seeds[0] == 4 and len(set(seeds)) == 4
    again = scenarios.make_env("edge-chat")
    again.reset(seed=4)
    for seed in seeds[1:]:
        again.reset()
        assert again.seed == seed
    fresh = [scenarios.make_env("edge-chat") for _ in range(2)]
    for env in fresh:
        env.reset()
    assert fresh[0].seed != fresh[1].seed, "without a seed every environment has its own"


def test_looking_around_changes_nothing():
    """Neither how often anybody is observed nor whether changes a later observation."""
    shy, curious = scenarios.make_env("regimes"), scenarios.make_env("regimes")
    shy.reset(seed=1)
    curious.reset(seed=1)
    for count in range(200):
        for agent in curious.agents:
            curious.observe(agent)
            curious.state()
        mask = curious.last()[0]["action_mask"]
        if count % 20 == 19:
            assert (shy.last()[0]["observation"] == curious.last()[0]["observation"]).all()
        action = int(np.flatnonzero(mask)[count % mask.sum()])
        shy.step(action)
        curious.step(action)


def test_who_has_no_turn_sees_its_last_call_once_more():
    env = scenarios.make_env("control")
    env.reset(seed=1)
    names = [feature.name for feature in env.terms.shape.own]
    agent = env.agent_selection
    before = env.observe(agent)
    env.step(0)
    while env.agent_selection == agent:
        env.step(0)
    after = env.observe(agent)
    own = dict(zip(names, after["observation"][: len(names)].tolist(), strict=True))
    assert own["elapsed"] == 0.0 and own["input_bits"] == 0.0 and own["pause"] > 0.0
    assert sum(value for name, value in own.items() if name.startswith("class:")) == 1.0
    assert after["action_mask"].any() and after["observation"].shape == before["observation"].shape


def test_actions_that_are_not_legal():
    env = scenarios.make_env("edge-chat")
    env.reset(seed=1)
    while env.last()[0]["action_mask"].all():
        env.step(0)
    agent, masked = env.agent_selection, int(env.last()[0]["action_mask"].argmin())
    decision = env.turns.decision
    env.step(masked)
    assert decision.choice is decision.candidates[0], "the first legal one is taken instead"
    while env.agent_selection != agent:
        assert env.last()[4]["replaced"] == 0
        env.step(0)
    assert env.last()[4]["replaced"] == 1
    strict = scenarios.make_env("edge-chat", illegal="raise")
    strict.reset(seed=1)
    with pytest.raises(TermsError, match="action_mask"):
        strict.step(99)


def test_rejecting_and_prefetching():
    env = scenarios.make_env("cold-start", overrides=["control.reject=true", "control.prefetch=true"])
    names = env.terms.shape.action_names()
    env.reset(seed=2)
    assert env.action_space(env.agents[0]).n == len(names) == 5
    prefetches = [i for i, name in enumerate(names) if name.startswith("prefetch")]
    seen = set()
    for _ in range(200):
        agent, time, mask = env.agent_selection, env.turns.time, env.last()[0]["action_mask"]
        action = next((i for i in prefetches if mask[i]), names.index("reject"))
        env.step(action)
        if action in prefetches:
            assert (env.agent_selection, env.turns.time) == (agent, time), "the call is still to be placed"
            assert not env.last()[0]["action_mask"][action], "and that model is on its way"
        seen.add(action)
    assert seen == {names.index("reject"), *prefetches}
    assert env.turns.simulation.requests.arrays(20)["outcome"][:5].tolist() == [2] * 5


def test_where_nobody_has_a_choice_every_call_is_a_turn():
    env = scenarios.make_env("m-m-1")
    assert env.possible_agents == [described("m-m-1").build().nodes[0].name]
    env.reset(seed=1)
    assert env.last()[0]["action_mask"].tolist() == [1]
    total = 0.0
    for _ in range(200):
        total += env.last()[1]
        env.step(0)
    assert total > 100.0


def test_agents_are_those_who_can_be_asked():
    loaded = described("edge-chat")
    simulation = loaded.build()
    assert [simulation.nodes[i].name for i in callers(simulation)] == ["edge-a", "edge-b", "edge-c", "cloud"]
    only = described("edge-chat", ["deployments[0].nodes=[edge-a]", "control.forced=skip"]).build()
    asked = {decision.agent for decision in played(only, 400)}
    assert asked <= set(callers(only))
    assert set(callers(only)) == {0, 1, 2}, "the answer may be placed from where retrieve runs, and the rest has no choice"


def played(simulation, count):
    """The first decisions, placed at random."""
    policy = Random().actor(simulation)
    for _, decision in zip(range(count), simulation.decisions(), strict=False):
        yield decision
        decision.choose(policy.act(decision))


def test_environments_can_be_pickled_also_while_they_run():
    env = scenarios.make_env("edge-chat", episode=5.0)
    env.reset(seed=1)
    copy = pickle.loads(pickle.dumps(env))
    copy.reset(seed=1)
    assert (copy.last()[0]["observation"] == env.last()[0]["observation"]).all()
    single = pickle.loads(pickle.dumps(make_single_env("edge-chat", "edge-a")))
    assert single.observation_space.contains(single.reset(seed=1)[0])


def test_episodes_leave_nothing_behind():
    env = scenarios.make_env("edge-chat")
    counts = []
    for seed in range(12):
        play(env, seed, stop=50)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert max(counts[4:]) - min(counts[4:]) < 0.02 * counts[4]
    columns = env.turns.simulation.requests
    assert len(columns.arrival_s) * columns.arrival_s.itemsize < 50_000, "old episodes wait for the collector: each must be small"


def test_what_cannot_be_is_said():
    with pytest.raises(TermsError, match=r"no agent 'edge-z'.*edge-a, edge-b"):
        make_single_env("edge-chat", "edge-z")
    with pytest.raises(TermsError, match="longer than the scenario's horizon of 600 s"):
        scenarios.make_env("edge-chat", episode="20 min")
    with pytest.raises(TermsError, match="longer than 0 s"):
        scenarios.make_env("edge-chat", episode=0.0)
    with pytest.raises(TermsError, match="'replace' or 'raise'"):
        scenarios.make_env("edge-chat", illegal="ignore")
    with pytest.raises(TermsError, match="rgb_array"):
        scenarios.make_env("edge-chat", render_mode="human")
    with pytest.raises(ValueError, match="credit must be one of share"):
        scenarios.make_env("edge-chat", credit="mine")


def test_an_episode_without_a_turn_is_over_with_the_first_step():
    env = Single(maker(described("edge-chat")), "cloud", policy_of("local-first"), length=5.0)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    observation, reward, terminated, truncated, info = env.step(0)
    assert (reward, terminated, truncated, info["time"]) == (0.0, False, True, 5.0)


def test_gymnasium_knows_it():
    env = gymnasium.make("vamappo/Scenario-v0", scenario="edge-chat", agent="edge-a", episode="5 s")
    observation, info = env.reset(seed=1)
    assert env.observation_space.contains(observation) and info["replaced"] == 0
    many = gymnasium.make_vec("scenarios:vamappo/Scenario-v0", num_envs=2, scenario="edge-chat", agent="central")
    assert many.reset(seed=1)[0]["observation"].shape == (2, *env.observation_space["observation"].shape)


@pytest.mark.parametrize("name", ["edge-chat", "metro"])
def test_pictures(name):
    env = scenarios.make_env(name, render_mode="rgb_array")
    env.reset(seed=1)
    first = env.render()
    assert first.shape == (600, 800, 3) and first.dtype == np.uint8 and 0.5 < (first > 200).mean() < 0.99
    assert (env.render() == first).all()
    for _ in range(100):
        env.step(int(env.last()[0]["action_mask"].argmax()))
    assert (env.render() != first).any()
    assert scenarios.make_env(name).render() is None


def test_active_spikes_are_drawn():
    red = []
    for at in ("0 s", "500 s"):
        spike = f"name=hit, kind=slow_down, nodes=[edge-a], factor=2, at=[{at}], for=90 s"
        env = make_single_env(scenarios.load("edge-chat").without_spikes().with_spikes(spike), render_mode="rgb_array")
        env.reset(seed=1)
        env.step(0)
        red.append(int((env.render().astype(int) @ [1, -1, 0] > 20).sum()))
    assert red[0] > red[1] + 1000
