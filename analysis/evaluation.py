"""Evaluations: several systems on the same requests, figure by figure, with intervals and differences to a reference.

A `Sample` is what one replication under one system came to. Latencies count requests that did not complete as infinite, so that
rejecting work cannot look fast: a quantile may then be "not reached". Figures of a system are those of `analysis.estimates`;
differences are taken replication by replication (`analysis.comparison`), for quantiles between the replications' own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.comparison import Difference, fewest_replications, judged, paired_difference, unpaired_difference
from analysis.energy import totals
from analysis.episodes import episodes_in_window
from analysis.estimates import Estimate, mean_estimate, quantile, quantile_estimate, t_estimate
from analysis.summary import objective_met
from simulator.trace import Trace
from simulator.units import count_of


@dataclass(frozen=True)
class Sample:
    """One replication under one system: its counted requests in order of arrival, arrays of shape (requests,).

    `latency` [s] is inf where a request did not complete; `utility` NaN where none is declared; `quality` NaN where it did not
    complete; `met` 1.0 or 0.0 by its objective, NaN without one. `arrivals` is a digest of when and where they came,
    `episodes` how often each spike that comes in episodes did so in the window.
    """

    replication: int
    latency: np.ndarray
    utility: np.ndarray
    quality: np.ndarray
    met: np.ndarray
    window_s: float
    energy_j: float | None
    arrivals: str
    loop: str
    episodes: Mapping[str, int] = field(default_factory=dict)

    @property
    def completed(self) -> np.ndarray:
        """Whether each request completed; (requests,)."""
        return np.isfinite(self.latency)


def sample_of(trace: Trace) -> Sample:
    """What a trace came to."""
    chosen = trace.counted
    completed = trace.completed[chosen]
    columns = {name: trace.requests[name][chosen] for name in ("utility", "quality", "arrival", "entry", "ingress")}
    return Sample(
        trace.replication,
        np.where(completed, trace.latency[chosen], np.inf),
        columns["utility"],
        np.where(completed, columns["quality"], np.nan),
        objective_met(trace)[chosen],
        trace.window[1] - trace.window[0],
        energy_of(trace),
        digest(columns["arrival"], columns["entry"], columns["ingress"]),
        trace.loop,
        episodes_in_window(trace),
    )


def digest(*columns: np.ndarray) -> str:
    """A short digest of arrays, the same for the same values."""
    made = hashlib.sha256()
    for column in columns:
        made.update(np.ascontiguousarray(column).tobytes())
    return made.hexdigest()[:16]


def energy_of(trace: Trace) -> float | None:
    """Energy of the window [J], or None where no node declares its power."""
    if all(power is None for power, _ in trace.power):
        return None
    idle, dynamic, _ = totals([trace])
    return float(idle.sum() + dynamic.sum())


@dataclass(frozen=True)
class Figure:
    """A column of the evaluation: its value in one replication (NaN for none), and its estimate over all."""

    name: str
    title: str
    unit: str  # "", "s", "share", "/s", "J"
    higher_is_better: bool
    of: Callable[[Sample], float]
    over: Callable[[Sequence[Sample]], Estimate]


def mean_figure(
    name: str, title: str, unit: str, values: Callable[[Sample], np.ndarray], missing: str, higher: bool = True, most: float = 1.0
) -> Figure:
    """A mean over requests of values that are at most `most`; NaN values are left out."""

    def kept(sample: Sample) -> np.ndarray:
        found = values(sample)
        return found[~np.isnan(found)]

    def of(sample: Sample) -> float:
        found = kept(sample)
        return float(found.mean()) if len(found) else math.nan

    def over(samples: Sequence[Sample]) -> Estimate:
        series = [kept(sample) for sample in samples]
        return mean_estimate(series, most=most) if any(map(len, series)) else Estimate(None, reason=missing)

    return Figure(name, title, unit, higher, of, over)


def rate_figure(name: str, title: str, unit: str, higher: bool, of: Callable[[Sample], float], missing: str) -> Figure:
    """One number a replication."""

    def over(samples: Sequence[Sample]) -> Estimate:
        values = [of(sample) for sample in samples]
        return Estimate(None, reason=missing) if any(map(math.isnan, values)) else t_estimate(values)

    return Figure(name, title, unit, higher, of, over)


def quantile_figure(name: str, title: str, q: float) -> Figure:
    """A quantile of the latency of all requests, those that did not complete counted as infinite."""

    def of(sample: Sample) -> float:
        return quantile(sample.latency, q) if len(sample.latency) else math.nan

    def over(samples: Sequence[Sample]) -> Estimate:
        latency = np.concatenate([sample.latency for sample in samples])
        if len(latency) and math.isinf(quantile(latency, q)):
            return Estimate(None, reason=f"not reached: only {100 * np.isfinite(latency).mean():.4g} % completed")
        return quantile_estimate([sample.latency for sample in samples], q)

    return Figure(name, title, "s", False, of, over)


def goodput(sample: Sample) -> float:
    """Requests completed within their objective (completed at all where none is declared) per second of the window."""
    good = np.where(np.isnan(sample.met), sample.completed, sample.met)
    return float(good.sum()) / sample.window_s if sample.window_s > 0 else math.nan


def energy(sample: Sample) -> float:
    """Energy of the window [J]."""
    return sample.energy_j if sample.energy_j is not None else math.nan


FIGURES = (
    mean_figure("utility", "utility", "", lambda sample: sample.utility, "no utility is declared"),
    mean_figure("quality", "quality", "", lambda sample: sample.quality, "nothing completed"),
    mean_figure("completed", "completed", "share", lambda sample: sample.completed.astype(float), "there are no requests"),
    mean_figure("attainment", "attainment", "share", lambda sample: sample.met, "no objective is declared"),
    rate_figure("goodput_per_s", "goodput", "/s", True, goodput, "there is no window"),
    rate_figure("energy_j", "energy", "J", False, energy, "no node declares its power"),
    quantile_figure("p50", "p50", 0.5),
    quantile_figure("p95", "p95", 0.95),
    quantile_figure("p99", "p99", 0.99),
    quantile_figure("p999", "p99.9", 0.999),
)


@dataclass(frozen=True)
class Evaluation:
    """Figures of every system, and their differences to the reference, by system and figure."""

    reference: str
    samples: Mapping[str, Sequence[Sample]]
    figures: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Difference]]
    notes: tuple[str, ...]

    @property
    def shown(self) -> list[Figure]:
        """The figures that some system has: one that nobody declares is left out."""
        reasons = ("no utility is declared", "no objective is declared", "no node declares its power")
        return [figure for figure in FIGURES if any(found[figure.name].reason not in reasons for found in self.figures.values())]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "reference": self.reference,
            "replications": {name: [sample.replication for sample in samples] for name, samples in self.samples.items()},
            "figures": {name: {key: estimate.as_dict() for key, estimate in found.items()} for name, found in self.figures.items()},
            "differences": {name: {key: found.as_dict() for key, found in by.items()} for name, by in self.differences.items()},
            "notes": list(self.notes),
        }


def evaluate(samples: Mapping[str, Sequence[Sample]], reference: str) -> Evaluation:
    """Figures and differences of `samples` (replications by system); pairs replications of one number that met the same arrivals.

    In a closed loop arrivals follow from what is served: replications are paired by number, and a note says what is common.
    """
    figures = {name: {figure.name: figure.over(of) for figure in FIGURES} for name, of in samples.items()}
    others = [name for name in samples if name != reference]
    base = {sample.replication: sample for sample in samples[reference]}
    paired = {name: are_paired(samples[name], base) for name in others}
    differences: dict[str, dict[str, Difference]] = {name: {} for name in others}
    for figure in FIGURES:
        found = [compared(figure, samples[name], base, paired[name], figures[name], figures[reference]) for name in others]
        for name, difference in zip(others, judged(found, figure.higher_is_better), strict=True):
            differences[name][figure.name] = difference
    return Evaluation(reference, samples, figures, differences, tuple(notes_of(samples, paired)))


def are_paired(samples: Sequence[Sample], base: Mapping[int, Sample]) -> bool:
    """Whether the replications met the same arrivals as those of the reference with their numbers, closed loops aside."""
    both = [(sample, base[sample.replication]) for sample in samples if sample.replication in base]
    return len(both) == len(samples) == len(base) and all(a.arrivals == b.arrivals or (a.loop != "open" and b.loop != "open") for a, b in both)


def compared(
    figure: Figure, samples: Sequence[Sample], base: Mapping[int, Sample], paired: bool, own: Mapping[str, Estimate], reference: Mapping[str, Estimate]
) -> Difference:
    """One difference; a quantile that either sample is too small for is not compared."""
    for estimate in (own[figure.name], reference[figure.name]):
        if estimate.value is None and not (estimate.reason or "").startswith("not reached"):
            n = (len(samples), len(base))
            return Difference(math.nan, None, None, 1.0, 1.0, paired, n, None, note=f"not given: {estimate.reason}")
    mine = [figure.of(sample) for sample in samples]
    if paired:
        return paired_difference(mine, [figure.of(base[sample.replication]) for sample in samples])
    return unpaired_difference(mine, [figure.of(sample) for sample in base.values()])


def notes_of(samples: Mapping[str, Sequence[Sample]], paired: Mapping[str, bool]) -> list[str]:
    """What the reader must know of this evaluation."""
    found = []
    loops = {sample.loop for of in samples.values() for sample in of}
    if loops - {"open"}:
        found.append("users of a closed loop wait for their requests: arrivals follow from what is served, and only the work is common")
    apart = [name for name, together in paired.items() if not together]
    if apart:
        found.append(f"not paired, because arrivals or numbers of replications differ: {', '.join(apart)}; their differences have unpaired statistics")
    together = [len(samples[name]) for name, is_pair in paired.items() if is_pair]
    need = fewest_replications(len(paired)) if paired else 0
    if together and min(together) < need:
        few = f"{count_of(min(together), 'replication')} cannot show a difference in {count_of(len(paired), 'comparison')}"
        found.append(f"{few}; {need} are the fewest that can")
    if len(samples) == 1:
        found.append("one policy alone: there is nothing to compare it with; name others after it, with commas between")
    return found
