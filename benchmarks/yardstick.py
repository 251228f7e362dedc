"""The yardstick: one fixed model of microservices on a ring, written the way SimPy's manual teaches.

An n-node ring with chords (100 Mbit/s, 0.5 to 4 ms), services in a DAG 0 -> 1 -> 2 -> {3, 4, 5} -> 6 -> 7 -> ..., three replicas
of each on 4-worker nodes that all services share, Poisson arrivals at uniform ingresses, lognormal work with 0.5 % Pareto additions,
a lognormal payload on every edge, slow-downs of factor 2 that are read when a service starts, least-loaded placement with ties to the
first. A process a request, branch and message; a Resource a link and a pool of workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import simpy

SIGMA = 0.8  # of a call's work
PAYLOAD = (9.5, 0.6)  # mu and sigma of a payload's bytes
SPIKE = (0.005, 0.02, 2.2)  # probability, minimum [s], shape
BANDWIDTH = 100e6
SLOW = (20.0, 0.2, 1.0, 2.0)  # mean up time [s], least and largest down time [s], factor


class Model:
    """Tables of the model; `nodes`, `services` and `load` make bigger or busier copies."""

    def __init__(self, nodes: int = 5, workers: int = 4, load: float = 0.7, services: int = 8, replicas: int = 3):
        self.nodes, self.workers, self.services = nodes, workers, services
        chord = max(2, round(nodes**0.5))
        if nodes > 5:
            chords = {(i, (i + chord) % nodes) for i in range(0, nodes, 2)}
        else:
            chords = {(0, 2), (1, 3)}
        pairs = {(i, (i + 1) % nodes) for i in range(nodes)} | chords
        self.links = sorted(pairs | {(b, a) for a, b in pairs})
        draws = np.random.default_rng(7)
        self.delay = draws.uniform(0.0005, 0.004, len(self.links)).tolist()
        self.after: list[tuple[int, ...]] = [before(call) for call in range(services)]
        self.edges = [(-1, 0)] + [(first, call) for call in range(services) for first in self.after[call]]
        self.places = [tuple(sorted(map(int, draws.choice(nodes, min(replicas, nodes), replace=False)))) for _ in range(services)]
        self.mean = (draws.uniform(2, 8, services) / 1000).tolist()
        self.rate = load * nodes * workers / (sum(self.mean) * 1.06)
        self.paths = [shortest_paths(nodes, self.links, source) for source in range(nodes)]


def before(call: int) -> tuple[int, ...]:
    """The predecessors of a call."""
    if call == 0:
        return ()
    return (2,) if call in (3, 4, 5) else (3, 4, 5) if call == 6 else (call - 1,)


def shortest_paths(nodes: int, links: list[tuple[int, int]], source: int) -> list[list[int]]:
    """Links of a path with the fewest hops from `source` to every node, neighbours in the order of links."""
    found: dict[int, list[int]] = {source: []}
    frontier = [source]
    for at in frontier:
        for number, (a, b) in enumerate(links):
            if a == at and b not in found:
                found[b] = [*found[at], number]
                frontier.append(b)
    return [found[node] for node in range(nodes)]


def rows(model: Model, requests: int, seed: int) -> Iterator[tuple[float, int, list[float], list[float]]]:
    """(interarrival [s], ingress, work by call [s], bytes by edge) of every request, from one stream a purpose."""
    streams = [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(6)]
    gap, ingress, work, size, coin, jump = streams
    mu = np.log(np.array(model.mean)) - SIGMA**2 / 2
    while requests > 0:
        block = min(4096, requests)
        requests -= block
        drawn = work.lognormal(mu, SIGMA, (block, model.services))
        hit = coin.random(drawn.shape) < SPIKE[0]
        drawn[hit] += SPIKE[1] * (1 + jump.pareto(SPIKE[2], int(hit.sum())))
        gaps = gap.exponential(1 / model.rate, block).tolist()
        entries = ingress.integers(0, model.nodes, block).tolist()
        yield from zip(gaps, entries, drawn.tolist(), size.lognormal(*PAYLOAD, (block, len(model.edges))).tolist(), strict=True)


def slow_downs(model: Model, requests: int) -> Iterator[tuple[float, int, float]]:
    """(wait since the last one ended [s], node, duration [s]) until nearly the end of arrivals."""
    draws, now = np.random.default_rng(99), 0.0
    while True:
        wait, duration = float(draws.exponential(SLOW[0])), float(draws.uniform(SLOW[1], SLOW[2]))
        now += wait + duration
        if now > 0.95 * requests / model.rate:
            return
        yield wait, int(draws.integers(model.nodes)), duration


class World:
    """The model in SimPy's own terms."""

    def __init__(self, model: Model, requests: int, seed: int):
        self.model = model
        self.env = simpy.Environment()
        self.pools = [simpy.Resource(self.env, capacity=model.workers) for _ in range(model.nodes)]
        self.wires = [simpy.Resource(self.env, capacity=1) for _ in model.links]
        self.load = [0] * model.nodes
        self.factor = [1.0] * model.nodes
        self.latency = [0.0] * requests
        self.edge = {ends: number for number, ends in enumerate(model.edges)}
        self.env.process(self.source(rows(model, requests, seed)))
        self.env.process(self.trouble(slow_downs(model, requests)))

    def transfer(self, start: int, end: int, size: float) -> Iterator[Any]:
        """A message travels, link by link."""
        for wire in self.model.paths[start][end]:
            with self.wires[wire].request() as turn:
                yield turn
                yield self.env.timeout(size * 8 / BANDWIDTH)
            yield self.env.timeout(self.model.delay[wire])

    def call(self, number: int, inputs: list[tuple[int, int]], work: list[float], sizes: list[float]) -> Any:
        """Places a call, waits for its inputs and its turn, serves it; returns where."""
        place = min(self.model.places[number], key=self.load.__getitem__)
        self.load[place] += 1
        if len(inputs) == 1:
            sender, origin = inputs[0]
            yield from self.transfer(origin, place, sizes[self.edge[sender, number]])
        else:
            yield self.env.all_of([self.env.process(self.transfer(origin, place, sizes[self.edge[sender, number]])) for sender, origin in inputs])
        with self.pools[place].request() as turn:
            yield turn
            yield self.env.timeout(work[number] * self.factor[place])
        self.load[place] -= 1
        return place

    def request(self, number: int, ingress: int, work: list[float], sizes: list[float]) -> Any:
        """A request runs its calls."""
        arrival, inputs = self.env.now, [(-1, ingress)]
        for call in (0, 1, 2):
            inputs = [(call, (yield from self.call(call, inputs, work, sizes)))]
        branches = {call: self.env.process(self.call(call, inputs, work, sizes)) for call in (3, 4, 5)}
        yield self.env.all_of(branches.values())
        inputs = [(call, branch.value) for call, branch in branches.items()]
        for call in range(6, self.model.services):
            inputs = [(call, (yield from self.call(call, inputs, work, sizes)))]
        self.latency[number] = self.env.now - arrival

    def source(self, drawn: Any) -> Any:
        """Requests arrive."""
        for number, (gap, ingress, work, sizes) in zip(count(), drawn, strict=False):
            yield self.env.timeout(gap)
            self.env.process(self.request(number, ingress, work, sizes))

    def trouble(self, planned: Any) -> Any:
        """Nodes slow down and recover."""
        for wait, node, duration in planned:
            yield self.env.timeout(wait)
            self.factor[node] *= SLOW[3]
            yield self.env.timeout(duration)
            self.factor[node] /= SLOW[3]


def run(model: Model, requests: int, seed: int = 1) -> list[float]:
    """Latencies [s] in order of arrival."""
    world = World(model, requests, seed)
    world.env.run()
    return world.latency


def scenario_text(model: Model, requests: int, spans: str = "none") -> str:
    """The same model as a scenario file."""
    law = "kind: lognormal, median: {median!r} {unit}, sigma: {sigma}"
    delay = {ends: seconds for ends, seconds in zip(model.links, model.delay, strict=True)}
    nodes = "\n".join(f"    - {{name: n{i}, workers: {model.workers}}}" for i in range(model.nodes))
    links = "\n".join(
        f"    - {{between: [n{a}, n{b}], one_way: true, bandwidth: {BANDWIDTH!r} bit/s, propagation: {delay[a, b]!r} s}}" for a, b in model.links
    )
    payload = "{" + law.format(median=float(np.exp(PAYLOAD[0])), unit="B", sigma=PAYLOAD[1]) + "}"
    services = "\n".join(
        f"  s{i}: {{service_time: {{{law.format(median=float(mean * np.exp(-(SIGMA**2) / 2)), unit='s', sigma=SIGMA)}}}}}" for i, mean in enumerate(model.mean)
    )
    deployments = "\n".join(f"  - {{service: s{i}, nodes: [{', '.join(f'n{p}' for p in places)}]}}" for i, places in enumerate(model.places))
    calls = "\n".join(
        f"      - {{name: c{i}, service: s{i}, payload: {payload}, after: [{', '.join(f'c{b}' for b in model.after[i])}]}}" for i in range(model.services)
    )
    return f"""
name: yardstick
requests: {requests}
drain: stop
record: {{spans: {spans}}}
network:
  nodes:
{nodes}
  links:
{links}
  routing: {{by: hops}}
services:
{services}
deployments:
{deployments}
applications:
  app:
    calls:
{calls}
workload:
  - {{name: all, application: app, ingress: all, arrivals: {{kind: poisson, rate: {model.rate!r} /s}}}}
spikes:
  - {{name: jumps, kind: call_spike, services: all, probability: {SPIKE[0]}, add: {{kind: pareto, minimum: {SPIKE[1]} s, shape: {SPIKE[2]}}}}}
  - name: slow
    kind: slow_down
    nodes: {{one_of: all}}
    factor: {SLOW[3]}
    applies: at_start
    up: {{kind: exponential, mean: {SLOW[0]} s}}
    down: {{kind: uniform, low: {SLOW[1]} s, high: {SLOW[2]} s}}
control: {{policy: least-loaded, order: declared}}
"""
