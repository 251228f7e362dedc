"""Runs validation cases and judges them.

A statistic passes when the mean of its replications is within 4 standard deviations of theory, the deviation being the known relative
one scaled to the size of the run; closed forms that hold only in a limit, and exact ones, are judged by their own tolerance.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from scenarios.execute import Factory, run_replications
from scenarios.reading import parse
from scenarios.validation.case import Case, Statistic
from scenarios.validation.cases import CASES as TEXTBOOK
from scenarios.validation.figures import Run
from scenarios.validation.own_cases import CASES as OWN

CASES = (*TEXTBOOK, *OWN)

GATE = 4.0
REPLICATIONS = 10
QUICK_SHARE, QUICK_REPLICATIONS = 0.03, 4


@dataclass(frozen=True)
class Verdict:
    """One row of the table."""

    case: str
    model: str
    statistic: str
    expected: float
    observed: float
    half_width: float | None  # of the 95 % interval over replications
    z: float | None
    requests: int
    replications: int
    seed: int
    seconds: float
    passed: bool | None  # None where it is only reported
    tolerance: float | None  # relative, where the closed form is a limit or exact; else the gate of z counts
    summary: str  # where `summary.json` of a run of the case's scenario has it


class Unknown(Exception):
    """Raised when a case is asked for that does not exist."""


def chosen_cases(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases by id (O01) or model; all without names."""
    found = []
    for name in names:
        hits = [case for case in CASES if name.lower() in (case.id.lower(), case.model.lower())]
        if not hits:
            raise Unknown(f"there is no case {name!r}; cases are {', '.join(case.id for case in CASES)}")
        found += hits
    return tuple(found) if names else CASES


def run_case(case: Case, quick: bool, workers: int, seed: int) -> Iterator[Verdict]:
    """Simulates a case and judges its statistics."""
    requests = case.requests if case.exact or not quick else max(int(case.requests * QUICK_SHARE), 1200)
    replications = 1 if case.exact else QUICK_REPLICATIONS if quick else REPLICATIONS
    begun = time.perf_counter()
    names: dict[str, dict[str, str]] = {}
    figures: dict[str, list[float]] = {statistic.id: [] for statistic in case.statistics}
    for name, text in case.runs.items():
        described = parse(text.format(n=requests), Path(f"{case.id}.yaml")).scenario
        for trace in run_replications(Factory(described, Path(), seed), range(replications), workers):
            shown = Run(trace)
            names[name] = shown.names()
            for statistic in case.statistics:
                if statistic.run == name:
                    figures[statistic.id].append(statistic.figure.of(shown))
    seconds = time.perf_counter() - begun
    for statistic in case.statistics:
        yield judge(case, statistic, figures[statistic.id], requests, seed, seconds, names[statistic.run])


def judge(case: Case, statistic: Statistic, values: list[float], requests: int, seed: int, seconds: float, names: dict[str, str]) -> Verdict:
    """The verdict on one statistic; `names` of the first station, link and call stand in its place in the summary."""
    from analysis.estimates import t_factor

    observed = float(np.mean(values))
    half = t_factor(len(values) - 1, 0.95) * float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else None
    z = None
    passed: bool | None
    if statistic.limit is not None or statistic.sd is None:
        passed = abs(observed - statistic.expected) <= (statistic.limit or 0.0) * (abs(statistic.expected) or 1.0)
    else:
        sd = statistic.sd * statistic.expected * sqrt(case.requests / (requests * len(values)))
        z = (observed - statistic.expected) / sd
        passed = abs(z) <= GATE
    return Verdict(
        case.id, case.model, statistic.name, statistic.expected, observed, half, z, requests, len(values), seed, seconds, passed if statistic.gate else None,
        statistic.limit or 0.0 if z is None else None, statistic.figure.path.format(**names),
    )  # fmt: skip
