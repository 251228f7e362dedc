"""Inference engines, built: the profile of a model on a device, the KV cache that its memory leaves, the engines of a deployment.

Every deployment of a variant that generates has engines of its own on each node, one or `replicas` of them: the node's workers have no
part in it, nor do engines on one node slow each other down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios import schema
from scenarios.build_network import network_parts
from scenarios.problems import suggestion
from scenarios.readers import InputError
from scenarios.readers.profiles import ModelProfile, profiles_for
from simulator.engine import Environment
from simulator.inference.engine import InferenceStation
from simulator.inference.memory import Blocks
from simulator.inference.profiles import alone, at_capacity
from simulator.inference.settings import Inference
from simulator.network import Node
from simulator.pool import Pool
from simulator.units import format

Place = tuple[str | int, ...]


def inferences(service: schema.Service, only: tuple[str, ...] | None = None) -> dict[str | None, Inference]:
    """The variants of a service that generate, by name (None for a service without variants)."""
    if service.inference is not None:
        return {None: service.inference}
    return {name: v.inference for name, v in (service.variants or {}).items() if v.inference is not None and (only is None or name in only)}


def others(service: schema.Service, only: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """What a deployment serves beside the variants that generate: names, or None for all there is."""
    generating = inferences(service, only)
    if not generating or not service.variants:
        return () if generating else only
    return tuple(name for name in only or service.variants if name not in generating)


def engines(
    settings: Inference, service: schema.Service, deployment: schema.Deployment, variant: str | None, node: Node, plan: schema.Node,
    environment: Environment, base: Path, means: tuple[float, float],
) -> Any:  # fmt: skip
    """The engine of a variant on a node, or a pool of `replicas`; `means` are those of its prompts and outputs."""
    found = profile_of(settings, plan, base)
    own = f"{node.name}/{deployment.service}" + (f"({variant})" if variant else "")
    names = [own] if deployment.replicas == 1 else [f"{own}#{i}" for i in range(deployment.replicas)]
    blocks = settings.blocks(kv_memory(settings, found, plan, weights_of(service, variant, found)), kv_size(settings, found))
    form = found.profile
    places = min(settings.batch, max(blocks * settings.block // int(sum(means)), 1))  # requests that the cache holds to their ends
    made: list[Any] = []
    for name in names:
        engine = InferenceStation(
            environment, name, node.index, node.speed, settings.capacity, form, settings, Blocks(blocks, settings.block, settings.watermark)
        )
        engine.own_mean = alone(form, *means, settings.budget())
        engine.saturation = at_capacity(form, *means, settings.budget(), places) * settings.batch
        made.append(engine)
    node.stations += made
    return made[0] if len(made) == 1 else Pool(own, made, deployment.balancer)


def weights_of(service: schema.Service, variant: str | None, found: ModelProfile) -> float:
    """Bits that the model itself takes: its `memory` where that is declared, else the profile's."""
    declared = declared_memory(service, variant)
    return found.weights if declared is None else declared


def declared_memory(service: schema.Service, variant: str | None) -> float | None:
    """The `memory` of a service or of its variant."""
    return service.memory if variant is None else service.variants[variant].memory  # type: ignore[index]


def fits(service: schema.Service, variant: str | None, plan: schema.Node) -> bool:
    """Whether the model itself fits into the node's memory; where not, it is no candidate there."""
    declared = declared_memory(service, variant)
    return declared is None or plan.memory is None or declared <= plan.memory


def profile_of(settings: Inference, plan: schema.Node, base: Path) -> ModelProfile:
    """The profile of a model on a node's device, on the first device listed for it where none is named; InputError says what there is instead."""
    if settings.profile is not None:
        return ModelProfile("", "", settings.profile, settings.kv_size or 0.0, 0.0, math.inf, "written out in the scenario")
    device = settings.device or plan.device
    there = profiles_for(None if settings.file is None else base / settings.file)
    models = {p.model for p in there}
    if settings.model not in models:
        hint = f"{suggestion(settings.model, models)}; there are {', '.join(sorted(models))}"
        raise InputError(f"there is no profile of the model {settings.model!r}{hint}", "model")
    devices = {p.device: p for p in there if p.model == settings.model}
    if device is None:
        return next(iter(devices.values()))
    if device not in devices:
        raise InputError(f"there is no profile of {settings.model!r} on {device!r}{suggestion(device, devices)}; there are {', '.join(devices)}", "device")
    return devices[device]


def kv_size(settings: Inference, found: ModelProfile) -> float:
    """Bits that a token takes in the cache."""
    return settings.kv_size if settings.kv_size is not None else found.kv_size


def kv_memory(settings: Inference, found: ModelProfile, plan: schema.Node, weights: float) -> float:
    """Bits of the cache: as named, or what the weights leave of the node's memory, else of the device's."""
    if settings.kv_memory is not None:
        return settings.kv_memory
    if settings.profile is not None:
        return math.inf
    return (plan.memory if plan.memory is not None else found.memory) - weights


def mean_tokens(law: Any, scenario: schema.Scenario, files: Any) -> float:
    """Mean number of tokens of a law, or of a trace's column over the traces of the workload; 1 where there is none."""
    if hasattr(law, "mean_of"):
        traces = [files.arrivals(entry.arrivals).data for entry in scenario.workload if hasattr(entry.arrivals, "data")]
        found = [law.mean_of(trace.columns) for trace in traces if trace is not None and law.column in trace.columns]
        return sum(found) / len(found) if found else 1.0
    mean = files.law(law).moments().mean
    return max(mean, 1.0) if math.isfinite(mean) else 1.0


def inference_problems(scenario: schema.Scenario, base: Path) -> Iterator[tuple[Place, str]]:
    """(location, sentence) of models without a profile where they run, of caches without room, of workers for engines."""
    if not any(inferences(service) for service in scenario.services.values()):
        return
    nodes, _, _ = network_parts(scenario.network, base)
    for i, deployment in enumerate(scenario.deployments):
        service = scenario.services[deployment.service]
        generating = inferences(service, deployment.variants)
        if generating and others(service, deployment.variants) == () and (deployment.workers not in (None, 1.0) or deployment.discipline is not None):
            what = "discipline" if deployment.discipline is not None else "workers"
            yield ("deployments", i, what), "an inference engine batches by itself: give 'batch' and 'capacity' under 'inference'; more engines are 'replicas'"
        for variant, settings in generating.items():
            where: Place = ("services", deployment.service, *(() if variant is None else ("variants", variant)), "inference")
            for plan in (nodes[place] for place in deployment.nodes.members(nodes)):
                said = node_problem(settings, plan, service, variant, base)
                if said is not None:
                    yield (*where, *said[0]), said[1]
                    break


def node_problem(settings: Inference, plan: schema.Node, service: schema.Service, variant: str | None, base: Path) -> tuple[Place, str] | None:
    """(key, sentence) of what is wrong with a model on one node, or None."""
    try:
        found = profile_of(settings, plan, base)
    except InputError as error:
        return (error.key,) if getattr(settings, error.key, None) is not None else (), str(error)
    if not fits(service, variant, plan):
        return None
    if kv_size(settings, found) <= 0.0 and settings.kv_memory is not None:
        return ("kv_memory",), "the profile does not say what a token takes in the cache: give 'kv_size' too"
    memory = kv_memory(settings, found, plan, weights_of(service, variant, found))
    if memory < math.inf and settings.blocks(memory, kv_size(settings, found)) < 1:
        whose = f"the KV cache on {plan.name!r}" if settings.kv_memory is not None else f"the memory that the weights leave on {plan.name!r}"
        return (("kv_memory",) if settings.kv_memory is not None else ()), f"{whose} ({format(max(memory, 0.0), 'size')}) does not hold a block of tokens"
    return None


def inference_notes(scenario: schema.Scenario, nodes: list[schema.Node], base: Path) -> Iterator[str]:
    """Nodes without a device on which a model runs as on the first one listed for it."""
    said: dict[str, list[str]] = {}
    for deployment in scenario.deployments:
        service = scenario.services[deployment.service]
        for variant, settings in inferences(service, deployment.variants).items():
            for plan in (nodes[place] for place in deployment.nodes.members(nodes)):
                if settings.profile is None and settings.device is None and plan.device is None and fits(service, variant, plan):
                    found = profile_of(settings, plan, base)
                    said.setdefault(f"{found.model!r} runs there as on {found.device!r}", []).append(plan.name)
    for what, names in said.items():
        there = f"the node {names[0]!r} has" if len(names) == 1 else f"{len(names)} nodes (the first is {names[0]!r}) have"
        yield f"network: {there} no 'device': {what}"
