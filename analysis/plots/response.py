"""Response curves: a figure by a swept value, with its intervals, beside the level that it has without what is swept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.estimates import Estimate
from analysis.plots.latency import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 8.0  # times the least value from which on the axis is logarithmic
MARKERS = "osD^vP"


def plot_response(
    axes: Axes, at: Sequence[float] | Sequence[str], curves: Mapping[str, Sequence[Estimate]], level: tuple[str, Estimate] | None = None, joined: bool = True
) -> None:
    """Every curve has an estimate for each of `at`; one without a value is left out, so that its line has a gap.

    `level` is drawn across, with its interval shaded. Texts in `at` stand in their order, evenly; without `joined`
    no line leads from one to the next.
    """
    named = all(isinstance(value, str) for value in at)
    places = [float(i) for i in range(len(at))] if named else [float(value) for value in at]
    if level is not None and level[1].value is not None:
        axes.axhline(level[1].value, color="#555555", linewidth=1.1, linestyle="--", label=level[0])
        if level[1].low is not None and level[1].high is not None:
            axes.axhspan(level[1].low, level[1].high, color="#555555", alpha=0.12, linewidth=0)
    for i, (label, estimates) in enumerate(curves.items()):
        values = [math.nan if e.value is None else e.value for e in estimates]
        bars = [[max(v - e.low, 0.0) if e.low is not None else 0.0 for v, e in zip(values, estimates, strict=True)],
                [max(e.high - v, 0.0) if e.high is not None else 0.0 for v, e in zip(values, estimates, strict=True)]]  # fmt: skip
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i // len(COLOURS) % len(MARKERS)]
        axes.errorbar(places, values, yerr=bars, capsize=3, linestyle="-" if joined else "", markersize=4, label=label or None, color=colour, marker=marker)
    seen = [e.value for estimates in curves.values() for e in estimates if e.value is not None and e.value > 0.0]
    if seen and max(seen) > WIDE * min(seen):
        axes.set_yscale("log")
    if named:
        axes.set_xticks(places, [str(value) for value in at], fontsize=8)
