"""Which nodes a scenario has and which of them a place means, told from the raw data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scenarios.fields import MOST
from scenarios.problems import suggestion
from scenarios.readers import InputError

if TYPE_CHECKING:
    from scenarios.files import Files

Location = tuple[str | int, ...]


class NodeNames:
    """Tier and groups of every node by its name; nothing is known where a topology or a name cannot be read."""

    def __init__(self, network: dict[str, Any]):
        self.network = network
        self.known: dict[str, tuple[str, tuple[str, ...]]] | None = {}
        self.unweighted = 0  # links of the topology without a weight
        self.ends: set[tuple[str, str]] = set()  # (from, to) of every direction of a link

    def find(self, files: Files) -> Iterator[tuple[Location, str]]:
        """Finds the nodes; yields names that stand twice and what is wrong with the topology."""
        self.known = {}
        topology = self.network.get("topology")
        readable = True
        if topology is not None:
            from scenarios.readers.topologies import Topology, read_topology
            from simulator.descriptions import adapter

            try:
                described = adapter(Topology).validate_python(topology)
                kind = kind_of(self.network.get("node_defaults"))
                read = read_topology(described, files.base)
                self.known = {node.name: kind for node in read.nodes}
                self.unweighted = sum(link.weight is None for link in read.links)
                self.ends |= {pair for link in read.links for pair in ((link.source, link.target), (link.target, link.source))}
            except InputError as error:
                yield ("network", "topology"), str(error)
                readable = False
            except ValueError:
                readable = False  # the schema says what is wrong
        nodes = self.network.get("nodes")
        for i, node in enumerate(nodes if isinstance(nodes, list) else []):
            readable = readable and bool(names_of(node))
            for name in names_of(node):
                if name in self.known:
                    yield ("network", "nodes", i, "name"), f"the name {name!r} stands twice"
                    break
                self.known[name] = kind_of(node)
        if not readable or not self.known:
            self.known = None
        links = self.network.get("links")
        for link in links if isinstance(links, list) else []:
            between = link.get("between") if isinstance(link, dict) else None
            if isinstance(between, list) and len(between) == 2 and all(isinstance(end, str) for end in between):
                self.ends |= {(between[0], between[1])} if link.get("one_way") is True else {(between[0], between[1]), (between[1], between[0])}

    def check(self, place: Location, name: Any) -> Iterator[tuple[Location, str]]:
        """What is wrong with a node's name."""
        if isinstance(name, str) and self.known is not None and name not in self.known:
            yield place, f"unknown node {name!r}{suggestion(name, self.known)}"

    def check_place(self, place: Location, value: Any) -> Iterator[tuple[Location, str]]:
        """What is wrong with a place."""
        if isinstance(value, str) and value != "all":
            yield from self.check(place, value)
        elif isinstance(value, list):
            for i, name in enumerate(value):
                yield from self.check((*place, i), name)
                if isinstance(name, str) and name in value[:i]:
                    yield (*place, i), f"the node {name!r} stands twice"
        elif isinstance(value, dict) and len(value) == 1:
            key, inner = next(iter(value.items()))
            if key == "one_of":
                yield from self.check_place((*place, key), inner)
            elif key in ("tier", "group") and isinstance(inner, str) and self.known is not None and not self.members(value):
                there = {tier for tier, _ in self.known.values()} if key == "tier" else {g for _, groups in self.known.values() for g in groups}
                yield (*place, key), f"no node has the {key} {inner!r}{suggestion(inner, sorted(there))}"

    def members(self, value: Any) -> list[str]:
        """Names of the nodes in a place; none where the place is not one."""
        known = self.known or {}
        if value == "all":
            return list(known)
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [name for name in value if isinstance(name, str)]
        if isinstance(value, dict) and len(value) == 1:
            key, inner = next(iter(value.items()))
            if key == "one_of":
                return self.members(inner)
            if key == "tier":
                return [name for name, (tier, _) in known.items() if tier == inner]
            if key == "group":
                return [name for name, (_, groups) in known.items() if inner in groups]
        return []


def names_of(node: Any) -> list[str]:
    """Names of a node of the file, counted ones written out."""
    name = node.get("name") if isinstance(node, dict) else None
    if not isinstance(name, str) or not name.strip():
        return []
    count = node.get("count")
    counted = isinstance(count, int) and not isinstance(count, bool) and 0 < count <= MOST
    return [f"{name}-{i}" for i in range(count)] if counted else [name]


def kind_of(node: Any) -> tuple[str, tuple[str, ...]]:
    """(tier, groups) of a node as it is written."""
    if not isinstance(node, dict):
        return "edge", ()
    groups = node.get("groups")
    return str(node.get("tier", "edge")), tuple(map(str, groups)) if isinstance(groups, list) else ()
