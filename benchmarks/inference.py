"""What it saves to treat the decode iterations between two changes of a batch as one event."""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from typing import Any

from scenarios.build import build
from scenarios.reading import parse

PROFILE = "{kind: formula, weights: 4.58 GiB, bandwidth: 1008 GB/s, flop_per_token: 1.6e10, flop_rate: 1.2e14, overhead: 3 ms, kv_time: 359 ns}"
SCENARIO = """
name: generate
requests: {requests}
record: {{spans: none}}
network: {{nodes: [{{name: n}}]}}
services: {{s: {{inference: {{profile: {profile}, prompt: 100, output: {output}, batch: {batch}, kv_size: 128 KiB, kv_memory: 8 GiB, step_by_step: {step}}}}}}}
deployments: [{{service: s, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {arrivals}}}]
"""
CASES = (
    ("one at a time, 500 output tokens", "500", 1, "{{kind: times, at: [{times}]}}", 1),
    ("batches of 8 that start together, 500 output tokens", "500", 8, "{{kind: times, at: [{times}]}}", 8),
    ("batches of 32 that start together, 500 output tokens", "500", 32, "{{kind: times, at: [{times}]}}", 32),
    ("Poisson, load 0.3 of 8 places, 500 output tokens", "500", 8, "{{kind: poisson, rate: 0.6 /s}}", 0),
    ("Poisson, load 0.3 of 8 places, lognormal outputs of mean 500", "{kind: lognormal, mean: 500, cv: 1}", 8, "{{kind: poisson, rate: 0.6 /s}}", 0),
)


def cost(case: tuple[str, str, int, str, int], step: bool, requests: int) -> tuple[float, Any]:
    """(CPU seconds of the run alone, its trace)."""
    _, output, batch, arrivals, together = case
    times = ", ".join(f"{100 * (i // max(together, 1))} s" for i in range(requests)) if together else ""
    text = SCENARIO.format(requests=requests, profile=PROFILE, output=output, batch=batch, step=str(step).lower(), arrivals=arrivals.format(times=times))
    described = parse(text, Path("benchmark.yaml")).scenario
    simulation = build(described)
    actor = described.control.policy.actor(simulation)
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    trace = simulation.run(actor)
    spent = time.process_time() - begun
    gc.unfreeze()
    return spent, trace


def inference(pairs: int, requests: int) -> None:
    """CPU time and events of either way."""
    print(f"decode iterations as one event, as a ratio to one event each; median of {pairs} pairs, {requests:,} requests")
    for case in CASES:
        found = []
        for _ in range(pairs):
            slow, stepped = cost(case, True, requests)
            fast, forward = cost(case, False, requests)
            assert stepped.requests["end"].tolist() == forward.requests["end"].tolist()
            found.append(slow / fast)
        fewer = stepped.events / forward.events
        saved = f"{statistics.median(found):6.1f} times cheaper, {fewer:6.1f} times fewer events"
        print(f"{case[0]:62s} {saved}, {1e6 * fast / requests:6.0f} us a request", flush=True)
