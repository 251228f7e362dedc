"""Comparing trainings: hand-worked figures, and intervals that hold what they should."""

import numpy as np
import pytest

from analysis.training import interquartile_mean, iqm, mean_difference, probability_of_improvement, stratified


def test_interquartile_mean_by_hand():
    assert interquartile_mean(np.array([100.0, 1.0, 2.0, -50.0])) == 1.5
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 3.0, 100.0])) == pytest.approx((0.75 * 1 + 2 + 0.75 * 3) / 2.5)
    assert iqm({"a": np.array([1.0, 2.0]), "b": np.array([-50.0, 100.0])}) == 1.5


def test_probability_of_improvement_by_hand():
    x, y = {"a": np.array([1.0, 3.0]), "b": np.array([5.0])}, {"a": np.array([1.0, 2.0]), "b": np.array([9.0])}
    assert probability_of_improvement(x, y) == pytest.approx(((0.5 + 0 + 1 + 1) / 4 + 0.0) / 2)
    assert probability_of_improvement(x, x) == 0.5


def test_intervals_hold_the_truth_and_count_both_sources_of_chance():
    draws = np.random.default_rng(1)
    held = 0
    for _ in range(40):
        trained = 1.0 + draws.normal(0, 0.3, (8, 1)) + draws.normal(0, 0.1, (1, 12)) + draws.normal(0, 0.1, (8, 12))
        _, low, high = mean_difference(trained, np.zeros(12))
        held += low < 1.0 < high
    assert held >= 30
    value, low, high = stratified(iqm, {"a": draws.normal(0, 1, 20), "b": draws.normal(0, 1, 20)})
    assert low < value < high and high - low < 2.0
