"""From uncertainty to steps: bounds, order, the mean, the controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.adaptation import Adaptation, clip_ranges, multipliers, uncertainty
from agents.settings import Learning

ZS = st.lists(st.floats(-3, 3), min_size=2, max_size=20).map(np.array)


@given(ZS, st.floats(0, 2), st.integers(0, 2**31))
def test_multipliers_are_bounded_fall_with_uncertainty_and_have_mean_one(z, k, seed):
    weights = np.random.default_rng(seed).uniform(1, 100, len(z))
    m = multipliers(z, k, weights)
    assert (m * weights).sum() / weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert m.min() >= 0.5 and m.max() <= 2.0
    assert np.all(np.diff(m[np.argsort(z, kind="stable")]) <= 1e-12)


@given(ZS, st.floats(0, 2))
def test_clip_ranges_are_bounded_and_fall_with_uncertainty(z, k):
    eps = clip_ranges(z, k, 0.2)
    assert eps.min() >= 0.05 and eps.max() <= 0.3
    assert np.all(np.diff(eps[np.argsort(z, kind="stable")]) <= 0.0)


def test_no_gain_is_exactly_one():
    z = np.array([-2.0, 0.3, 1.7])
    assert np.array_equal(multipliers(z, 0.0, np.array([3.0, 7.0, 11.0])), np.ones(3))
    assert np.array_equal(clip_ranges(z, 0.0, 0.2), np.full(3, 0.2))


def test_uncertainty_in_units_of_the_advantage():
    assert uncertainty(np.array([9.0]), np.array([8.0]), np.array([4.0]), 2.5) == pytest.approx([2.0])


def steps(updates=30, count=(100, 10, 0, 40), **keys):
    made = Adaptation(Learning(warm_up_updates=3, **keys), seed=1)
    draws = np.random.default_rng(0)
    for _ in range(updates):
        u = np.array([0.1, 1.0, 5.0, 0.3]) * draws.uniform(0.9, 1.1, 4)
        found = made.step(u, np.array(count), draws.uniform(0.1, 1.0, 50))
    return found


def test_the_warm_up_changes_nothing_and_then_the_uncertain_step_less():
    assert np.array_equal(steps(3).multiplier, np.ones(4))
    m = steps().multiplier
    assert m[0] > m[3] > m[1] and m[2] == 1.0  # the third has no decisions
    assert (m * [100, 10, 0, 40]).sum() == pytest.approx(150)


def test_agents_with_their_own_parameters_count_alike():
    m = steps(parameters="separate").multiplier
    assert m[[0, 1, 3]].mean() == pytest.approx(1.0)


def test_one_agent_alone_is_measured_by_its_own_past():
    made = Adaptation(Learning(warm_up_updates=0), seed=1)
    draws = np.random.default_rng(2)
    us = np.exp(draws.normal(size=300))
    ms = [made.step(np.array([u]), np.array([10]), np.ones(1)).multiplier[0] for u in us]
    assert np.mean(ms[50:]) == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(np.log(us[50:]), ms[50:])[0, 1] < -0.8


def test_controls():
    plain, flipped, constant = steps(), steps(control="flipped"), steps(control="constant")
    assert flipped.multiplier[1] > flipped.multiplier[0]
    assert np.array_equal(constant.multiplier, np.ones(4)) and len(set(constant.clip[[0, 1, 3]])) == 1
    shuffled = steps(31, control="shuffled").multiplier
    assert (shuffled * [100, 10, 0, 40]).sum() == pytest.approx(150)
    assert not np.allclose(shuffled, plain.multiplier)
    by_state = steps(adaptation="state")
    assert by_state.clip_by_state.shape == (50,) and by_state.clip_by_state.std() > 0.0
    assert steps(adaptation="state", control="constant").clip_by_state.std() == 0.0
