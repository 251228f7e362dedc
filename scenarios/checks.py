"""What can be told about a scenario before it runs: infinite moments, repaired topologies, services out of reach, dropped rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.build_inference import inference_notes, inferences
from scenarios.build_memory import memory_notes
from scenarios.build_network import network_parts
from scenarios.idle_settings import idle_settings
from scenarios.inputs import input_notes
from scenarios.problems import path_text
from scenarios.schema import Scenario
from simulator.closed import Closed
from simulator.energy import no_limit

FACTORS = {"slow_down": "speed is divided", "link": "bandwidth is divided", "flash_crowd": "requests are multiplied"}  # what factors do


def warnings_of(scenario: Scenario, base: Path) -> Iterator[str]:
    """Sentences on infinite moments, repaired topologies, requests that no path leads anywhere, and rows of traces left out."""
    for place, law, role in laws_of(scenario):
        said = moment_warning(law, role)
        if said is not None:
            yield f"{named_path(scenario, place)}: {said}"
    nodes, links, notes = network_parts(scenario.network, base)
    yield from (f"network: {note}" for note in notes)
    yield from unreachable(scenario, nodes, links)
    yield from idle_settings(scenario, nodes)
    yield from memory_notes(scenario, nodes, links)
    yield from inference_notes(scenario, nodes, base)
    yield from input_notes(scenario, base)
    for entry in scenario.workload:
        if isinstance(entry.arrivals, Closed):
            yield f"workload.{entry.name}: a closed loop, whose rate follows from what is served: offered loads leave it out"


def moment_warning(law: Any, role: str) -> str | None:
    """What does not converge because a moment of the law is infinite; under FIFO a service index a gives waits the index a - 1."""
    if not hasattr(law, "moments") or getattr(law, "file", None) is not None:
        return None
    moments = law.moments()
    index = moments.tail_index
    known = f" (tail index {index:g})" if math.isfinite(index) else ""
    if moments.mean == math.inf:
        return f"the mean is infinite{known}: nothing that depends on it converges; read quantiles"
    if index <= 2.0 or moments.variance == math.inf:
        why = "under FIFO the mean wait does not converge" if role == "service" else "means converge slowly"
        return f"the variance is infinite{known}: {why}; read quantiles"
    if role == "service" and index <= 3.0:
        return f"the third moment is infinite{known}: means of waits converge slower than any interval says; read quantiles"
    return None


def unreachable(scenario: Scenario, nodes: list[Any], links: list[Any]) -> Iterator[str]:
    """Where requests enter a part of the network in which a service they call runs nowhere."""
    part = list(range(len(nodes)))  # by node, the first node of its part (union-find)
    index = {node.name: i for i, node in enumerate(nodes)}

    def root(i: int) -> int:
        while part[i] != i:
            part[i] = part[part[i]]
            i = part[i]
        return i

    for link in links:
        a, b = (root(index[end]) for end in link.between)
        part[max(a, b)] = min(a, b)
    served: dict[str, set[int]] = {}
    for deployment in scenario.deployments:
        served.setdefault(deployment.service, set()).update(root(i) for i in deployment.nodes.members(nodes))
    for entry in scenario.workload:
        entered = {root(i): nodes[i].name for i in reversed(entry.ingress.nodes.members(nodes))}
        for service in dict.fromkeys(call.service for call in scenario.applications[entry.application].calls):
            for cut_off in [name for part_, name in entered.items() if part_ not in served.get(service, ())][:1]:
                yield f"workload.{entry.name}: no path leads from {cut_off!r} to a node that runs {service!r}: requests there end unreachable"


def named_path(scenario: Scenario, place: tuple[str | int, ...]) -> str:
    """The location as a path that addresses list items by name, as `--set` takes it."""
    parts: list[str | int] = []
    at: Any = scenario
    for part in place:
        at = at[part] if isinstance(at, dict) or isinstance(part, int) else getattr(at, part)
        parts.append(getattr(at, "name", part) if isinstance(part, int) else part)
    return path_text(parts)


def law_problems(scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(location, sentence) of laws that 64-bit numbers cannot compute with, and of slow-downs that would speed up."""
    for where, law, _ in laws_of(scenario):
        try:
            mean = law.moments().mean if hasattr(law, "moments") else math.nan
        except (OverflowError, ZeroDivisionError):
            yield where, "the parameters are too extreme: the moments cannot be computed"
            continue
        if where[0] == "spikes" and where[-1] == "factor" and mean < 1.0:
            why = FACTORS.get(scenario.spikes[int(where[1])].kind)
            if why is not None:
                yield where, f"the {why} by the factor, so its mean must be at least 1, got {mean:g}"


def power_problems(scenario: Scenario, base: Path) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(location, sentence) of deployments whose unlimited workers stand on a node with a power."""
    if not any(deployment.workers == math.inf for deployment in scenario.deployments):
        return
    nodes, _, _ = network_parts(scenario.network, base)
    for i, deployment in enumerate(scenario.deployments):
        said = [said for place in deployment.nodes.members(nodes) if (said := no_limit(nodes[place].power, deployment.workers)) is not None]
        if said:
            yield ("deployments", i, "workers"), said[0]


def laws_of(scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], Any, str]]:
    """(location, law, role) of every law whose moments matter."""
    for name, service in scenario.services.items():
        if service.service_time is not None:
            yield ("services", name, "service_time"), service.service_time, "service"
        for key, variant in (service.variants or {}).items():
            if variant.service_time is not None:
                yield ("services", name, "variants", key, "service_time"), variant.service_time, "service"
    for name, app in scenario.applications.items():
        for i, call in enumerate(app.calls):
            here = ("applications", name, "calls", i)
            if call.payload is not None:
                yield (*here, "payload"), call.payload, "service"
            for before, law in call.after.items():
                if law is not None:
                    yield (*here, "after", before), law, "service"
        if app.response is not None:
            yield ("applications", name, "response"), app.response, "service"
    yield from token_laws(scenario)
    for name, service in scenario.services.items():
        for place, load in load_places(name, service):
            for key in ("stall", "time"):
                if getattr(load, key) is not None:
                    yield (*place, "load", key), getattr(load, key), "other"
    for i, link in enumerate(scenario.network.links):
        if link.jitter is not None:
            yield ("network", "links", i, "jitter"), link.jitter, "other"
    if scenario.network.link_defaults.jitter is not None:
        yield ("network", "link_defaults", "jitter"), scenario.network.link_defaults.jitter, "other"
    for i, spike in enumerate(scenario.spikes):
        for key in ("factor", "add", "propagation"):
            law = getattr(spike, key, None)
            if law is not None:
                yield ("spikes", i, key), law, "service" if spike.kind == "call_spike" else "other"


def token_laws(scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], Any, str]]:
    """The laws of prompts and outputs."""
    for name, service in scenario.services.items():
        for variant, settings in inferences(service).items():
            where = ("services", name, *(() if variant is None else ("variants", variant)), "inference")
            yield (*where, "prompt"), settings.prompt, "service"
            yield (*where, "output"), settings.output, "service"


def load_places(name: str, service: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(location, description) of how a service's models are loaded, where the file says it."""
    for place, described in ((("services", name), service), *((("services", name, "variants", key), v) for key, v in (service.variants or {}).items())):
        if described.load is not None:
            yield place, described.load
