"""What every law has: moments, samples, and a say on whether its parameters make sense."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np


class Moments(NamedTuple):
    """Mean, variance (inf where they do not exist) and tail index (inf where every moment exists)."""

    mean: float
    variance: float
    tail_index: float = math.inf

    @property
    def second(self) -> float:
        """E[X^2]."""
        return self.variance + self.mean**2


class Law(Protocol):
    """A distribution of non-negative numbers in base units."""

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        """`size` independent draws, float64."""
        ...

    def moments(self) -> Moments:
        """Mean, variance and tail index."""
        ...


def first_problem(*checks: tuple[bool, str]) -> str | None:
    """The sentence of the first check that is true, or None."""
    return next((sentence for wrong, sentence in checks if wrong), None)


def standard_normal_quantile(p: float) -> float:
    """Quantile of the standard normal law."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)
