"""Lognormal laws fitted to measured times, and how well they fit.

The logarithms' mean and standard deviation (with n - 1) are the estimates. The fit is judged by the Kolmogorov-Smirnov distance D
between the data and the law; since both parameters come from the same data, D (sqrt(n) - 0.01 + 0.85 / sqrt(n)) is compared with
0.895, its 5 % point (Stephens 1974, "EDF statistics for goodness of fit and some comparisons", case 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ASSUMED_SIGMA = 0.6  # of a single measured time; healthy stages of services have 0.4 to 0.75
FEWEST_TO_JUDGE = 5
CRITICAL = 0.895


@dataclass(frozen=True)
class LognormalFit:
    """A law and what it rests on: median and sample mean [s], sigma, distance and its 5 % limit (None below 5 times)."""

    count: int
    median: float
    sigma: float
    sample_mean: float
    distance: float | None
    limit: float | None
    raised: int = 0  # times below the shortest one that counts, taken as that

    @property
    def mean(self) -> float:
        """Mean of the law [s]."""
        return self.median * math.exp(self.sigma**2 / 2.0)

    @property
    def sigma_assumed(self) -> bool:
        """Whether one time alone could not tell the spread."""
        return self.count < 2

    def words(self) -> str:
        """The comment beside the law."""
        said = [f"n = {self.count:,}"]
        if self.sigma_assumed:
            said.append(f"sigma {ASSUMED_SIGMA} assumed")
        elif self.distance is None or self.limit is None:
            said.append("all alike" if self.sigma == 0.0 else "too few to judge the fit")
        else:
            verdict = "fits" if self.distance <= self.limit else "does not fit"
            said.append(f"KS distance {self.distance:.3f} (5 % limit {self.limit:.3f}): {verdict}")
        said.append(f"mean {1e3 * self.sample_mean:.4g} ms measured, {1e3 * self.mean:.4g} ms by the law")
        if self.raised:
            said.append(f"{self.raised} at 0 taken as 1 us")
        return "; ".join(said)


def fit_lognormal(times: Sequence[float], shortest: float = 1e-6) -> LognormalFit:
    """The law of positive times [s]; those below `shortest` count as that, since a logarithm needs more than 0."""
    values = np.asarray(times, dtype=float)
    if not len(values):
        raise ValueError("there are no times to fit a law to")
    raised = int((values < shortest).sum())
    values = np.sort(np.maximum(values, shortest))
    logs = np.log(values)
    n = len(values)
    mu = float(logs.mean())
    sigma = float(logs.std(ddof=1)) if n > 1 else ASSUMED_SIGMA
    distance = limit = None
    if n >= FEWEST_TO_JUDGE and sigma > 0.0:
        law = np.array([0.5 * math.erfc(-(x - mu) / (sigma * math.sqrt(2.0))) for x in logs.tolist()])
        steps = np.arange(n + 1) / n
        distance = float(max((steps[1:] - law).max(), (law - steps[:-1]).max()))
        limit = CRITICAL / (math.sqrt(n) - 0.01 + 0.85 / math.sqrt(n))
    return LognormalFit(n, math.exp(mu), sigma, float(values.mean()), distance, limit, raised)
