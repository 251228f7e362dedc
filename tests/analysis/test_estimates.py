"""Estimates: order statistics by hand, refusal, and intervals that cover on dependent data."""

import numpy as np
import pytest

from analysis.estimates import effective_sample_size, mean_estimate, more_needed, quantile, quantile_estimate
from analysis.tails import ccdf, hill, peaks_over_threshold, tail_panel
from analysis.warmup import mser5


def waits(n: int, load: float, seed: int) -> np.ndarray:
    """Waiting times of M/M/1 by Lindley's recursion, mean service 1, started empty."""
    draws = np.random.default_rng(seed)
    steps = draws.exponential(1.0, n) - draws.exponential(1.0 / load, n)
    walk = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    return walk - np.minimum.accumulate(walk)


def test_quantiles_are_order_statistics():
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert [quantile(values, q) for q in (0.0, 0.2, 0.21, 0.5, 0.99, 1.0)] == [1.0, 1.0, 2.0, 3.0, 5.0, 5.0]
    assert quantile(np.array([1.0, np.inf]), 0.9) == np.inf
    with pytest.raises(ValueError):
        quantile(np.zeros(0), 0.5)


def test_effective_sample_size():
    independent = np.random.default_rng(0).normal(size=20_000)
    assert effective_sample_size(independent) > 10_000
    assert effective_sample_size(waits(20_000, 0.9, 1)) < 1_000
    assert effective_sample_size(np.ones(1000)) == 1000


def test_a_quantile_is_refused_where_the_sample_cannot_carry_it():
    assert quantile_estimate([np.random.default_rng(0).exponential(size=500)], 0.99).value is None
    assert "are needed" in (quantile_estimate([np.arange(500.0)], 0.999).reason or "")
    assert quantile_estimate([], 0.5).value is None
    assert quantile_estimate([np.random.default_rng(0).exponential(size=5000)], 0.99).value is not None


@pytest.mark.parametrize(("q", "least"), [(None, 0.88), (0.9, 0.88)])
def test_intervals_of_replications_cover_on_dependent_waits(q, least):
    """Ten replications of M/M/1 waits at load 0.7: nominal 95 %, and at least 88 % in 150 trials."""
    truth = 0.7 / 0.3 if q is None else np.log(0.7 / 0.1) / 0.3
    covered = 0
    for trial in range(150):
        series = [waits(6000, 0.7, 1000 * trial + r)[500:] for r in range(10)]
        found = mean_estimate(series) if q is None else quantile_estimate(series, q)
        covered += found.low <= truth <= found.high
    assert covered / 150 >= least


def test_precision_scales_with_the_square_root():
    series = [np.random.default_rng(r).exponential(size=1000) for r in range(10)]
    found = mean_estimate(series)
    assert more_needed(found, found.half_width_share / 2, 10) == pytest.approx(40, abs=1)


def test_mser_finds_a_transient():
    noise = np.random.default_rng(0).normal(size=4000)
    noise[:400] += np.linspace(10, 0, 400)
    cut = mser5(noise).cut
    assert cut is not None
    assert 200 <= cut <= 800
    assert mser5(np.linspace(1, 0, 4000)).cut is None


def test_ccdf_by_hand():
    x, p = ccdf(np.array([1.0, 2.0, 2.0, 4.0]))
    np.testing.assert_allclose(x, [1.0, 2.0])
    np.testing.assert_allclose(p, [0.75, 0.25])


def test_hill_and_panel_on_pareto():
    values = 1 + np.random.default_rng(0).pareto(1.8, 100_000)
    curve = hill(values, 2000)
    assert curve.low[-1] <= 1.8 <= curve.high[-1]
    np.testing.assert_allclose(hill(np.array([8.0, 4.0, 2.0, 1.0]), 3).index, [1 / (np.log(8 * 4 / 2 / 2) / 2), 1 / (np.log(8 * 4 * 2) / 3)])
    panel = tail_panel(values, 1.8)
    assert all(abs(index - 1.8) < 0.35 for index in panel.hill.values())
    assert all(abs(index - 1.8) < 0.5 for index in panel.moment.values())
    assert all(abs(fit.xi - 1 / 1.8) < 0.2 for fit in peaks_over_threshold(values))
    with pytest.raises(ValueError):
        hill(np.array([1.0]))


def test_intervals_of_shares_end_at_their_bounds():
    shares = [np.concatenate([np.ones(100 - k), np.zeros(k)]) for k in (0, 0, 9)]
    found = mean_estimate(shares, most=1.0)
    assert found.high == 1.0 < mean_estimate(shares).high
    assert found.low == mean_estimate(shares).low
    assert mean_estimate([1.0 - values for values in shares], most=1.0).low == 0.0
