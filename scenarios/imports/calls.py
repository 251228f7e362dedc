"""A scenario from a call graph: spans of a tracing system, a table of dependencies, or JSON of nodes and edges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from scenarios.imports.fit import fit_lognormal
from scenarios.imports.graphs import Names, PlannedCall, calls_of, calls_of_dependencies, plain_name, service_names
from scenarios.imports.visits import Key, Visit, merged, visits_of
from scenarios.imports.writing import Imported, block, commented, digits, flow, name_for, percent, rounded, scalar, seconds
from scenarios.readers import InputError
from scenarios.readers.dependencies import Dependencies, read_dependencies
from scenarios.readers.spans import SpanFile, read_spans
from scenarios.readers.traces import rows_of

UTILISATION = 0.6  # of the busiest worker pool, which sets the number of workers
FEWEST_WORKERS = 4
REQUESTS = 5_000  # that the horizon is to bring
BANDWIDTH, HOP = "10 Gbit/s", "25 us"
ASSUMED_MEAN, ASSUMED_CV, ASSUMED_RATE = 0.005, 1.0, 20.0  # s, -, requests a second
DATA_FLOW = (
    "calls are data flow: no worker is held while a later call runs, so a caller's own time is put before the calls it makes, even where part of "
    "it came between or after them; what follows a call comes after everything that this one causes"
)


@dataclass(frozen=True)
class Plan:
    """An application of the scenario: its calls, its requests a second, and what was measured of it."""

    name: str
    calls: Sequence[PlannedCall]
    rate: float
    entry: tuple[str, ...]  # nodes where requests enter
    comment: str = ""


def import_calls(
    path: Path,
    out: Path,
    *,
    by: str = "root",
    level: str = "service",
    nodes: int | None = None,
    payload: str = "2 kB",
    shared: str | None = None,
    weights: str = "calls",
) -> Imported:
    """A scenario of the call graph at `path`, to be written to `out`; the format is told from the file.

    Spans: an application for each root operation (`by` "root") or for each first operation called by the root's service ("entry");
    calls are visits of services (`level` "service") or single spans ("operation"). Dependencies: `shared` "each" lets every caller of
    a service call it for itself, "once" makes one call after all its callers (the default of JSON); `weights` "calls" takes them as
    calls of the target for one of the source, "ignore" as nothing. `nodes` are that many equal ones with every service on all of
    them, instead of one a pod, host or service.
    """
    if path.suffix.lower() != ".json" and "TraceID" in rows_of(path)[0]:
        return of_spans(path, read_spans(path), out, by, level, nodes, payload)
    each = shared == "each" if shared is not None else path.suffix.lower() != ".json"
    return of_dependencies(path, read_dependencies(path), out, each, weights == "calls", nodes, payload)


def of_spans(path: Path, spans: SpanFile, out: Path, by: str, level: str, nodes: int | None, payload: str) -> Imported:
    """The scenario of measured spans."""
    roots = [visits_of(tree, level) for tree in spans.trees]
    names = service_names(visit.key for root in roots for visit in sorted(root.all(), key=lambda visit: visit.start))
    times: dict[str, list[float]] = {}
    pods: dict[str, dict[str, None]] = {}  # by name in the scenario
    for root in roots:
        for visit in root.all():
            times.setdefault(names[visit.key], []).append(1e-9 * visit.self_time())
            pods.setdefault(names[visit.key], {})[visit.pod] = None
    fits = {names[key]: fit_lognormal(times[names[key]]) for key in names}
    places = nodes_of(roots)
    hosts = {name: tuple(places[pod] for pod in pods[name]) for name in fits}
    starts = np.array([tree.root.start for tree in spans.trees], dtype=float) * 1e-9
    rate = (len(starts) - 1) / float(starts[-1] - starts[0]) if len(starts) > 1 and starts[-1] > starts[0] else 0.0
    plans = []
    for name, chosen in applications(roots, names, by).items():
        calls = calls_of(merged(chosen), names, str(path))
        share = len(chosen) / len(roots)
        plans.append(Plan(name, calls, (rate or 1.0) * share, hosts[names[chosen[0].key]], durations(chosen)))
    measured = [
        f"{spans.spans:,} spans of {spans.traces:,} traces: {len(roots):,} requests, {len(fits):,} operations of {len({key[0] for key in names}):,} services "
        f"on {len(places):,} pods" + (f"; {spans.orphans:,} spans below a parent that is not in the file are left out" if spans.orphans else ""),
        "the call graph: which operation calls which, one after another or side by side by their times; k of n beside a call that not every caller makes",
        "service times: lognormal, fitted to self times (a span minus the union of the spans below it), with their number and the fit beside each law",
    ]
    if level == "service":
        measured[2] += "; spans below one of the same service belong to it"
    assumed = [
        DATA_FLOW,
        "self times hold what the spans hold: waiting for a worker, and on the caller's side the network; calls are independent of each other",
        "a visit that occurs in only some traces runs with that probability, independently of others, unless exactly one of several always occurs (one_of)",
    ]
    entries = len(applications(roots, names, "entry"))
    if len(plans) == 1 and entries > 1 and by == "root":
        measured.append(f"all requests have one root operation, which calls {entries:,} others first; --by entry makes an application of each")
    if spans.outside:
        measured.append(f"{spans.outside:,} spans reach beyond their parent; only what lies within it is taken from its self time")
    if rate:
        gaps = np.diff(starts)
        cv = digits(float(gaps.std() / gaps.mean()), 3)
        measured.append(f"arrivals: {digits(rate)} requests/s over {seconds(float(starts[-1] - starts[0]))}, interarrival cv {cv}")
        assumed.append("arrivals are a Poisson process of the measured rate")
    else:
        assumed.append("arrivals are a Poisson process of 1 /s: the file's requests do not tell a rate")
    laws = {name: ({"kind": "lognormal", "median": seconds(fit.median), "sigma": float(digits(fit.sigma))}, fit.words()) for name, fit in fits.items()}
    return scenario_of(path, out, laws, {name: fit.mean for name, fit in fits.items()}, plans, hosts, nodes, payload, measured, assumed, "one a pod")


def nodes_of(roots: Sequence[Visit]) -> dict[str, str]:
    """Nodes by pods: called as the pod's service, with a number where it has several."""
    pods: dict[str, dict[str, None]] = {}  # by service
    for root in roots:
        for visit in root.all():
            pods.setdefault(visit.key[0], {})[visit.pod] = None
    names = Names()
    found = {}
    for service, own in pods.items():
        for i, pod in enumerate(own):
            found[pod] = names.new(plain_name(service) if len(own) == 1 else f"{plain_name(service)}-{i}")
    return found


def applications(roots: Sequence[Visit], names: Mapping[Key, str], by: str) -> dict[str, list[Visit]]:
    """Requests by application: by their root operation, or by the first one in another service."""
    found: dict[tuple[Key, ...], list[Visit]] = {}
    for root in roots:
        others = [visit for visit in root.all() if visit.key[0] != root.key[0]] if by == "entry" else []
        key = (root.key, min(others, key=lambda visit: visit.start).key) if others else (root.key,)
        found.setdefault(key, []).append(root)
    taken = Names()
    return {taken.new(names[key[-1]]): chosen for key, chosen in found.items()}


def durations(roots: Sequence[Visit]) -> str:
    """How long the requests took from end to end."""
    values = sorted(1e-9 * (root.end - root.start) for root in roots)
    words = f"measured from end to end, n = {len(values):,}: mean {seconds(sum(values) / len(values))}, median {seconds(median(values))}"
    return words + (f", p90 {seconds(values[math.ceil(0.9 * len(values)) - 1])}" if len(values) >= 10 else "")


def of_dependencies(path: Path, graph: Dependencies, out: Path, each: bool, weights: bool, nodes: int | None, payload: str) -> Imported:
    """The scenario of a call graph without times."""
    graph = renamed(graph)
    roots = graph.roots() or list(graph.services)
    if len(roots) * max(len(graph.calls), 1) > 1_000_000:
        raise InputError(f"{path}: {len(roots):,} services that nobody calls; keep the part you mean")
    plans = []
    taken = Names()
    addresses = dict.fromkeys(host for own in graph.hosts.values() for host in own)
    names = Names()
    host_names = {host: names.new(f"host-{plain_name(host)}") for host in addresses}
    hosts = {service: tuple(host_names[host] for host in graph.hosts[service]) if service in graph.hosts else (service,) for service in graph.services}
    for root in roots:
        calls = calls_of_dependencies(graph, root, each, weights, str(path))
        plans.append(Plan(taken.new(root), calls, ASSUMED_RATE / len(roots), hosts[root]))
    odd = sum(weight != 1.0 for weight in graph.calls.values())
    measured = [f"{len(graph.services):,} services, {len(graph.calls):,} calls between them, {len(roots):,} that nobody calls: an application each"]
    if graph.hosts:
        measured.append(f"{len(addresses):,} hosts (targets that are IP addresses) and which services run on them")
    measured += graph.notes
    assumed = [
        DATA_FLOW,
        f"service times: lognormal, mean {seconds(ASSUMED_MEAN)}, cv {ASSUMED_CV:g}, for all services: the file has no times",
        "the calls that one caller makes run side by side",
        "every caller of a service calls it for itself" if each else "a service that several call is called once, when all its callers are done",
        f"arrivals are a Poisson process, {ASSUMED_RATE:g} requests/s in all",
    ]
    if odd:
        assumed.append(
            "a weight is how many calls of the target one call of the source makes: n copies side by side, below 1 a probability"
            if weights
            else f"weights mean nothing ({odd:,} are not 1)"
        )
    law = ({"kind": "lognormal", "mean": seconds(ASSUMED_MEAN), "cv": ASSUMED_CV}, "")
    means = dict.fromkeys(graph.services, ASSUMED_MEAN)
    where = "as the file says" if graph.hosts else "one a service"
    return scenario_of(path, out, dict.fromkeys(graph.services, law), means, plans, hosts, nodes, payload, measured, assumed, where)


def renamed(graph: Dependencies) -> Dependencies:
    """The graph under names that a scenario can have."""
    names = {key[0]: name for key, name in service_names((service, "") for service in graph.services).items()}
    calls = {(names[source], names[target]): weight for (source, target), weight in graph.calls.items()}
    return Dependencies(tuple(names.values()), calls, {names[service]: own for service, own in graph.hosts.items()}, graph.notes)


def scenario_of(
    path: Path,
    out: Path,
    laws: Mapping[str, tuple[dict[str, Any], str]],
    means: Mapping[str, float],
    plans: Sequence[Plan],
    hosts: Mapping[str, tuple[str, ...]],
    nodes: int | None,
    payload: str,
    measured: list[str],
    assumed: list[str],
    where: str,
) -> Imported:
    """The text: network, services, deployments, applications, workload."""
    work = offered(plans, means)
    own_hub = "switch" if all("switch" not in places for places in hosts.values()) else "network-switch"
    on = {name: places for name, places in hosts.items()} if nodes is None else {name: tuple(f"node-{i}" for i in range(nodes)) for name in hosts}
    load: dict[str, float] = {}
    for name, places in on.items():
        for place in places:
            load[place] = load.get(place, 0.0) + work.get(name, 0.0) / len(places)
    workers = max(FEWEST_WORKERS, math.ceil(max(load.values()) / UTILISATION))
    if nodes is None:
        assumed.append(
            f"nodes: {where}, each {workers} workers (at least {FEWEST_WORKERS}, and a utilisation of at most {percent(UTILISATION)})"
            + (f", joined by a switch: {BANDWIDTH} and {HOP} a link" if len(load) > 1 else "")
        )
    else:
        assumed.append(f"nodes: {nodes} equal ones, every service on all of them, {workers} workers each, {BANDWIDTH} and {HOP} between any two")
    assumed.append(f"every call's input is {payload}, and nothing travels back: the file has no sizes")
    rate = sum(plan.rate for plan in plans)
    body = [
        f"name: {scalar(name_for(out))}",
        f"description: {scalar(f'Call graph of {path.name}')}",
        f"horizon: {seconds(rounded(REQUESTS / rate))}",
        "warm_up: 5 %",
        "seed: 1",
        "network:",
        *network_lines(list(load), workers, own_hub, nodes),
        "services:",
        *(line for name, (law, comment) in laws.items() if name in work for line in commented(f"{scalar(name)}: {flow({'service_time': law})}", comment, "  ")),
        "deployments:",
        *block(f"- {flow({'service': name, 'nodes': list(places) if nodes is None else 'all'})}" for name, places in on.items() if name in work),
        "applications:",
    ]
    for plan in plans:
        body += block(application_lines(plan, payload))
    body.append("workload:")
    for plan in plans:
        entry = {"name": plan.name, "application": plan.name, "ingress": list(plan.entry) if nodes is None else "all"}
        body.append(f"  - {flow({**entry, 'arrivals': {'kind': 'poisson', 'rate': f'{digits(plan.rate)} /s'}})}")
    body.append("control: {policy: least-loaded}")
    return Imported(name_for(out), path, "\n".join(body) + "\n", tuple(measured), tuple(assumed))


def network_lines(places: Sequence[str], workers: int, hub: str, nodes: int | None) -> list[str]:
    """Nodes and links."""
    if nodes is not None and nodes > 1:
        return [
            f"  topology: {{generate: complete, nodes: {nodes}, prefix: node}}",
            f"  node_defaults: {{tier: edge, workers: {workers}}}",
            f"  link_defaults: {{bandwidth: {BANDWIDTH}, propagation: {HOP}}}",
        ]
    lines = ["  nodes:", *(f"    - {flow({'name': place, 'workers': workers})}" for place in places)]
    if len(places) > 1:
        lines += [f"    - {flow({'name': hub})}", "  links:"]
        lines += [f"    - {flow({'between': [place, hub], 'bandwidth': BANDWIDTH, 'propagation': HOP})}" for place in places]
    return lines


def application_lines(plan: Plan, payload: str) -> list[str]:
    """An application and its calls."""
    lines = [*commented(f"{scalar(plan.name)}:", plan.comment), "  calls:"]
    for call in plan.calls:
        keys: dict[str, Any] = {"name": call.name, "service": call.service}
        if call.after:
            keys["after"] = call.after
        if call.one_of:
            keys["one_of"] = call.one_of
        if call.probability < 1.0 or call.one_of:
            keys["probability"] = percent(call.probability)
        if call.fan_out > 1:
            keys["fan_out"] = call.fan_out
        keys["payload"] = payload
        lines += commented(f"- {flow(keys)}", call.comment, "    ")
    return lines


def offered(plans: Sequence[Plan], means: Mapping[str, float]) -> dict[str, float]:
    """Work that comes in for each service [s/s]; predecessors are taken as independent."""
    work: dict[str, float] = {}
    for plan in plans:
        runs: dict[str, float] = {}
        for call in plan.calls:
            reached = 1.0 - math.prod(1.0 - runs[name] for name in call.after) if call.after else 1.0
            runs[call.name] = call.probability * reached
            work[call.service] = work.get(call.service, 0.0) + plan.rate * runs[call.name] * call.fan_out * means[call.service]
    return work
