"""Latency figures: CCDF, percentiles, Hill plot, latency over time with episodes. Each takes an `Axes` and labels it with units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.tails import ccdf, hill

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito 2008, safe for colour-blind readers
POINTS = 2000


def figure(columns: int = 1, width: float = 8.0, height: float = 4.6) -> tuple[Any, list[Axes]]:
    """A figure with `columns` axes side by side, without any global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(made)
    axes = [made.add_subplot(1, columns, i + 1) for i in range(columns)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(True, color="#e0e0e0", linewidth=0.6)
        one.set_axisbelow(True)
    return made, axes


def save(made: Any, path: Path) -> None:
    """Writes a figure whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    made.savefig(part, format=path.suffix.removeprefix(".") or "png")
    part.replace(path)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `POINTS` points, dense towards the end, where the tail is."""
    if len(x) <= POINTS:
        return x, y
    keep = np.unique(len(x) - 1 - np.unique(np.geomspace(1, len(x), POINTS).astype(int) - 1))
    return x[keep], y[keep]


def as_mapping(values: Any) -> Mapping[str, np.ndarray]:
    """One series or several by label."""
    return values if isinstance(values, Mapping) else {"": values}


def plot_ccdf(axes: Axes, values: Any) -> None:
    """P(latency > x) on logarithmic axes; `values` [s] is an array or arrays by label."""
    for colour, (label, series) in zip(COLOURS * 9, as_mapping(values).items(), strict=False):
        x, p = ccdf(series)
        positive = x > 0
        axes.plot(*thinned(x[positive], p[positive]), color=colour, label=label or None, linewidth=1.6)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("latency [s]")
    axes.set_ylabel("share of requests above")
    finish(axes, values)


def plot_percentiles(axes: Axes, values: Any) -> None:
    """Latency by percentile, the axis stretched towards 100 % as in HDR histograms; `values` [s]."""
    deepest = 2.0
    for colour, (label, series) in zip(COLOURS * 9, as_mapping(values).items(), strict=False):
        ordered = np.sort(np.asarray(series, dtype=float))
        n = len(ordered)
        beyond = 1.0 - np.arange(1, n) / n
        axes.plot(*thinned(-np.log10(beyond), ordered[:-1]), color=colour, label=label or None, linewidth=1.6)
        deepest = max(deepest, np.log10(n))
    ticks = np.arange(0, int(deepest) + 1)
    axes.set_xticks(ticks, [f"{100 * (1 - 10.0**-t):.6g} %" for t in ticks])
    axes.set_yscale("log")
    axes.set_xlabel("percentile")
    axes.set_ylabel("latency [s]")
    finish(axes, values)


def plot_hill(axes: Axes, values: np.ndarray, true_index: float | None = None) -> None:
    """Hill's tail index by the number of largest values used."""
    curve = hill(values)
    shown = np.isfinite(curve.index)
    axes.plot(curve.k[shown], curve.index[shown], color=COLOURS[0], linewidth=1.4, label="Hill")
    axes.fill_between(curve.k[shown], curve.low[shown], curve.high[shown], color=COLOURS[0], alpha=0.15, linewidth=0)
    if true_index is not None:
        axes.axhline(true_index, color=COLOURS[1], linewidth=1.2, linestyle="--", label=f"law's index {true_index:g}")
    settled = curve.index[shown & (curve.k >= 20)]
    if len(settled):
        axes.set_ylim(0, min(3 * float(np.median(settled)), float(settled.max()) * 1.3))
    axes.set_xscale("log")
    axes.set_xlabel("largest values used, k")
    axes.set_ylabel("tail index")
    axes.legend(frameon=False)


def plot_latency_over_time(axes: Axes, arrival: np.ndarray, latency: np.ndarray, episodes: Sequence[tuple[float, float]] = ()) -> None:
    """Latency of every request by its arrival [s], spike episodes shaded."""
    for i, (start, end) in enumerate(episodes):
        axes.axvspan(start, end, color=COLOURS[1], alpha=0.15, linewidth=0, label="spike episode" if i == 0 else None)
    step = max(len(arrival) // 20_000, 1)
    axes.plot(arrival[::step], latency[::step], ".", markersize=1.5, color=COLOURS[0], alpha=0.5)
    axes.set_yscale("log")
    axes.set_xlabel("arrival [s]")
    axes.set_ylabel("latency [s]")
    if episodes:
        axes.legend(frameon=False)


def finish(axes: Axes, values: Any) -> None:
    """A legend where there are labels."""
    if any(as_mapping(values)):
        axes.legend(frameon=False)
