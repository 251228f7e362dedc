"""`vamappo bench`: requests per CPU second beside the yardstick's, peers, and how the cost of an event grows.

Ratios come from interleaved pairs in one process (`time.process_time`), and the median is reported.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import decisions, peers, yardstick
from benchmarks.inference import inference
from scenarios.build import build
from scenarios.reading import parse


def cpu(job: Callable[[], Any]) -> tuple[float, Any]:
    """(CPU seconds, what the job returns)."""
    gc.collect()
    begun = time.process_time()
    found = job()
    return time.process_time() - begun, found


def read(text: str) -> Any:
    """A scenario from its text."""
    return parse(text, Path("benchmark.yaml")).scenario


def simulate(described: Any, seed: int = 1) -> Any:
    """Builds and runs a scenario through its own policy and the decision loop; returns the trace."""
    simulation = build(described, seed=seed)
    gc.freeze()
    try:
        return simulation.run(described.control.policy.actor(simulation))
    finally:
        gc.unfreeze()


def ratio(pairs: int, ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, list[float], Any]:
    """(median of theirs / ours, every pair's, what ours returned last)."""
    found, last = [], None
    for _ in range(pairs):
        slow, _ = cpu(theirs)
        fast, last = cpu(ours)
        found.append(slow / fast)
    return statistics.median(found), sorted(found), last


def show(label: str, median: float, every: list[float], note: str = "") -> None:
    print(f"{label:44s} {median:5.2f}   ({every[0]:.2f} to {every[-1]:.2f}) {note}", flush=True)


def headline(pairs: int, requests: int) -> None:
    """The yardstick model, spans off and of every request."""
    model = yardstick.Model()
    print(f"requests per CPU second, as a ratio to idiomatic SimPy; median of {pairs} interleaved pairs, {requests:,} requests")
    for spans in ("none", "all"):
        described = read(yardstick.scenario_text(model, requests, spans))
        median, every, trace = ratio(pairs, lambda described=described: simulate(described), lambda: yardstick.run(model, requests))  # type: ignore[misc]
        show(f"yardstick model, spans: {spans}", median, every, f"{trace.events / requests:.1f} events a request")


def compare_peers(pairs: int, requests: int) -> None:
    """M/M/1 and a tandem of three, with Ciw beside."""
    for label, means, rate in (("M/M/1", [0.01], 70.0), ("tandem of 3", [0.01, 0.0125, 0.008], 50.0)):
        described = read(peers.scenario_queues(means, rate, requests))

        def plain(means: list[float] = means, rate: float = rate) -> None:
            peers.simpy_queues(means, rate, requests)

        def ciw(means: list[float] = means, rate: float = rate) -> None:
            peers.ciw_queues(means, rate, requests)

        median, every, _ = ratio(pairs, lambda described=described: simulate(described), plain)  # type: ignore[misc]
        show(f"{label}, vamappo", median, every)
        median, every, _ = ratio(max(pairs // 2, 1), ciw, plain)
        show(f"{label}, Ciw", median, every)


def growth(repeats: int, requests: int) -> None:
    """Median cost of an event by size and load."""
    print("cost of an event, as a ratio to 5 nodes, 8 services, load 0.7; one-off set-up excluded")
    base: float | None = None
    cases = [(5, 8, 0.7), (20, 8, 0.7), (100, 8, 0.7), (400, 8, 0.7), (5, 16, 0.7), (5, 40, 0.7), (5, 8, 0.3), (5, 8, 0.9), (5, 8, 0.97)]
    for nodes, services, load in cases:
        described = read(yardstick.scenario_text(yardstick.Model(nodes=nodes, services=services, load=load), requests))
        costs = []
        for _ in range(repeats):
            simulation = build(described)
            actor = described.control.policy.actor(simulation)
            gc.collect()
            gc.freeze()
            seconds, trace = cpu(lambda simulation=simulation, actor=actor: simulation.run(actor))  # type: ignore[misc]
            gc.unfreeze()
            costs.append(1e6 * seconds / trace.events)
        cost = statistics.median(costs)
        base = cost if base is None else base
        hops = sum(link.waits.count for link in trace.links) / (len(trace.latency) * (services + 2))
        print(f"{nodes:4d} nodes, {services:2d} services, load {load:4.2f}: {cost:5.2f} us an event, {cost / base:4.2f}; {hops:.1f} hops a message", flush=True)


DISCIPLINES = ("fifo", "lifo", "random", "priority", "{kind: priority, preemptive: true}", "processor_sharing", "{kind: batch, size: 8, wait: 0 s}")
CROWD = """
name: crowd
requests: {requests}
record: {{spans: none}}
network: {{nodes: [{{name: n, discipline: {discipline}}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 10 ms}}}}}}
deployments: [{{service: s, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s{care}}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: closed, users: 21, think: {{kind: exponential, mean: 10 ms}}}}}}]
"""


def disciplines(repeats: int, requests: int) -> None:
    """Median cost of an event by discipline with about 20 jobs present, and with rules for calls that do not come into play."""
    print("cost of a request with about 20 jobs present, as a ratio to FIFO")
    rules = ", timeout: 1000 s, retry: {retries: 2}, hedge: {after: 1000 s}"
    base: float | None = None
    for discipline, care in [*((d, "") for d in DISCIPLINES), ("fifo", rules)]:
        described = read(CROWD.format(requests=requests, discipline=discipline, care=care))
        costs = []
        for _ in range(repeats):
            seconds, trace = cpu(lambda described=described: simulate(described))  # type: ignore[misc]
            costs.append(1e6 * seconds / requests)
        cost = statistics.median(costs)
        base = cost if base is None else base
        present = trace.stations[0].time_at @ range(len(trace.stations[0].time_at)) / trace.stations[0].window_s
        label = discipline + (", with rules" if care else "")
        events = trace.events / requests
        print(f"{label:42s} {cost:6.2f} us a request, {cost / base:4.2f}; {present:4.1f} jobs present, {events:.1f} events a request", flush=True)


def main() -> None:
    reader = argparse.ArgumentParser(prog="vamappo bench", description=__doc__)
    reader.add_argument("--pairs", type=int, default=5, help="interleaved pairs (default 5)")
    reader.add_argument("--requests", type=int, default=20_000, help="requests a run (default 20000)")
    reader.add_argument("--only", choices=("headline", "peers", "growth", "disciplines", "inference", "decisions"), help="one part of the benchmark")
    chosen = reader.parse_args()
    if chosen.only in (None, "headline"):
        headline(chosen.pairs, chosen.requests)
    if chosen.only in (None, "peers"):
        compare_peers(chosen.pairs, chosen.requests)
    if chosen.only in (None, "growth"):
        growth(max(chosen.pairs // 2, 1), chosen.requests // 4)
    if chosen.only in (None, "disciplines"):
        disciplines(max(chosen.pairs, 1), chosen.requests)
    if chosen.only in (None, "decisions"):
        decisions.rates(max(chosen.pairs // 2, 1), 64, "exact")
        decisions.resets(chosen.requests // 2)
    if chosen.only in (None, "inference"):
        inference(max(chosen.pairs // 2, 1), chosen.requests // 40)


main()
