"""Learning where others' results are known: CartPole-v1 (PPO) and mpe2's simple_spread_v3 (IPPO, MAPPO, VAMAPPO).

    python -m benchmarks.learning_outside [--only cartpole|spread] [--algorithm A]... [--seeds 3] [--out benchmarks/learning_outside.json]

Every finished training is written to the file at once and not repeated by a later call; delete its entry to run it again. After
training, fresh episodes are played by the trained policy, argmax and sampled; the mean return of an agent is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS: dict[str, dict[str, Any]] = {
    "cartpole": {"gamma": 0.98, "gae_lambda": 0.8, "epochs": 20, "minibatches": 1, "entropy": 0.0},
    "spread": {"gamma": 0.95, "gae_lambda": 0.95, "epochs": 10, "minibatches": 4, "entropy": 0.01},
}
COMMON: dict[str, Any] = {"learning_rate": 1e-3, "critic_learning_rate": 1e-3, "clip": 0.2, "target_kl": None, "centre": True}
BUDGET = {"cartpole": (8, 32, 100_000), "spread": (128, 25, 200_000)}  # environments, steps a window, environment steps in all
EPISODES = {"cartpole": 50, "spread": 500}


def train(case: str, algorithm: str, seed: int) -> dict[str, Any]:
    """One training and the evaluation of what it learned."""
    from agents.learner import Learner
    from agents.settings import Learning
    from benchmarks.step_environments import CartPole, Collector, SimpleSpread, graphs_of, sizes_of

    make = CartPole if case == "cartpole" else SimpleSpread
    count, steps, budget = BUDGET[case]
    settings = Learning(algorithm=algorithm, **COMMON, **SETTINGS[case])  # type: ignore[arg-type]
    begun = time.process_time()
    collector = Collector(make(count, 1000 + seed), steps, seed)
    learner = Learner(settings, sizes_of(make), graphs_of(make), seed)
    updates = budget // (count * steps)
    curve = []
    for update in range(updates):
        learner.update(collector.collect(learner), update / updates)
        if (update + 1) % max(updates // 10, 1) == 0:
            recent = collector.finished[-200:]
            curve.append([(update + 1) * count * steps, round(float(np.mean(recent)), 3) if recent else None])
    cpu = round(time.process_time() - begun, 1)
    found = {"case": case, "algorithm": algorithm, "seed": seed, "environment_steps": updates * count * steps, "cpu_s": cpu, "curve": curve}
    for acting in ("argmax", "sampled"):
        found[acting] = round(evaluate(make, learner, EPISODES[case], 10_000 + seed, acting == "sampled"), 3)
    return found


def evaluate(make: Any, learner: Any, episodes: int, seed: int, sampled: bool) -> float:
    """Mean return over agents and `episodes` first episodes of as many fresh environments."""
    world = make(episodes, seed)
    draws = np.random.default_rng([seed, 7])
    E, N, S = episodes, world.agents, world.actions
    slots = np.broadcast_to(np.eye(S, dtype=np.float32), (E * N, S, S))
    legal, prior, number = np.ones((E * N, S), bool), np.zeros((E * N, S), np.float32), np.tile(np.arange(N), E)
    total, running = np.zeros(E), np.ones(E, bool)
    while running.any():
        own = world.observe().reshape(E * N, -1)
        actions, _ = learner.act(own, slots, legal, prior, number, draws.random(E * N) if sampled else None)
        _, reward, terminated, truncated = world.step(actions.reshape(E, N))
        total += np.where(running, reward.mean(1), 0.0)
        running &= ~(terminated | truncated)
    return float(total.mean())


def main() -> None:
    import torch

    reader = argparse.ArgumentParser(prog="python -m benchmarks.learning_outside", description=__doc__)
    reader.add_argument("--only", choices=tuple(SETTINGS))
    reader.add_argument("--algorithm", action="append")
    reader.add_argument("--seeds", type=int, default=3)
    reader.add_argument("--out", type=Path, default=Path(__file__).parent / "learning_outside.json")
    chosen = reader.parse_args()
    torch.set_num_threads(1)
    jobs = [("cartpole", "ppo")] + [("spread", algorithm) for algorithm in ("ippo", "mappo", "vamappo")]
    for seed in range(chosen.seeds):
        for case, algorithm in jobs:
            if chosen.only in (None, case) and (not chosen.algorithm or algorithm in chosen.algorithm):
                key = f"{case}/{algorithm}/{seed}"
                if key not in stored(chosen.out):
                    found = train(case, algorithm, seed)
                    store(chosen.out, {**stored(chosen.out), key: found})
                print(key, json.dumps(stored(chosen.out)[key]), flush=True)
    for case, algorithm in jobs:
        rows = [row for row in stored(chosen.out).values() if (row["case"], row["algorithm"]) == (case, algorithm)]
        if rows:
            greedy, sampled = (np.mean([row[acting] for row in rows]) for acting in ("argmax", "sampled"))
            print(f"{case:10s} {algorithm:8s} {len(rows)} seeds: argmax {greedy:8.2f}, sampled {sampled:8.2f}")


def stored(path: Path) -> dict[str, Any]:
    """Finished trainings by key."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def store(path: Path, rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)


if __name__ == "__main__":
    main()
