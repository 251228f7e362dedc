"""Builds the network: what topology files and the scenario's own nodes and links come to, and the live links with their routes."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios import schema
from scenarios.readers.topologies import TopologyData, propagation_from_length, read_topology
from simulator.changing_link import ChangingLink
from simulator.engine import Environment
from simulator.link import Disturbance, Link
from simulator.network import Network, Node
from simulator.randomness import Streams
from simulator.source import LinkColumns
from simulator.spikes import Cascade


@lru_cache(maxsize=16)
def topology_of(topology: Any, base: Path) -> TopologyData:
    """A topology, read once a process."""
    return read_topology(topology, base)


def network_parts(network: schema.Network, base: Path) -> tuple[list[schema.Node], list[schema.Link], tuple[str, ...]]:
    """(nodes, links, notes): those of the topology first, then those of the file itself, counted nodes written out."""
    nodes: list[schema.Node] = []
    links: list[schema.Link] = []
    notes: list[str] = []
    if network.topology is not None:
        data = topology_of(network.topology, base)
        notes += data.notes
        d = network.link_defaults
        given = {field.name: getattr(network.node_defaults, field.name) for field in fields(schema.NodeDefaults)}
        nodes += [schema.Node(n.name, **given) for n in data.nodes]
        for link in data.links:
            propagation = link.propagation if link.propagation is not None else d.propagation
            if propagation is None:
                propagation = propagation_from_length(link.length if link.length is not None else 0.0, d.stretch, d.floor)
            bandwidth = d.bandwidth if d.bandwidth < math.inf or link.bandwidth is None else link.bandwidth
            links.append(schema.Link((link.source, link.target), bandwidth, propagation, d.buffer, d.loss, d.jitter, link.weight))
    for node in network.nodes:
        names = [node.name] if node.count is None else [f"{node.name}-{i}" for i in range(node.count)]
        nodes += [replace(node, name=name, count=None) for name in names]
    links += network.links
    merged = {frozenset(link.between) if not link.one_way else link.between: link for link in reversed(links)}
    if len(merged) < len(links):
        notes.append(f"{len(links) - len(merged)} duplicate links were merged into the first of each pair")
    return nodes, list(reversed(merged.values())), tuple(notes)


def make_node(environment: Environment, plan: schema.Node, index: int, streams: Streams) -> Node:
    """A live node with its own station."""
    node = Node(plan.name, index, plan.tier, plan.groups, plan.workers, plan.speed, plan.power, plan.price)
    node.station = plan.discipline.station(environment, plan.name, index, plan.workers, plan.speed, streams.generator)
    return node


def make_network(environment: Environment, scenario: schema.Scenario, nodes: list[Node], links: list[schema.Link], streams: Streams) -> Network:
    """Live links in both directions, and routes."""
    index = {node.name: node.index for node in nodes}
    columns = LinkColumns(streams)
    live: list[Link] = []
    sources: list[int] = []
    weights: list[float | None] = []
    ends = [pair for link in links for pair in ((link.between,) if link.one_way else (link.between, link.between[::-1]))]
    changing = changing_links(scenario, nodes, [(index[a], index[b]) for a, b in ends])
    for link in links:
        for a, b in (link.between,) if link.one_way else (link.between, link.between[::-1]):
            buffer = link.buffer if link.buffer is not None else math.inf
            name, number = f"{a} -> {b}", len(live)
            if number in changing:
                direction: Link = ChangingLink(environment, name, number, index[a], index[b], link.bandwidth, link.propagation, buffer)
            else:
                direction = Link(environment, name, number, index[b], link.bandwidth, link.propagation, buffer)
            if link.loss > 0 or link.jitter is not None:
                direction.disturb(Disturbance(link.loss, link.jitter, columns, direction.name))
            live.append(direction)
            sources.append(index[a])
            weights.append(link.weight)
    routing = scenario.network.routing
    return Network(nodes, live, sources, routing.by, routing.reference_size, weights)


def changing_links(scenario: schema.Scenario, nodes: list[Node], directions: list[tuple[int, int]]) -> set[int]:
    """Indices of the link directions that some spike may change; the others keep their closed form."""
    changed = {spike.name: set(spike.changes(nodes, directions)) for spike in scenario.spikes if hasattr(spike, "changes")}
    if any(changed.get(spike.of) for spike in scenario.spikes if isinstance(spike, Cascade)):
        return set(range(len(directions)))  # a cascade may go anywhere
    return set().union(*changed.values())
