"""Topologies from outside: topohub names, node-link JSON, GraphML, GML, and networkx generators.

| what | read from, without being asked | with an option |
|---|---|---|
| node name | `name`, else `label`, else the id | `name_by: attribute` |
| coordinates [degrees] | `pos` (longitude, latitude), else Latitude and Longitude, latitude and longitude, lat and lon | |
| length of a link | `dist` [km], else the great circle between its ends | `length_by: {attribute: d, unit: m}` |
| bandwidth of a link | `LinkSpeedRaw` [bit/s] | `bandwidth_by: {attribute: capacity, unit: Gbit/s}` |
| propagation of a link | nothing: files do not agree on what `latency` means | `propagation_by: {attribute: latency, unit: ms}` |
| weight of a link | `weight`, where it is above 0 | |

Where a link has no propagation it comes from its length (`geography`). A generator's positions, a unit square, count as degrees: a
square of 111 km. Both directions of a link are alike: parallel links are merged into the first, links of a directed graph are taken
both ways, self-loops are dropped, names that collide get a number. All of that is reported in `notes`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from scenarios.readers import InputError
from scenarios.readers.geography import haversine, propagation_from_length
from scenarios.readers.graphs import Graph, from_file, from_topohub, generated
from simulator import units
from simulator.descriptions import description

__all__ = [
    "Attribute",
    "Topology",
    "TopologyData",
    "TopologyLink",
    "TopologyNode",
    "great_circle",
    "propagation_from_length",
    "read_topology",
]


class Pairs:
    """Marks keyword arguments: a mapping from names to plain values, kept as pairs so that the description can be hashed."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: Any) -> tuple[tuple[str, Any], ...]:
            pairs = dict(value).items() if isinstance(value, dict | tuple) else None
            if pairs is None or not all(isinstance(key, str) and isinstance(item, str | int | float) for key, item in pairs):
                wanted = "expected the generator's keywords such as {m: 2, p: 0.1}"
                raise PydanticCustomError("quantity", "{expected}", {"expected": wanted})
            return tuple((key, item) for key, item in pairs)

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(dict))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "object", "description": "keywords of networkx's generator"}


@description
class Attribute:
    """An attribute of a file's links, and the unit of its numbers; texts that carry their unit, such as '15 ms', need none."""

    attribute: str
    unit: str = ""


@description
class Topology:
    """Where nodes and links come from: exactly one of `topohub`, `file` and `generate`.

    `degree`, `probability` and `radius` are a generator's most usual parameters in words; `parameters` are any others, as networkx
    calls them.
    """

    topohub: str | None = None
    file: str | None = None
    sha256: str | None = None
    name_by: str | None = None
    length_by: Attribute | None = None
    bandwidth_by: Attribute | None = None
    propagation_by: Attribute | None = None
    generate: str | None = None
    nodes: int | None = None
    degree: int | None = None
    probability: float | None = None
    radius: float | None = None
    parameters: Annotated[tuple[tuple[str, Any], ...], Pairs()] = ()
    seed: int = 0
    prefix: str = "n"

    def problem(self) -> str | None:
        given = [name for name in ("topohub", "file", "generate") if getattr(self, name) is not None]
        if len(given) != 1:
            return "a topology needs exactly one of 'topohub', 'file' and 'generate'"
        if self.nodes is not None and self.nodes < 1:
            return f"nodes must be at least 1, got {self.nodes}"
        for key, dimension in (("length_by", "length"), ("bandwidth_by", "rate"), ("propagation_by", "time")):
            wanted: Attribute | None = getattr(self, key)
            if wanted is not None and wanted.unit and wanted.unit not in units.UNITS[dimension]:
                return f"{key}: unknown unit {wanted.unit!r} (one of {', '.join(units.UNITS[dimension])})"
        return None


@dataclass(frozen=True)
class TopologyNode:
    """A node of a topology; coordinates in degrees; `attributes` are the source's own."""

    name: str
    latitude: float | None = None
    longitude: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class TopologyLink:
    """A link of a topology: length [m], bandwidth [bit/s], propagation [s] and weight, None where the source has none."""

    source: str
    target: str
    length: float | None = None
    bandwidth: float | None = None
    propagation: float | None = None
    weight: float | None = None


@dataclass(frozen=True)
class TopologyData:
    """Nodes and links of a topology, and what was repaired on the way."""

    nodes: tuple[TopologyNode, ...]
    links: tuple[TopologyLink, ...]
    notes: tuple[str, ...]


def great_circle(a: TopologyNode, b: TopologyNode) -> float | None:
    """Distance on the globe [m], None where a node has no coordinates."""
    if a.latitude is None or b.latitude is None or a.longitude is None or b.longitude is None:
        return None
    return haversine(a.latitude, a.longitude, b.latitude, b.longitude)


def read_topology(topology: Topology, base: Path) -> TopologyData:
    """The topology described; relative files are sought in `base`. InputError says what to mend."""
    if topology.topohub is not None:
        return of_graph(from_topohub(topology.topohub), f"topohub {topology.topohub}", topology)
    if topology.file is not None:
        path = base / topology.file
        graph = from_file(path)
        if topology.sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != topology.sha256:
            raise InputError(f"{path}: not the file this scenario was made with: its sha256 differs")
        return of_graph(graph, str(path), topology)
    graph = generated(str(topology.generate), topology.nodes, topology.seed, arguments_of(topology))
    return of_graph(graph, f"generate {topology.generate}", topology)


def arguments_of(topology: Topology) -> dict[str, Any]:
    """A generator's keywords as networkx calls them: its degree is `d`, `k` or `m` by the kind of graph."""
    degree = {"random_regular": "d", "barabasi_albert": "m"}.get(str(topology.generate), "k")
    words = {degree: topology.degree, "p": topology.probability, "radius": topology.radius}
    return {**{key: value for key, value in words.items() if value is not None}, **dict(topology.parameters)}


def of_graph(graph: Graph, where: str, topology: Topology) -> TopologyData:
    """Nodes and links of a graph, repaired and reported."""
    if not graph.nodes:
        raise InputError(f"{where}: the topology has no nodes")
    notes: list[str] = []
    nodes = named(graph, where, topology, notes)
    links = joined(graph, nodes, where, topology, notes)
    notes += [f"{where}: {sentence}" for sentence in remarks(list(nodes.values()), links, topology)]
    return TopologyData(tuple(nodes.values()), tuple(links), tuple(notes))


def named(graph: Graph, where: str, topology: Topology, notes: list[str]) -> dict[Any, TopologyNode]:
    """Nodes by key, under names that stand once."""
    nodes: dict[Any, TopologyNode] = {}
    taken: set[str] = set()
    for key, attributes in graph.nodes:
        wanted = name = node_name(key, attributes, where, topology)
        number = 2
        while name in taken:
            name = f"{wanted}-{number}"
            number += 1
        if name != wanted:
            notes.append(f"{where}: the node name {wanted!r} stands twice; the later one is called {name}")
        taken.add(name)
        nodes[key] = TopologyNode(name, *coordinates(attributes), attributes)
    return nodes


def node_name(key: Any, attributes: dict[str, Any], where: str, topology: Topology) -> str:
    """The node's name: the attribute `name_by` where asked for, else its name or label, else its id."""
    if topology.name_by is not None:
        if attributes.get(topology.name_by) in (None, ""):
            have = ", ".join(sorted(map(str, attributes))) or "none"
            raise InputError(f"{where}: node {key!r} has no attribute {topology.name_by!r} (it has {have})")
        return str(attributes[topology.name_by]).strip()
    if topology.generate is not None:
        return f"{topology.prefix}-{key}"
    found = (str(attributes[label]).strip() for label in ("name", "label") if attributes.get(label) is not None)
    return next(filter(None, found), str(key))


def coordinates(attributes: dict[str, Any]) -> tuple[float | None, float | None]:
    """(latitude, longitude) in degrees, (None, None) where there is no such pair."""
    pos = attributes.get("pos")
    pairs = [(attributes.get(a), attributes.get(b)) for a, b in (("Latitude", "Longitude"), ("latitude", "longitude"), ("lat", "lon"))]
    if isinstance(pos, list | tuple) and len(pos) == 2:
        pairs.insert(0, (pos[1], pos[0]))
    for pair in pairs:
        latitude, longitude = map(number, pair)
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 360:
            return latitude, longitude
    return None, None


def number(value: Any) -> float | None:
    """A finite float, or None."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def joined(graph: Graph, nodes: dict[Any, TopologyNode], where: str, topology: Topology, notes: list[str]) -> list[TopologyLink]:
    """One link for each pair of nodes that edges join, in the order of the source."""
    links: dict[frozenset[str], TopologyLink] = {}
    seen: dict[tuple[str, str], int] = {}
    loops = 0
    for a, b, attributes in graph.edges:
        ends = nodes[a], nodes[b]
        pair = ends[0].name, ends[1].name
        if a == b:
            loops += 1
            continue
        seen[pair] = seen.get(pair, 0) + 1
        if frozenset(pair) not in links:
            links[frozenset(pair)] = make_link(ends, attributes, f"{where}: link {pair[0]} - {pair[1]}", topology)
    opposite = sum(pair[::-1] in seen for pair in seen) // 2
    merged = sum(seen.values()) - len(links) - (opposite if graph.directed else 0)
    one_way = len(seen) - 2 * opposite
    if merged:
        notes.append(f"{where}: {merged} parallel links were merged into the first of each pair")
    if graph.directed and one_way:
        notes.append(f"{where}: {one_way} links of this directed graph have no opposite; they are taken both ways")
    if loops:
        notes.append(f"{where}: {loops} links from a node to itself were dropped")
    return list(links.values())


def make_link(ends: tuple[TopologyNode, TopologyNode], attributes: dict[str, Any], where: str, topology: Topology) -> TopologyLink:
    """A link with what its attributes say."""
    length = quantity(attributes, topology.length_by or Attribute("dist", "km"), "length", where)
    bandwidth = quantity(attributes, topology.bandwidth_by or Attribute("LinkSpeedRaw", "bit/s"), "rate", where)
    propagation = quantity(attributes, topology.propagation_by, "time", where) if topology.propagation_by is not None else None
    weight = number(attributes.get("weight"))
    return TopologyLink(
        ends[0].name,
        ends[1].name,
        length if length is not None else great_circle(*ends),
        bandwidth or None,  # a speed of 0 is how some files say that they do not know it
        propagation,
        weight if weight is not None and weight > 0 else None,
    )


def quantity(attributes: dict[str, Any], wanted: Attribute, dimension: str, where: str) -> float | None:
    """The attribute's value in base units, None where it is absent or empty."""
    value = attributes.get(wanted.attribute)
    if value is None or value == "":
        return None
    plain = number(value)
    try:
        return units.parse(f"{value} {wanted.unit}" if plain is not None and not isinstance(value, bool) else value, dimension)
    except ValueError as error:
        raise InputError(f"{where}: attribute {wanted.attribute!r}: {error}, got {value!r}") from None


def remarks(nodes: list[TopologyNode], links: list[TopologyLink], topology: Topology) -> Iterator[str]:
    """What whoever uses the topology should know of it."""
    if topology.nodes is not None and topology.generate is not None and topology.nodes != len(nodes):
        yield f"the generator makes {len(nodes)} nodes, not {topology.nodes}"
    lost = [node.name for node in nodes if node.latitude is None]
    if 0 < len(lost) < len(nodes):
        yield f"{len(lost)} nodes have no coordinates ({', '.join(lost[:3])}{', ...' if len(lost) > 3 else ''})"
    unknown = sum(link.length is None and link.propagation is None for link in links)
    if unknown and topology.generate is None:
        yield f"{unknown} links have neither length nor propagation; unless link_defaults has a propagation they get the floor"
    short = sum(link.length == 0.0 and link.propagation is None for link in links)
    if short:
        yield f"{short} links have length 0; they get the floor"
    parts = components([node.name for node in nodes], links)
    if parts > 1:
        yield f"the map falls into {parts} parts; calls between them are unreachable"


def components(names: Iterable[str], links: Iterable[TopologyLink]) -> int:
    """How many parts the map falls into."""
    import networkx

    graph = networkx.Graph([(link.source, link.target) for link in links])
    graph.add_nodes_from(names)
    return networkx.number_connected_components(graph)
