"""Where a figure stands against a bound, told only where its interval is clear of it.

`p99 < 2 s` means that at most 1 % of the requests take 2 s or longer or never complete, so a quantile is judged by the share of such
requests: that share exists in every replication, however many do not complete, where the quantile itself may be infinite. The
interval is Student's t over replications; for shares it also covers the exact binomial one (Clopper and Pearson 1934) of as many
independent requests, so that few requests, or replications that happen to agree, cannot look certain.

A figure may be looked at several times while replications are added. Each look then has its part of the error probability
(Bonferroni), so that the chance of any wrong verdict stays below `alarm` / 2 on either side, as far as t holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.comparison import finite
from analysis.estimates import t_factor
from analysis.evaluation import Sample
from analysis.summary import QUANTILES
from simulator.units import count_of

HELD, MISSED, UNDECIDED = "held", "missed", "undecided"
SHARES: dict[str, Callable[[Sample], np.ndarray]] = {
    "attainment": lambda sample: sample.met,
    "completed": lambda sample: sample.completed.astype(float),
    "utility": lambda sample: sample.utility,
}


@dataclass(frozen=True)
class Standing:
    """A verdict, and the interval [low, high] of `what` that was compared with `bound` at error probability `alarm`."""

    verdict: str
    what: str
    value: float
    low: float
    high: float
    bound: float
    replications: int
    requests: int
    alarm: float

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {name: finite(item) if isinstance(item := getattr(self, name), float) else item for name in self.__dataclass_fields__}

    def sentence(self) -> str:
        """What was found, in words."""
        share = self.what != "mean latency [s]" and self.what != "utility"
        write = (lambda value: f"{100 * value:.3g} %") if share else (lambda value: f"{value:.4g}")
        found = f"{self.what} is {write(self.value)} [{write(self.low)}, {write(self.high)}], the bound is {write(self.bound)}"
        chance = f"{100 * self.alarm / 2:.3g} %"
        sample = f"{count_of(self.replications, 'replication')}, {self.requests:,} requests"
        return f"{self.verdict}: {found} ({sample}; a wrong verdict has a probability below {chance})"


def standing(samples: Sequence[Sample], figure: str, sign: str, bound: float, alarm: float = 0.05, looks: int = 1) -> Standing:
    """Whether `figure` `sign` `bound` holds; `alarm` is shared by `looks` looks. Needs two replications for a verdict."""
    below = sign in ("<", "<=")
    requests = sum(len(sample.latency) for sample in samples)
    if figure in QUANTILES:
        q, beyond = QUANTILES[figure], np.greater_equal if sign in ("<", ">=") else np.greater
        series = [beyond(sample.latency, bound).astype(float) for sample in samples]
        what, level = f"share of requests beyond {bound:g} s", 1.0 - q
    elif figure == "mean":
        series, what, level = [sample.latency for sample in samples], "mean latency [s]", bound
    else:
        series, what, level = [kept(SHARES[figure](sample)) for sample in samples], figure, bound
    filled = [values for values in series if len(values)]
    if not filled:
        return Standing(UNDECIDED, what, math.nan, -math.inf, math.inf, level, len(samples), requests, alarm)
    value = float(np.concatenate(filled).mean())
    low, high = interval([float(values.mean()) for values in filled], value, alarm / looks)
    if figure in QUANTILES or figure in ("attainment", "completed"):
        exact = binomial(round(value * sum(map(len, filled))), sum(map(len, filled)), alarm / looks)
        low, high = max(min(low, exact[0]), 0.0), min(max(high, exact[1]), 1.0)
    verdict = UNDECIDED if low <= level <= high else HELD if (high < level) == below else MISSED
    return Standing(verdict, what, value, low, high, level, len(samples), requests, alarm)


def kept(values: np.ndarray) -> np.ndarray:
    """The values that are there."""
    return values[~np.isnan(values)]


def interval(means: Sequence[float], value: float, alarm: float) -> tuple[float, float]:
    """Student's t around `value` from the replications' own means; nothing is known from one, and an infinite one is above any bound."""
    if len(means) < 2:
        return -math.inf, math.inf
    if math.isinf(value):
        return value, value
    half = t_factor(len(means) - 1, 1.0 - alarm) * float(np.std(means, ddof=1)) / math.sqrt(len(means))
    return value - half, value + half


def binomial(successes: int, trials: int, alarm: float) -> tuple[float, float]:
    """The exact interval of a probability from independent trials."""
    from scipy.stats import beta

    low = float(beta.ppf(alarm / 2.0, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1.0 - alarm / 2.0, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def looks_at(first: int, most: int) -> list[int]:
    """How many replications there are at each look: doubled up to `most`."""
    found = [min(first, most)]
    while found[-1] < most:
        found.append(min(2 * found[-1], most))
    return found


def settle(
    more: Callable[[int], Sequence[Sample]], figure: str, sign: str, bound: float, first: int, most: int, alarm: float = 0.05
) -> Standing:
    """Adds replications until the verdict is clear or there are `most`; `more(n)` gives the first n."""
    found: Standing
    for found in each_look(more, figure, sign, bound, looks_at(first, most), alarm):
        if found.verdict != UNDECIDED:
            break
    return found


def each_look(
    more: Callable[[int], Sequence[Sample]], figure: str, sign: str, bound: float, looks: Sequence[int], alarm: float
) -> Iterator[Standing]:
    """What is found at each look."""
    for replications in looks:
        yield standing(more(replications), figure, sign, bound, alarm, len(looks))
