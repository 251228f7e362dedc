"""Routing around episodes, by hand."""

import numpy as np
import pytest

from analysis.plots import figure, plot_around, plot_phases
from analysis.routing import Hit, Placements, reach_of, routing

ALL = np.ones((12, 3), bool)


def placements(nodes, possible=ALL):
    """One a second from 0.5 s on."""
    return Placements(np.arange(len(nodes)) + 0.5, np.array(nodes), possible[: len(nodes)])


def test_shares_before_during_and_after_by_hand():
    # node 1 is hit from 4 to 8 s, and the reach is as long: 2 of 4 before, none during, 3 of 4 after
    run = placements([1, 0, 1, 0, 0, 0, 2, 0, 1, 1, 0, 1])
    found = routing([run, run], [[Hit(1, 4.0, 8.0)]] * 2, bins=2)
    assert {phase: estimate.value for phase, estimate in found.hit.items()} == {"before": 0.5, "during": 0.0, "after": 0.75}
    assert [e.value for e in found.around["begin"]] == [0.5, 0.5, 0.0, 0.0] and [e.value for e in found.around["end"]] == [0.0, 0.0, 1.0, 0.5]
    assert found.edges.tolist() == [-4, -2, 0, 2, 4] and found.episodes == 2 and found.target == 1
    assert [e.value for e in found.shares["during"]] == [0.75, 0.0, 0.25]


def test_only_what_could_have_gone_there_counts_and_other_episodes_are_left_out():
    possible = ALL.copy()
    possible[:2, 1] = False  # the first two could not go to node 1
    run = placements([0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1], possible)
    hits = [Hit(1, 4.0, 8.0), Hit(1, 10.0, 12.0), Hit(0, 8.0, 9.0)]
    found = routing([run], [hits], bins=1, reach=4.0)
    assert found.hit["before"].value == pytest.approx((2 + 1 + 4) / (2 + 2 + 4))  # the rows 2 and 3, 8 and 9, 4 to 7
    assert found.hit["before"].low is None  # one replication has no interval


def test_without_episodes_there_is_none_and_the_reach_is_the_median_episode():
    assert routing([placements([0])], [[]]) is None
    assert reach_of([[Hit(0, 0.0, 1.0), Hit(0, 2.0, 5.0)], [Hit(1, 0.0, 9.0)]]) == 3.0 and reach_of([[]]) == 1.0


def test_it_is_drawn_with_the_hit_node_named_and_the_rest_together():
    run = Placements(np.arange(40) / 4.0, np.arange(40) % 20, np.ones((40, 20), bool))
    found = routing([run, run], [[Hit(3, 4.0, 6.0)]] * 2)
    _, (one, two) = figure(2)
    plot_around(one, {"it": found}, "begin")
    plot_phases(two, found, [f"n-{i}" for i in range(20)], "it", True)
    labels = [text.get_text() for text in two.get_legend().get_texts()]
    assert "n-3 (hit)" in labels and labels[-1] == "11 others" and len(labels) == 10
    tops = {round(patch.get_x(), 6): 0.0 for patch in two.patches}
    for patch in two.patches:
        tops[round(patch.get_x(), 6)] = max(tops[round(patch.get_x(), 6)], patch.get_y() + patch.get_height())
    assert all(top == pytest.approx(100.0) for top in tops.values())
