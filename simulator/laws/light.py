"""Laws with light tails: every exponential moment near zero exists."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from simulator.descriptions import Scale, description
from simulator.laws.base import Moments, first_problem


@description
class Deterministic:
    """Always the same value."""

    value: Scale
    kind: Literal["deterministic"] = "deterministic"

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return np.full(size, self.value)

    def moments(self) -> Moments:
        return Moments(self.value, 0.0)


@description
class Exponential:
    """Exponential with the given mean."""

    mean: Scale
    kind: Literal["exponential"] = "exponential"

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.exponential(self.mean, size)

    def moments(self) -> Moments:
        return Moments(self.mean, self.mean**2)


@description
class Erlang:
    """Sum of `phases` equal exponentials with the given total mean."""

    phases: int
    mean: Scale
    kind: Literal["erlang"] = "erlang"

    def problem(self) -> str | None:
        return first_problem((self.phases < 1, f"phases must be at least 1, got {self.phases}"))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.gamma(self.phases, self.mean / self.phases, size)

    def moments(self) -> Moments:
        return Moments(self.mean, self.mean**2 / self.phases)


@description
class Gamma:
    """Gamma by mean and coefficient of variation."""

    mean: Scale
    cv: float
    kind: Literal["gamma"] = "gamma"

    def problem(self) -> str | None:
        return first_problem((self.cv <= 0, f"cv must be above 0, got {self.cv}"))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.gamma(self.cv**-2, self.mean * self.cv**2, size)

    def moments(self) -> Moments:
        return Moments(self.mean, (self.cv * self.mean) ** 2)


@description
class Hyperexponential:
    """A mixture of exponentials: `probabilities` and `means`, or `mean` and `cv` (at least 1) with balanced means."""

    probabilities: tuple[float, ...] = ()
    means: tuple[Scale, ...] = ()
    mean: Scale | None = None
    cv: float | None = None
    kind: Literal["hyperexponential"] = "hyperexponential"

    def problem(self) -> str | None:
        listed = bool(self.probabilities) or bool(self.means)
        moments = self.mean is not None or self.cv is not None
        if listed == moments:
            return "give either 'probabilities' and 'means', or 'mean' and 'cv'"
        if moments:
            return first_problem(
                (self.mean is None or self.cv is None, "'mean' and 'cv' belong together"),
                (self.cv is not None and self.cv < 1.0, f"cv must be at least 1, got {self.cv}"),
            )
        return first_problem(
            (len(self.probabilities) != len(self.means), "'probabilities' and 'means' must be equally long"),
            (min(self.probabilities) < 0 or abs(sum(self.probabilities) - 1) > 1e-9, f"probabilities must sum to 1, they sum to {sum(self.probabilities):g}"),
        )

    def phases(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(probabilities, means); balanced means: p1 m1 = p2 m2 (Allen 1990)."""
        if self.mean is None or self.cv is None:
            return self.probabilities, tuple(self.means)
        scv = self.cv**2
        p = 0.5 * (1.0 + math.sqrt((scv - 1.0) / (scv + 1.0)))
        return (p, 1.0 - p), (self.mean / (2.0 * p), self.mean / (2.0 * (1.0 - p)))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        probabilities, means = self.phases()
        phase = np.searchsorted(np.cumsum(probabilities)[:-1], generator.random(size), side="right")
        return generator.standard_exponential(size) * np.array(means)[phase]

    def moments(self) -> Moments:
        probabilities, means = self.phases()
        first = sum(p * m for p, m in zip(probabilities, means, strict=True))
        second = sum(2.0 * p * m * m for p, m in zip(probabilities, means, strict=True))
        return Moments(first, second - first**2)


@description
class Uniform:
    """Uniform between `low` and `high`."""

    low: Scale
    high: Scale
    kind: Literal["uniform"] = "uniform"

    def problem(self) -> str | None:
        return first_problem((self.low > self.high, f"low must not be above high, got {self.low:g} and {self.high:g}"))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.uniform(self.low, self.high, size)

    def moments(self) -> Moments:
        return Moments((self.low + self.high) / 2.0, (self.high - self.low) ** 2 / 12.0)


@description
class Discrete:
    """One of `values` with `probabilities` (equal ones when absent)."""

    values: tuple[Scale, ...]
    probabilities: tuple[float, ...] = ()
    kind: Literal["discrete"] = "discrete"

    def problem(self) -> str | None:
        return first_problem(
            (not self.values, "values must not be empty"),
            (bool(self.probabilities) and len(self.probabilities) != len(self.values), "'values' and 'probabilities' must be equally long"),
            (
                bool(self.probabilities) and (min(self.probabilities) < 0 or abs(sum(self.probabilities) - 1) > 1e-9),
                f"probabilities must sum to 1, they sum to {sum(self.probabilities):g}",
            ),
        )

    def weights(self) -> np.ndarray:
        """Probabilities, shape (len(values),)."""
        return np.array(self.probabilities) if self.probabilities else np.full(len(self.values), 1.0 / len(self.values))

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return np.array(self.values, dtype=float)[np.searchsorted(np.cumsum(self.weights())[:-1], generator.random(size), side="right")]

    def moments(self) -> Moments:
        values, weights = np.array(self.values, dtype=float), self.weights()
        mean = float(values @ weights)
        return Moments(mean, float(((values - mean) ** 2) @ weights))


@description
class Normal:
    """Normal with `mean` and `sd`, truncated at 0 (both of the untruncated law; drawn again while negative)."""

    mean: Scale
    sd: Scale
    kind: Literal["normal"] = "normal"

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        values = generator.normal(self.mean, self.sd, size)
        while len(negative := np.flatnonzero(values < 0.0)):
            values[negative] = generator.normal(self.mean, self.sd, len(negative))
        return values

    def moments(self) -> Moments:
        if self.sd == 0.0:
            return Moments(self.mean, 0.0)
        a = -self.mean / self.sd
        hazard = math.exp(-a * a / 2.0) / math.sqrt(2.0 * math.pi) / (0.5 * math.erfc(a / math.sqrt(2.0)))
        return Moments(self.mean + self.sd * hazard, self.sd**2 * (1.0 + a * hazard - hazard**2))
