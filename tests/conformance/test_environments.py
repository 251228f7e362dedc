"""Every bundled scenario passes the checks that PettingZoo and Gymnasium have for environments; with --full over many cycles."""

from __future__ import annotations

import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, seed_test

import scenarios
from scenarios.reading import bundled

KNOWN = (  # what PettingZoo says of every environment with masks whose agents have names of their own
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "We recommend agents to be named in the format",
)


@pytest.fixture(params=bundled())
def name(request):
    return request.param


@pytest.fixture
def cycles(request):
    return 300 if request.config.getoption("--full") else 12


@pytest.fixture(autouse=True)
def no_other_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for known in KNOWN:
            warnings.filterwarnings("ignore", message=known)
        warnings.filterwarnings("ignore", category=ResourceWarning)  # of files that libraries leave open
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


def test_turns(name, cycles):
    api_test(scenarios.make_env(name), cycles)


def test_seeds(name, cycles):
    seed_test(lambda: scenarios.make_env(name), cycles)


def test_parallel(name, cycles):
    parallel_api_test(scenarios.make_parallel_env(name), cycles)


def test_truncation_is_reached(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = scenarios.make_env(name)
        first.reset(seed=1)
    second = first.turns.time
    env = scenarios.make_env(name, episode=second + 2.0)
    api_test(env, 3000 // env.max_num_agents)


@pytest.mark.parametrize("of", ["one", "central"])
def test_single(name, of, request):
    agent = "central" if of == "central" else scenarios.make_env(name).possible_agents[0]
    env = gymnasium.make("vamappo/Scenario-v0", scenario=name, agent=agent)
    check_env(env.unwrapped, skip_render_check=not request.config.getoption("--full"))
