"""Decode iterations as one event give, bit for bit, what an event for each gives; nothing is lost or made in the cache on the way."""

import random
from pathlib import Path
from typing import Any

import pytest

from analysis.invariants import invariants
from scenarios.build import build
from scenarios.reading import parse
from scenarios.results import digest_of

PROFILES = (
    "{kind: formula, weights: 4 GB, bandwidth: 800 GB/s, flop_per_token: 1.6e10, flop_rate: 8e13, overhead: 1 ms, kv_time: 400 ns, request_time: 70 us}",
    "{kind: formula, weights: 4 GB, bandwidth: 800 GB/s, flop_per_token: 1.6e10, flop_rate: 8e13}",
    "{kind: table, prompt_tokens: [16, 128, 1024], prompt_times: [9 ms, 12 ms, 70 ms], batch_sizes: [1, 4], batch_times: [7 ms, 8 ms], kv_time: 1 us}",
)
CARE = (
    "", "", ", timeout: 400 ms", ", retry: {retries: 2, back_off: 5 ms}, timeout: 300 ms", ", hedge: {after: 200 ms}",
    ", fan_out: 3, wait_for: 2, cancel: true",
)  # fmt: skip
SPIKES = (
    "{name: slow, kind: slow_down, nodes: {one_of: all}, factor: {kind: uniform, low: 1, high: 9}, up: {kind: exponential, mean: 600 ms}, down: 200 ms}",
    "{name: starts, kind: slow_down, nodes: all, factor: 3, applies: at_start, up: {kind: exponential, mean: 500 ms}, down: 150 ms}",
    "{name: stop, kind: freeze, nodes: [a], up: {kind: exponential, mean: 700 ms}, down: {kind: exponential, mean: 60 ms}}",
    "{name: out, kind: outage, nodes: {one_of: all}, restart: 20 ms, up: {kind: exponential, mean: 900 ms}, down: 50 ms}",
    "{name: longer, kind: call_spike, services: [s], probability: 20 %, factor: {kind: pareto, minimum: 2, shape: 1.5}}",
    "{name: hitch, kind: call_spike, services: [s], probability: 20 %, add: {kind: exponential, mean: 30 ms}}",
)


def scenario_text(draw: random.Random) -> str:
    """A small scenario with two engines, or pools of them, and whatever may go wrong."""
    batch = draw.choice([1, 2, 3, 8])
    chunk = draw.choice(["unlimited", batch, batch + 3, 40, 512])
    blocks = f"block: {draw.choice([1, 4, 16])}, watermark: {draw.choice([0, 1, 20])} %"
    cache = draw.choice(["", f", kv_size: 1 kB, kv_memory: {draw.choice([200, 300, 700])} kB, {blocks}"])
    capacity = draw.choice(["", "", ", capacity: 6"])
    lengths = [f"{{kind: lognormal, mean: {draw.choice([3, 30, 80])}, cv: {draw.choice([0.5, 2])}}}" for _ in range(2)]
    spikes = [spike for spike in SPIKES if draw.random() < 0.3]
    return f"""
name: random
horizon: {draw.choice([1, 3])} s
drain: {{arrivals: stop, limit: 1 h}}
seed: {draw.randrange(1000)}
record: {{spans: all}}
network:
  nodes: [{{name: a}}, {{name: b, speed: {draw.choice([0.5, 1, 3])}}}]
  links: [{{between: [a, b], bandwidth: 10 Mbit/s, propagation: 2 ms}}]
services:
  s:
    inference:
      profile: {draw.choice(PROFILES)}
      prompt: {lengths[0]}
      output: {lengths[1]}
      batch: {batch}
      chunk: {chunk}
      {(cache + capacity).removeprefix(", ").replace(", ", chr(10) + "      ")}
deployments: [{{service: s, nodes: all{draw.choice(["", "", ", workers: 1, replicas: 2"])}}}]
applications: {{x: {{calls: [{{name: c, service: s, payload: 2 kB{draw.choice(CARE)}}}]{draw.choice(["", ", timeout: 2 s"])}}}}}
workload: [{{name: w, application: x, ingress: all, arrivals: {{kind: {draw.choice(["poisson, rate: 20 /s", "renewal, rate: 8 /s, cv: 3"])}}}}}]
spikes: [{", ".join(spikes)}]
control: {{policy: {draw.choice(["least-loaded", "random", "shortest-expected-delay"])}}}
"""


def outcome(text: str, step_by_step: bool) -> tuple[dict[str, str], Any, Any]:
    """(digests of every table, the simulation, its trace)."""
    overrides = (f"services.s.inference.step_by_step={str(step_by_step).lower()}",)
    described = parse(text, Path("random.yaml"), overrides).scenario
    simulation = build(described)
    trace = simulation.run(described.control.policy.actor(simulation))
    return digest_of(trace), simulation, trace


def check(seed: int) -> tuple[int, int]:
    """One random scenario, both ways; returns the events of either."""
    text = scenario_text(random.Random(seed))
    forward, simulation, trace = outcome(text, False)
    stepped, other, stepped_trace = outcome(text, True)
    assert forward == stepped, text
    for station, twin in zip(simulation.stations, other.stations, strict=True):
        assert station.preemptions == twin.preemptions, text
        assert station.blocks.free == station.blocks.total, text
        assert not station.batch and not station.queue and not station.sequences, text
    found = invariants([trace])
    assert found == invariants([stepped_trace]), text
    assert found["requests_unaccounted"] == 0
    for ratio in ("little_ratio", "busy_ratio", "critical_path_ratio"):
        assert found[ratio] is None or found[ratio] == pytest.approx(1.0, rel=1e-9), (ratio, text)
    return trace.events, stepped_trace.events


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_forward_equals_step_by_step(first):
    events = [check(seed) for seed in range(first, first + 10)]
    assert sum(stepped for _, stepped in events) > sum(forward for forward, _ in events)


@pytest.mark.full
@pytest.mark.parametrize("first", range(1000, 2000, 50))
def test_forward_equals_step_by_step_a_thousand_times(first):
    for seed in range(first, first + 50):
        check(seed)


@pytest.mark.parametrize("seed", range(100, 104))
def test_blocks_are_conserved_at_every_moment(seed, monkeypatch):
    """Free blocks and those that requests hold add up to all, none is below zero, and each holds what its tokens need."""
    described = parse(scenario_text(random.Random(seed)), Path("random.yaml")).scenario
    simulation = build(described)

    def look() -> None:
        for station in simulation.stations:
            blocks = station.blocks  # type: ignore[attr-defined]
            held = [sequence.held for sequence in station.batch]  # type: ignore[attr-defined]
            assert blocks.free >= 0
            assert blocks.free + sum(held) == blocks.total
            for sequence in station.batch:  # type: ignore[attr-defined]
                assert sequence.held >= blocks.needed(max(sequence.cached, 1))
            assert len(held) <= station.size  # type: ignore[attr-defined]
        if simulation.environment.now < 3.0:
            simulation.environment.call(simulation.environment.now + 0.0031, look)

    simulation.environment.call(0.001, look)
    simulation.run(described.control.policy.actor(simulation))
    assert simulation.trace.completed.any()
