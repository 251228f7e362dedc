"""Sweeps: `--sweep 'PATH=v1;v2;...'` and what they span, every combination of their values a point, the same seeds at each.

The first point is the scenario without the spikes that are swept (and without those of `--without`): the counterfactual, with
which the others are compared. Where no spike is swept it is the first combination of values instead.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.overrides import PATH, parts_of
from scenarios.problems import Problem, ScenarioError
from scenarios.reading import Loaded, load
from scenarios.targets import TargetError
from simulator.units import PATTERN

MOST_POINTS = 1000
EXAMPLE = "spikes.edge-slow.factor=2;4;8"


@dataclass(frozen=True)
class Sweep:
    """A path of the scenario and the values to try there, as texts."""

    path: str
    values: tuple[str, ...]

    @property
    def spike(self) -> str | None:
        """The name of the spike that is swept, if it is one."""
        parts = parts_of(self.path)
        return str(parts[1]) if parts[0] == "spikes" and len(parts) > 1 and isinstance(parts[1], str) else None

    def numbers(self) -> list[float] | None:
        """The values as numbers in the unit they share, or None where they are none or differ in unit."""
        found = [PATTERN.match(value) for value in self.values]
        if any(match is None for match in found):
            return None
        pairs = [match.groups() for match in found if match is not None]
        return [float(number) for number, _ in pairs] if len({unit for _, unit in pairs}) == 1 else None

    @property
    def unit(self) -> str:
        """The unit that all values share; empty without one."""
        match = PATTERN.match(self.values[0])
        return match.group(2) if match is not None and self.numbers() is not None else ""


def read_sweep(text: str) -> Sweep:
    """A sweep from its text on the command line; TargetError where it is none."""
    path, equals, values = text.partition("=")
    items = tuple(item.strip() for item in values.split(";"))
    if not equals or not PATH.fullmatch(path.strip()) or not all(items):
        raise TargetError(f"--sweep {text!r}: expected a path and values with ';' between, such as '{EXAMPLE}'")
    if len(items) == 1 and "," in items[0] and not items[0].startswith(("{", "[")):
        raise TargetError(f"--sweep {text!r}: several values have ';' between them, not ',': '{path.strip()}={';'.join(map(str.strip, values.split(',')))}'")
    if len(set(items)) < len(items):
        raise TargetError(f"--sweep {text!r}: a value stands twice")
    return Sweep(path.strip(), items)


def short_names(sweeps: Sequence[Sweep]) -> list[str]:
    """The last two parts of every path, or the whole paths where these do not tell them apart."""
    short = [".".join(str(part) for part in parts_of(sweep.path)[-2:]) for sweep in sweeps]
    return short if len(set(short)) == len(short) else [sweep.path for sweep in sweeps]


@dataclass(frozen=True)
class Point:
    """A combination of values (empty where nothing is swept, None for the base that the others are compared with) and the scenario that it makes."""

    label: str
    values: tuple[str, ...] | None
    loaded: Loaded


def points_of(scenario: str, sweeps: Sequence[Sweep], overrides: Sequence[str], spikes: Sequence[str], without: Sequence[str]) -> dict[str, Point]:
    """Every point by label, the base first; ScenarioError holds every mistake of all of them."""
    count = math.prod(len(sweep.values) for sweep in sweeps)
    if count > MOST_POINTS:
        raise TargetError(f"--sweep: {count:,} combinations are more than {MOST_POINTS:,}; sweep fewer values at a time")
    if len({sweep.path for sweep in sweeps}) < len(sweeps):
        raise TargetError("--sweep: a path stands twice; give it all its values at once")
    found: dict[str, Point] = {}
    problems: list[Problem] = []
    file, names = scenario, short_names(sweeps)
    for values in itertools.product(*(sweep.values for sweep in sweeps)):
        label = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        swept = [f"{sweep.path}={value}" for sweep, value in zip(sweeps, values, strict=True)]
        try:
            found[label] = Point(label, values, load(scenario, overrides, spikes, swept))
        except ScenarioError as error:
            file = error.file
            problems += error.problems
    if problems:
        raise ScenarioError(file, problems)
    left_out = list(dict.fromkeys([*without, *(sweep.spike for sweep in sweeps if sweep.spike is not None)]))
    if not left_out:
        return found
    label = f"without {', '.join(left_out)}"
    return {label: Point(label, None, load(scenario, overrides, spikes, [], left_out)), **found}

