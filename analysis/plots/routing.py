"""How a policy routes as episodes begin and end: shares over time around them, and by node before, during and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.estimates import Estimate
from analysis.plots.latency import COLOURS
from analysis.routing import PHASES, Routing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 9  # nodes that are told apart
AXIS = {"begin": "time since the episode began [s]", "end": "time since the episode ended [s]"}


def plot_around(axes: Axes, found: Mapping[str, Routing], which: str) -> None:
    """Share of placements on the node that is hit, around episodes' `which` ("begin" or "end"), by policy; the episode is shaded."""
    for i, (label, routing) in enumerate(found.items()):
        estimates, edges = routing.around[which], routing.edges
        middle = (edges[1:] + edges[:-1]) / 2.0
        values, low, high = (
            100.0 * np.array([bounded(e, name) for e in estimates]) for name in ("value", "low", "high")
        )
        colour = COLOURS[i % len(COLOURS)]
        axes.plot(middle, values, color=colour, linewidth=1.6, label=label)
        axes.fill_between(middle, low, high, color=colour, alpha=0.15, linewidth=0)
    reach = float(next(iter(found.values())).edges[-1])
    axes.axvspan(*((0.0, reach) if which == "begin" else (-reach, 0.0)), color="#555555", alpha=0.08, linewidth=0)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(AXIS[which])
    axes.set_ylabel("placed on the node that is hit [%]")
    axes.legend(frameon=False, fontsize=8)


def bounded(estimate: Estimate, name: str) -> float:
    """A share's value or bound, within 0 and 1; NaN where there is none."""
    value = getattr(estimate, name)
    return math.nan if value is None else min(max(value, 0.0), 1.0)


def plot_phases(axes: Axes, routing: Routing, nodes: Sequence[str], label: str, legend: bool) -> None:
    """Share of placements by node before, during and after episodes that hit the target, stacked."""
    shares = 100.0 * np.array([[estimate.value or 0.0 for estimate in routing.shares[phase]] for phase in PHASES])
    shown = sorted(np.argsort(-shares.mean(0) - 1e3 * (np.arange(len(nodes)) == routing.target), kind="stable")[:MOST].tolist())
    rows = [(f"{nodes[n]} (hit)" if n == routing.target else nodes[n], shares[:, n]) for n in shown]
    if len(shown) < len(nodes):
        rows.append((f"{len(nodes) - len(shown)} others", shares.sum(1) - shares[:, shown].sum(1)))
    bottom = np.zeros(len(PHASES))
    for i, (name, heights) in enumerate(rows):
        colour, hatch = COLOURS[i % len(COLOURS)], ("", "//", "..", "xx")[i // len(COLOURS) % 4]
        axes.bar(PHASES, heights, 0.7, bottom=bottom, color=colour, label=name, edgecolor="white", hatch=hatch, linewidth=0.6)
        bottom += heights
    axes.set_ylim(0.0, 100.0)
    axes.set_title(label, fontsize=9)
    axes.set_ylabel("placements [%]")
    if legend:
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
