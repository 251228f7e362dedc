"""Random rollouts and small learners for tests of learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from agents.learner import Learner
from agents.networks import Sizes
from agents.settings import Learning
from agents.transitions import Graphs, Transitions

torch.set_num_threads(1)
SIZES = Sizes(own=4, slot=3, node=5, context=4)
LINE = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
GRAPHS = Graphs.of([LINE])
QUICK: dict[str, Any] = {"hidden": 16, "epochs": 2, "minibatches": 2, "warm_up_updates": 1}


def learner(seed: int = 0, graphs: Graphs = GRAPHS, **keys: Any) -> Learner:
    return Learner(Learning(**{**QUICK, **keys}), SIZES, graphs, seed)


def rollout(acting: Learner, seed: int, segments: int = 24, decisions: int = 240, team: bool = False) -> Transitions:
    """Random states and rewards, with actions drawn from the policy."""
    draws = np.random.default_rng(seed)
    nodes, slots = acting.graphs.nodes, 5
    cuts = np.sort(draws.choice(np.arange(1, decisions), segments - 1, replace=False))
    offsets = np.concatenate([[0], cuts, [decisions]])
    agent = np.repeat(np.arange(segments) % nodes, np.diff(offsets))
    legal = draws.random((decisions, slots)) < 0.7
    legal[np.arange(decisions), draws.integers(slots, size=decisions)] = True
    own = draws.standard_normal((decisions, SIZES.own)).astype(np.float32)
    features = draws.standard_normal((decisions, slots, SIZES.slot)).astype(np.float32)
    prior = np.zeros((decisions, slots), np.float32)
    action, log_prob = acting.act(own, features, legal, prior, agent, draws.random(decisions))
    reward = draws.random((decisions, nodes))
    if team:
        reward = np.repeat(reward.mean(1, keepdims=True), nodes, 1)
    return Transitions(
        own=own, slots=features, legal=legal, prior=prior, action=action, log_prob=log_prob,
        state=draws.standard_normal((decisions + segments, nodes, SIZES.node)).astype(np.float32), graph=np.zeros(decisions + segments, np.int64),
        context=own, agent=agent, reward=reward, discount=draws.uniform(0.7, 1.0, decisions), offsets=offsets, terminated=draws.random(segments) < 0.3,
    )  # fmt: skip


def trained(acting: Learner, updates: int = 4, first: int = 0, team: bool = False) -> Learner:
    """The learner after `updates` random rollouts, numbered from `first`."""
    for number in range(first, first + updates):
        acting.update(rollout(acting, 100 + number, team=team), number / 10)
    return acting


def weights(acting: Learner) -> np.ndarray:
    """All trained weights of actors and the critic's means as one row."""
    parameters = [*acting.policy.parameters(), *acting.means]
    return torch.cat([parameter.detach().flatten() for parameter in parameters]).numpy()
