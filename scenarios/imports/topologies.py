"""A scenario on a topology: edge sites and users as CSV, or node-link JSON (topohub), GraphML, GML.

Where the file says who sends how much (users around sites, topohub's `graph.demands`), requests enter the nodes in that proportion.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.imports.writing import Imported, digits, file_reference, flow, folded, name_for, percent, rounded, scalar, seconds
from scenarios.readers import InputError
from scenarios.readers.geography import propagation_from_length
from scenarios.readers.graphs import from_file
from scenarios.readers.sites import neighbour_links, read_positions, read_sites, users_by_site
from scenarios.readers.topologies import Topology, TopologyData, read_topology

MEAN, CV = 0.020, 1.0  # service time: s, -
WORKERS = 4
UTILISATION = 0.7  # of the node where most requests enter, if it served them alone
BANDWIDTH = "10 Gbit/s"
STRETCH, FLOOR = 1.3, 50e-6  # fibre over great circle; s
REQUESTS = 20_000


def import_topology(
    path: Path,
    out: Path,
    *,
    users: Path | None = None,
    reach: float = 500.0,
    neighbours: int = 3,
    name_by: str | None = None,
) -> Imported:
    """A scenario on the nodes and links at `path`, to be written to `out`.

    A .csv holds sites; then `users` are places of users, each of whom sends to the nearest site within `reach` [m], and every site is
    linked to its `neighbours` nearest ones. Other files hold their links.
    """
    if path.suffix.lower() == ".csv":
        return of_sites(path, out, users, reach, neighbours, name_by)
    if users is not None:
        raise InputError(f"{path}: users go with a .csv of sites, not with a graph")
    return of_graph(path, out, name_by)


def of_sites(path: Path, out: Path, users: Path | None, reach: float, neighbours: int, name_by: str | None) -> Imported:
    """Sites, linked to their neighbours, with users around them."""
    sites = read_sites(path, name_by)
    names = [f"site-{name}" if name[0].isdigit() else name for name in sites.names]
    links = neighbour_links(sites.positions, neighbours)
    measured = [f"{len(names):,} sites and their positions: nodes"]
    assumed = [
        f"links: every site to its {neighbours} nearest ones, and a shortest spanning tree so that all are joined: {len(links):,} links of {BANDWIDTH}",
        f"propagation: the great circle times {STRETCH:g} at two thirds of the speed of light, at least {seconds(FLOOR)}",
    ]
    weights: dict[str, float] = {}
    if users is not None:
        places = read_positions(users)
        counts = users_by_site(sites.positions, places, reach)
        served = int(counts.sum())
        if not served:
            raise InputError(f"{users}: no user has a site within {reach:g} m; raise it with --range, or give the users of these sites")
        weights = {name: int(count) for name, count in zip(names, counts, strict=True) if count}
        measured.append(f"{len(places):,} users of {users.name}: {served:,} have a site within reach, {len(places) - served:,} have none and send nothing")
        measured.append(f"where requests enter: in proportion to the users of each site ({len(weights):,} sites have some)")
        assumed.append(f"a user sends to the nearest site within {reach:g} m")
    else:
        assumed.append("requests enter at all sites alike: no users were given")
    lines = ["  nodes:"]
    lines += [f"    - {flow({'name': name, 'tier': 'edge', 'workers': WORKERS})}" for name in names]
    if links:
        lines.append("  links:")
    for a, b, length in links:
        delay = propagation_from_length(length, STRETCH, FLOOR)
        lines.append(f"    - {flow({'between': [names[a], names[b]], 'bandwidth': BANDWIDTH, 'propagation': seconds(delay)})}  # {length:,.0f} m")
    return scenario_of(path, out, lines, names, weights, measured, assumed)


def of_graph(path: Path, out: Path, name_by: str | None) -> Imported:
    """A topology that the scenario names by its file."""
    described = Topology(file=str(path.resolve()), name_by=name_by)
    data = read_topology(described, Path())
    names = [node.name for node in data.nodes]
    measured = [f"{len(data.nodes):,} nodes and {len(data.links):,} links"]
    weights = demands_of(path, data)
    if weights:
        measured.append(f"where requests enter: in proportion to the demands of graph.demands that begin or end at a node ({len(weights):,} nodes have some)")
    assumed = [] if weights else ["requests enter at all nodes alike: the file has no demands"]
    topology: dict[str, Any] = {"file": file_reference(path, out)}
    if name_by is not None:
        topology["name_by"] = name_by
    defaults: dict[str, Any] = {"stretch": STRETCH, "floor": seconds(FLOOR)}
    known = sum(link.bandwidth is not None for link in data.links)
    if known:
        measured.append(f"the bandwidth of {known:,} links")
    if known < len(data.links):
        assumed.append(f"bandwidth: {len(data.links) - known:,} links " + ("without one are unlimited" if known else f"have {BANDWIDTH}"))
    if not known:
        defaults = {"bandwidth": BANDWIDTH, **defaults}
    located = sum(link.length is not None for link in data.links)
    assumed.append(f"propagation: length times {STRETCH:g} at two thirds of the speed of light, at least {seconds(FLOOR)} ({located:,} links have a length)")
    measured += [note.removeprefix(f"{path.resolve()}: ") for note in data.notes]
    lines = [
        f"  topology: {flow(topology)}",
        f"  node_defaults: {flow({'tier': 'edge', 'workers': WORKERS})}",
        f"  link_defaults: {flow(defaults)}",
    ]
    return scenario_of(path, out, lines, names, weights, measured, assumed)


def demands_of(path: Path, data: TopologyData) -> dict[str, float]:
    """What begins or ends at each node by topohub's `graph.demands` ({source: {target: amount}}, by id); nothing where there are none."""
    if path.suffix.lower() != ".json":
        return {}
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    attributes = content.get("graph")
    demands = attributes.get("demands") if isinstance(attributes, dict) else None
    if not demands:
        return {}
    names = {str(key): node.name for (key, _), node in zip(from_file(path).nodes, data.nodes, strict=True)}
    weights = dict.fromkeys(names.values(), 0.0)
    rows = demands.items() if isinstance(demands, dict) else ()
    for source, row in rows:
        if not isinstance(row, dict):
            raise InputError(f'{path}: graph.demands: expected {{"source": {{"target": 12.5}}}}, got {type(row).__name__} at {source!r}')
        for target, amount in row.items():
            for end in (source, target):
                if end not in names:
                    raise InputError(f"{path}: graph.demands: names the node {end!r}, which is not among 'nodes'")
            if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < float("inf"):
                raise InputError(f"{path}: graph.demands: {source} to {target}: expected an amount from 0 on, got {amount!r}")
            weights[names[source]] += amount
            weights[names[target]] += amount
    return {name: weight for name, weight in weights.items() if weight > 0}


def scenario_of(
    path: Path, out: Path, network: Sequence[str], names: Sequence[str], weights: Mapping[str, float], measured: list[str], assumed: list[str]
) -> Imported:
    """The text: one service everywhere, requests entering by weight."""
    from scenarios.loads import offered_loads
    from scenarios.reading import parse

    most = max(weights.values()) / sum(weights.values()) if weights else 1.0 / len(names)
    rate = UTILISATION * WORKERS / MEAN / most
    spread = offered_loads(parse("\n".join(body_of(path, out, network, weights, rate)), out).scenario, out.parent)["saturates_at"]
    rate = rounded(rate * min(1.0, UTILISATION * spread))
    assumed += [
        f"nodes: {WORKERS} workers each, of speed 1",
        f"service time: lognormal, mean {seconds(MEAN)}, cv {CV:g}; one call a request, on any node within 2 hops of its ingress, 10 kB there and 2 kB back",
        f"arrivals: Poisson, {digits(rate)} requests/s in all: at most {percent(UTILISATION)} utilisation both where most enter ({percent(most)} of all), if "
        f"that node serves its own, and everywhere, if calls spread evenly within 2 hops",
    ]
    return Imported(name_for(out), path, "\n".join(body_of(path, out, network, weights, rate)) + "\n", tuple(measured), tuple(assumed))


def body_of(path: Path, out: Path, network: Sequence[str], weights: Mapping[str, float], rate: float) -> list[str]:
    """The lines of the scenario."""
    ingress = ["    ingress: all"]
    if weights:
        written = folded({name: float(digits(weight, 6)) if weight != int(weight) else int(weight) for name, weight in weights.items()}, "        ")
        ingress = ["    ingress:", "      nodes: all", f"      weights: {written}"]
    return [
        f"name: {scalar(name_for(out))}",
        f"description: {scalar(f'Topology of {path.name}')}",
        f"horizon: {seconds(rounded(REQUESTS / rate))}",
        "warm_up: 10 %",
        "seed: 1",
        "network:",
        *network,
        "services:",
        f"  work: {flow({'service_time': {'kind': 'lognormal', 'mean': seconds(MEAN), 'cv': CV}})}",
        "deployments:",
        "  - {service: work, nodes: all}",
        "applications:",
        "  request:",
        "    response: 2 kB",
        "    calls:",
        "      - {name: work, service: work, payload: 10 kB}",
        "workload:",
        "  - name: requests",
        "    application: request",
        *ingress,
        f"    arrivals: {flow({'kind': 'poisson', 'rate': f'{digits(rate)} /s'})}",
        "control: {policy: shortest-expected-delay, hops: 2}",
    ]
