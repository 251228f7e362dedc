"""From scenarios to a training: episodes with seeds of their own, varied where the file asks for it, and validation on other seeds.

Seeds are disjoint by their roots: tests use the scenario's own seed s, validation s + 1000, training s + 2000 + the training's number
(`--seed`). They stand in the manifest and in every checkpoint.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.observation import Shape, shape_of
from agents.rollout import Plan
from agents.settings import Learning, Randomise
from scenarios.build import build
from scenarios.reading import Loaded, dump_yaml
from scenarios.schema import Record, Scenario

if TYPE_CHECKING:
    from agents.trainer import Trainer
    from agents.transitions import Graphs
    from simulator.simulation import Simulation

VALIDATION, TRAINING = 1000, 2000  # added to the scenario's seed


class TrainingError(ValueError):
    """Raised when scenarios cannot be trained on as asked; the message says what to change."""


@dataclass(frozen=True)
class Episodes:
    """Makes training episodes by number; small and picklable."""

    scenario: Scenario
    base: Path
    seed: int
    randomise: Randomise

    def __call__(self, number: int) -> Simulation:
        """A live simulation, varied by factors that belong to its number."""
        return build(varied(self.scenario, self.randomise, np.random.default_rng([self.seed, 21, number])), self.base, self.seed, number)


def varied(scenario: Scenario, ranges: Randomise, draws: np.random.Generator) -> Scenario:
    """The scenario with its load and the frequency of its spikes multiplied by a log-uniform factor each."""
    load, spikes = (float(np.exp(draws.uniform(math.log(low), math.log(high)))) for low, high in (ranges.load, ranges.spikes))
    if load != 1.0:
        scenario = replace(scenario, workload=tuple(replace(entry, arrivals=faster(entry.arrivals, load)) for entry in scenario.workload))
    if spikes != 1.0:
        scenario = replace(scenario, spikes=tuple(more_often(spike, spikes) for spike in scenario.spikes))
    return scenario


def faster(arrivals: Any, factor: float) -> Any:
    """An arrival process with `factor` times the rate; TrainingError where that has no meaning (listed times, closed loops)."""
    kind = arrivals.kind
    if kind == "bursts":
        return replace(arrivals, of=faster(arrivals.of, factor))
    if kind == "superposition":
        return replace(arrivals, of=tuple(faster(part, factor) for part in arrivals.of))
    if kind == "renewal" and arrivals.interval is not None:
        return replace(arrivals, interval=stretched(arrivals.interval, 1.0 / factor))
    for name in ("rate", "mean", "speed_up"):
        if getattr(arrivals, name, None) is not None:
            return replace(arrivals, **{name: getattr(arrivals, name) * factor})
    if hasattr(arrivals, "rates"):
        return replace(arrivals, rates=tuple(rate * factor for rate in arrivals.rates))
    raise TrainingError(f"learning.randomise.load: arrivals of kind {kind!r} have no rate that can be varied; leave 'load' at [1, 1]")


def more_often(spike: Any, factor: float) -> Any:
    """A spike that comes `factor` times as often; one at listed times stays as it is."""
    if getattr(spike, "probability", None) is not None and spike.kind == "call_spike":
        return replace(spike, probability=min(spike.probability * factor, 1.0))
    if getattr(spike, "up", None) is not None:
        return replace(spike, up=stretched(spike.up, 1.0 / factor))
    if getattr(spike, "chain", None) is not None:
        return replace(spike, chain=replace(spike.chain, enter=min(spike.chain.enter * factor, 1.0)))
    return spike


def stretched(law: Any, factor: float) -> Any:
    """A law of `factor` times what it was: every scale parameter is multiplied."""
    changes: dict[str, Any] = {}
    for field in fields(law):
        value = getattr(law, field.name)
        if "Scale" in str(field.type) and value is not None:
            changes[field.name] = times(value, factor)
        elif is_dataclass(value) and not isinstance(value, type):
            changes[field.name] = stretched(value, factor)
        elif isinstance(value, tuple) and value and all(is_dataclass(item) for item in value):
            changes[field.name] = tuple(stretched(item, factor) for item in value)
    if not changes:
        raise TrainingError(f"learning.randomise: a law of kind {law.kind!r} has no scale that can be varied")
    return replace(law, **changes)


def times(value: Any, factor: float) -> Any:
    """A number, or numbers in a tuple or a mapping, multiplied."""
    if isinstance(value, tuple):
        return tuple(item * factor for item in value)
    if isinstance(value, dict):
        return {key: item * factor for key, item in value.items()}
    return value * factor


@dataclass(frozen=True)
class Course:
    """What is trained on: scenarios by name, their settings, seeds, shapes and maps."""

    loaded: tuple[Loaded, ...]
    settings: Learning
    seed: int
    plan: Plan
    graphs: Graphs
    agents: tuple[str, ...]  # names by number, "" where a smaller map has no node

    @property
    def facts(self) -> dict[str, Any]:
        """Scenarios and seeds, for checkpoints and the manifest."""
        scenarios = [each.scenario for each in self.loaded]
        return {
            "scenarios": [scenario.name for scenario in scenarios],
            "scenario_sha256": [hashlib.sha256(dump_yaml(replace(scenario, learning=None)).encode()).hexdigest() for scenario in scenarios],
            "seeds": [
                {"train": scenario.seed + TRAINING + self.seed, "validation": scenario.seed + VALIDATION, "test": scenario.seed} for scenario in scenarios
            ],
        }

    def validate(self, trainer: Trainer) -> float:
        """Mean utility (or what stands for it) of the present policy on the same validation replications each time, over all scenarios."""
        from agents.forecast import Forecast
        from agents.learner import acting
        from agents.playing import play
        from analysis.evaluation import sample_of

        found = []
        act = acting(copy.deepcopy(trainer.learner.policy).cpu())  # as rollouts do: a few rows at a time
        forecaster = trainer.learner.forecaster
        forecast = Forecast(forecaster.weights()) if forecaster is not None else None
        for graph, (each, shape) in enumerate(zip(self.loaded, self.plan.shapes, strict=True)):
            scenario, base = lean(each.scenario), each.path.parent.resolve()
            worlds = [build(scenario, base, scenario.seed + VALIDATION, i) for i in range(self.settings.validation_replications)]
            traces = play(worlds, shape, graph, self.plan.nodes, act, self.settings, self.seed, forecast)
            found.append(float(np.mean([return_of(sample_of(trace)) for trace in traces])))
        return float(np.mean(found))


def return_of(sample: Any) -> float:
    """The return of one replication: mean utility of counted requests, else attainment, else minus the mean latency [s]."""
    for values in (sample.utility, sample.met):
        if not np.isnan(values).all():
            return float(np.nanmean(values))
    return -float(sample.latency.mean())


def lean(scenario: Scenario) -> Scenario:
    """The scenario without spans, which changes no result."""
    return replace(scenario, record=Record(spans="none"))


def course_of(loaded: Sequence[Loaded], seed: int, settings: Learning | None = None) -> Course:
    """The training that scenarios ask for, with the settings given or those of the first one's `learning:`; TrainingError where they do
    not go together.
    """
    from agents.transitions import Graphs, hop_matrix

    settings = settings or loaded[0].scenario.learning or Learning()
    if settings.environments < len(loaded):
        raise TrainingError(f"learning.environments: {len(loaded)} scenarios need at least as many, got {settings.environments}")
    makes = [Episodes(lean(each.scenario), each.path.parent.resolve(), each.scenario.seed + TRAINING + seed, settings.randomise) for each in loaded]
    worlds = [make(0) for make in makes]
    shapes = together([each.scenario.name for each in loaded], worlds)
    hops = [hop_matrix(world) for world in worlds]
    graphs = Graphs.of([np.where(np.isfinite(matrix), matrix, len(matrix)).astype(np.int64) for matrix in hops])
    plan = Plan(makes, shapes, graphs.nodes, settings, seed, [[node.name for node in world.nodes] for world in worlds])
    several = len(loaded) > 1
    agents = []
    for each, world in zip(loaded, worlds, strict=True):
        names = [f"{each.scenario.name}/{node.name}" if several else node.name for node in world.nodes]
        agents += names + [""] * (graphs.nodes - len(names))
    return Course(tuple(loaded), settings, seed, plan, graphs, tuple(agents))


def together(names: Sequence[str], worlds: Sequence[Simulation]) -> list[Shape]:
    """Shapes with the same width, services and actions."""
    alone = [shape_of(world) for world in worlds]
    for what in ("rejects", "prefetches"):
        if len({getattr(shape, what) for shape in alone}) > 1:
            key = {"rejects": "reject", "prefetches": "prefetch"}[what]
            raise TrainingError(f"control.{key} must be alike in scenarios that are trained together: {', '.join(names)}")
    services = tuple(dict.fromkeys(service for shape in alone for service in shape.services))
    width = max(shape.width for shape in alone)
    return [shape_of(world, width, services) for world in worlds]
