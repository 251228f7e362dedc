"""Estimates with intervals from simulated or measured latencies; nothing is printed that the sample cannot carry.

Quantiles are order statistics x_(ceil(n q)). Latencies of one run are dependent, so an interval from independent-sample theory
is far too narrow: with replications the interval is the pooled order statistic with the spread of the replications' own
quantiles (t, R - 1 degrees of freedom); with a single run it comes from sectioning (Asmussen and Glynn 2007, III.5), whose
nominal 95 % covered 88 % in tests at load 0.8. A quantile q is given only where effective sample * (1 - q) >= 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SECTIONS = 20
BATCHES = 60
FEWEST_BEYOND = 10.0
INSTANT = 1e-12  # s; over a shorter window there are no rates and no time averages


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, or None with the reason why the sample cannot carry it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    effective_n: float | None = None
    method: str = ""
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The form in `summary.json`."""
        if self.value is None:
            return {"value": None, "reason": self.reason}
        return {"value": clean(self.value), "low": clean(self.low), "high": clean(self.high), "method": self.method}

    @property
    def half_width_share(self) -> float:
        """Half the interval's width as a share of the value; inf where there is none."""
        if self.value is None or self.low is None or self.high is None or not self.value or not math.isfinite(self.high - self.low):
            return math.inf
        return (self.high - self.low) / 2.0 / abs(self.value)


def clean(value: float | None) -> float | None:
    """A float for JSON: None for what is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def quantile(values: np.ndarray, q: float) -> float:
    """The order statistic x_(ceil(n q)); `values` of any shape, infinities allowed, not empty."""
    flat = np.asarray(values, dtype=float).ravel()
    if not len(flat):
        raise ValueError("a quantile of no values")
    rank = min(max(math.ceil(len(flat) * q - 1e-9), 1), len(flat))
    return float(np.partition(flat, rank - 1)[rank - 1])


def effective_sample_size(values: np.ndarray) -> float:
    """How many independent values a stationary series is worth for its mean: n var(x) / (m var(means of batches of m)).

    In `BATCHES` batches (Schmeiser 1982: more gain little, and short ones miss long correlations); between 1 and n. `values` in
    order of time.
    """
    n = len(values)
    if n < 2 * BATCHES:
        return float(n)
    size = max(n // BATCHES, 1)
    means = np.asarray(values[: n // size * size], dtype=float).reshape(-1, size).mean(axis=1)
    spread, within = float(means.var(ddof=1)), float(np.var(values))
    if within == 0.0 or spread == 0.0:
        return float(n)
    return float(min(max(n * within / (size * spread), 1.0), n))


def t_factor(degrees: int, level: float) -> float:
    """The two-sided factor of Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2.0, degrees))


def estimate(
    series: Sequence[np.ndarray], figure: Callable[[np.ndarray], float], level: float = 0.95, pooled: float | None = None, sections: int = SECTIONS,
    most: float = math.inf,
) -> Estimate:  # fmt: skip
    """`figure` of the pooled values with an interval from the replications, or from `sections` of a single run (none below 5).

    The interval stays above 0 where all values do, and below the values' own bound `most`.
    """
    filled = [np.asarray(values, dtype=float) for values in series if len(values)]
    if not filled:
        return Estimate(None, reason="there are no values")
    value = pooled if pooled is not None else figure(np.concatenate(filled))
    if len(filled) >= 2:
        parts, method = [figure(values) for values in filled], f"{len(filled)} replications, t"
    elif sections >= 5 and len(filled[0]) >= 5 * sections:
        parts, method = [figure(part) for part in np.array_split(filled[0], sections)], f"{sections} sections of one run, t"
    else:
        return Estimate(value, None, None, float(len(filled[0])), "no interval: too few values")
    if not all(map(math.isfinite, parts)) or not math.isfinite(value):
        return Estimate(value, None, None, None, method)
    half = t_factor(len(parts) - 1, level) * float(np.std(parts, ddof=1)) / math.sqrt(len(parts))
    low = value - half if min(float(values.min()) for values in filled) < 0.0 else max(value - half, 0.0)
    return Estimate(value, low, max(value, min(value + half, most)), None, method)


def quantile_estimate(series: Sequence[np.ndarray], q: float, level: float = 0.95) -> Estimate:
    """The q-quantile of the values of all replications, with an interval, or None with the reason.

    `series` holds one array for each replication, in order of time.
    """
    filled = [np.asarray(values, dtype=float) for values in series if len(values)]
    if not filled:
        return Estimate(None, reason="there are no values")
    value = quantile(np.concatenate(filled), q)
    worth = sum(effective_sample_size(values > value) for values in filled)
    if worth * (1.0 - q) < FEWEST_BEYOND:
        need = round(FEWEST_BEYOND / (1.0 - q))
        return Estimate(None, effective_n=worth, reason=f"worth {worth:,.0f} independent values, {need:,} are needed for p{100 * q:.6g}")
    sections = min(SECTIONS, int(worth * (1.0 - q) / 3.0))  # a section must have a few values beyond its own quantile
    found = estimate(filled, lambda values: quantile(values, q), level, value, sections)
    return Estimate(found.value, found.low, found.high, worth, found.method)


def mean_estimate(series: Sequence[np.ndarray], level: float = 0.95, most: float = math.inf) -> Estimate:
    """The mean over all replications, with an interval; shares are means of zeros and ones with `most` 1."""
    return estimate(series, lambda values: float(values.mean()), level, most=most)


def t_estimate(values: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of one number a replication (shape (R,), all finite), with Student's t interval."""
    n = len(values)
    if n < 2:
        return Estimate(float(values[0]), method="no interval: one replication") if n else Estimate(None, reason="there are no values")
    value, half = float(np.mean(values)), t_factor(n - 1, level) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(value, value - half, value + half, float(n), f"{n} replications, t")


def more_needed(found: Estimate, share: float, have: int) -> int | None:
    """How many requests or replications instead of `have` would bring the interval to +/- `share`; None where that is unknown.

    Half widths shrink with the square root of the amount.
    """
    now = found.half_width_share
    return math.ceil(have * (now / share) ** 2) if math.isfinite(now) else None
