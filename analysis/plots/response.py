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
BOUND = "#c0392b"
MANY = 4  # names along an axis, above which they are turned
MISSING = "no figure (not reached, or the sample is too small)"


def plot_response(
    axes: Axes, at: Sequence[float] | Sequence[str], curves: Mapping[str, Sequence[Estimate]], level: tuple[str, Estimate] | None = None, joined: bool = True,
    bounds: Mapping[str, float] | None = None,
) -> None:  # fmt: skip
    """Every curve has an estimate for each of `at`; one without a value leaves a gap in its line and is marked at the upper edge.

    `level` is drawn across, with its interval shaded, and so are `bounds`, the service levels by their texts. Texts in `at` stand in
    their order, evenly; without `joined` no line leads from one to the next.
    """
    named = all(isinstance(value, str) for value in at)
    places = [float(i) for i in range(len(at))] if named else [float(value) for value in at]
    if level is not None and level[1].value is not None:
        axes.axhline(level[1].value, color="#555555", linewidth=1.1, linestyle="--", label=level[0])
        if level[1].low is not None and level[1].high is not None:
            axes.axhspan(level[1].low, level[1].high, color="#555555", alpha=0.12, linewidth=0, label=f"95 % interval of {level[0]}")
    for text, bound in (bounds or {}).items():
        axes.axhline(bound, color=BOUND, linewidth=1.1, linestyle=":", label=text)
    for i, (label, estimates) in enumerate(curves.items()):
        values = [math.nan if e.value is None else e.value for e in estimates]
        bars = [[max(v - e.low, 0.0) if e.low is not None else 0.0 for v, e in zip(values, estimates, strict=True)],
                [max(e.high - v, 0.0) if e.high is not None else 0.0 for v, e in zip(values, estimates, strict=True)]]  # fmt: skip
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i // len(COLOURS) % len(MARKERS)]
        axes.errorbar(places, values, yerr=bars, capsize=3, linestyle="-" if joined else "", markersize=4, label=label or None, color=colour, marker=marker)
        gone = [place for place, e in zip(places, estimates, strict=True) if e.value is None]
        axes.plot(gone, [0.985] * len(gone), linestyle="", marker="x", color=colour, transform=axes.get_xaxis_transform(), label=MISSING if gone else None)
    seen = [e.value for estimates in curves.values() for e in estimates if e.value is not None and e.value > 0.0]
    if seen and max(seen) > WIDE * min(seen):
        axes.set_yscale("log")
    if not any(e.value is not None for estimates in curves.values() for e in estimates):
        axes.text(0.5, 0.5, "no point has a figure", ha="center", va="center", transform=axes.transAxes, color="#555555")
    if named:
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.set_xticks(places, [str(value) for value in at], fontsize=8)
        if len(places) > MANY:
            for name in axes.get_xticklabels():
                name.set(rotation=40, ha="right", rotation_mode="anchor")
