"""Graphs as others store or make them: topohub names, node-link JSON, GraphML, GML, networkx generators.

Whatever the source, the result is a `Graph`: nodes and edges with the attributes found, nothing repaired yet. What cannot be read as
what it is declared to be is an InputError of one sentence.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.readers import InputError

TOPOHUB = "names look like 'topozoo/Abilene', 'sndlib/germany50' or 'gabriel/25/0'"
ALIASES = {"watts_strogatz": "connected_watts_strogatz", "erdos_renyi": "gnp_random", "grid": "grid_2d"}
KNOWN = (
    *("watts_strogatz", "barabasi_albert", "erdos_renyi", "random_regular", "random_geometric"),
    *("cycle", "path", "star", "complete", "grid"),
)
DEFAULTS: dict[str, dict[str, Any]] = {
    "watts_strogatz": {"k": 4, "p": 0.1},
    "barabasi_albert": {"m": 2},
    "erdos_renyi": {"p": 0.2},
    "random_regular": {"d": 3},
    "random_geometric": {"radius": 0.3},
}


@dataclass(frozen=True)
class Graph:
    """Nodes (key, attributes) and edges (key, key, attributes) in the order of the source."""

    nodes: tuple[tuple[Any, dict[str, Any]], ...]
    edges: tuple[tuple[Any, Any, dict[str, Any]], ...]
    directed: bool = False


def of_networkx(graph: Any) -> Graph:
    """The same as a `Graph`."""
    return Graph(tuple(graph.nodes(data=True)), tuple(graph.edges(data=True)), graph.is_directed())


def from_topohub(name: str) -> Graph:
    """A graph of the topohub package by name, such as topozoo/Abilene or sndlib/germany50."""
    import topohub

    stored = topohub_names()
    if name not in stored:
        near = difflib.get_close_matches(name, stored, 3, 0.75)
        near += [key for key in stored if key.lower().rsplit("/", 1)[-1] == name.lower().rsplit("/", 1)[-1] and key not in near]
        hint = f"did you mean {' or '.join(map(repr, near[:3]))}?" if near else TOPOHUB
        raise InputError(f"topohub has no topology {name!r}; {hint}")
    return of_node_link(topohub.get(name), f"topohub {name}")


def topohub_names() -> list[str]:
    """The names the installed topohub package knows."""
    import importlib.resources

    root = Path(str(importlib.resources.files("topohub"))) / "data"
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.json"))


def from_file(path: Path) -> Graph:
    """The graph in a node-link JSON, GraphML or GML file."""
    readers = {".json": from_json, ".graphml": from_graphml, ".gml": from_gml}
    reader = readers.get(path.suffix.lower())
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if reader is None:
        raise InputError(f"{path}: expected a file ending in .json (node-link), .graphml or .gml")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected text in UTF-8, found other bytes") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return reader(text, str(path))


def from_json(text: str, where: str) -> Graph:
    """The graph in a node-link JSON text."""
    try:
        return of_node_link(json.loads(text), where)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}:{error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise InputError(f"{where}: expected node-link JSON, found lists nested thousands deep") from None


def of_node_link(data: Any, where: str) -> Graph:
    """The graph in networkx's node-link form, its edges under `edges` or `links`; a node without `id` is called by its position."""
    key = "edges" if isinstance(data, dict) and "edges" in data else "links"
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list) or not isinstance(data.get(key), list):
        raise InputError(f"{where}: expected node-link JSON, an object with 'nodes' and 'edges' (or 'links')")
    nodes: dict[Any, dict[str, Any]] = {}
    for i, node in enumerate(data["nodes"]):
        name = node.get("id", i) if isinstance(node, dict) else None
        if not isinstance(name, str | int | float):
            raise InputError(f'{where}: nodes[{i}]: expected an object such as {{"id": "a"}}, text or number, found {shown(node)}')
        if name in nodes:
            raise InputError(f"{where}: nodes[{i}]: the id {name!r} stands twice; give every node its own")
        nodes[name] = {field: value for field, value in node.items() if field != "id"}
    edges = []
    for i, edge in enumerate(data[key]):
        if not isinstance(edge, dict) or "source" not in edge or "target" not in edge:
            raise InputError(f"{where}: every edge needs 'source' and 'target', found {shown(edge)} at {key}[{i}]")
        for end in (edge["source"], edge["target"]):
            if not isinstance(end, str | int | float) or end not in nodes:
                raise InputError(f"{where}: an edge names the node {end!r}, which is not among 'nodes'")
        attributes = {field: value for field, value in edge.items() if field not in ("source", "target", "key")}
        edges.append((edge["source"], edge["target"], attributes))
    return Graph(tuple(nodes.items()), tuple(edges), data.get("directed") is True)


def from_graphml(text: str, where: str) -> Graph:
    """The graph in a GraphML text."""
    import xml.etree.ElementTree as ElementTree

    import networkx

    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{where}:{error.position[0]}: not XML ({str(error).split(':')[0]})") from None
    if local(root.tag) != "graphml":
        raise InputError(f"{where}: expected GraphML, found XML whose root is <{local(root.tag)}>")
    ids = {element.get("id") for element in root.iter() if local(element.tag) == "node"}
    for edge in (element for element in root.iter() if local(element.tag) == "edge"):
        for end in (edge.get("source"), edge.get("target")):
            if end not in ids:  # networkx would add the node in silence
                raise InputError(f"{where}: an edge names the node {end!r}, which is not among the nodes")
    try:
        return of_networkx(networkx.parse_graphml(text))
    except (networkx.NetworkXException, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where}: cannot be read as GraphML ({reason(error)})") from None


def local(tag: str) -> str:
    """An XML tag without its name space."""
    return tag.rsplit("}", 1)[-1]


def from_gml(text: str, where: str) -> Graph:
    """The graph in a GML text; nodes are keyed by id, since labels of the Topology Zoo stand more than once.

    Zoo files list parallel edges without saying `multigraph 1`, which networkx refuses; so it is said for them.
    """
    import networkx

    text = re.sub(r"^\s*multigraph\s+[01]\s*$", "", text, flags=re.MULTILINE)
    text, found = re.subn(r"^(\s*graph\s*\[)", r"\1 multigraph 1 ", text, count=1, flags=re.MULTILINE)
    if not found:
        raise InputError(f"{where}: expected GML, a text with 'graph ['")
    try:
        return of_networkx(networkx.parse_gml(text.split("\n"), label="id"))
    except (networkx.NetworkXException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: cannot be read as GML ({reason(error)})") from None


def generated(name: str, nodes: int | None, seed: int, arguments: Mapping[str, Any]) -> Graph:
    """A graph of one of networkx's generators.

    `name` is one of `KNOWN`, or that of any other generator networkx has, with or without its ending `_graph`; `arguments` are its
    keywords. Where it takes `n` (or is a grid or a star) that comes from `nodes`, where it takes `seed` that is `seed`.
    """
    import networkx

    maker = generator_of(name)
    accepted = keywords_of(maker)
    keywords: dict[str, Any] = {**DEFAULTS.get(name, {}), **sized(name, nodes, accepted), **arguments}
    for key in keywords:
        if key not in accepted:
            raise InputError(f"generate {name}: networkx's generator takes no {key!r} (it takes {', '.join(accepted) or 'nothing'})")
    if "seed" in accepted:
        keywords["seed"] = seed
    try:
        graph = maker(**keywords)
    except Exception as error:  # whatever a generator raises when its arguments do not fit
        raise InputError(f"generate {name}: {reason(error)}") from None
    if not isinstance(graph, networkx.Graph):
        raise InputError(f"generate {name}: networkx's generator makes no graph but {type(graph).__name__}")
    return of_networkx(networkx.convert_node_labels_to_integers(graph))


def keywords_of(maker: Any) -> list[str]:
    """The keywords of a generator that a scenario file may give: not those that take objects or choose another library."""
    import inspect

    parameters = inspect.signature(maker).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ("create_using", "initial_graph", "metric")]


def sized(name: str, nodes: int | None, accepted: list[str]) -> dict[str, int]:
    """The keywords that make a graph of `nodes` nodes: one more than a star has rays; a grid is as square as it can be."""
    if "n" not in accepted:
        return {}
    if nodes is None:
        raise InputError(f"generate {name}: missing 'nodes', the number of nodes")
    if name == "grid":
        rows = max(1, round(nodes**0.5))
        return {"m": rows, "n": math.ceil(nodes / rows)}
    return {"n": nodes - 1 if name == "star" else nodes}


def generator_of(name: str) -> Any:
    """networkx's generator of that name; nothing outside networkx.generators is ever called."""
    import networkx

    base = ALIASES.get(name, name)
    for candidate in (f"{base}_graph", base):
        maker = getattr(networkx, candidate, None)
        if callable(maker) and str(getattr(maker, "__module__", "")).startswith("networkx.generators."):
            return maker
    near = difflib.get_close_matches(name, KNOWN, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(KNOWN)}"
    raise InputError(f"unknown generator {name!r} ({hint})")


def reason(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error) or repr(error)).splitlines()[0]


def shown(value: Any) -> str:
    """A value as JSON, cut to fit into a sentence."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
