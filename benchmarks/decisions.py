"""Decisions per CPU second on edge-chat: bare, with observations, and with observations and a small network over many simulations."""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import time
from typing import Any

from agents.baselines import LeastLoaded
from agents.observation import Batch, Encoder, Shape, shape_of
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
    begun = time.process_time()
    live = [next(loop, None) for loop in loops]
    with torch.inference_mode():
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


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--repeats", type=int, default=3)
    reader.add_argument("--simulations", type=int, default=64)
    reader.add_argument("--telemetry", default="exact")
    chosen = reader.parse_args()
    short = ["record.spans=none", f"control.telemetry={chosen.telemetry}", "warm_up=0 s"]
    long, many = load("edge-chat", [*short, "horizon=2 min"]), load("edge-chat", [*short, "horizon=10 s"])
    cases = {
        "least loaded, plain loop": lambda: bare(long),
        "the same with observations": lambda: observed(long),
        f"small network over {chosen.simulations} simulations": lambda: lockstep(many, chosen.simulations),
    }
    print(f"decisions per CPU second on edge-chat, telemetry {chosen.telemetry}, spans off; median of {chosen.repeats}")
    for label, case in cases.items():
        rates = sorted(count / spent for count, spent in (case() for _ in range(chosen.repeats)))
        print(f"{label:42s} {statistics.median(rates):10,.0f}   ({rates[0]:,.0f} to {rates[-1]:,.0f})", flush=True)


if __name__ == "__main__":
    main()
