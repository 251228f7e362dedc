"""The critic's uncertainty means what it should: disagreement where data are missing, spread where returns are noisy."""

import dataclasses

import numpy as np

from tests.agents.made import learner, rollout


def bandit(each, seed, noise, where=None, decisions=400):
    """One decision a segment and nothing after it: the return is the reward, 1 plus noise of a size that each state shows."""
    draws = np.random.default_rng(seed)
    rolled = rollout(each, seed, segments=decisions, decisions=decisions)
    level = draws.uniform(0.0, 1.0, decisions) if where is None else np.full(decisions, where)
    state = np.zeros_like(rolled.state)
    state[:decisions, :, 0] = level[:, None]
    state[:, :, 1] = 1.0
    reward = np.repeat((1.0 + noise * level * draws.standard_normal(decisions))[:, None], 4, 1)
    zero = np.zeros_like(rolled.own)
    return level, dataclasses.replace(rolled, state=state, reward=reward, context=zero, terminated=np.ones(decisions, bool))


def spread_of(each, rolled):
    x = each.critic.inputs(each.tensor(rolled.state), each.tensor(rolled.context), each.tensor(rolled.agent))
    at = each.tensor(np.zeros((len(x), 1), np.int64))
    means, spread = each.values(x, each.tensor(rolled.graph), at, each.critic.random_prior(x, at))
    scale = each.normaliser.scale
    return scale * means[: len(rolled), 0].std(1, ddof=1), scale * spread[: len(rolled), 0]


KEYS = {"alpha": 0.0, "critic_scope": "local", "epochs": 8, "minibatches": 4, "critic_learning_rate": 3e-3, "schedule": "constant"}


def test_epistemic_uncertainty_falls_with_data_and_stays_where_there_are_none():
    each = learner(**KEYS)
    _, probe = bandit(each, 1, 0.2)
    before = spread_of(each, probe)[0].mean()
    for number in range(12):
        each.update(bandit(each, 10 + number, 0.2)[1])
    after = spread_of(each, probe)[0].mean()
    elsewhere = dataclasses.replace(probe, state=probe.state + 3.0)
    assert after < 0.4 * before
    assert spread_of(each, elsewhere)[0].mean() > 3.0 * after


def test_aleatoric_uncertainty_follows_injected_noise():
    each = learner(**KEYS)
    for number in range(25):
        each.update(bandit(each, 50 + number, 1.0)[1])
    level, probe = bandit(each, 5, 1.0)
    assert np.corrcoef(level, spread_of(each, probe)[1])[0, 1] > 0.8
