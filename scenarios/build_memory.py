"""Models in memory, built: which models live on which node, what is resident at the start, and what does not fit anywhere.

A node without `memory` holds whatever runs there, from the start, and so does every node for variants without `memory`: neither costs
anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenarios import schema
from scenarios.build_network import network_parts
from simulator.engine import Environment
from simulator.model import DISK, NEAREST, Model
from simulator.network import Node
from simulator.pool import Pool
from simulator.randomness import Streams
from simulator.residency import Memory
from simulator.source import Draws
from simulator.units import format

Key = tuple[str, str | None, int]  # service, variant, node


@dataclass
class Models:
    """The live models by service, variant and node, and those that are larger than their node's memory."""

    live: dict[Key, Model] = field(default_factory=dict)
    too_large: set[Key] = field(default_factory=set)


def models_of(service: schema.Service, only: tuple[str, ...] | None = None) -> Iterator[tuple[str | None, float, Any]]:
    """(variant's name, bits, how it is loaded) of every model of a service, or of some of its variants."""
    if service.memory is not None:
        yield None, service.memory, service.load
    for name, variant in (service.variants or {}).items():
        if variant.memory is not None and (only is None or name in only):
            yield name, variant.memory, variant.load


def make_models(
    scenario: schema.Scenario, plans: list[schema.Node], nodes: list[Node], places: dict[str, list[tuple[int, Any, Any]]],
    environment: Environment, streams: Streams, files: Any,
) -> Models:  # fmt: skip
    """Live models before their servers; makes the memories of the nodes that have any."""
    models = Models()
    index = {node.name: node.index for node in nodes}
    for name, where in places.items():
        peers: dict[str | None, list[tuple[int, Model | None]]] = {}
        for place, server, only in where:
            capacity = plans[place].memory
            for variant, bits, load in models_of(scenario.services[name], only):
                if capacity is not None and bits > capacity:
                    models.too_large.add((name, variant, place))
                    continue
                model = None
                if capacity is not None:
                    model = make_model(memory_of(nodes[place], plans[place], environment), name, variant, bits, server)
                    set_load(model, load or schema.Load(), index, streams, files)
                    models.live[name, variant, place] = model
                peers.setdefault(variant, []).append((place, model))
        for others in peers.values():
            for place, model in others:
                if model is not None:
                    model.peers = [(node, peer) for node, peer in others if node != place]
    for deployment in scenario.deployments:
        for place in deployment.nodes.members(nodes):
            for variant, _, _ in models_of(scenario.services[deployment.service], deployment.variants):
                model = models.live.get((deployment.service, variant, place))
                if model is not None and (deployment.resident == "all" or variant in deployment.resident):
                    model.memory.hold(model)
    return models


def memory_of(node: Node, plan: schema.Node, environment: Environment) -> Memory:
    """The node's memory, made for its first model."""
    if node.memory is None:
        rate = plan.disk if plan.disk is not None else float("inf")
        node.memory = Memory(environment, node.name, node.index, plan.memory or 0.0, rate)
    return node.memory


def make_model(memory: Memory, service: str, variant: str | None, bits: float, server: Any) -> Model:
    """A model before its server, which from now on tells the memory who leaves."""
    model = Model(memory, service, variant or "", bits, server)
    memory.models.append(model)
    if isinstance(server, Pool):
        server.memory = memory
    else:
        server.pool = memory
        server.plain = False
    return model


def set_load(model: Model, load: schema.Load, index: dict[str, int], streams: Streams, files: Any) -> None:
    """How the model is loaded; the draws of a node's n-th load of a model are its own."""
    key = ("load", model.memory.name, model.service, model.label)
    model.origin = {"disk": DISK, "nearest": NEAREST}.get(load.origin) or index[load.origin]
    model.chunk = load.chunk
    if load.stall is not None:
        law = files.law(load.stall)
        model.stalls, model.mean_stall = Draws(law, streams, (*key, "stall")), law.moments().mean
    if load.time is not None:
        law = files.law(load.time)
        model.times, model.mean_time = Draws(law, streams, (*key, "time")), law.moments().mean


def memory_problems(scenario: schema.Scenario, base: Path) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(location, sentence) of services that fit on no node, and of models that cannot all be resident at the start."""
    if not any(True for service in scenario.services.values() for _ in models_of(service)):
        return
    nodes, _, _ = network_parts(scenario.network, base)
    fits: dict[str, bool] = {}
    start: dict[str, float] = {}
    for i, deployment in enumerate(scenario.deployments):
        service = scenario.services[deployment.service]
        wanted = list(models_of(service, deployment.variants))
        without = service.memory is None if not service.variants else len(wanted) < len(deployment.variants or service.variants)
        for node in (nodes[place] for place in deployment.nodes.members(nodes)):
            there = [(v, bits) for v, bits, _ in wanted if node.memory is None or bits <= node.memory]
            fits[deployment.service] = fits.get(deployment.service, False) or without or bool(there)
            if node.memory is not None:
                held = [bits for v, bits in there if deployment.resident == "all" or v in deployment.resident]
                start[node.name] = start.get(node.name, 0.0) + sum(held)
                if held and start[node.name] > node.memory:
                    need = f"the models resident on {node.name!r} need {size(start[node.name])}, more than its memory of {size(node.memory)}"
                    yield ("deployments", i, "resident"), need
    for name, fit in fits.items():
        if not fit:
            yield ("services", name), f"no node on which {name!r} is deployed has memory enough for it"


def memory_notes(scenario: schema.Scenario, nodes: list[schema.Node], links: list[schema.Link]) -> Iterator[str]:
    """Models that are larger than a node's memory, or than it together, nodes without a disk rate that load from disk, chunks that no buffer takes."""
    instant: dict[str, None] = {}
    together: dict[str, dict[str, float]] = {}  # by node, the models that fit there one at a time
    smallest = min((link.buffer for link in links if link.buffer is not None), default=float("inf"))
    for i, deployment in enumerate(scenario.deployments):
        for variant, bits, load in models_of(scenario.services[deployment.service], deployment.variants):
            what = deployment.service if variant is None else f"{deployment.service}.{variant}"
            for node in (nodes[place] for place in deployment.nodes.members(nodes)):
                if node.memory is None:
                    continue
                if bits <= node.memory:
                    together.setdefault(node.name, {})[what] = bits
                if bits > node.memory:
                    yield f"deployments[{i}]: the model {what!r} ({size(bits)}) does not fit on {node.name!r} ({size(node.memory)}): no candidate there"
                elif load is not None and load.origin != "disk" and min(bits, load.chunk) > smallest:
                    chunk = size(min(bits, load.chunk))
                    yield f"services.{what}: a chunk of {chunk} is larger than the buffer of a link ({size(smallest)}), on which it is never taken whole"
                    break
                elif node.disk is None and (load is None or (load.time is None and load.origin == "disk")) and deployment.resident == ():
                    instant[node.name] = None
    limits = {node.name: node.memory for node in nodes if node.memory is not None}
    crowded = [name for name, models in together.items() if sum(models.values()) > limits[name]]
    if crowded:
        name, models = crowded[0], together[crowded[0]]
        needed = f"{size(sum(models.values()))} of {size(limits[name])}"
        others = f" (nor those of {len(crowded) - 1} more nodes)" if len(crowded) > 1 else ""
        yield f"network: the {len(models)} models of {name!r} do not fit together, {needed}{others}: they take turns, with cold loads"
    for name in instant:
        yield f"network: the node {name!r} has no 'disk' rate: models are read there in no time"


def size(bits: float) -> str:
    """A size for people."""
    gigabytes = bits / 2**33
    return f"{gigabytes:.3g} GiB" if gigabytes >= 0.1 else format(bits, "size")
