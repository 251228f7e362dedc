"""Running figures in float64: a mean and variance that forget the past at a fixed rate, corrected for their start."""

from __future__ import annotations

from typing import Any

import numpy as np


class Moments:
    """Exponentially weighted mean and variance over batches; the first batch has full weight (Adam's correction of the start).

    The update mixes two distributions exactly: mean' = mean + a d, var' = (1 - a)(var + a d^2) + a var_batch, with
    d = mean_batch - mean and a = (1 - decay) / (1 - decay^t).
    """

    def __init__(self, decay: float):
        self.decay = decay
        self.batches = 0
        self.mean = 0.0
        self.variance = 0.0

    def update(self, values: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Takes in a batch; nothing when it is empty or its weights are all zero."""
        values = np.asarray(values, dtype=np.float64).ravel()
        weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
        total = float(weights.sum())
        if total <= 0.0:
            return
        mean = float((weights * values).sum() / total)
        variance = float((weights * (values - mean) ** 2).sum() / total)
        self.batches += 1
        a = (1.0 - self.decay) / (1.0 - self.decay**self.batches)
        d = mean - self.mean
        self.mean += a * d
        self.variance = (1.0 - a) * (self.variance + a * d * d) + a * variance

    @property
    def deviation(self) -> float:
        """Standard deviation; 0 before the first batch."""
        return float(np.sqrt(self.variance))

    def state(self) -> dict[str, Any]:
        """Plain values, exactly."""
        return {"batches": self.batches, "mean": self.mean, "variance": self.variance}

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.batches, self.mean, self.variance = int(state["batches"]), float(state["mean"]), float(state["variance"])


class ValueNormaliser:
    """Returns to the critic's scale and back: (return - mean) / deviation, updated once per rollout (van Hasselt et al. 2016, without
    the correction of weights; the deviation is at least 1e-3 of a reward unit). Off, it is the identity.
    """

    def __init__(self, on: bool, decay: float = 0.9):
        self.on = on
        self.moments = Moments(decay)

    @property
    def scale(self) -> float:
        """What one unit of the critic's output is worth."""
        return max(self.moments.deviation, 1e-3) if self.on and self.moments.batches else 1.0

    @property
    def shift(self) -> float:
        return self.moments.mean if self.on else 0.0

    def update(self, returns: np.ndarray, weights: np.ndarray | None = None) -> None:
        if self.on:
            self.moments.update(returns, weights)

    def normalise(self, returns: np.ndarray) -> np.ndarray:
        return (returns - self.shift) / self.scale

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        return outputs * self.scale + self.shift
