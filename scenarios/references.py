"""References between the parts of a scenario, checked on the raw data so that they are reported beside structural mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.problems import Problem, path_text, suggestion
from scenarios.readers import InputError

Place = tuple[str | int, ...]


def reference_problems(data: dict[str, Any], lines: Any, base: Path) -> list[Problem]:
    """Unknown names, duplicates, cycles, missing deployments, unreadable files."""
    return [Problem(lines.of(place), path_text(place), message) for place, message in Checker(data, base).problems()]


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """(index, mapping) of the mappings in a list."""
    return [(i, item) for i, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []


class Checker:
    """Holds the names that a scenario declares while its references are checked."""

    def __init__(self, data: dict[str, Any], base: Path):
        self.data = data
        self.base = base
        self.services = mapping(data.get("services"))
        self.applications = mapping(data.get("applications"))
        self.network = mapping(data.get("network"))
        self.tiers: set[str] = set()
        self.groups: set[str] = set()
        self.nodes: list[str] | None = None  # None where they are not known, because a topology cannot be read

    def problems(self) -> Iterator[tuple[Place, str]]:
        """Everything wrong."""
        yield from self.find_nodes()
        yield from self.duplicates(("network", "nodes"), self.network.get("nodes"))
        for key in ("workload", "spikes"):
            yield from self.duplicates((key,), self.data.get(key))
        yield from self.links()
        yield from self.deployments()
        for name, application in self.applications.items():
            yield from self.application(("applications", name), mapping(application))
        for i, entry in items(self.data.get("workload")):
            yield from self.workload(("workload", i), entry)
        for i, spike in items(self.data.get("spikes")):
            yield from self.spike(("spikes", i), spike)
        yield from self.empirical_files(self.data, ())
        if "workload" in self.data and self.data["workload"] == []:
            yield ("workload",), "a scenario needs at least one workload entry"
        if self.data.get("horizon") is None and self.data.get("requests") is None:
            endless = [e.get("name") for _, e in items(self.data.get("workload")) if mapping(e.get("arrivals")).get("kind") not in ("trace", "times")]
            if endless:
                yield (), f"missing key 'horizon' (or 'requests'): the arrivals of {endless[0]!r} never end"

    def find_nodes(self) -> Iterator[tuple[Place, str]]:
        names: list[str] = []
        for _, node in items(self.network.get("nodes")):
            count = node.get("count")
            name = str(node.get("name"))
            names += [f"{name}-{i}" for i in range(count)] if isinstance(count, int) and 0 < count < 100_000 else [name]
            self.note_kind(node)
        topology = self.network.get("topology")
        if topology is not None:
            from scenarios.readers.topologies import Topology, read_topology
            from simulator.descriptions import adapter

            self.note_kind(mapping(self.network.get("node_defaults")))
            try:
                names = [node.name for node in read_topology(adapter(Topology).validate_python(topology), self.base).nodes] + names
            except InputError as error:
                yield ("network", "topology"), str(error)
                return
            except ValueError:
                return  # the schema says what is wrong
        if names:
            self.nodes = names

    def note_kind(self, node: dict[str, Any]) -> None:
        self.tiers.add(str(node.get("tier", "edge")))
        groups = node.get("groups")
        self.groups.update(map(str, groups if isinstance(groups, list) else []))

    def duplicates(self, place: Place, value: Any) -> Iterator[tuple[Place, str]]:
        seen: set[Any] = set()
        for i, item in items(value):
            name = item.get("name")
            if isinstance(name, str) and name in seen:
                yield (*place, i, "name"), f"the name {name!r} stands twice"
            if isinstance(name, str):
                seen.add(name)

    def node(self, place: Place, name: Any) -> Iterator[tuple[Place, str]]:
        if isinstance(name, str) and self.nodes is not None and name not in self.nodes:
            yield place, f"unknown node {name!r}{suggestion(name, self.nodes)}"

    def place(self, place: Place, value: Any) -> Iterator[tuple[Place, str]]:
        if isinstance(value, str) and value != "all":
            yield from self.node(place, value)
        elif isinstance(value, list):
            for i, name in enumerate(value):
                yield from self.node((*place, i), name)
        elif isinstance(value, dict) and len(value) == 1:
            key, inner = next(iter(value.items()))
            known = {"tier": self.tiers, "group": self.groups}.get(key)
            if key == "one_of":
                yield from self.place((*place, key), inner)
            elif known is not None and isinstance(inner, str) and inner not in known:
                yield (*place, key), f"no node has the {key} {inner!r}{suggestion(inner, known)}"

    def links(self) -> Iterator[tuple[Place, str]]:
        for i, link in items(self.network.get("links")):
            ends = link.get("between")
            for j, end in enumerate(ends if isinstance(ends, list) else []):
                yield from self.node(("network", "links", i, "between", j), end)

    def deployments(self) -> Iterator[tuple[Place, str]]:
        deployed = set()
        for i, deployment in items(self.data.get("deployments")):
            place: Place = ("deployments", i)
            service = deployment.get("service")
            deployed.add(service)
            yield from self.service((*place, "service"), service)
            yield from self.place((*place, "nodes"), deployment.get("nodes"))
            variants = mapping(mapping(self.services.get(service)).get("variants")) if isinstance(service, str) else {}
            for j, variant in enumerate(deployment.get("variants") or []):
                if service in self.services and variant not in variants:
                    yield (*place, "variants", j), f"the service {service!r} has no variant {variant!r}{suggestion(variant, variants)}"
        called = {call.get("service") for app in self.applications.values() for _, call in items(mapping(app).get("calls"))}
        for name in self.services:
            if name in called and name not in deployed:
                yield ("services", name), f"the service {name!r} is called but deployed nowhere; add it under 'deployments'"

    def service(self, place: Place, name: Any) -> Iterator[tuple[Place, str]]:
        if isinstance(name, str) and name not in self.services:
            yield place, f"unknown service {name!r}{suggestion(name, self.services)}"

    def application(self, place: Place, application: dict[str, Any]) -> Iterator[tuple[Place, str]]:
        calls = items(application.get("calls"))
        yield from self.duplicates((*place, "calls"), application.get("calls"))
        names = [call.get("name") for _, call in calls]
        after: dict[str, list[str]] = {}
        choices: dict[str, float] = {}
        for i, call in calls:
            here: Place = (*place, "calls", i)
            yield from self.service((*here, "service"), call.get("service"))
            value = call.get("after")
            before = [value] if isinstance(value, str) else list(value) if isinstance(value, list | dict) else []
            for j, name in enumerate(before):
                if name not in names:
                    yield (*here, "after", name if isinstance(value, dict) else j), f"unknown call {name!r}{suggestion(name, names)}"
            after[str(call.get("name"))] = [name for name in before if name in names]
            if call.get("one_of") is not None:
                choices[str(call["one_of"])] = choices.get(str(call["one_of"]), 0.0) + share(call.get("probability", 1.0))
        cycle = find_cycle(after) if len(after) == len(calls) else None
        if cycle:
            yield (*place, "calls"), f"the calls form a cycle: {' -> '.join(cycle)}"
        for name, total in choices.items():
            if abs(total - 1.0) > 1e-9 and total == total:
                yield (*place, "calls"), f"the probabilities of the choice {name!r} sum to {total:g}, not to 1"

    def workload(self, place: Place, entry: dict[str, Any]) -> Iterator[tuple[Place, str]]:
        name = entry.get("application")
        if isinstance(name, str) and name not in self.applications:
            yield (*place, "application"), f"unknown application {name!r}{suggestion(name, self.applications)}"
        ingress = entry.get("ingress")
        if isinstance(ingress, dict) and "nodes" in ingress:
            yield from self.place((*place, "ingress", "nodes"), ingress["nodes"])
            for node in mapping(ingress.get("weights")):
                yield from self.node((*place, "ingress", "weights", node), node)
        else:
            yield from self.place((*place, "ingress"), ingress)
        arrivals = mapping(entry.get("arrivals"))
        if arrivals.get("kind") == "trace":
            yield from self.trace((*place, "arrivals"), arrivals)
        elif self.needs_tokens(name):
            yield (*place, "arrivals"), f"the application {name!r} has service times by tokens, which only a trace brings"

    def needs_tokens(self, application: Any) -> bool:
        for _, call in items(mapping(self.applications.get(str(application))).get("calls")):
            service = mapping(self.services.get(str(call.get("service"))))
            laws = [service.get("service_time"), *(mapping(v).get("service_time") for v in mapping(service.get("variants")).values())]
            if any(mapping(law).get("kind") == "tokens" for law in laws):
                return True
        return False

    def trace(self, place: Place, arrivals: dict[str, Any]) -> Iterator[tuple[Place, str]]:
        from scenarios.readers.traces import COLUMNS, read_trace

        file, format = arrivals.get("file"), arrivals.get("format")
        if isinstance(file, str) and format in COLUMNS:
            try:
                read_trace(self.base / file, str(format))
            except InputError as error:
                yield (*place, "file"), str(error)
                return
            yield from self.same_bytes(place, arrivals)

    def same_bytes(self, place: Place, holder: dict[str, Any]) -> Iterator[tuple[Place, str]]:
        from scenarios.load import digest

        path = self.base / str(holder.get("file"))
        if holder.get("sha256") is not None and digest(path) != holder["sha256"]:
            yield (*place, "sha256"), f"the file {path} is not the one this scenario was made with: its sha256 differs"

    def empirical_files(self, value: Any, place: Place) -> Iterator[tuple[Place, str]]:
        from scenarios.readers.traces import read_column

        if isinstance(value, dict):
            if value.get("kind") == "empirical" and isinstance(value.get("file"), str):
                try:
                    read_column(self.base / value["file"], value.get("column"))
                except InputError as error:
                    yield (*place, "file"), str(error)
                    return
                yield from self.same_bytes(place, value)
            for key, inner in value.items():
                yield from self.empirical_files(inner, (*place, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                yield from self.empirical_files(inner, (*place, i))

    def spike(self, place: Place, spike: dict[str, Any]) -> Iterator[tuple[Place, str]]:
        if "nodes" in spike:
            yield from self.place((*place, "nodes"), spike["nodes"])
        services = spike.get("services")
        for j, name in enumerate(services if isinstance(services, list) else []):
            yield from self.service((*place, "services", j), name)


def share(value: Any) -> float:
    """A probability as written; NaN where it is not one."""
    from simulator.units import parse

    try:
        return parse(value, "share")
    except ValueError:
        return float("nan")


def find_cycle(after: dict[str, list[str]]) -> list[str] | None:
    """A cycle of names, the first one again at the end, or None."""
    state: dict[str, int] = {}

    def visit(name: str, trail: list[str]) -> list[str] | None:
        state[name] = 1
        for before in after.get(name, []):
            if state.get(before) == 1:
                cycle = [*trail[trail.index(before) :], before]
                return cycle[::-1]
            if before not in state and (found := visit(before, [*trail, before])):
                return found
        state[name] = 2
        return None

    for name in after:
        if name not in state and (found := visit(name, [name])):
            return found
    return None
