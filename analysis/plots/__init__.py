"""Figures, each drawn on a given `Axes`."""

from analysis.plots.comparison import plot_differences, plot_tails
from analysis.plots.latency import COLOURS, figure, plot_ccdf, plot_hill, plot_latency_over_time, plot_percentiles, save
from analysis.plots.response import plot_response
from analysis.plots.routing import plot_around, plot_phases

__all__ = [
    "COLOURS", "figure", "plot_around", "plot_ccdf", "plot_differences", "plot_hill", "plot_latency_over_time", "plot_percentiles",
    "plot_phases", "plot_response", "plot_tails", "save",
]  # fmt: skip
