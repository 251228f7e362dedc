"""Step environments as streams of decisions, to test learning where others' results are known: CartPole-v1 and mpe2's simple_spread_v3.

Many environments go in lockstep; every agent acts at every step, so R_k = r_k and gamma_k = gamma. Slots are the discrete actions, told
apart by a one-hot feature; every agent is a node whose features are its observation, and all nodes are neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.learner import Learner
from agents.networks import Sizes
from agents.transitions import Graphs, Transitions


class CartPole:
    """Gymnasium's own vectorised CartPole-v1; one agent. `step` gives the observation before any reset."""

    agents, actions, features = 1, 2, 4

    def __init__(self, count: int, seed: int):
        import gymnasium

        by_hand = {"autoreset_mode": gymnasium.vector.AutoresetMode.DISABLED}
        self.envs: Any = gymnasium.make_vec("CartPole-v1", num_envs=count, vectorization_mode="sync", vector_kwargs=by_hand)
        self.count = count
        self.observation, _ = self.envs.reset(seed=seed)

    def observe(self) -> np.ndarray:
        return self.observation[:, None, :].astype(np.float32)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(final observations [E, N, F], rewards [E, N], terminated [E], truncated [E]) of actions [E, N]."""
        self.observation, reward, terminated, truncated, _ = self.envs.step(actions[:, 0])
        final = self.observe().copy()
        over = terminated | truncated
        if over.any():
            self.observation, _ = self.envs.reset(options={"reset_mask": over})
        return final, reward[:, None].astype(np.float64), terminated, truncated


class SimpleSpread:
    """mpe2's simple_spread_v3 with N = 3 and local_ratio 0.5; 25 steps, then truncated."""

    agents, actions, features = 3, 5, 18

    def __init__(self, count: int, seed: int):
        from mpe2 import simple_spread_v3

        self.envs = [simple_spread_v3.parallel_env(N=3, local_ratio=0.5, max_cycles=25, continuous_actions=False) for _ in range(count)]
        self.count = count
        self.seeds = np.random.default_rng([seed, 9])
        self.now = np.stack([self.reset(env) for env in self.envs])

    def reset(self, env: Any) -> np.ndarray:
        observations, _ = env.reset(seed=int(self.seeds.integers(2**31)))
        return np.stack([observations[name] for name in env.possible_agents]).astype(np.float32)

    def observe(self) -> np.ndarray:
        return self.now

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        final, rewards = np.empty_like(self.now), np.zeros((self.count, self.agents))
        over = np.zeros(self.count, dtype=bool)
        following = np.empty_like(self.now)
        for e, env in enumerate(self.envs):
            names = env.possible_agents
            observations, reward, _, truncated, _ = env.step(dict(zip(names, actions[e].tolist(), strict=True)))
            final[e] = [observations[name] for name in names]
            rewards[e] = [reward[name] for name in names]
            over[e] = any(truncated.values())
            following[e] = self.reset(env) if over[e] else final[e]
        self.now = following
        return final, rewards, np.zeros(self.count, dtype=bool), over


def sizes_of(world: Any) -> Sizes:
    """Widths of a step environment's arrays."""
    return Sizes(own=world.features, slot=world.actions, node=world.features)


def graphs_of(world: Any) -> Graphs:
    """All agents next to one another."""
    return Graphs.of([1 - np.eye(world.agents, dtype=np.int64)])


class Collector:
    """Collects windows of `steps` steps in lockstep, and the returns of the episodes that end."""

    def __init__(self, world: Any, steps: int, seed: int):
        self.world, self.steps = world, steps
        self.draws = np.random.default_rng([seed, 8])
        self.returns = np.zeros((world.count, world.agents))
        self.finished: list[float] = []  # mean over agents of each ended episode's return

    def collect(self, learner: Learner) -> Transitions:
        """One window as segments: environment by environment, agent by agent, cut where an episode ends."""
        world, T = self.world, self.steps
        E, N, F, S = world.count, world.agents, world.features, world.actions
        own = np.empty((T, E, N, F), np.float32)
        final = np.empty((T, E, N, F), np.float32)
        action, log_prob = np.empty((T, E, N), np.int64), np.empty((T, E, N), np.float32)
        reward = np.empty((T, E, N))
        terminated, over = np.zeros((T, E), bool), np.zeros((T, E), bool)
        slots = np.broadcast_to(np.eye(S, dtype=np.float32), (E * N, S, S))
        legal, prior = np.ones((E * N, S), bool), np.zeros((E * N, S), np.float32)
        number = np.tile(np.arange(N), E)
        for t in range(T):
            own[t] = world.observe()
            acted, logs = learner.act(own[t].reshape(E * N, F), slots, legal, prior, number, self.draws.random(E * N))
            action[t], log_prob[t] = acted.reshape(E, N), logs.reshape(E, N)
            final[t], reward[t], terminated[t], truncated = world.step(action[t])
            over[t] = terminated[t] | truncated
            self.returns += reward[t]
            self.finished += self.returns[over[t]].mean(1).tolist()
            self.returns[over[t]] = 0.0
        cut = over.copy()
        cut[-1] = True
        D = T * E * N
        e, n, t = (index.ravel() for index in np.meshgrid(np.arange(E), np.arange(N), np.arange(T), indexing="ij"))
        ends = np.flatnonzero(cut[t, e])
        rewards = reward[t, e]
        if learner.settings.credit == "team":
            rewards = np.repeat(rewards.mean(1, keepdims=True), N, 1)
        return Transitions(
            own=own[t, e, n],
            slots=np.broadcast_to(np.eye(S, dtype=np.float32), (D, S, S)).copy(),
            legal=np.ones((D, S), bool),
            prior=np.zeros((D, S), np.float32),
            action=action[t, e, n],
            log_prob=log_prob[t, e, n],
            state=np.concatenate([own[t, e], final[t[ends], e[ends]]]),
            graph=np.zeros(D + len(ends), np.int64),
            context=np.zeros((D, 0), np.float32),
            agent=n,
            reward=rewards,
            discount=np.full(D, learner.settings.gamma),
            offsets=np.concatenate([[0], ends + 1]),
            terminated=terminated[t[ends], e[ends]],
        )
