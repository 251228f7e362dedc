"""Figures of comparisons: what must be readable on them."""

import itertools
import math

import pytest

from analysis.comparison import paired_difference
from analysis.plots import figure, plot_differences


@pytest.mark.parametrize("size", [1.0, 4.9e-4, 1e-4, 7e5])
def test_labels_of_differences_do_not_overlap(size, tmp_path):
    made, axes = figure(2, 12.0, 3.4)
    found = paired_difference([size * (0.5 * k - 1.0) for k in range(8)], [0.0] * 8)
    for one in axes:
        plot_differences(one, {"expected-utility(price=0.3, memory=20, outcomes=True)": found}, "p99", "another")
    made.savefig(tmp_path / "laid-out.png")  # the layout is made as it is drawn
    boxes = [box for label in axes[1].get_xticklabels() if label.get_text() and (box := label.get_window_extent()).width]
    assert len(boxes) > 1
    assert all(left.x1 + 2.0 < right.x0 for left, right in itertools.pairwise(boxes))


def test_what_neither_reached_is_written_so():
    _made, axes = figure(2, 12.0, 3.4)
    plot_differences(axes[0], {"a policy": paired_difference([math.inf] * 6, [math.inf] * 6)}, "p99", "another")
    assert [text.get_text() for text in axes[0].texts] == ["not reached by either"]


def test_points_without_a_figure_and_levels_are_in_the_legend():
    from analysis.estimates import Estimate
    from analysis.plots import figure, plot_response

    _, (axes,) = figure()
    estimates = [Estimate(1.0, 0.9, 1.1), Estimate(None, reason="not reached")]
    plot_response(axes, ["a", "b"], {"": estimates}, ("base", Estimate(1.0, 0.8, 1.2)), joined=False, bounds={"p99 < 2 s": 2.0})
    assert {"base", "95 % interval of base", "p99 < 2 s"} < set(axes.get_legend_handles_labels()[1])
    crossed = [line for line in axes.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crossed] == [[1.0]]
    _, (empty,) = figure()
    plot_response(empty, [1.0, 2.0], {"": [Estimate(None, reason="worth 5")] * 2})
    assert "no point has a figure" in [text.get_text() for text in empty.texts]
