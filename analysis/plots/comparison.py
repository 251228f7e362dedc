"""Figures of a comparison: paired differences with their intervals, and tails in which incomplete requests never end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analysis.comparison import BETTER, NEITHER, WORSE, Difference
from analysis.plots.latency import COLOURS, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = {BETTER: COLOURS[2], WORSE: COLOURS[1]}
UNITS = {"utility": "utility", "p99": "p99 latency [s]"}


def plot_differences(axes: Axes, differences: Mapping[str, Difference], name: str, reference: str) -> None:
    """One line a system: its difference to the reference in the figure `name` with its interval, coloured by verdict."""
    labels = list(differences)
    for place, (_label, found) in enumerate(differences.items()):
        colour = SHADES.get(found.verdict, "#777777")
        if not math.isfinite(found.value):
            why = "not reached" if math.isinf(found.value) else NEITHER if found.note == NEITHER else "not given"
            axes.annotate(why, (0.0, place), color=colour, fontsize=8, va="center")
            continue
        if found.low is not None and found.high is not None:
            axes.plot([found.low, found.high], [place, place], color=colour, linewidth=2.2)
        axes.plot([found.value], [place], "o", color=colour, markersize=5)
    axes.axvline(0.0, color="#222222", linewidth=1.0)
    axes.locator_params(axis="x", nbins=5)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-4, 4))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axes.set_xlabel(f"{UNITS.get(name, name)} minus that of {reference}", fontsize=9)
    for verdict, colour in SHADES.items():
        axes.plot([], [], color=colour, linewidth=2.2, label=verdict)
    axes.plot([], [], color="#777777", linewidth=2.2, label="no difference shown")
    axes.legend(frameon=False, fontsize=8)


def plot_tails(axes: Axes, latency: Mapping[str, np.ndarray]) -> None:
    """P(latency > x) of all requests by system; what did not complete (inf) keeps the curve from falling to zero."""
    styles = ("-", "--", ":")
    for i, (label, values) in enumerate(latency.items()):
        x = np.sort(values)
        share = 1.0 - np.arange(1, len(x) + 1) / len(x)
        shown = np.isfinite(x) & (share > 0.0) & (x > 0.0)
        axes.plot(*thinned(x[shown], share[shown]), color=COLOURS[i % len(COLOURS)], linestyle=styles[i // len(COLOURS) % 3], label=label, linewidth=1.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("latency [s]")
    axes.set_ylabel("share of all requests above, or not completed")
    axes.legend(frameon=False, fontsize=8)
