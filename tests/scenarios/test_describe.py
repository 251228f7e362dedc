"""`vamappo describe` says what the environment does, and the docs have the features of the code."""

import json

import numpy as np
import pytest

import scenarios
from agents.features import NODE, OWN, SLOT
from scenarios.description import describe, feature_table
from scenarios.environments import described
from tests.conftest import ROOT
from tests.scenarios.test_commands import vamappo


def test_the_docs_have_the_features_of_the_code():
    page = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8")
    for features in (OWN, SLOT, NODE):
        assert feature_table(features) in page


def test_it_describes_the_environment():
    found = json.loads(vamappo("describe", "edge-chat", "--json", "--episode", "5 s", "--credit", "team", "--episodes", 1).stdout)
    env = scenarios.make_env("edge-chat", episode="5 s", credit="team")
    assert [agent["name"] for agent in found["agents"]] == env.possible_agents
    assert len(found["actions"]) == env.action_space("edge-a").n
    assert found["observation"]["floats"] == env.observation_space("edge-a")["observation"].shape[0]
    assert len(found["observation"]["own"]) + found["slots"] * len(found["observation"]["slot"]) == found["observation"]["floats"]
    assert found["agents"][3]["slots"]["generate"][:2] == ["cloud (small)", "cloud (large)"]
    assert (found["episode_s"], found["reward"]["credit"], found["reward"]["beta_per_s"]) == (5.0, "team", 1.25)
    env.reset(seed=500_000)
    simulation, total, count = env.turns.simulation, 0.0, 0
    actor = described("edge-chat").scenario.control.policy.actor(simulation)
    for _ in env.agent_iter():
        _, reward, _, truncated, _ = env.last()
        total += reward
        count += not truncated
        env.step(None if truncated else env.turns.decision.candidates.index(actor.act(env.turns.decision)))
    measured = found["measured"]["policies"]["shortest-expected-delay"]
    assert measured["decisions"] == count
    assert measured["return"] == pytest.approx(total / 4)
    assert (measured["measured_s"], measured["whole"]) == ([5.0], True)


def test_better_policies_show_in_the_rewards():
    found = describe(described("edge-chat"), episodes=1, enough=1500)["measured"]["policies"]
    assert found["random"]["reward_per_s"] < found["shortest-expected-delay"]["reward_per_s"]
    for measured in found.values():
        assert measured["interval_s"]["p5"] <= measured["interval_s"]["p50"] <= measured["interval_s"]["p95"]
        assert measured["decisions"] == 1500
        assert measured["decisions_per_s"] * measured["measured_s"][0] == pytest.approx(1500)
        assert (measured["whole"], measured["return"]) == (False, None), "the first seconds do not speak for the rest"


def test_it_can_be_read():
    done = vamappo("describe", "m-m-1")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    asked = "1 agent, asked about every call, as none has a choice"
    for said in (asked, "own_load", "actions: 0 slot 0", "until its last request", "left after 3,000 decisions"):
        assert said in words, said


@pytest.mark.parametrize(("option", "value", "said"), [("episode", "5 m", "a time such as"), ("credit", "mine", "share"), ("episode", "2 h", "horizon")])
def test_mistakes(option, value, said):
    done = vamappo("describe", "edge-chat", f"--{option}", value)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr and not done.stdout


def test_ranges_are_those_of_the_space():
    found = describe(described("regimes"), episodes=1, enough=10)["observation"]
    box = scenarios.make_env("regimes").observation_space("site-a")["observation"]
    low = [f["low"] for f in found["own"]] + [f["low"] for f in found["slot"]] * 12
    assert np.array_equal(box.low, np.array(low, np.float32))
