"""Environments under other people's libraries, unmodified: TorchRL's checks, and SB3's PPO alone and through SuperSuit.

    python -m venv /tmp/outside && /tmp/outside/bin/pip install -e . torchrl stable-baselines3 supersuit    # beside the project's own environment
    /tmp/outside/bin/python -m benchmarks.outside_libraries [--only specs|single|shared|rollout] [--steps 20000]

It prints what passed, and mean rewards of the trained policies beside random ones; exit status 1 where something failed.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

import scenarios
from scenarios.environments import make_single_env
from scenarios.reading import bundled

EPISODE = "2 s"


def specs() -> str:
    """torchrl: `check_env_specs(PettingZooWrapper(env, use_mask=True))` on every bundled scenario."""
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper
    from torchrl.envs.utils import check_env_specs

    for name in bundled():
        check_env_specs(PettingZooWrapper(scenarios.make_env(name), use_mask=True, group_map=None))
        print(f"  {name}: specs hold", flush=True)
    return f"{len(bundled())} scenarios"


def rollout(steps: int = 400) -> str:
    """torchrl: a collector gathers turns of all agents, legal ones by the wrapper's own masks, over several episodes."""
    from torchrl.collectors import Collector
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper

    env = PettingZooWrapper(scenarios.make_env("edge-chat", episode="500 ms"), use_mask=True, group_map=None)
    collector = Collector(env, None, frames_per_batch=steps, total_frames=steps)
    data = next(iter(collector))
    collector.shutdown()
    episodes = int(data["next", "done"].sum())
    assert episodes >= 2 and len(data) == steps
    return f"{steps} turns, {episodes} whole episodes"


def mean_reward(env: Any, act: Callable[[Any], int], episodes: int) -> float:
    """Mean return of an episode."""
    total = 0.0
    for seed in range(episodes):
        observation, _ = env.reset(seed=10_000 + seed)
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            total += reward
            over = terminated or truncated
    return total / episodes


def greedy(model: Any) -> Callable[[Any], int]:
    """What a trained policy thinks best."""
    return lambda seen: int(model.predict(seen, deterministic=True)[0])


def at_random() -> Callable[[Any], int]:
    """Any legal action."""
    draws = np.random.default_rng(0)
    return lambda seen: int(draws.choice(np.flatnonzero(seen["action_mask"])))


def single(steps: int) -> str:
    """SB3: PPO on the Gymnasium face of one agent, and of the central dispatcher; it knows no masks, so illegal actions are replaced."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.env_util import make_vec_env

    said = []
    for agent in ("edge-a", "central"):
        check_env(make_single_env("edge-chat", agent, episode=EPISODE))
        options = {"scenario": "edge-chat", "agent": agent, "episode": EPISODE}
        model = PPO("MultiInputPolicy", make_vec_env("scenarios:vamappo/Scenario-v0", 4, seed=1, env_kwargs=options), n_steps=512, gamma=0.99, seed=1)
        model.learn(steps)
        env = make_single_env("edge-chat", agent, episode=EPISODE)
        learned, blind = mean_reward(env, greedy(model), 5), mean_reward(env, at_random(), 5)
        said.append(f"{agent} {learned:.1f} an episode after {steps} steps, random {blind:.1f}")
    return "; ".join(said)


def shared(steps: int) -> str:
    """SB3 through SuperSuit: PPO with one policy for all agents of the parallel face."""
    import supersuit
    from stable_baselines3 import PPO

    env = supersuit.pettingzoo_env_to_vec_env_v1(scenarios.make_parallel_env("edge-chat", episode=EPISODE, credit="team"))
    model = PPO("MultiInputPolicy", supersuit.concat_vec_envs_v1(env, 2, num_cpus=0, base_class="stable_baselines3"), n_steps=512)  # they take no seed
    model.learn(steps)
    env = scenarios.make_env("edge-chat", episode=EPISODE)

    def value(act: Callable[[Any], int]) -> float:
        total, episodes = 0.0, 5
        for seed in range(episodes):
            env.reset(seed=10_000 + seed)
            for _ in env.agent_iter():
                seen, reward, _, truncated, _ = env.last()
                total += reward
                env.step(None if truncated else act(seen))
        return total / episodes

    learned, blind = value(greedy(model)), value(at_random())
    return f"utility {learned:.1f} an episode after {steps} steps of all agents, random {blind:.1f}"


def main() -> None:
    import torch

    torch.set_num_threads(1)  # networks this small gain nothing from more
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--only", choices=("specs", "single", "shared", "rollout"))
    reader.add_argument("--steps", type=int, default=8_192)
    chosen = reader.parse_args()
    parts: dict[str, Callable[[], str]] = {
        "specs": specs,
        "rollout": rollout,
        "single": lambda: single(chosen.steps),
        "shared": lambda: shared(chosen.steps),
    }
    failed = False
    for name, part in parts.items():
        if chosen.only in (None, name):
            begun = time.monotonic()
            try:
                print(f"{name}: passed, {part()} ({time.monotonic() - begun:.0f} s)", flush=True)
            except Exception:
                failed = True
                traceback.print_exc()
                print(f"{name}: failed", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
