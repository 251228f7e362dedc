"""Utility of a completed request: a sigmoid in its latency, so that returns stay bounded under heavy-tailed latency.

U(T) = q * (1 + exp(-k T0)) / (1 + exp(k (T - T0))) - cost, at most 1; T0 the midpoint, k the steepness, q the quality; U(0) = q - cost.
"""

from math import exp

import numpy as np

from simulator.descriptions import description
from simulator.units import Number, Rate, Seconds

LARGEST = 700.0  # exponent; beyond it nothing is left


@description
class Utility:
    """What a completed request is worth by its latency; any other earns minus `penalty`."""

    midpoint: Seconds
    steepness: Rate
    penalty: Number = 0.0
    cost: Number = 0.0

    def at(self, latency: float, quality: float) -> float:
        """Utility of one completed request; `of` for one."""
        value = 0.0
        exponent = self.steepness * (latency - self.midpoint)
        if exponent < LARGEST:
            value = quality * (1.0 + exp(-self.steepness * self.midpoint)) / (1.0 + exp(exponent))
        return min(value - self.cost, 1.0)

    def of(self, latency: np.ndarray, quality: np.ndarray) -> np.ndarray:
        """Utilities of completed requests: latency [s] and quality in [0, 1], any shape."""
        from scipy.special import expit

        value = quality * (1.0 + exp(-self.steepness * self.midpoint)) * expit(-self.steepness * (np.asarray(latency) - self.midpoint))
        return np.minimum(value - self.cost, 1.0)
