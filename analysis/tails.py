"""Tails: empirical CCDF and estimators of the tail index, as a panel because each of them misleads alone.

The index a is that of P(X > x) ~ x^-a. On dependent data such as waiting times these estimators are biased and their
independent-sample intervals far too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def ccdf(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, P(X > x)) at every distinct value but the largest, both ascending in x."""
    x, counts = np.unique(np.asarray(values, dtype=float), return_counts=True)
    beyond = 1.0 - np.cumsum(counts) / counts.sum()
    return x[:-1], beyond[:-1]


@dataclass(frozen=True)
class HillCurve:
    """Hill's estimate of the tail index by the number k of largest values used, with an independent-sample 95 % interval; all (n,)."""

    k: np.ndarray
    index: np.ndarray
    low: np.ndarray
    high: np.ndarray


def hill(values: np.ndarray, largest_k: int | None = None) -> HillCurve:
    """Hill's estimator 1 / mean(ln x_(i) - ln x_(k+1)), i = 1..k (Hill 1975), for k = 2 .. `largest_k` (a tenth by default)."""
    ordered = np.sort(np.asarray(values, dtype=float)[np.asarray(values) > 0])[::-1]
    top = min(largest_k if largest_k is not None else max(len(ordered) // 10, 2), len(ordered) - 1)
    if top < 2:
        raise ValueError(f"Hill's estimator needs at least 3 positive values, got {len(ordered)}")
    logs = np.log(ordered[: top + 1])
    k = np.arange(2, top + 1)
    excess = np.cumsum(logs)[1:-1][: len(k)] / k - logs[2 : top + 1]
    index = np.divide(1.0, excess, out=np.full(len(k), np.inf), where=excess > 0)
    half = 1.96 / np.sqrt(k)
    return HillCurve(k, index, index * (1 - half), index * (1 + half))


def moment_estimate(values: np.ndarray, k: int) -> float:
    """Extreme-value index xi = 1/a by Dekkers, Einmahl and de Haan (1989) from the k largest values; may be <= 0 for light tails."""
    ordered = np.sort(np.asarray(values, dtype=float)[np.asarray(values) > 0])[::-1]
    logs = np.log(ordered[:k]) - np.log(ordered[k])
    first, second = float(logs.mean()), float((logs**2).mean())
    return first + 1.0 - 0.5 / (1.0 - first**2 / second)


@dataclass(frozen=True)
class Excesses:
    """A generalised-Pareto fit to what lies beyond a threshold."""

    threshold: float
    beyond: int
    xi: float
    scale: float


def peaks_over_threshold(values: np.ndarray, levels: tuple[float, ...] = (0.9, 0.95, 0.975, 0.99)) -> list[Excesses]:
    """Maximum-likelihood fits (scipy's genpareto) over several thresholds: trust a tail whose xi is stable over them."""
    from scipy.stats import genpareto

    found = []
    for level in levels:
        threshold = float(np.quantile(values, level))
        excess = np.asarray(values)[np.asarray(values) > threshold] - threshold
        if len(excess) >= 30:
            xi, _, scale = genpareto.fit(excess, floc=0.0)
            found.append(Excesses(threshold, len(excess), float(xi), float(scale)))
    return found


@dataclass(frozen=True)
class TailPanel:
    """What several estimators say of the tail index, and what to keep in mind."""

    hill: dict[float, float]  # index by the share of values used
    moment: dict[float, float]
    excesses: list[Excesses]
    true_index: float | None
    caution: str


def tail_panel(values: np.ndarray, true_index: float | None = None) -> TailPanel:
    """The panel for `values`; `true_index` of the law where it is known."""
    n = int((np.asarray(values) > 0).sum())
    shares = [share for share in (0.005, 0.01, 0.02, 0.05) if share * n >= 20]
    curve = hill(values, max(int(0.05 * n), 2)) if shares else None
    by_hill = {share: float(curve.index[int(share * n) - 2]) for share in shares} if curve is not None else {}
    by_moment = {share: 1.0 / xi if (xi := moment_estimate(values, int(share * n))) > 0 else float("inf") for share in shares}
    return TailPanel(
        by_hill,
        by_moment,
        peaks_over_threshold(values),
        true_index,
        "latencies of one system depend on each other: these estimates are biased, and no independent-sample interval covers",
    )
