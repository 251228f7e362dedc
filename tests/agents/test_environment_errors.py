"""Slips in the use of environments: each is answered by one sentence that says what to do."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import scenarios
from agents.environments.turns import TermsError
from scenarios.environments import make_single_env


@pytest.fixture
def env():
    return scenarios.make_env("edge-chat", episode="1 s", render_mode="rgb_array")


def finished(env):
    """The environment after an episode."""
    env.reset(seed=1)
    for _ in env.agent_iter():
        env.step(None if env.last()[3] else 0)
    return env


@pytest.mark.parametrize("what", ["step(0)", "last()", "observe('edge-a')", "state()", "render()", "agent_iter()"])
def test_before_the_first_reset(env, what):
    with pytest.raises(TermsError, match=r"no episode yet: reset\(\)"):
        eval(f"env.{what}", {"env": env})


@pytest.mark.parametrize("action", [None, 0])
def test_after_the_end(env, action):
    finished(env)
    with pytest.raises(TermsError, match=r"over: reset\(\) the environment before step"):
        env.step(action)
    with pytest.raises(TermsError, match=r"over: reset\(\) the environment before last"):
        env.last()
    assert env.observe("edge-a")["action_mask"].any(), "looking is allowed"


@pytest.mark.parametrize("illegal", ["replace", "raise"])
@pytest.mark.parametrize("action", [99, -1, 5, 1.5, "0", np.array([0]), np.float32(1.0)], ids=repr)
def test_actions_outside_the_space(illegal, action):
    env = scenarios.make_env("edge-chat", episode="1 s", illegal=illegal)
    env.reset(seed=1)
    before = env.turns.decision
    with pytest.raises(TermsError, match="outside its action space, the whole numbers 0 to 4"):
        env.step(action)
    assert env.turns.decision is before and before.choice is None, "the turn is still to be taken"
    env.step(np.int64(0))
    single = make_single_env("edge-chat", episode="1 s", illegal=illegal)
    single.reset(seed=1)
    with pytest.raises(TermsError, match="outside its action space"):
        single.step(action)
    single.step(np.array(0))


def test_none_is_for_those_whose_episode_is_over(env):
    env.reset(seed=1)
    with pytest.raises(TermsError, match="not truncated: its step needs an action"):
        env.step(None)
    while not env.last()[3]:
        env.step(0)
    with pytest.raises(TermsError, match="the only step left to it is None"):
        env.step(0)


def test_agents_that_there_are_not(env):
    env.reset(seed=1)
    for ask in (env.observe, env.action_space, env.observation_space):
        with pytest.raises(TermsError, match=r"no agent 'edge-z'; there are edge-a, edge-b"):
            ask("edge-z")


@pytest.mark.parametrize("seed", ["a", 1.5, -1], ids=repr)
def test_seeds_that_are_none(env, seed):
    with pytest.raises(TermsError, match="seed must be a whole number"):
        env.reset(seed=seed)
    with pytest.raises(TermsError, match="seed must be a whole number"):
        make_single_env("edge-chat").reset(seed=seed)
    env.reset(seed=np.int64(3))
    assert env.seed == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beta": "1"}, "beta must be a rate .* as a number, got '1'"),
        ({"episode": "30 sec"}, "episode: expected a time such as '15 ms', got '30 sec'"),
        ({"episode": [30]}, r"an episode must last .*got \[30\]"),
    ],
)
def test_options(options, said):
    with pytest.raises(ValueError, match=said):
        scenarios.make_env("edge-chat", **options)


def test_one_override_may_be_plain_text():
    change = "spikes.stragglers.probability=3 %"
    plain, listed = (scenarios.make_env("edge-chat", overrides=given).make.scenario for given in (change, [change]))
    assert plain == listed != scenarios.make_env("edge-chat").make.scenario
    assert scenarios.load("edge-chat", change).scenario == scenarios.load("edge-chat", [change]).scenario


def test_together():
    env = scenarios.make_parallel_env("edge-chat", episode="1 s")
    with pytest.raises(TermsError, match="no episode yet"):
        env.step({})
    _, infos = env.reset(seed=1)
    (active,) = {info["active_agent"] for info in infos.values()}
    assert active == env.aec_env.agent_selection
    other = next(agent for agent in env.agents if agent != active)
    with pytest.raises(TermsError, match=f"no action of {active}, whose turn it is.*nobody"):
        env.step({})
    with pytest.raises(TermsError, match=f"no action of {active}.*{other}"):
        env.step({other: 0})
    with pytest.raises(TermsError, match="no agent 'edge-z'"):
        env.step({active: 0, "edge-z": 0})
    with pytest.raises(TermsError, match="a dictionary by agent, got 0"):
        env.step(0)
    while env.agents:
        *_, infos = env.step({active: 0})
        active = infos[active].get("active_agent")
    with pytest.raises(TermsError, match="over"):
        env.step({})


def test_gymnasium():
    with pytest.raises(TermsError, match="which scenario"):
        gymnasium.make("vamappo/Scenario-v0", agent="edge-a")
    with pytest.raises(TermsError, match="others='least-loaded' has nobody to act for"):
        make_single_env("edge-chat", others="least-loaded")
    env = make_single_env("edge-chat", render_mode="rgb_array")
    for what in (lambda: env.step(0), env.render):
        with pytest.raises(TermsError, match="no episode yet"):
            what()
