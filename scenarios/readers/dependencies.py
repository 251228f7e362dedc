"""Call graphs without times: which service calls which. A CSV of Source, Target and Weight, or JSON of nodes and edges.

The JSON is that of call graphs drawn from Alibaba's traces: `{"nodes": [...], "edges": [...]}`, nodes as texts or objects with `id`,
`name` or `node`, edges as pairs or objects with `source` and `target`, `from` and `to`, or `um` and `dm` (upstream and downstream
microservice), with `weight` or `time` (how often). In a CSV a target that is an IP address is the host that the source runs on.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.problems import shown
from scenarios.readers import InputError
from scenarios.readers.traces import rows_of

ENDS = (("source", "target"), ("from", "to"), ("um", "dm"))
NAMES = ("id", "name", "node")
CLIENT = "USER"  # how Alibaba's graphs call whoever sends the request


@dataclass(frozen=True)
class Dependencies:
    """Services in the order of the file, weights by (caller, callee), hosts by service, and what was left out."""

    services: tuple[str, ...]
    calls: dict[tuple[str, str], float]
    hosts: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def roots(self) -> list[str]:
        """Services that call and that nobody calls."""
        called = {target for _, target in self.calls}
        calling = {source for source, _ in self.calls}
        return [service for service in self.services if service not in called and service in calling]


def read_dependencies(path: Path) -> Dependencies:
    """The call graph at `path`, a .json file or a CSV. InputError says what to mend; a cycle is named."""
    found = read_json(path) if path.suffix.lower() == ".json" else read_csv(path)
    refuse_cycles(found, path)
    return found


def read_csv(path: Path) -> Dependencies:
    """Rows of Source, Target and perhaps Weight."""
    header, rows = rows_of(path)
    places = {name.lower(): place for place, name in enumerate(header)}
    missing = [name for name in ("Source", "Target") if name.lower() not in places]
    if missing:
        raise InputError(f"{path}:1: expected the columns Source, Target and perhaps Weight, missing {', '.join(missing)}")
    edges = []
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: expected {len(header)} fields, found {len(row)}")
        weight = row[places["weight"]].strip() if "weight" in places else ""
        edges.append((f"{path}:{line}", row[places["source"]].strip(), row[places["target"]].strip(), weight or 1))
    return collected(path, [], edges)


def read_json(path: Path) -> Dependencies:
    """An object of nodes and edges."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected text in UTF-8, found other bytes") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise InputError(f"{path}: expected nodes and edges, found lists nested thousands deep") from None
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list) or not isinstance(data.get("edges"), list):
        raise InputError(f"{path}: expected an object with 'nodes' and 'edges', both lists")
    nodes = [name_of(node, f"{path}: nodes[{i}]") for i, node in enumerate(data["nodes"])]
    known: set[str] = set()
    for name in nodes:
        if name in known:
            raise InputError(f"{path}: the node {name!r} stands twice")
        known.add(name)
    edges = []
    for i, edge in enumerate(data["edges"]):
        where = f"{path}: edges[{i}]"
        source, target, weight = ends_of(edge, where)
        for end in (source, target):
            if end not in known:
                raise InputError(f"{where}: names the node {end!r}, which is not among 'nodes'")
        edges.append((where, source, target, weight))
    return collected(path, nodes, edges)


def name_of(node: Any, where: str) -> str:
    """A node's name."""
    value = next((node[key] for key in NAMES if key in node), None) if isinstance(node, dict) else node
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f'{where}: expected a name, or an object such as {{"id": "cart"}}, got {shown(node)}')
    return str(value).strip()


def ends_of(edge: Any, where: str) -> tuple[str, str, Any]:
    """(caller, callee, weight) of an edge."""
    if isinstance(edge, list) and len(edge) in (2, 3):
        return name_of(edge[0], where), name_of(edge[1], where), edge[2] if len(edge) == 3 else 1
    for source, target in ENDS:
        if isinstance(edge, dict) and source in edge and target in edge:
            return name_of(edge[source], where), name_of(edge[target], where), edge.get("weight", edge.get("time", 1))
    raise InputError(f'{where}: expected {{"source": "a", "target": "b"}} or ["a", "b"], got {shown(edge)}')


def collected(path: Path, nodes: Iterable[str], edges: Iterable[tuple[str, str, str, Any]]) -> Dependencies:
    """Services, calls and hosts; an edge that stands twice has the sum of its weights."""
    services = dict.fromkeys(nodes)
    calls: dict[tuple[str, str], float] = {}
    hosts: dict[str, tuple[str, ...]] = {}
    for where, source, target, text in edges:
        for key, name in (("Source", source), ("Target", target)):
            if not name or not name.isprintable():
                raise InputError(f"{where}: {key}: expected a name, got {name!r}")
        weight = positive(text, where)
        services.setdefault(source)
        if is_address(target):
            hosts[source] = (*hosts.get(source, ()), *([] if target in hosts.get(source, ()) else [target]))
            continue
        services.setdefault(target)
        calls[source, target] = calls.get((source, target), 0.0) + weight
    notes = []
    if len(services) > 1 and CLIENT in services and all(target != CLIENT for _, target in calls):
        calls = {pair: weight for pair, weight in calls.items() if pair[0] != CLIENT}
        del services[CLIENT]
        notes.append(f"{CLIENT} stands for the client; it and its calls are left out")
    linked = {name for pair in calls for name in pair}
    alone = [name for name in services if name not in linked]
    if calls and alone:
        notes.append(f"left out, since they neither call nor are called: {', '.join(alone)}")
        services = dict.fromkeys(name for name in services if name in linked)
    if not services:
        raise InputError(f"{path}: there is no service in it")
    return Dependencies(tuple(services), calls, {name: own for name, own in hosts.items() if name in services}, tuple(notes))


def is_address(name: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def positive(value: Any, where: str) -> float:
    """A weight above 0."""
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"{where}: Weight: expected a number above 0, got {value!r}")
    return number


def refuse_cycles(graph: Dependencies, path: Path) -> None:
    """InputError that names a cycle, where there is one."""
    from scenarios.references import find_cycle

    before: dict[str, list[str]] = {service: [] for service in graph.services}
    for source, target in graph.calls:
        before[target].append(source)
    cycle = find_cycle(before)
    if cycle:
        raise InputError(f"{path}: the calls form a cycle: {' -> '.join(cycle)}; an application is a DAG, so remove one of them")
