"""Value adaptation: from the critic's uncertainty to each agent's step size and clip range.

    u_i = sqrt(e_i^2 + a_i^2 / n_i) / s_A,   z_i = clip((ln u_i - running mean) / max(running sd, 0.1), -3, 3)
    m_i = clip(s exp(-k_lr z_i), 1/2, 2) with s such that the (weighted) mean of m is 1
    eps_i = clip(eps_0 exp(-k_c z_i), 0.05, 0.3)

e_i^2 is the mean variance between the ensemble's members (epistemic), a_i the mean spread of its quantiles (aleatoric), n_i the agent's
decisions in the rollout, s_A the running scale of advantages. An uncertain agent takes smaller steps. The mean of m is 1, or else a
gain would be only another average rate; the floor 0.1 keeps noise from being blown up to full scale. The definitions are this
project's own; the ensemble follows Osband et al. (2018), the quantile spread Dabney et al. (2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.running import Moments
from agents.settings import EPSILONS, MULTIPLIERS, Learning

LEAST_DEVIATION, MOST_Z, PAST = 0.1, 3.0, 1000


@dataclass(frozen=True)
class Steps:
    """What an update may do: m [A] by agent, eps [A] by agent, and eps [D] by decision where it is by state, else None."""

    multiplier: np.ndarray
    clip: np.ndarray
    clip_by_state: np.ndarray | None = None


def uncertainty(epistemic_variance: np.ndarray, aleatoric: np.ndarray, count: np.ndarray, scale: float) -> np.ndarray:
    """u = sqrt(e^2 + a^2 / n) / s_A, at least 1e-8; arrays of one shape, in de-normalised units, scale above 0."""
    return np.maximum(np.sqrt(epistemic_variance + aleatoric**2 / np.maximum(count, 1.0)) / scale, 1e-8)


def standardised(u: np.ndarray, moments: Moments) -> np.ndarray:
    """z of uncertainties, from the running mean and deviation of ln u."""
    return np.clip((np.log(u) - moments.mean) / max(moments.deviation, LEAST_DEVIATION), -MOST_Z, MOST_Z)


def multipliers(z: np.ndarray, k: float, weights: np.ndarray) -> np.ndarray:
    """m = clip(s exp(-k z), 1/2, 2), shape of z, with s found by bisection so that the mean of m by `weights` (any scale) is 1.

    One or more weights above 0. Where s = 1 already gives mean 1 it is taken as it is, so k = 0 gives exactly 1.
    """
    raw = np.exp(-k * z)
    share = weights / weights.sum()

    def clipped(s: float) -> np.ndarray:
        return np.clip(s * raw, *MULTIPLIERS)

    if abs(float((share * clipped(1.0)).sum()) - 1.0) <= 1e-12:
        return clipped(1.0)
    low, high = MULTIPLIERS[0] / float(raw.max()), MULTIPLIERS[1] / float(raw.min())  # all at the lower bound, all at the upper
    for _ in range(200):
        middle = 0.5 * (low + high)
        if float((share * clipped(middle)).sum()) < 1.0:
            low = middle
        else:
            high = middle
    return clipped(0.5 * (low + high))


def clip_ranges(z: np.ndarray, k: float, clip: float) -> np.ndarray:
    """eps = clip(eps_0 exp(-k z), 0.05, 0.3), shape of z."""
    return np.clip(clip * np.exp(-k * z), *EPSILONS)


class Adaptation:
    """Turns the uncertainty of a rollout into steps, and remembers what it needs from one rollout to the next."""

    def __init__(self, settings: Learning, seed: int):
        self.settings = settings
        self.updates = 0
        self.agents = Moments(0.95)  # of ln u by agent
        self.states = Moments(0.95)  # of ln u by state
        self.past: list[float] = []  # z of one agent alone
        self.generator = np.random.default_rng([seed, 3])

    def step(self, u: np.ndarray, count: np.ndarray, u_by_state: np.ndarray) -> Steps:
        """Steps of one update: u [A] and count [A] by agent, u_by_state [D]. An agent without decisions has m = 1 and is left out."""
        settings = self.settings
        m, eps = np.ones(len(u)), np.full(len(u), settings.clip)
        by_state = settings.adaptation == "state"
        if settings.adaptation == "off":
            return Steps(m, eps)
        here = count > 0
        self.agents.update(np.log(u[here]), self.weights(count[here]))
        if by_state:
            self.states.update(np.log(u_by_state))
        self.updates += 1
        flat = np.full(len(u_by_state), settings.clip) if by_state else None
        z = standardised(u[here], self.agents)
        if settings.control == "flipped":
            z = -z
        raw = self.balanced(z, count[here])
        if self.updates <= settings.warm_up_updates or not here.any():
            return Steps(m, eps, flat)
        m[here], eps[here] = raw, clip_ranges(z, settings.k_c, settings.clip)
        if by_state:
            signed = standardised(u_by_state, self.states) * (-1.0 if settings.control == "flipped" else 1.0)
            flat = clip_ranges(signed, settings.k_c, settings.clip)
        return self.controlled(m, eps, flat, np.flatnonzero(here), count)

    def weights(self, count: np.ndarray) -> np.ndarray:
        """By decisions where parameters are shared, all alike where each agent has its own."""
        return count.astype(np.float64) if self.settings.parameters == "shared" else np.ones(len(count))

    def balanced(self, z: np.ndarray, count: np.ndarray) -> np.ndarray:
        """m over the agents of one update, or of a single agent over its own past updates."""
        if len(z) != 1:
            return multipliers(z, self.settings.k_lr, self.weights(count)) if len(z) else np.ones(0)
        self.past = [*self.past[-PAST + 1 :], float(z[0])]
        past = np.array(self.past)
        return multipliers(past, self.settings.k_lr, np.ones(len(past)))[-1:]

    def controlled(self, m: np.ndarray, eps: np.ndarray, flat: np.ndarray | None, here: np.ndarray, count: np.ndarray) -> Steps:
        """The controls of an experiment: the same values dealt to other agents (or states), or their mean for all."""
        control = self.settings.control
        if control == "shuffled":
            dealt = here[self.generator.permutation(len(here))]
            share = self.weights(count[here]) / self.weights(count[here]).sum()
            m[here] = m[dealt] / (share * m[dealt]).sum()  # dealt to agents with other weights, so the mean is made 1 again
            eps[here] = eps[dealt]
            flat = None if flat is None else flat[self.generator.permutation(len(flat))]
        elif control == "constant":
            weights = self.weights(count[here])
            m[here] = 1.0
            eps[here] = (weights * eps[here]).sum() / weights.sum()
            flat = None if flat is None else np.full(len(flat), flat.mean())
        return Steps(m, eps, flat)

    def state(self) -> dict[str, Any]:
        """Plain values, exactly."""
        return {
            "updates": self.updates,
            "agents": self.agents.state(),
            "states": self.states.state(),
            "past": self.past,
            "generator": self.generator.bit_generator.state,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.updates, self.past = int(state["updates"]), [float(z) for z in state["past"]]
        self.agents.load(state["agents"])
        self.states.load(state["states"])
        self.generator.bit_generator.state = state["generator"]
