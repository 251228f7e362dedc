"""Decisions per CPU second on edge-chat: bare, with observations, with a small network over many simulations, and through the environments' faces;
what a reset takes, and what thousands of them leave in memory."""

from __future__ import annotations

import argparse
import gc
import itertools
import resource
import statistics
import time
from typing import Any

import scenarios
from agents.baselines import LeastLoaded
from agents.observation import Batch, Encoder, Shape, shape_of
from agents.rollout import collector_paused
from scenarios.environments import make_single_env
from scenarios.reading import Loaded, load


def bare(loaded: Loaded) -> tuple[int, float]:
    """(decisions, CPU seconds) of the plain loop with least loaded."""
    simulation = loaded.build()
    act = LeastLoaded().actor(simulation).act
    count = 0
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    for decision in simulation.decisions():
        decision.choose(act(decision))
        count += 1
    spent = time.process_time() - begun
    gc.unfreeze()
    return count, spent


def observed(loaded: Loaded) -> tuple[int, float]:
    """The same, with an observation of every decision."""
    simulation = loaded.build()
    shape = shape_of(simulation)
    encoder, batch = Encoder(shape, simulation), Batch(shape, 1)
    act = LeastLoaded().actor(simulation).act
    count = 0
    begun = time.process_time()
    for decision in simulation.decisions():
        batch.write(0, encoder, decision)
        decision.choose(act(decision))
        count += 1
    return count, time.process_time() - begun


def network(shape: Shape) -> Any:
    """A network of 24-64-64-5 size on a row: one linear layer to 24, then two of 64, and a logit an action."""
    import torch

    inputs = len(shape.own) + shape.width * len(shape.slot)
    sizes = [inputs, 24, 64, 64, shape.actions]
    layers: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def lockstep(loaded: Loaded, simulations: int) -> tuple[int, float]:
    """Many simulations in lockstep: each advances to its next decision, one batch answers all."""
    import torch

    torch.set_num_threads(1)
    worlds = [loaded.build(replication=i) for i in range(simulations)]
    shape = shape_of(worlds[0])
    encoders = [Encoder(shape, world) for world in worlds]
    batch, net = Batch(shape, simulations), network(shape)
    rows = torch.from_numpy(batch.data)
    legal = torch.from_numpy(batch.mask)
    loops = [world.decisions() for world in worlds]
    count = 0
    gc.collect()
    begun = time.process_time()
    live = [next(loop, None) for loop in loops]
    with torch.inference_mode(), collector_paused():
        while all(decision is not None for decision in live):
            for i, decision in enumerate(live):
                batch.write(i, encoders[i], decision)
            logits = net(rows).masked_fill(~legal, float("-inf"))
            actions = (logits - torch.empty_like(logits).exponential_().log()).argmax(1).tolist()
            for i, decision in enumerate(live):
                decision.choose(decision.candidates[actions[i]])
                live[i] = next(loops[i], None)
            count += len(live)
    return count, time.process_time() - begun


def faced(seconds: float) -> tuple[int, float]:
    """The turns of every agent through PettingZoo, the first legal action at each, with rewards and infos for all."""
    env = scenarios.make_env("edge-chat", episode=seconds)
    env.reset(seed=1)
    count = 0
    begun = time.process_time()
    for _ in env.agent_iter():
        seen, _, _, truncated, _ = env.last()
        env.step(None if truncated else int(seen["action_mask"].argmax()))
        count += 1
    return count, time.process_time() - begun


def dispatched(seconds: float) -> tuple[int, float]:
    """The turns of the central dispatcher through Gymnasium, the first legal action at each."""
    env = make_single_env("edge-chat", "central", episode=seconds)
    seen, _ = env.reset(seed=1)
    count, over = 0, False
    begun = time.process_time()
    while not over:
        seen, _, _, over, _ = env.step(int(seen["action_mask"].argmax()))
        count += 1
    return count, time.process_time() - begun


def resident() -> float:
    """Memory that this process holds [MB]; Linux only."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def resets(number: int, turns: int = 20) -> None:
    """Resets an environment many times, with some turns between; prints the time a reset takes and the memory along the way."""
    env = scenarios.make_env("edge-chat")
    marks, spent = [], 0.0
    for seed in range(number + number // 10):
        begun = time.process_time()
        env.reset(seed=seed)
        spent += time.process_time() - begun
        for _ in range(turns):
            env.step(0)
        if seed >= number // 10 and seed % (number // 10) == 0:  # after a tenth to warm up
            gc.collect()  # what still waits to be collected is no growth
            marks.append(resident())
    print(f"{number:,} resets, {turns} turns after each: {1e3 * spent / (number + number // 10):.2f} ms of CPU a reset; resident memory in MB:")
    half = len(marks) // 2
    growth = 100 * (statistics.mean(marks[half:]) / statistics.mean(marks[:half]) - 1)
    print(f"{'  '.join(f'{mark:.1f}' for mark in marks)}   (the second half {growth:+.1f} % against the first)", flush=True)


def rates(repeats: int, simulations: int, telemetry: str) -> None:
    """Prints decisions per CPU second of every way to drive the simulator."""
    short = ["record.spans=none", f"control.telemetry={telemetry}", "warm_up=0 s"]
    long, many = load("edge-chat", [*short, "horizon=2 min"]), load("edge-chat", [*short, "horizon=10 s"])
    cases = {
        "least loaded, plain loop": lambda: bare(long),
        "the same with observations": lambda: observed(long),
        f"small network over {simulations} simulations": lambda: lockstep(many, simulations),
        "PettingZoo, all agents": lambda: faced(60.0),
        "Gymnasium, central dispatcher": lambda: dispatched(60.0),
    }
    print(f"decisions per CPU second on edge-chat, telemetry {telemetry} (the faces: exact), spans off; median of {repeats}")
    for label, case in cases.items():
        found = sorted(count / spent for count, spent in (case() for _ in range(repeats)))
        print(f"{label:42s} {statistics.median(found):10,.0f}   ({found[0]:,.0f} to {found[-1]:,.0f})", flush=True)


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--repeats", type=int, default=3)
    reader.add_argument("--simulations", type=int, default=64)
    reader.add_argument("--telemetry", default="exact")
    reader.add_argument("--resets", type=int, default=10_000, help="0 for none")
    chosen = reader.parse_args()
    rates(chosen.repeats, chosen.simulations, chosen.telemetry)
    if chosen.resets:
        resets(chosen.resets)


if __name__ == "__main__":
    main()
