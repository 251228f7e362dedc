"""Laws with heavy tails. `pareto` is type I (minimum, shape); `lomax` is the shifted one that starts at 0."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from simulator.descriptions import Scale, description
from simulator.laws.base import Moments, first_problem, standard_normal_quantile


@description
class Lognormal:
    """Lognormal by `mean` and `cv`, by `median` and `sigma`, or by two `quantiles` such as {p50: 8 ms, p99: 40 ms}."""

    mean: Scale | None = None
    cv: float | None = None
    median: Scale | None = None
    sigma: float | None = None
    quantiles: dict[str, Scale] | None = None
    kind: Literal["lognormal"] = "lognormal"

    def problem(self) -> str | None:
        given = [self.mean is not None or self.cv is not None, self.median is not None or self.sigma is not None, self.quantiles is not None]
        if sum(given) != 1 or (given[0] and (self.mean is None or self.cv is None)) or (given[1] and (self.median is None or self.sigma is None)):
            return "give 'mean' and 'cv', or 'median' and 'sigma', or 'quantiles'"
        if self.quantiles is not None:
            return self._quantile_problem(self.quantiles)
        return first_problem(
            (self.cv is not None and self.cv < 0, f"cv must not be negative, got {self.cv}"),
            (self.sigma is not None and self.sigma < 0, f"sigma must not be negative, got {self.sigma}"),
            (self.mean == 0.0 or self.median == 0.0, "the mean or median must be above 0"),
        )

    @staticmethod
    def _quantile_problem(quantiles: dict[str, Scale]) -> str | None:
        if len(quantiles) != 2:
            return "'quantiles' needs exactly two, such as {p50: 8 ms, p99: 40 ms}"
        try:
            levels = sorted((quantile_level(name), value) for name, value in quantiles.items())
        except ValueError:
            return "'quantiles' are named p50, p99, p99.9 and so on"
        return first_problem((not 0.0 < levels[0][1] < levels[1][1], "the quantiles must be positive and rise"))

    def parameters(self) -> tuple[float, float]:
        """(mu, sigma) of the logarithm."""
        if self.mean is not None and self.cv is not None:
            sigma = math.sqrt(math.log1p(self.cv**2))
            return math.log(self.mean) - sigma**2 / 2.0, sigma
        if self.median is not None and self.sigma is not None:
            return math.log(self.median), self.sigma
        assert self.quantiles is not None
        (p, x), (q, y) = sorted((quantile_level(name), value) for name, value in self.quantiles.items())
        low, high = standard_normal_quantile(p), standard_normal_quantile(q)
        sigma = (math.log(y) - math.log(x)) / (high - low)
        return math.log(x) - sigma * low, sigma

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.lognormal(*self.parameters(), size)

    def moments(self) -> Moments:
        mu, sigma = self.parameters()
        mean = math.exp(mu + sigma**2 / 2.0)
        return Moments(mean, math.expm1(sigma**2) * mean**2)


def quantile_level(name: str) -> float:
    """0.99 for "p99"; ValueError for anything else."""
    level = float(name.removeprefix("p")) / 100.0 if name.startswith("p") else math.nan
    if not 0.0 < level < 1.0:
        raise ValueError(name)
    return level


@description
class Weibull:
    """Weibull by `shape` and `scale`, or by `shape` and `mean`."""

    shape: float
    scale: Scale | None = None
    mean: Scale | None = None
    kind: Literal["weibull"] = "weibull"

    def problem(self) -> str | None:
        return first_problem(
            (self.shape <= 0, f"shape must be above 0, got {self.shape}"), ((self.scale is None) == (self.mean is None), "give either 'scale' or 'mean'")
        )

    def _scale(self) -> float:
        return self.scale if self.scale is not None else self.mean / math.gamma(1.0 + 1.0 / self.shape)  # type: ignore[operator]

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return self._scale() * generator.weibull(self.shape, size)

    def moments(self) -> Moments:
        scale, first = self._scale(), math.gamma(1.0 + 1.0 / self.shape)
        return Moments(scale * first, scale**2 * (math.gamma(1.0 + 2.0 / self.shape) - first**2))


@description
class Pareto:
    """Pareto type I: P(X > x) = (minimum / x)^shape for x >= minimum."""

    minimum: Scale
    shape: float
    kind: Literal["pareto"] = "pareto"

    def problem(self) -> str | None:
        return first_problem((self.shape <= 0, f"shape must be above 0, got {self.shape}"), (self.minimum <= 0, "minimum must be above 0"))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return self.minimum * (1.0 + generator.pareto(self.shape, size))  # numpy's is the Lomax law

    def moments(self) -> Moments:
        a, m = self.shape, self.minimum
        return Moments(a * m / (a - 1.0) if a > 1 else math.inf, a * m * m / ((a - 1.0) ** 2 * (a - 2.0)) if a > 2 else math.inf, a)


@description
class Lomax:
    """Lomax (Pareto type II from 0): P(X > x) = (1 + x / scale)^-shape."""

    scale: Scale
    shape: float
    kind: Literal["lomax"] = "lomax"

    def problem(self) -> str | None:
        return first_problem((self.shape <= 0, f"shape must be above 0, got {self.shape}"), (self.scale <= 0, "scale must be above 0"))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return self.scale * generator.pareto(self.shape, size)

    def moments(self) -> Moments:
        a, s = self.shape, self.scale
        return Moments(s / (a - 1.0) if a > 1 else math.inf, s * s * a / ((a - 1.0) ** 2 * (a - 2.0)) if a > 2 else math.inf, a)


@description
class BoundedPareto:
    """Pareto type I cut off at `maximum`: all moments exist, the body looks heavy."""

    minimum: Scale
    maximum: Scale
    shape: float
    kind: Literal["bounded_pareto"] = "bounded_pareto"

    def problem(self) -> str | None:
        return first_problem(
            (self.shape <= 0, f"shape must be above 0, got {self.shape}"), (not 0 < self.minimum < self.maximum, "0 < minimum < maximum must hold")
        )

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        cut = (self.minimum / self.maximum) ** self.shape
        return np.minimum(self.minimum * (1.0 - generator.random(size) * (1.0 - cut)) ** (-1.0 / self.shape), self.maximum)

    def _moment(self, k: float) -> float:
        a, low, high = self.shape, self.minimum, self.maximum
        norm = a * low**a / (1.0 - (low / high) ** a)
        return norm * (math.log(high / low) if a == k else (high ** (k - a) - low ** (k - a)) / (k - a))

    def moments(self) -> Moments:
        mean = self._moment(1.0)
        return Moments(mean, self._moment(2.0) - mean**2)
