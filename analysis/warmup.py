"""Warm-up: where a series has left its initial transient, by MSER-5 (White 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WarmUp:
    """How many values to cut, or None with the reason."""

    cut: int | None
    reason: str | None = None


def mser5(values: np.ndarray) -> WarmUp:
    """The truncation that minimises the standard error of what is left, over means of 5; refused when it cuts half or more."""
    means = np.asarray(values[: len(values) // 5 * 5], dtype=float).reshape(-1, 5).mean(axis=1)
    n = len(means)
    if n < 10:
        return WarmUp(None, f"{len(values)} values are too few to see a transient")
    left = np.arange(n, 0, -1)
    tail = np.cumsum(means[::-1])[::-1] / left
    squares = np.cumsum((means**2)[::-1])[::-1] / left
    score = (squares - tail**2)[: n - 5] / left[: n - 5]
    best = int(np.argmin(score))
    if best >= n // 2:
        return WarmUp(None, "the transient lasts for half of the run or longer: simulate for longer")
    return WarmUp(5 * best)
