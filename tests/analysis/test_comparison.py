"""Comparisons: hand-worked arrays, and coverage by simulation."""

import math

import numpy as np
import pytest

from analysis.comparison import (
    BETTER,
    NONE_SHOWN,
    WORSE,
    bootstrap_interval,
    fewest_replications,
    holm,
    judged,
    paired_difference,
    rank_sum,
    signed_rank,
    unpaired_difference,
    variance_reduction,
)

INF = math.inf


def test_signed_rank_by_hand():
    # all six positive: 2 of the 2^6 sign patterns are as extreme
    assert signed_rank(np.array([1.0, 2, 3, 4, 5, 6])) == pytest.approx(2 / 64)
    # ranks 1 and 2 negative, W- = 3: subsets of {1..6} with sum <= 3 are {}, {1}, {2}, {3}, {1,2}
    assert signed_rank(np.array([-1.0, -2, 3, 4, 5, 6])) == pytest.approx(2 * 5 / 64)
    assert signed_rank(np.zeros(4)) == 1.0
    assert signed_rank(np.array([0.0, 1, 2, 3, 4, 5, 6])) == pytest.approx(2 / 64)  # zeros are dropped


def test_signed_rank_takes_an_infinite_difference_as_the_largest():
    assert signed_rank(np.array([1.0, 2, 3, 4, 5, -INF])) == signed_rank(np.array([1.0, 2, 3, 4, 5, -100.0]))


def test_rank_sum_by_hand():
    # 3 against 3 without overlap: 2 of the 20 arrangements
    assert rank_sum(np.array([1.0, 2, 3]), np.array([4.0, 5, INF])) == pytest.approx(2 / 20)
    assert rank_sum(np.ones(3), np.ones(4)) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 x .01, 2 x .03, then .04 is held up to .06
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_paired_difference_by_hand():
    found = paired_difference([3.0, 5, 7, 9, 11, 13], [2.0, 3, 4, 5, 6, 7])  # 1 .. 6
    assert found.value == 3.5
    assert found.p == pytest.approx(2 / 64)
    assert found.low > 0.0
    assert found.replications == (6, 6)
    # var x = 14, var y = 3.5, var(x - y) = 3.5
    assert found.variance_reduction == pytest.approx(5.0)


def test_verdicts():
    rising = np.arange(1.0, 11.0)
    same, low = np.tile([1.0, -1.0], 5), np.zeros(10)
    up, flat = paired_difference(rising, low), paired_difference(same, low)
    assert [c.verdict for c in judged([up, flat], True)] == [BETTER, NONE_SHOWN]
    assert [c.verdict for c in judged([up, flat], False)] == [WORSE, NONE_SHOWN]
    assert judged([up] + [flat] * 30, True)[0].verdict == NONE_SHOWN  # 31 x 2/1024 is above 5 %


def test_infinities_are_ties_with_each_other_and_worse_than_any_time():
    for both in (paired_difference([INF] * 6, [INF] * 6), unpaired_difference([INF] * 6, [INF] * 5)):
        assert math.isnan(both.value) and both.low is None and both.note == "not reached by either"
        assert both.p == 1.0
    some = paired_difference([INF, *[2.0] * 5], [INF, *[1.0] * 5])
    assert some.value == pytest.approx(5 / 6) and "either in 1 of 6" in some.note
    one = paired_difference([INF] * 7, [1.0, 2, 3, 4, 5, 6, 7])
    assert one.value == INF
    assert (one.low, one.high) == (None, None)
    assert "infinite in 7 of 7" in one.note
    assert judged([one], False)[0].verdict == WORSE
    assert one.as_dict()["value"] is None


def test_rounding_is_no_difference():
    x = np.linspace(0.3, 0.9, 8)
    noisy = x * (1.0 - 2.0 ** np.array([-52, -51, -52, -52, -51, -52, -52, -52]))
    found = paired_difference(noisy, x)
    assert (found.value, found.low, found.high, found.p, found.variance_reduction) == (0.0, 0.0, 0.0, 1.0, None)
    assert paired_difference(x * (1.0 + 1e-9), x).p == pytest.approx(2 / 256)
    assert unpaired_difference(np.full(8, 0.8), 0.8 - 2.0 ** -53 * np.arange(1, 9)).p == 1.0
    assert rank_sum(np.array([1.0, 2, INF]), np.array([4.0, 5, INF])) == rank_sum(np.array([1.0, 2, 9]), np.array([4.0, 5, 9]))


def test_missing_values_leave_the_pair_out():
    assert paired_difference([1.0, math.nan, 3.0], [1.0, 2.0, math.nan]).replications == (1, 1)
    assert paired_difference([math.nan], [1.0]).note
    with pytest.raises(ValueError, match="one length"):
        paired_difference([1.0], [1.0, 2.0])


def test_no_interval_from_four_replications_and_a_point_from_equal_ones():
    assert bootstrap_interval([np.arange(4.0)]) == (None, None)
    assert bootstrap_interval([np.full(8, 2.0)]) == (2.0, 2.0)
    assert paired_difference([1.0] * 3, [0.0] * 3).note == "no interval: 3 replications, 5 are needed"


def test_identical_systems_are_never_told_apart():
    x = np.random.default_rng(1).normal(size=20)
    found = judged([paired_difference(x, x)], True)[0]
    assert (found.value, found.low, found.high, found.verdict) == (0.0, 0.0, 0.0, NONE_SHOWN)
    assert found.variance_reduction is None


def test_fewest_replications():
    assert fewest_replications(1) == 6
    assert fewest_replications(4) == 8


def test_variance_reduction_of_a_known_correlation():
    g = np.random.default_rng(3)
    common, own = g.normal(size=(2, 4000)), 0.5 * g.normal(size=(2, 4000))
    # var = 1.25 each, difference has var 0.5: 5 times
    assert variance_reduction(common[0] + own[0], common[0] + own[1]) == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize(("law", "n", "least"), [("normal", 10, 0.92), ("normal", 30, 0.92), ("lognormal", 10, 0.85), ("lognormal", 30, 0.88)])
def test_interval_covers(law, n, least):
    """Nominal 95 %; ten values of a skewed law (sigma 0.8) carry less, whatever the interval, and the reference page says so."""
    g = np.random.default_rng(8)
    true = 0.0 if law == "normal" else math.exp(0.32)
    covered = 0
    for trial in range(600):
        x = g.normal(size=n) if law == "normal" else g.lognormal(0.0, 0.8, size=n)
        low, high = bootstrap_interval([x], seed=trial)
        covered += low <= true <= high
    assert least <= covered / 600 <= 0.985


def test_unpaired_interval_covers_and_its_false_alarms_are_few():
    g = np.random.default_rng(11)
    covered = alarms = 0
    for trial in range(300):
        found = judged([unpaired_difference(g.normal(size=12), g.normal(size=9), seed=trial)], True)[0]
        covered += found.low <= 0.0 <= found.high
        alarms += found.verdict != NONE_SHOWN
    assert 0.91 <= covered / 300 <= 0.99
    assert alarms / 300 <= 0.08


def test_false_alarms_over_a_family_are_few_and_real_differences_are_found():
    g = np.random.default_rng(13)
    alarms = found = 0
    for trial in range(200):
        base = g.normal(size=20)
        others = [base + 0.3 * g.normal(size=20) for _ in range(5)]
        comparisons = judged([paired_difference(x, base, seed=trial) for x in [*others, base + 0.3 * g.normal(size=20) + 0.5]], True)
        alarms += any(c.verdict != NONE_SHOWN for c in comparisons[:5])
        found += comparisons[5].verdict == BETTER
    assert alarms / 200 <= 0.09
    assert found / 200 >= 0.95
