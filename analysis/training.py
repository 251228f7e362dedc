"""Comparing learning algorithms over training seeds and tasks (Agarwal et al. 2021): interquartile mean with a stratified bootstrap
interval, and the probability of improvement; and the difference of a trained policy from a fixed one, over training seeds and replications.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

DRAWS = 2000
LEVEL = 0.95

Scores = Mapping[str, np.ndarray]  # by task, one score a training seed


def interquartile_mean(values: np.ndarray) -> float:
    """Mean of the middle half; the outermost of these count in part where the number is not divisible by 4."""
    ordered = np.sort(np.asarray(values, dtype=float).ravel())
    n = len(ordered)
    edges = np.arange(n + 1) / n
    weight = np.maximum(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0)
    return float((weight * ordered).sum() / weight.sum())


def iqm(scores: Scores) -> float:
    """Interquartile mean over all tasks and seeds."""
    return interquartile_mean(np.concatenate([np.asarray(values, dtype=float) for values in scores.values()]))


def probability_of_improvement(x: Scores, y: Scores) -> float:
    """Mean over tasks of P(X > Y) + P(X = Y) / 2, X and Y a random training each."""
    shares = []
    for task in x:
        differ = np.asarray(x[task], dtype=float)[:, None] - np.asarray(y[task], dtype=float)[None, :]
        shares.append(float((differ > 0).mean() + 0.5 * (differ == 0).mean()))
    return float(np.mean(shares))


def stratified(figure: Callable[..., float], *groups: Scores, seed: int = 0) -> tuple[float, float, float]:
    """(figure, low, high): percentile bootstrap in which every task's seeds are drawn anew by themselves, 95 %."""
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS):
        again = [{task: values[draws.integers(len(values), size=len(values))] for task, values in group.items()} for group in groups]
        found.append(figure(*again))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return figure(*groups), float(low), float(high)


def mean_difference(trained: np.ndarray, fixed: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """(mean of trained - fixed, low, high): trained [T, R] by training seed and replication, fixed [R] on the same replications.

    Percentile bootstrap that draws trainings and replications anew, each as a whole, so that both sources of chance count; 95 %.
    """
    differ = np.asarray(trained, dtype=float) - np.asarray(fixed, dtype=float)[None, :]
    draws = np.random.default_rng(seed)
    rows, columns = differ.shape
    found = [differ[np.ix_(draws.integers(rows, size=rows), draws.integers(columns, size=columns))].mean() for _ in range(DRAWS)]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(differ.mean()), float(low), float(high)
