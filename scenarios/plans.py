"""What `vamappo stress` may try besides sweeps: every spike of the scenario by itself, or the experiments of a plan.

    slo: ['p99 < 2 s']
    experiments:
      frozen-site: {spikes: [{kind: freeze, nodes: edge-a, at: 60 s, for: 5 s}]}
      busy-evening: {set: ['workload.chat-a.arrivals.rate=96 /s'], without: [stragglers]}

An experiment is the scenario with values set, spikes added (as in a file, or as texts like `--spike`) and spikes left out. All meet the
same seeds, and are compared with the scenario as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scenarios.problems import Problem, ScenarioError, suggestion
from scenarios.reading import Loaded
from scenarios.sweeps import Point
from scenarios.targets import TargetError, read_slo
from scenarios.text import Lines, read_yaml

PLAN = ("slo", "experiments")
EXPERIMENT = ("spikes", "set", "without")
AS_IT_IS = "as it is"


def each_spike(loaded: Loaded) -> dict[str, Point]:
    """The scenario without spikes (the base), with each one alone, and with all; TargetError where there are none."""
    names = [spike.name for spike in loaded.scenario.spikes]
    if not names:
        raise TargetError(f"--each-spike: {loaded.scenario.name} has no spikes; add some with --spike")
    found = {"without spikes": Point("without spikes", None, loaded.without_spikes())}
    for name in names:
        others = [other for other in names if other != name]
        found[f"only {name}"] = Point(f"only {name}", (), loaded.without_spikes(*others) if others else loaded)
    if len(names) > 1:
        found["all spikes"] = Point("all spikes", (), loaded)
    return found


def read_plan(path: Path, loaded: Loaded, without: Sequence[str] = ()) -> tuple[dict[str, Point], list[str]]:
    """(every experiment by name, before them the scenario but for the spikes `without`; the plan's service levels); ScenarioError holds every mistake."""
    try:
        data, lines = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), [Problem(0, "", f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})")]) from None
    problems = [*unknown(data, (), PLAN, lines), *wrong_levels(data.get("slo", []), lines)]
    base = f"without {', '.join(without)}" if without else AS_IT_IS
    found = {base: Point(base, None, loaded)}
    experiments = data.get("experiments")
    if not isinstance(experiments, dict) or not experiments:
        problems.append(lines.problem(("experiments",), "expected experiments by name, each with spikes, set or without"))
        experiments = {}
    for name, experiment in experiments.items():
        place = ("experiments", name)
        wrong = [*unknown(experiment, place, EXPERIMENT, lines)] if isinstance(experiment, dict) else []
        if not isinstance(experiment, dict) or not experiment or name == base:
            wrong = [lines.problem(place, f"expected a mapping with {', '.join(EXPERIMENT)}, by another name than {base!r}")]
        if not wrong:
            try:
                found[name] = Point(name, (), made(loaded, experiment))
            except ScenarioError as error:
                wrong = [lines.problem(place, re.sub(r"^--[a-z]+: ", "", problem.text(""))) for problem in error.problems]  # options of a command line
        problems += wrong
    if problems:
        raise ScenarioError(str(path), problems)
    return found, list(data.get("slo", []))


def made(loaded: Loaded, experiment: dict[str, Any]) -> Loaded:
    """The scenario of one experiment."""
    changed = loaded.with_values(*experiment.get("set", [])).with_spikes(*experiment.get("spikes", []))
    return changed.without_spikes(*experiment["without"]) if experiment.get("without") else changed


def unknown(data: dict[str, Any], place: tuple[str, ...], known: tuple[str, ...], lines: Lines) -> list[Problem]:
    """Keys that are none, and values that are no lists of what they should hold."""
    problems = [lines.problem((*place, key), f"unknown key {key!r}{suggestion(key, known)}") for key in data if key not in known]
    for key in ("slo", *EXPERIMENT):
        items = data.get(key, []) if key in known else []
        fit = (str, dict) if key == "spikes" else str
        if not isinstance(items, list) or not all(isinstance(item, fit) for item in items):
            problems.append(lines.problem((*place, key), f"expected a list of texts{' or mappings' if key == 'spikes' else ''}"))
    return problems


def wrong_levels(levels: Any, lines: Lines) -> list[Problem]:
    """Service levels that cannot be read."""
    problems = []
    for i, text in enumerate(levels if isinstance(levels, list) else []):
        try:
            read_slo(str(text))
        except TargetError as error:
            problems.append(lines.problem(("slo", i), str(error).removeprefix("--slo ")))
    return problems
