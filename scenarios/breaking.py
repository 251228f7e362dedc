"""The breaking point: between which two values of a path a service level stops to hold, by bracketing and bisection.

Every value is run on the same seeds, and replications are added until the level is clearly held or clearly missed there, or there
are `FOLD` times as many as at first. Bisection works on both edges of what stays undecided, so the answer has two ends: held up to one,
missed from the other. Between them nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.episodes import never_came, same_results, totals_of
from analysis.evaluation import Sample
from analysis.standing import HELD, MISSED, UNDECIDED, Standing, settle
from scenarios.evaluation import Task, run_tasks
from scenarios.execute import Factory
from scenarios.overrides import parts_of
from scenarios.problems import ScenarioError
from scenarios.reading import Loaded, load, resolved
from scenarios.stress import lean
from scenarios.sweeps import Sweep
from scenarios.targets import Slo, TargetError
from simulator.units import PATTERN, parse

STEPS = 6  # doublings or halvings in search of a bracket
MOST = 30  # values asked for in all
FOLD = 4  # times the replications of the first look, at most


@dataclass(frozen=True)
class Question:
    """What is asked: at which value of `path` does `level` break?"""

    scenario: str
    path: str
    level: Slo
    overrides: Sequence[str] = ()
    spikes: Sequence[str] = ()
    seed: int | None = None
    replications: int = 10
    workers: int = 1
    between: str | None = None
    tolerance: str = "5 %"

    def at(self, text: str) -> Loaded:
        """The scenario with that value; ScenarioError where it takes no such."""
        return load(self.scenario, self.overrides, self.spikes, [f"{self.path}={text}"])

    def ends(self) -> tuple[list[float], str]:
        """(the two values to look between, or the scenario's own one, their unit); TargetError where these are no numbers."""
        if self.between is not None:
            sweep = Sweep(self.path, tuple(part.strip() for part in self.between.split(";")))
            numbers = sweep.numbers()
            if numbers is None or len(numbers) != 2 or numbers[0] == numbers[1]:
                raise TargetError(f"--between {self.between!r}: expected two different values of one unit with ';' between, such as '2;64'")
            return numbers, sweep.unit
        found = value_at(resolved(load(self.scenario, self.overrides, self.spikes).scenario), self.path)
        match = PATTERN.match(str(found))
        if found is None:
            self.at("1")  # says so where the path leads nowhere
        if match is None or not float(match.group(1)) > 0.0:
            raise TargetError(f"--find-breaking-point {self.path}: the scenario has no value above 0 there to start from; give two with --between")
        return [float(match.group(1))], match.group(2)

    def width(self) -> float:
        """The relative tolerance."""
        try:
            found = parse(self.tolerance, "share")
        except ValueError as error:
            raise TargetError(f"--tolerance {self.tolerance!r}: {error}") from None
        if not found > 0.0:
            raise TargetError(f"--tolerance {self.tolerance!r}: must be above 0")
        return found


def value_at(data: Any, path: str) -> Any:
    """What stands at a path that addresses list items by name or index; None where there is nothing."""
    for part in parts_of(path):
        if isinstance(data, list) and isinstance(part, str):
            data = next((item for item in data if isinstance(item, dict) and item.get("name") == part), None)
        elif isinstance(data, dict):
            data = data.get(part)
        else:
            data = data[int(part)] if isinstance(data, list) and int(part) < len(data) else None
    return data


@dataclass
class Search:
    """What has been asked so far, by value; `held` and `missed` are the clear values nearest to each other."""

    question: Question
    unit: str = ""
    stands: dict[float, Standing] = field(default_factory=dict)
    held: float | None = None
    missed: float | None = None
    said: Callable[[str, Standing], None] = lambda text, standing: None
    whole: bool = False  # whether only whole numbers are taken
    own: float | None = None  # the scenario's own value, where the search began there
    silent: dict[str, None] = field(default_factory=dict)  # spikes that never came, in a sentence each
    results: dict[float, Sequence[Sample]] = field(default_factory=dict)  # of the first look, by value

    def text(self, value: float) -> str:
        """The value as it stands in a file."""
        return f"{value:.6g} {self.unit}".strip()

    def ask(self, value: float) -> str:
        """The verdict at a value; ScenarioError where the scenario takes no such."""
        value = float(self.text(value).removesuffix(self.unit))  # what the file would say
        if value not in self.stands:
            loaded = self.question.at(self.text(value))
            level, first = self.question.level, self.question.replications
            run = replicator(loaded, self.question)
            self.stands[value] = settle(run, level.figure, level.sign, level.bound, first, FOLD * first)
            self.results[value] = run(first)
            self.silent |= dict.fromkeys(never_came(totals_of([sample.episodes for sample in self.results[value]]), first))
            self.said(self.text(value), self.stands[value])
            self.note()
        return self.stands[value].verdict

    @property
    def notes(self) -> list[str]:
        """What makes the answer mean less than it seems to: spikes that never came, values that change nothing."""
        first, *others = self.results.values() or [()]
        same = bool(others) and all(same_results(first, other) for other in others)
        return [*self.silent, *([f"{self.question.path} changed nothing: every replication is identical at every value"] if same else [])]

    @property
    def missed_at_home(self) -> bool:
        """Whether the level is clearly missed at the scenario's own value, or, where two values were given, at both of them."""
        if self.own is not None:
            return self.own in self.stands and self.stands[self.own].verdict == MISSED
        return bool(self.stands) and all(found.verdict == MISSED for found in self.stands.values())

    def note(self) -> None:
        """Brings the bracket up to date: the missed value and the held one that are nearest to each other."""
        held, missed = ([value for value, found in self.stands.items() if found.verdict == verdict] for verdict in (HELD, MISSED))
        pairs = [(abs(h - m), h, m) for h in held for m in missed]
        if pairs:
            _, self.held, self.missed = min(pairs)

    def undecided(self) -> list[float]:
        """Values within the bracket at which nothing is clear."""
        if self.held is None or self.missed is None:
            return []
        low, high = sorted((self.held, self.missed))
        return sorted(value for value, found in self.stands.items() if found.verdict == UNDECIDED and low < value < high)


def replicator(loaded: Loaded, question: Question) -> Callable[[int], Sequence[Sample]]:
    """Gives the first n replications of a scenario, running what it has not run yet."""
    scenario = lean(loaded.scenario, question.seed)
    factory = Factory(scenario, loaded.path.parent.resolve(), scenario.seed)
    samples: list[Sample] = []

    def first(n: int) -> Sequence[Sample]:
        samples.extend(sample for _, sample in run_tasks([Task("", factory, r) for r in range(len(samples), n)], question.workers))
        return samples[:n]

    return first


def go_on(found: Search, ends: Sequence[float], width: float) -> None:
    """Finds the bracket and narrows it; the search tells how far it came, by its `said` also while it goes on."""
    bracket(found, ends)
    narrow(found, width)


def begun(question: Question) -> tuple[Search, list[float], float]:
    """(a search that has not begun, where it will begin, the width wanted); every mistake of the user's shows here."""
    width, (ends, unit) = question.width(), question.ends()
    found = Search(question, unit)
    for value in ends:
        question.at(found.text(value))
    found.own = float(found.text(ends[0]).removesuffix(unit)) if len(ends) == 1 else None
    found.whole = not unit and not takes(found, ends[0] + 0.5)
    return found, ends, width


def takes(found: Search, value: float) -> bool:
    """Whether the scenario takes such a value."""
    try:
        found.question.at(found.text(value))
    except ScenarioError:
        return False
    return True


def bracket(found: Search, ends: Sequence[float]) -> None:
    """Asks at the ends given, or from the scenario's value upwards and then downwards, until one is held and one missed."""
    for value in ends:
        found.ask(value)
    if len(ends) == 2:
        return
    for factor in (2.0, 0.5):
        value = ends[0]
        for _ in range(STEPS):
            value *= factor
            if found.whole:
                value = float(math.ceil(value))
            if found.held is not None or not takes(found, value):
                break
            found.ask(value)


def narrow(found: Search, width: float) -> None:
    """Bisects both edges of what is undecided until they are as narrow as `width`, relatively."""
    while found.held is not None and found.missed is not None and len(found.stands) < MOST:
        inside = found.undecided()
        by_distance = sorted(inside, key=lambda value: abs(value - found.held))  # type: ignore[operator]
        edges = [(found.held, by_distance[0]), (by_distance[-1], found.missed)] if inside else [(found.held, found.missed)]
        wide = [(a, b) for a, b in edges if abs(a - b) > width * max(abs(a), abs(b)) and not (found.whole and abs(a - b) <= 1.0)]
        if not wide:
            return
        a, b = max(wide, key=lambda edge: abs(edge[0] - edge[1]))
        middle = math.sqrt(a * b) if a > 0.0 and b > 0.0 else (a + b) / 2.0
        found.ask(float(math.floor(middle)) if found.whole and math.floor(middle) > min(a, b) else math.ceil(middle) if found.whole else middle)
