"""Response curves: every point of a sweep in every replication, on the same seeds, compared with the base pair by pair.

Replication r of every point has the seed of replication r of the base, so what does not depend on the swept value (arrivals, work,
other spikes) is common to them, and differences are taken within pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.comparison import Difference, judged
from analysis.episodes import never_came, same_results, totals_of
from analysis.estimates import Estimate
from analysis.evaluation import FIGURES, Figure, Sample, compared
from analysis.standing import HELD, MISSED, UNDECIDED, Standing, standing
from scenarios.evaluation import Task
from scenarios.execute import Factory
from scenarios.schema import Record, Scenario
from scenarios.sweeps import Point, Sweep
from scenarios.targets import Slo

SHOWN = ("p50", "p99", "attainment", "utility", "completed")
CURVES: tuple[Figure, ...] = tuple(figure for figure in FIGURES if figure.name in SHOWN)


@dataclass(frozen=True)
class Curves:
    """Figures of every point, differences to the base (the first point), and where the service levels stand."""

    base: str
    sweeps: Sequence[Sweep]
    points: Mapping[str, Point]
    samples: Mapping[str, Sequence[Sample]]
    figures: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Difference]]
    standings: Mapping[str, Mapping[str, Standing]]

    @property
    def shown(self) -> list[Figure]:
        """The figures that this scenario has."""
        undeclared = ("no utility is declared", "no objective is declared")
        return [figure for figure in CURVES if all(found[figure.name].reason not in undeclared for found in self.figures.values())]

    @property
    def worst(self) -> str:
        """held, missed or undecided: the worst of all service levels at all points but the base."""
        verdicts = [found.verdict for label, by in self.standings.items() if self.points[label].values is not None for found in by.values()]
        return MISSED if MISSED in verdicts else UNDECIDED if UNDECIDED in verdicts else HELD

    @property
    def episodes(self) -> dict[str, dict[str, int]]:
        """Episodes in the counted windows of all replications by point and spike."""
        return {label: totals_of([sample.episodes for sample in of]) for label, of in self.samples.items()}

    @property
    def unchanged(self) -> list[str]:
        """The points at which every replication is identical to the base."""
        return [label for label in self.points if label != self.base and same_results(self.samples[label], self.samples[self.base])]

    @property
    def notes(self) -> list[str]:
        """What makes verdicts mean less than they seem to: spikes that never came, points that are the base again."""
        replications = len(self.samples[self.base])
        silent = [said for totals in self.episodes.values() for said in never_came(totals, replications)]
        same = [f"{label} changed nothing: every replication is identical to {self.base}" for label in self.unchanged]
        return [*dict.fromkeys(silent), *same]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        episodes, unchanged = self.episodes, self.unchanged
        return {
            "notes": self.notes,
            "base": self.base,
            "sweeps": {sweep.path: list(sweep.values) for sweep in self.sweeps},
            "points": [
                {
                    "label": label,
                    "values": dict(zip([sweep.path for sweep in self.sweeps], point.values, strict=True)) if point.values is not None else None,
                    "replications": [sample.replication for sample in self.samples[label]],
                    "requests": sum(len(sample.latency) for sample in self.samples[label]),
                    "episodes": episodes[label],
                    "changed_nothing": label in unchanged,
                    **{name: found.as_dict() for name, found in self.figures[label].items()},
                    "difference": {name: found.as_dict() for name, found in self.differences.get(label, {}).items()},
                    "slo": {text: found.as_dict() for text, found in self.standings[label].items()},
                }
                for label, point in self.points.items()
            ],
        }


def lean(scenario: Scenario, seed: int | None) -> Scenario:
    """The scenario without spans, which changes no result, and with another seed where one is given."""
    return replace(scenario, record=Record(spans="none"), seed=scenario.seed if seed is None else seed)


def tasks_of(points: Mapping[str, Point], replications: Sequence[int], seed: int | None) -> list[Task]:
    """Every point in every replication, replication by replication, so that an interruption keeps whole pairs."""
    factories = {}
    for label, point in points.items():
        scenario = lean(point.loaded.scenario, seed)
        factories[label] = Factory(scenario, point.loaded.path.parent.resolve(), scenario.seed)
    return [Task(label, factory, replication) for replication in replications for label, factory in factories.items()]


def curves(points: Mapping[str, Point], sweeps: Sequence[Sweep], samples: Mapping[str, Sequence[Sample]], levels: Sequence[Slo]) -> Curves:
    """What the replications of every point come to; all points have the same ones, in the same order."""
    base = next(iter(points))
    figures = {label: {figure.name: figure.over(samples[label]) for figure in CURVES} for label in points}
    others = [label for label in points if label != base]
    reference = {sample.replication: sample for sample in samples[base]}
    differences: dict[str, dict[str, Difference]] = {label: {} for label in others}
    for figure in CURVES:
        found = [compared(figure, samples[label], reference, True, figures[label], figures[base]) for label in others]
        for label, difference in zip(others, judged(found, figure.higher_is_better), strict=True):
            differences[label][figure.name] = difference
    standings = {label: {level.text: standing(samples[label], level.figure, level.sign, level.bound) for level in levels} for label in points}
    return Curves(base, sweeps, points, samples, figures, differences, standings)


def target_of(out: Path | None, scenario: str, as_json: bool) -> Path | None:
    """Where results go: `--out`, else nowhere with `--json` alone, else results/SCENARIO-stress."""
    return out if out is not None else None if as_json else Path("results") / f"{scenario}-stress"
