"""Advantages against hand-worked numbers, a plain recursion, and torchrl's implementation (its numbers pinned)."""

import numpy as np
import pytest

from agents.advantage import coordinated, coordination_weights, gae, interval_rewards, sinkhorn

LINE = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
DRAWS = np.random.default_rng(5)


def recursion(rewards, discounts, values, bootstrap, terminated, offsets, lam):
    """The formula, one decision after another."""
    found = np.zeros_like(rewards)
    for b in range(len(terminated)):
        after, value = 0.0, 0.0 if terminated[b] else bootstrap[b]
        for k in range(offsets[b + 1] - 1, offsets[b] - 1, -1):
            after = found[k] = rewards[k] + discounts[k] * value - values[k] + discounts[k] * lam * after
            value = values[k]
    return found


def random_streams(decisions=60, owners=None):
    shape = (decisions,) if owners is None else (decisions, owners)
    offsets = np.array([0, 1, 1, 20, 27, 59, 60])  # one of a single decision, one of none
    ends = (6, *shape[1:])
    return DRAWS.random(shape), DRAWS.uniform(0.5, 1, decisions), DRAWS.random(shape), DRAWS.random(ends), np.array([0, 1, 0, 1, 0, 1], bool), offsets


def test_by_hand():
    """Two decisions 1 s apart, then 2 s to the window's end, at discounts 0.5 a second and lambda 0.5."""
    found = gae(np.array([1.0, 2.0]), np.array([0.5, 0.25]), np.array([3.0, 4.0]), np.array([8.0]), np.array([False]), np.array([0, 2]), 0.5)
    second = 2.0 + 0.25 * 8.0 - 4.0
    assert found == pytest.approx([1.0 + 0.5 * 4.0 - 3.0 + 0.25 * second, second])


@pytest.mark.parametrize("lam", [0.0, 0.7, 1.0])
def test_ragged_segments_equal_the_plain_recursion(lam):
    streams = random_streams()
    assert np.allclose(gae(*streams, lam), recursion(*streams, lam), rtol=0, atol=1e-13)


def test_a_step_environment_is_discrete_gae_and_torchrl():
    """Numbers of torchrl 0.14.1's generalized_advantage_estimate and its vectorised form on these values, computed outside."""
    k = np.arange(8.0)
    rewards, values, bootstrap = np.sin(3 * k), np.cos(2 * k), np.array([0.0, 0.3])
    found = gae(rewards, np.full(8, 0.9), values, bootstrap[1:], np.array([False]), np.array([0, 8]), 0.8)
    assert found == pytest.approx(TORCHRL, abs=1e-6)
    discounts = np.array([0.9, 0.5, 0.8, 1.0, 0.7, 0.95, 0.6, 0.85])
    found = gae(rewards, discounts, values, bootstrap, np.array([True, False]), np.array([0, 3, 8]), 0.8)
    assert found == pytest.approx(TORCHRL_IRREGULAR, abs=1e-6)


TORCHRL = [
    -0.9889792605416606, 0.5354900932063325, 0.7868089851134856, -0.6271838259727958, 0.07196944491043378,
    1.6919536623039662, -0.77343642714112, 0.9699184131756652,
]  # fmt: skip
TORCHRL_IRREGULAR = [
    -1.1008340288589519, 0.38013628324107807, 0.3742281226646861, -0.8089280180155136, -0.14422022849786334,
    1.4896477250847764, -1.0544380328219214, 0.9549184203282225,
]  # fmt: skip


def test_gae_is_linear_so_blending_before_or_after_is_the_same():
    rewards, discounts, values, bootstrap, terminated, offsets = random_streams(owners=5)
    w = coordination_weights(LINE, 0.6, 2)[2]
    after = coordinated(gae(rewards, discounts, values, bootstrap, terminated, offsets, 0.9), w)
    before = gae(rewards @ w, discounts, values @ w, bootstrap @ w, terminated, offsets, 0.9)
    assert np.allclose(after, before, rtol=0, atol=1e-12)


def test_alpha_zero_is_ones_own_advantage_bit_for_bit():
    streams = random_streams(owners=5)
    per_owner = gae(*streams, 0.9)
    alone = gae(streams[0][:, 3], streams[1], streams[2][:, 3], streams[3][:, 3], *streams[4:], 0.9)
    assert np.array_equal(coordinated(per_owner, coordination_weights(LINE, 0.0, 5)[3]), alone)


def test_alpha_one_over_the_diameter_is_the_team_mean():
    streams = random_streams(owners=5)
    blended = coordinated(gae(*streams, 0.9), coordination_weights(LINE, 1.0, 4)[0])
    team = gae(streams[0].mean(1), streams[1], streams[2].mean(1), streams[3].mean(1), *streams[4:], 0.9)
    assert np.allclose(blended, team, rtol=0, atol=1e-13)


def test_weights_are_local_and_rows_sum_to_one():
    w = coordination_weights(LINE, 0.5, 1)
    assert w[0] == pytest.approx([2 / 3, 1 / 3, 0, 0, 0]) and w[2] == pytest.approx([0, 0.25, 0.5, 0.25, 0])
    assert w.sum(1) == pytest.approx(np.ones(5)) and w.sum(0) != pytest.approx(np.ones(5))


def test_symmetric_weights_are_doubly_stochastic():
    w = coordination_weights(LINE, 0.5, 2, symmetric=True)
    assert w.sum(0) == pytest.approx(np.ones(5), abs=1e-9) and w.sum(1) == pytest.approx(np.ones(5), abs=1e-9) and w == pytest.approx(w.T, abs=1e-9)
    with pytest.raises(ValueError, match="doubly stochastic"):
        sinkhorn(np.array([[1.0, 1.0], [0.0, 1.0]]), most=50)


def test_nodes_out_of_reach_or_absent_have_no_weight():
    hops = np.array([[0, 2, 2], [2, 0, 1], [2, 1, 0]])
    hops[0, 1:] = hops[1:, 0] = 3  # no path
    assert coordination_weights(hops, 1.0, 3)[0] == pytest.approx([1, 0, 0])
    assert coordination_weights(LINE[:3, :3], 1.0, 3, present=np.array([True, True, False]))[0] == pytest.approx([0.5, 0.5, 0])


def test_rewards_fall_to_the_decision_before_them():
    """A reward at the very instant of a decision belongs to the one before; none is before the first or after the end."""
    times, ends = np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 5.0])
    events = np.array([1.0, 1.5, 2.0, 3.0, 5.0, 5.5])
    found = interval_rewards(times, ends, events, np.array([0, 0, 1, 0, 1, 0]), np.full(6, 2.0), 2, beta=0.5)
    expected = np.zeros((3, 2))
    expected[0] = 2 * np.exp(-0.25), 2 * np.exp(-0.5)
    expected[1, 0] = 2 * np.exp(-0.5)
    expected[2, 1] = 2 * np.exp(-0.5)
    assert found == pytest.approx(expected)


def test_the_sum_of_the_rest_does_not_depend_on_the_decisions_between():
    """Discounted reward from the first decision is one number, however many decisions lie between: lambda 1, values 0."""
    events, owners, amounts = np.sort(DRAWS.random(40)) * 10, np.zeros(40, int), DRAWS.random(40)
    totals = []
    for count in (1, 3, 30):
        times = np.concatenate([[0.0], np.sort(DRAWS.random(count - 1)) * 10])
        ends = np.append(times[1:], 10.0)
        rewards = interval_rewards(times, ends, events, owners, amounts, 1, 0.3)[:, 0]
        totals.append(gae(rewards, np.exp(-0.3 * (ends - times)), np.zeros(count), np.zeros(1), np.array([True]), np.array([0, count]), 1.0)[0])
    assert totals == pytest.approx([(amounts * np.exp(-0.3 * events)).sum()] * 3)
