"""Topologies from outside: topohub names, node-link JSON, GraphML, GML, and networkx generators.

Where a file has no latency it comes from geography: length * stretch / (two thirds of the speed of light), at least `floor`;
the length is the link's `dist` [km] or the great circle between its ends. Parallel links are merged into the first, self-loops are
dropped, names that collide get a number; all of that is reported in `notes`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.readers import InputError
from simulator.descriptions import description

FIBRE = 2.0 / 3.0 * 299_792_458.0  # m/s
EARTH = 6_371_000.0  # m


@description
class Topology:
    """Where nodes and links come from: exactly one of `topohub`, `file` and `generate`."""

    topohub: str | None = None
    file: str | None = None
    sha256: str | None = None
    name_by: str | None = None
    generate: str | None = None
    nodes: int | None = None
    degree: int | None = None
    probability: float | None = None
    radius: float | None = None
    seed: int = 0
    prefix: str = "n"

    def problem(self) -> str | None:
        given = [name for name in ("topohub", "file", "generate") if getattr(self, name) is not None]
        if len(given) != 1:
            return "a topology needs exactly one of 'topohub', 'file' and 'generate'"
        if self.generate is not None and (self.nodes is None or self.nodes < 1):
            return "'generate' needs 'nodes', at least 1"
        return None


@dataclass(frozen=True)
class TopologyNode:
    """A node of a topology; coordinates in degrees."""

    name: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class TopologyLink:
    """A link of a topology: length [m] and bandwidth [bit/s] where the file has them."""

    source: str
    target: str
    length: float | None = None
    bandwidth: float | None = None


@dataclass(frozen=True)
class TopologyData:
    """Nodes and links of a topology, and what was repaired on the way."""

    nodes: tuple[TopologyNode, ...]
    links: tuple[TopologyLink, ...]
    notes: tuple[str, ...]


def propagation_from_length(length: float, stretch: float, floor: float) -> float:
    """Propagation delay [s] of a fibre of `length` [m] between the ends, laid `stretch` times as long, at least `floor` [s]."""
    return max(length * stretch / FIBRE, floor)


def great_circle(a: TopologyNode, b: TopologyNode) -> float | None:
    """Distance on the globe [m] by the haversine formula, None without coordinates."""
    if a.latitude is None or b.latitude is None or a.longitude is None or b.longitude is None:
        return None
    p, q = math.radians(a.latitude), math.radians(b.latitude)
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(h, 1.0)))


def read_topology(topology: Topology, base: Path) -> TopologyData:
    """The topology described; relative files are sought in `base`. InputError says what to mend."""
    if topology.topohub is not None:
        return of_graph(from_topohub(topology.topohub), f"topohub {topology.topohub}", topology)
    if topology.file is not None:
        path = base / topology.file
        return of_graph(from_file(path), str(path), topology)
    return of_graph(generated(topology), f"generate {topology.generate}", topology)


def from_topohub(name: str) -> Any:
    """A graph of the topohub package by name, such as topozoo/Abilene or sndlib/germany50."""
    import networkx
    import topohub

    try:
        return networkx.node_link_graph(topohub.get(name), edges="edges")
    except (KeyError, FileNotFoundError, OSError, ValueError):
        raise InputError(f"topohub has no topology {name!r}; names look like 'topozoo/Abilene', 'sndlib/germany50' or 'gabriel/25/0'") from None


def from_file(path: Path) -> Any:
    """The graph in a node-link JSON, GraphML or GML file."""
    import networkx

    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            return from_node_link(path)
        if suffix == ".graphml":
            return networkx.read_graphml(path)
        if suffix == ".gml":
            return networkx.read_gml(path, label="id")
    except InputError:
        raise
    except Exception as error:  # networkx's readers raise whatever their parsers raise
        raise InputError(f"{path}: cannot be read as {suffix.removeprefix('.').upper()} ({str(error).splitlines()[0] if str(error) else error!r})") from None
    raise InputError(f"{path}: expected a file ending in .json (node-link), .graphml or .gml")


def from_node_link(path: Path) -> Any:
    """The graph in a node-link JSON file."""
    import networkx

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected JSON in UTF-8, found other bytes") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    key = "edges" if isinstance(data, dict) and "edges" in data else "links"
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list) or not isinstance(data.get(key), list):
        raise InputError(f"{path}: expected node-link JSON, an object with 'nodes' and 'edges' (or 'links')")
    names = {node.get("id") for node in data["nodes"] if isinstance(node, dict)}
    for edge in data[key]:
        if not isinstance(edge, dict) or "source" not in edge or "target" not in edge:
            raise InputError(f"{path}: every edge needs 'source' and 'target', found {edge!r}")
        for end in (edge["source"], edge["target"]):
            if end not in names:
                raise InputError(f"{path}: an edge names the node {end!r}, which is not among 'nodes'")
    return networkx.node_link_graph({"directed": False, "multigraph": False, **data}, edges=key)


def generated(topology: Topology) -> Any:
    """A graph of one of networkx's generators."""
    import networkx

    n, seed = topology.nodes or 1, topology.seed
    degree, probability = topology.degree, topology.probability
    makers = {
        "watts_strogatz": lambda: networkx.connected_watts_strogatz_graph(n, degree or 4, 0.1 if probability is None else probability, seed=seed),
        "barabasi_albert": lambda: networkx.barabasi_albert_graph(n, degree or 2, seed=seed),
        "erdos_renyi": lambda: networkx.gnp_random_graph(n, 0.2 if probability is None else probability, seed=seed),
        "random_regular": lambda: networkx.random_regular_graph(degree or 3, n, seed=seed),
        "random_geometric": lambda: networkx.random_geometric_graph(n, topology.radius or 0.3, seed=seed),
        "cycle": lambda: networkx.cycle_graph(n),
        "path": lambda: networkx.path_graph(n),
        "star": lambda: networkx.star_graph(n - 1),
        "complete": lambda: networkx.complete_graph(n),
        "grid": lambda: networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(max(1, round(n**0.5)), math.ceil(n / max(1, round(n**0.5))))),
    }
    if topology.generate not in makers:
        raise InputError(f"unknown generator {topology.generate!r} (one of {', '.join(makers)})")
    try:
        return makers[topology.generate]()
    except networkx.NetworkXException as error:
        raise InputError(f"generate {topology.generate}: {error}") from None


def of_graph(graph: Any, where: str, topology: Topology) -> TopologyData:
    """Nodes and links of a networkx graph, repaired and reported."""
    if graph.number_of_nodes() == 0:
        raise InputError(f"{where}: the topology has no nodes")
    notes: list[str] = []
    nodes: dict[Any, TopologyNode] = {}
    taken: dict[str, int] = {}
    for key, attributes in graph.nodes(data=True):
        name = node_name(key, attributes, where, topology)
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            notes.append(f"{where}: the node name {name!r} stands twice; the later one is called {name}-{taken[name]}")
            name = f"{name}-{taken[name]}"
        nodes[key] = TopologyNode(name, *coordinates(attributes))
    links: dict[tuple[str, str], TopologyLink] = {}
    merged = loops = 0
    for a, b, attributes in graph.edges(data=True):
        pair = (nodes[a].name, nodes[b].name)
        if a == b:
            loops += 1
        elif pair in links or pair[::-1] in links:
            merged += 1
        else:
            dist = number(attributes.get("dist"))
            length = 1000.0 * dist if dist is not None else great_circle(nodes[a], nodes[b])
            links[pair] = TopologyLink(*pair, length, number(attributes.get("LinkSpeedRaw")))
    if merged:
        notes.append(f"{where}: {merged} parallel links were merged into the first of each pair")
    if loops:
        notes.append(f"{where}: {loops} links from a node to itself were dropped")
    short = sum(link.length == 0.0 for link in links.values())
    if short:
        notes.append(f"{where}: {short} links have length 0; they get the floor")
    parts = components(nodes.values(), links)
    if parts > 1:
        notes.append(f"{where}: the map falls into {parts} parts; calls between them are unreachable")
    return TopologyData(tuple(nodes.values()), tuple(links.values()), tuple(notes))


def node_name(key: Any, attributes: dict[str, Any], where: str, topology: Topology) -> str:
    """The node's name: the attribute `name_by` where asked for, else its label, else its id."""
    if topology.name_by is not None:
        if topology.name_by not in attributes:
            have = ", ".join(sorted(map(str, attributes))) or "none"
            raise InputError(f"{where}: node {key!r} has no attribute {topology.name_by!r} (it has {have})")
        return str(attributes[topology.name_by])
    if topology.generate is not None:
        return f"{topology.prefix}-{key}"
    return str(attributes.get("name", attributes.get("label", key)))


def coordinates(attributes: dict[str, Any]) -> tuple[float | None, float | None]:
    """(latitude, longitude) from `pos` (lon, lat) or Latitude and Longitude."""
    pos = attributes.get("pos")
    if isinstance(pos, list | tuple) and len(pos) == 2:
        return number(pos[1]), number(pos[0])
    return number(attributes.get("Latitude", attributes.get("latitude"))), number(attributes.get("Longitude", attributes.get("longitude")))


def number(value: Any) -> float | None:
    """A finite float, or None."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def components(nodes: Any, links: dict[tuple[str, str], TopologyLink]) -> int:
    """How many parts the map falls into."""
    import networkx

    graph = networkx.Graph(links.keys())
    graph.add_nodes_from(node.name for node in nodes)
    return networkx.number_connected_components(graph)
