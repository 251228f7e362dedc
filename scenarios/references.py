"""References between the parts of a scenario, checked on the raw data so that they are reported beside structural mistakes.

Nothing here may trust a type: what is not what it should be is the schema's to report, and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.fields import MOST
from scenarios.files import Files
from scenarios.link_names import spike_links
from scenarios.node_names import NodeNames
from scenarios.problems import Problem, suggestion

SPREADING = ("slow_down", "freeze", "outage", "link")  # kinds of spikes that a cascade can follow
Location = tuple[str | int, ...]
Found = Iterator[tuple[Location, str]]


def reference_problems(data: dict[str, Any], lines: Any, base: Path) -> list[Problem]:
    """Unknown names, duplicates, cycles, missing deployments, unreadable files."""
    return [lines.problem(place, message) for place, message in Checker(data, base).problems()]


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """(index, mapping) of the mappings in a list."""
    return [(i, item) for i, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[tuple[int, str]]:
    """(index, text) of the texts in a list."""
    return [(i, item) for i, item in enumerate(value) if isinstance(item, str)] if isinstance(value, list) else []


def get(named: dict[str, Any], name: Any) -> dict[str, Any]:
    """The mapping under `name`, an empty one where there is none or the name is no name."""
    return mapping(named.get(name)) if isinstance(name, str) else {}


class Checker:
    """Holds the names that a scenario declares while its references are checked."""

    def __init__(self, data: dict[str, Any], base: Path):
        self.data = data
        self.services = mapping(data.get("services"))
        self.applications = mapping(data.get("applications"))
        self.network = mapping(data.get("network"))
        self.nodes = NodeNames(self.network)
        self.files = Files(base)

    def problems(self) -> Found:
        """Everything wrong."""
        yield from self.nodes.find(self.files)
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
        for node in mapping(mapping(mapping(self.data.get("control")).get("policy")).get("weights")):
            yield from self.nodes.check(("control", "policy", "weights", node), node)
        yield from self.files.checkpoint(("control", "policy"), mapping(self.data.get("control")).get("policy"))
        yield from self.files.columns(self.data, ())
        for name, service in self.services.items():
            yield from self.files.profiles(("services", name, "inference"), mapping(mapping(service).get("inference")))
            for key, variant in mapping(mapping(service).get("variants")).items():
                yield from self.files.profiles(("services", name, "variants", key, "inference"), mapping(mapping(variant).get("inference")))
        yield from self.end()

    def end(self) -> Found:
        for key, what in (("workload", "entry, or no request ever comes"), ("services", "service"), ("applications", "application")):
            if key in self.data and self.data[key] in ([], {}, None):
                yield (key,), f"expected at least one {what}"
        if self.data.get("horizon") is None and self.data.get("requests") is None:
            for _, entry in items(self.data.get("workload")):
                if mapping(entry.get("arrivals")).get("kind") not in ("trace", "times", None):
                    yield (), f"missing key 'horizon' (or 'requests'): the arrivals of {entry.get('name')!r} never end"
                    return

    def duplicates(self, place: Location, value: Any) -> Found:
        seen: set[str] = set()
        for i, item in items(value):
            name = item.get("name")
            if isinstance(name, str):
                if name in seen:
                    yield (*place, i, "name"), f"the name {name!r} stands twice"
                if not name.strip():
                    yield (*place, i, "name"), f"expected a name, got {name!r}"
                seen.add(name)

    def links(self) -> Found:
        by_weight = mapping(self.network.get("routing")).get("by") == "weight"
        for i, link in items(self.network.get("links")):
            for j, end in texts(link.get("between")):
                yield from self.nodes.check(("network", "links", i, "between", j), end)
            if by_weight and link.get("weight") is None:
                yield ("network", "links", i), "missing key 'weight': routing is by weight, which needs one on every link"
        if by_weight and self.nodes.unweighted:
            yield ("network", "routing", "by"), f"links of the topology without a weight: {self.nodes.unweighted}; route by delay or hops"

    def deployments(self) -> Found:
        deployed: set[str] = set()
        there: dict[tuple[str, str, str | None], int] = {}  # which deployment runs this variant of a service on a node
        for i, deployment in items(self.data.get("deployments")):
            place: Location = ("deployments", i)
            service = deployment.get("service")
            yield from self.service((*place, "service"), service)
            yield from self.nodes.check_place((*place, "nodes"), deployment.get("nodes"))
            if not isinstance(service, str):
                continue
            deployed.add(service)
            variants = mapping(get(self.services, service).get("variants"))
            for key, j, variant in ((k, j, v) for k in ("variants", "resident") for j, v in texts(deployment.get(k))):
                if service in self.services and variant not in variants:
                    yield (*place, key, j), f"the service {service!r} has no variant {variant!r}{suggestion(variant, variants)}"
            wanted: list[Any] = [variant for _, variant in texts(deployment.get("variants"))] or list(variants) or [None]
            yield from self.overlaps(place, service, wanted, self.nodes.members(deployment.get("nodes")), there)
        called = {name for app in self.applications.values() for _, call in items(mapping(app).get("calls")) if isinstance(name := call.get("service"), str)}
        for place, load in self.loads():
            if load.get("from") not in ("disk", "nearest"):
                yield from self.nodes.check((*place, "load", "from"), load.get("from"))
        for name in self.services:
            if name in called and name not in deployed:
                yield ("services", name), f"the service {name!r} is called but deployed nowhere; add it under 'deployments'"

    def loads(self) -> Iterator[tuple[Location, dict[str, Any]]]:
        """(location, data) of how models are loaded."""
        for name, service in self.services.items():
            yield ("services", name), mapping(mapping(service).get("load"))
            for variant, described in mapping(mapping(service).get("variants")).items():
                yield ("services", name, "variants", variant), mapping(mapping(described).get("load"))

    def overlaps(self, place: Location, service: str, variants: list[Any], nodes: list[str], there: dict[tuple[str, str, str | None], int]) -> Found:
        """Notes what the deployment runs where; says once where another one does already."""
        said = False
        for node in nodes:
            for variant in variants:
                before = there.setdefault((service, node, variant), int(place[1]))
                if before != place[1] and not said:
                    said = True
                    what = f"the variant {variant!r} of {service!r}" if variant is not None else f"the service {service!r}"
                    yield (*place, "nodes"), f"{what} is already on {node!r} by deployments[{before}]"

    def service(self, place: Location, name: Any) -> Found:
        if isinstance(name, str) and name not in self.services:
            yield place, f"unknown service {name!r}{suggestion(name, self.services)}"

    def application(self, place: Location, application: dict[str, Any]) -> Found:
        calls = items(application.get("calls"))
        yield from self.duplicates((*place, "calls"), application.get("calls"))
        names = [name for _, call in calls if isinstance(name := call.get("name"), str)]
        after: dict[str, list[str]] = {}
        choices: dict[str, float] = {}
        copies = 0
        for i, call in calls:
            here: Location = (*place, "calls", i)
            yield from self.service((*here, "service"), call.get("service"))
            value = call.get("after")
            before = [(None, value)] if isinstance(value, str) else [(k, k) for k in value] if isinstance(value, dict) else texts(value)
            for key, name in before:
                if name not in names:
                    yield (*here, "after", *([] if key is None else [key])), f"unknown call {name!r}{suggestion(name, names)}"
            after[str(call.get("name"))] = [name for _, name in before if name in names]
            if isinstance(call.get("one_of"), str):
                choices[call["one_of"]] = choices.get(call["one_of"], 0.0) + share(call.get("probability", 1.0))
            fan_out = call.get("fan_out", 1)
            yield from self.places_apart((*here, "distinct"), call, fan_out)
            copies += fan_out if isinstance(fan_out, int) and fan_out <= MOST else 0
        cycle = find_cycle(after) if len(after) == len(calls) else None  # two calls of one name are said already
        if cycle:
            yield (*place, "calls"), f"the calls form a cycle: {' -> '.join(cycle)}"
        if copies > MOST:
            yield (*place, "calls"), f"expected at most {MOST:,} copies of calls in all, got {copies:,}"
        for name, total in choices.items():
            if abs(total - 1.0) > 1e-9:
                yield (*place, "calls"), f"the probabilities of the choice {name!r} sum to {total:g}, not to 1"

    def places_apart(self, place: Location, call: dict[str, Any], copies: Any) -> Found:
        """Whether the copies of a call that must be apart have stations enough."""
        if call.get("distinct") is not True or not isinstance(copies, int):
            return
        stations = 0
        for _, deployment in items(self.data.get("deployments")):
            if deployment.get("service") == call.get("service"):
                replicas = deployment.get("replicas", 1)
                stations += len(self.nodes.members(deployment.get("nodes"))) * (replicas if isinstance(replicas, int) else 1)
        if 0 < stations < copies:
            yield place, f"{copies} copies cannot be on different stations: the service {call.get('service')!r} has {stations}"

    def workload(self, place: Location, entry: dict[str, Any]) -> Found:
        name = entry.get("application")
        if isinstance(name, str) and name not in self.applications:
            yield (*place, "application"), f"unknown application {name!r}{suggestion(name, self.applications)}"
        ingress = entry.get("ingress")
        where = mapping(ingress).get("nodes", ingress)
        if isinstance(where, dict) and "one_of" in where:
            yield (*place, "ingress"), "expected a place without one_of: each request enters at one of its nodes anyway"
        if isinstance(ingress, dict) and "nodes" in ingress:
            yield from self.nodes.check_place((*place, "ingress", "nodes"), ingress["nodes"])
            members = self.nodes.members(ingress["nodes"])
            for node in mapping(ingress.get("weights")):
                known = list(self.nodes.check((*place, "ingress", "weights", node), node))
                yield from known
                if not known and members and node not in members:
                    yield (*place, "ingress", "weights", node), f"the node {node!r} is not among the ingress nodes"
        else:
            yield from self.nodes.check_place((*place, "ingress"), ingress)
        arrivals = mapping(entry.get("arrivals"))
        if arrivals.get("kind") == "times" and arrivals.get("at") == []:
            yield (*place, "arrivals", "at"), "expected at least one time"
        yield from self.files.traces((*place, "arrivals"), arrivals)
        if arrivals.get("kind") != "trace" and self.needs_tokens(name):
            yield (*place, "arrivals"), f"the application {name!r} goes by tokens, which only a trace brings"

    def needs_tokens(self, application: Any) -> bool:
        for _, call in items(get(self.applications, application).get("calls")):
            service = get(self.services, call.get("service"))
            for part in (service, *map(mapping, mapping(service.get("variants")).values())):
                columns = [mapping(mapping(part.get("inference")).get(key)).get("column") for key in ("prompt", "output")]
                if mapping(part.get("service_time")).get("kind") == "tokens" or any(columns):
                    return True
        return False

    def spike(self, place: Location, spike: dict[str, Any]) -> Found:
        if "nodes" in spike:
            yield from self.nodes.check_place((*place, "nodes"), spike["nodes"])
        if "links" in spike:
            yield from spike_links(self, (*place, "links"), spike["links"])
        for j, name in texts(spike.get("services")):
            yield from self.service((*place, "services", j), name)
        if spike.get("kind") == "cascade":
            yield from self.cause((*place, "of"), spike)
        yield from self.crowd((*place, "workload"), spike.get("workload"))
        for key, what in (("services", "service"), ("workload", "entry"), ("at", "time")):
            if spike.get(key) == []:
                yield (*place, key), f"expected at least one {what}, or the spike never comes"

    def cause(self, place: Location, spike: dict[str, Any]) -> Found:
        """The entry that a cascade follows: it must be there, and have episodes that can go on to neighbours."""
        name = spike.get("of")
        kinds = {other: entry.get("kind") for _, entry in items(self.data.get("spikes")) if isinstance(other := entry.get("name"), str)}
        if not isinstance(name, str):
            return
        if name not in kinds:
            yield place, f"unknown spike {name!r}{suggestion(name, kinds)}"
        elif kinds[name] not in SPREADING:
            yield place, f"{name!r} is of kind {kinds[name]!r}: only {', '.join(SPREADING[:-1])} and {SPREADING[-1]} go on to neighbours"

    def crowd(self, place: Location, wanted: Any) -> Found:
        """Entries that a flash crowd names: they must be there, and open."""
        entries = {name: entry for _, entry in items(self.data.get("workload")) if isinstance(name := entry.get("name"), str)}
        for where, name in [(place, name) for name in entries] if wanted == "all" else [((*place, j), name) for j, name in texts(wanted)]:
            if name not in entries:
                yield where, f"unknown workload entry {name!r}{suggestion(name, entries)}"
            elif mapping(entries[name].get("arrivals")).get("kind") == "closed":
                yield where, f"the entry {name!r} is a closed loop: nobody comes to it from outside"


def share(value: Any) -> float:
    """A probability as written; NaN where it is not one."""
    from simulator.units import parse

    try:
        return parse(value, "share")
    except ValueError:
        return float("nan")


def find_cycle(after: dict[str, list[str]]) -> list[str] | None:
    """A cycle of names in the order in which they would have to run, the first one again at the end, or None."""
    done: set[str] = set()
    for start in after:
        trail: dict[str, Iterator[str]] = {start: iter(after[start])} if start not in done else {}
        while trail:
            name, left = next(reversed(trail.items()))
            before = next((b for b in left if b not in done), None)
            if before is None:
                done.add(name)
                del trail[name]
            elif before in trail:
                names = list(trail)
                return [before, *names[names.index(before) :][::-1]]
            else:
                trail[before] = iter(after.get(before, []))
    return None
