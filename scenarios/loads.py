"""Offered load: how much work and how many bits a scenario sends to each station and link a second, before it runs.

Requests enter as declared. The calls that become ready at a node spread over the deployments within `hops` of it in proportion to
capacity (workers times speed), variants evenly; batches are full; inputs come from where their senders run, so a policy that keeps
calls together loads links less.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.build import Files, build
from scenarios.schema import Scenario
from simulator.batch import BatchStation
from simulator.callgraph import Application, Vertex

BATCHES = 4000  # drawn to estimate how long the longest of a batch lasts


def offered_loads(scenario: Scenario, base: Path) -> dict[str, Any]:
    """{"requests_per_s", "stations": {name: load}, "links": {name: load}, "bottleneck", "saturates_at"}; loads as shares of capacity."""
    simulation, files = build(scenario, base), Files(base)
    work: dict[str, float] = {}
    bits: dict[int, float] = {}
    rates = {}
    for entry, source in zip(scenario.workload, simulation.sources, strict=False):
        mean = files.arrivals(entry.arrivals).mean_rate()
        rate = mean if math.isfinite(mean) else 0.0  # all requests at one instant have no rate
        rates[entry.name] = rate
        shares = [high - low for low, high in zip([0.0, *source.cumulative[:-1]], source.cumulative, strict=True)]
        ingress = dict(zip(source.ingresses, shares, strict=True))
        add_application(simulation, source.application, rate, ingress, work, bits, scenario.control.hops == "all")
    capacity = {station.name: station.workers * station.speed for station in simulation.stations}
    stations = {name: work.get(name, 0.0) / capacity[name] for name in capacity}
    links = {simulation.links[i].name: flow / simulation.links[i].rate for i, flow in bits.items()}
    everything = {**stations, **links}
    worst = max(everything, key=lambda name: everything[name], default=None)
    busy = everything[worst] if worst is not None else 0.0
    return {
        "requests_per_s": sum(rates.values()),
        "stations": stations,
        "links": links,
        "bottleneck": worst if busy > 0 else None,
        "saturates_at": 1.0 / busy if busy > 0 else None,
    }


def add_application(
    simulation: Any, application: Application, rate: float, ingress: dict[int, float], work: dict[str, float], bits: dict[int, float], anywhere: bool
) -> None:
    """Adds the work and the bits of one workload entry; `anywhere`: every agent has the same candidates."""
    runs = probabilities(application)
    spread: dict[int, list[tuple[Any, float]]] = {}
    for index in application.order():
        vertex = application.vertices[index]
        spread[index] = placement(vertex, {0: 1.0} if anywhere else agents_of(vertex, ingress, spread))
    for vertex in application.vertices:
        calls = rate * runs[vertex.index]
        for candidate, share in spread[vertex.index]:
            stations = getattr(candidate.server, "stations", [candidate.server])
            for station in stations:
                spiked = part_of_batch(vertex, candidate, station, mean_with_spikes(vertex, station.saturation or candidate.mean_work))
                work[station.name] = work.get(station.name, 0.0) + calls * share * spiked / len(stations)
        for before, _, column in vertex.inputs:
            mean = mean_of(application.columns[column].law)
            flow = rate * (runs[vertex.index] if before < 0 else min(runs[before], runs[vertex.index])) * mean
            origins = ingress.items() if before < 0 else [(c.index, s) for c, s in spread[before]]
            add_flow(simulation, origins, [(c.index, s) for c, s in spread[vertex.index]], flow, bits)
        if application.response >= 0 and application.sinks[vertex.index]:
            mean = mean_of(application.columns[application.response].law)
            add_flow(simulation, [(c.index, s) for c, s in spread[vertex.index]], ingress.items(), calls * mean, bits)


def probabilities(application: Application) -> list[float]:
    """Probability that each vertex runs, taking branches as independent of each other."""
    own = [1.0] * len(application.vertices)
    for members, _, low, high in application.random:
        for member in members:
            own[member] = min(high, 1.0) - low
    runs = [0.0] * len(own)
    for index in application.order():
        before = [b for b, _, _ in application.vertices[index].inputs if b >= 0]
        reached = 1.0 - math.prod(1.0 - runs[b] for b in before) if before else 1.0
        runs[index] = own[index] * reached
    return runs


def agents_of(vertex: Vertex, ingress: dict[int, float], spread: dict[int, list[tuple[Any, float]]]) -> dict[int, float]:
    """Share of the calls that become ready at each node: where requests enter, or where the predecessors run, each as often the last."""
    before = [b for b, _, _ in vertex.inputs if b >= 0]
    if not before:
        return ingress
    agents: dict[int, float] = {}
    for b in before:
        for candidate, share in spread[b]:
            agents[candidate.index] = agents.get(candidate.index, 0.0) + share / len(before)
    return agents


def placement(vertex: Vertex, agents: dict[int, float]) -> list[tuple[Any, float]]:
    """(candidate, share of the calls), in proportion to capacity among the candidates of each agent."""
    found: dict[tuple[int, int, int], list[Any]] = {}  # by node, station and variant: the candidates of two agents are different objects
    for agent, part in agents.items():
        if part <= 0.0:
            continue
        candidates = vertex.slots[agent] or vertex.service.find_slots(agent)
        weights = [candidate.server.workers * candidate.server.speed for candidate in candidates]
        if any(weight == math.inf for weight in weights):
            weights = [1.0 if weight == math.inf else 0.0 for weight in weights]
        total = sum(weights)
        for candidate, weight in zip(candidates, weights, strict=True):
            if weight > 0:
                found.setdefault((candidate.index, id(candidate.server), candidate.variant), [candidate, 0.0])[1] += part * weight / total
    return [(candidate, share) for candidate, share in found.values()]


def mean_with_spikes(vertex: Vertex, mean: float) -> float:
    """Mean work with call spikes; their infinite means are left out."""
    for _, spike, _ in vertex.service.spikes:
        law = spike.factor if spike.factor is not None else spike.add
        extra = law.moments().mean
        if math.isfinite(extra):
            mean += spike.probability * (mean * (extra - 1.0) if spike.factor is not None else extra)
    return mean


def part_of_batch(vertex: Vertex, candidate: Any, station: Any, mean: float) -> float:
    """Mean work of a job [s], or its part of a full batch where jobs are served together; `mean` is that of a job alone."""
    if not isinstance(station, BatchStation) or station.duration == "sum":
        return mean
    law = vertex.service.variants[candidate.variant][2]
    if station.duration == "once" or not hasattr(law, "sample"):
        return mean / station.size
    draws = np.asarray(law.sample(np.random.default_rng(0), BATCHES * station.size)).reshape(BATCHES, station.size)
    alone = float(draws.mean())
    return mean / station.size * (float(draws.max(1).mean()) / alone if alone > 0.0 else 1.0)


def mean_of(law: Any) -> float:
    """Mean of a payload law [bits]; 0 where it does not exist."""
    mean = law.moments().mean
    return mean if math.isfinite(mean) else 0.0


def add_flow(simulation: Any, origins: Any, targets: Any, flow: float, bits: dict[int, float]) -> None:
    """Adds `flow` bit/s from origins to targets (index, share) to the links on the way."""
    if flow <= 0.0:
        return
    for origin, share in origins:
        for target, part in targets:
            at = origin
            while at != target:
                link = simulation.towards[at][target]
                if link is None:
                    break
                bits[link.index] = bits.get(link.index, 0.0) + flow * share * part
                at = link.far
