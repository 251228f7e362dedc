"""Fitting inference profiles to measurements, and telling how well they predict configurations that the fit has not seen.

Two forms are fitted, those that the simulator runs: a table through the medians, and the formula by least squares of relative errors
with coefficients that are not negative (Lawson and Hanson 1974). Each configuration in turn, with every output length it was measured
at, is held out, the rest fitted, and the times of the one held out predicted by the very method that the simulator calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.imports.measured import Group, Point
from simulator.inference.profiles import Formula, Table, interpolated

BREAKS = (0.0, *(32.0 * 2.0 ** (k / 8.0) for k in range(49)))  # prompt tokens that reading the weights may hide: none, 32 to 2,048
GIGABYTE = 8e9
LEAST_POINTS = 3


def predicted(profile: Any, point: Point) -> tuple[float, float]:
    """(prompt time, token time) [s] that a profile gives a configuration: the whole batch's prompts at once, then the mean decode iteration."""
    batch, cached = point.batch, point.batch * (point.prompt + point.tokens / 2.0)
    return profile.iteration(point.prompt * batch, batch, batch), profile.iteration(0, 0, batch) + profile.kv_time * cached


def means_by(pairs: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(x in increasing order, mean y of each)."""
    found: dict[float, list[float]] = {}
    for x, y in pairs:
        found.setdefault(x, []).append(y)
    xs = tuple(sorted(found))
    return xs, tuple(float(np.mean(found[x])) for x in xs)


def fit_table(points: Sequence[Point]) -> Table:
    """Through the medians: prompt times by tokens at the smallest batch, a factor by batch, token times by batch."""
    least = min(point.batch for point in points)
    alone = [point for point in points if point.batch == least]
    tokens, times = means_by([(float(p.prompt * p.batch), p.prompt_s) for p in alone])
    factors = [(float(p.batch), p.prompt_s / interpolated(p.prompt * p.batch, tokens, times)) for p in points]
    joined, joined_factors = means_by(factors)
    kv_time = slope_of(alone)
    sizes, decodes = means_by([(float(p.batch), max(p.token_s - kv_time * p.batch * (p.prompt + p.tokens / 2.0), 1e-9)) for p in points])
    return Table(tokens, times, sizes, decodes, kv_time, joined, joined_factors)


def slope_of(points: Sequence[Point]) -> float:
    """Time that a token in the KV cache adds to an iteration [s]: the slope over the prompt sizes at one output length, at least 0."""
    shortest = min(point.tokens for point in points)
    some = [point for point in points if point.tokens == shortest]
    if len({point.prompt for point in some}) < LEAST_POINTS:
        return 0.0
    return max(float(np.polyfit([p.prompt * p.batch for p in some], [p.token_s for p in some], 1)[0]), 0.0)


def fit_formula(points: Sequence[Point]) -> Formula:
    """c0 + max(w, a n) + c_kv KV + c_b b: first the decode part, then a and the prompt size up to which reading the weights hides it."""
    from scipy.optimize import nnls

    token = np.array([p.token_s for p in points])
    cached = [p.batch * (p.prompt + p.tokens / 2.0) for p in points]
    (base, request, kv), _ = nnls(np.column_stack([np.ones(len(points)), [p.batch for p in points], cached]) / token[:, None], np.ones(len(points)))
    prompt = np.array([p.prompt_s for p in points])
    n = np.array([float(p.prompt * p.batch) for p in points])
    rest = prompt - base - request * np.array([p.batch for p in points])
    best: tuple[float, float, float] | None = None
    for hidden in BREAKS:
        column = np.maximum(n - hidden, 0.0) / prompt
        (each,), error = nnls(column[:, None], rest / prompt)
        if each * hidden <= base and (best is None or error < best[0]):
            best = (error, each, hidden)
    assert best is not None, "with nothing hidden there is always a fit"
    _, each, hidden = best
    read = max(each * hidden, 1e-9)
    return Formula(GIGABYTE, GIGABYTE / read, max(each, 1e-12) * 1e15, 1e15, max(base - read, 0.0), float(kv), float(request))


FITS: dict[str, Callable[[Sequence[Point]], Any]] = {"table": fit_table, "formula": fit_formula}


@dataclass(frozen=True)
class Fit:
    """A form fitted to a group, with its relative errors on configurations held out: (configuration, prompt, token), mean over lengths."""

    form: str
    profile: Any
    held_out: tuple[tuple[tuple[int, int], float, float], ...]

    @property
    def prompt_error(self) -> float:
        """Mean absolute error of the prompt time over the configurations, as a share."""
        return float(np.mean([prompt for _, prompt, _ in self.held_out]))

    @property
    def token_error(self) -> float:
        """Mean absolute error of the token time over the configurations, as a share."""
        return float(np.mean([token for _, _, token in self.held_out]))


def fit(group: Group, form: str) -> Fit:
    """One form, fitted to all points, and judged by holding out each configuration in turn."""
    make = FITS[form]
    errors = []
    for held in sorted({point.configuration for point in group.points}):
        profile = make([point for point in group.points if point.configuration != held])
        mine = [point for point in group.points if point.configuration == held]
        both = [(abs(prompt / p.prompt_s - 1.0), abs(token / p.token_s - 1.0)) for p in mine for prompt, token in (predicted(profile, p),)]
        errors.append((held, float(np.mean([prompt for prompt, _ in both])), float(np.mean([token for _, token in both]))))
    return Fit(form, make(group.points), tuple(errors))


def best_fit(group: Group, form: str | None = None) -> tuple[Fit, list[Fit]]:
    """(the form named, else the one with the smaller sum of both errors, every form judged)."""
    tried = [fit(group, name) for name in FITS]
    if form is not None:
        return next(found for found in tried if found.form == form), tried
    return min(tried, key=lambda found: found.prompt_error + found.token_error), tried
