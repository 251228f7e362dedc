"""Settings of learning: one description holds every switch, and an algorithm is a preset of the same code.

    learning: {algorithm: vamappo, alpha: 0.5, decisions: 1000000}

A key left out has the value of the algorithm's preset where the preset has one (`PRESETS`), else the default below; a key that is
given wins over the preset. So every ablation is one key: `alpha: 0` leaves out the coordinated advantage, `adaptation: off` the
adaptive steps, `members: 1` the ensemble.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from simulator.descriptions import check, description
from simulator.units import Rate, Seconds, Share

EPSILONS = (0.05, 0.3)  # the least and the largest clip range
MOST_HIDDEN = 4096  # units of a layer
MOST_PRIOR = 1e6  # or it would reach what stands for illegal
MULTIPLIERS = (0.5, 2.0)  # the least and the largest factor on the learning rate

Algorithm = Literal["vamappo", "mappo", "ippo", "ppo"]
Credit = Literal["share", "ingress", "full", "team"]
Scope = Literal["local", "khop", "global"]

ALONE: dict[str, Any] = {
    "credit": "share", "alpha": 0.0, "critic_scope": "local", "members": 1, "quantiles": 0, "prior_scale": 0.0, "mask_probability": 1.0, "adaptation": "off",
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "vamappo": {
        "credit": "share", "alpha": 0.8, "critic_scope": "global", "members": 5, "quantiles": 16, "prior_scale": 1.0, "mask_probability": 0.8,
        "adaptation": "agent",
    },
    "mappo": {**ALONE, "credit": "team", "critic_scope": "global"},
    "ippo": ALONE,
    "ppo": ALONE,
}  # fmt: skip


@description
class Randomise:
    """Ranges of factors of which each training episode draws one (log-uniform): of all arrival rates, of how often spikes come."""

    load: tuple[float, float] = (1.0, 1.0)
    spikes: tuple[float, float] = (1.0, 1.0)

    def problem(self) -> str | None:
        for name in ("load", "spikes"):
            low, high = getattr(self, name)
            if not 0.0 < low <= high < math.inf:
                return f"{name} must be two factors above 0, the smaller first, such as [0.8, 1.2], got [{low}, {high}]"
        return None


@description
class Learning:
    """How agents learn. Rates are per second of simulated time; what is None comes from the algorithm's preset."""

    algorithm: Algorithm = "vamappo"
    decisions: int = 1_000_000
    # What a return is. `beta`: discount rate, 1 / the longest utility midpoint unless given; `gamma` is for environments that step;
    # `rewards`: counted when they come, or as if they had come at the decision.
    beta: Rate | None = None
    gamma: float = 0.99
    gae_lambda: float = 0.95
    credit: Credit | None = None
    rewards: Literal["event", "decision"] = "event"
    chain: Literal["agent", "team"] = "agent"
    # The coordinated advantage: weights alpha ** distance within `kappa` hops; `symmetric` makes them doubly stochastic.
    alpha: float | None = None
    kappa: int | Literal["all"] = "all"
    symmetric: bool = False
    # The critic: what it sees, `rounds` of messages between neighbours, its ensemble.
    critic_scope: Scope | None = None
    rounds: int = 1
    members: int | None = None
    quantiles: int | None = None
    prior_scale: float | None = None
    mask_probability: Share | None = None
    # Value adaptation: from uncertainty to step and clip range.
    adaptation: Literal["off", "agent", "state"] | None = None
    k_lr: float = 0.35
    k_c: float = 0.2
    control: Literal["none", "shuffled", "flipped", "constant"] = "none"
    warm_up_updates: int = 10
    target_kl: float | None = 0.02
    critic_rate: Literal["constant", "opposite"] = "constant"
    # The policy. `greedy_prior`: weight of the predicted utility in a slot's logit; `prior_forecast`: predicted by the expected-utility
    # baseline, whose keys the other `prior_...` are, or by what is learned of how long calls take; `prior_price` holds for both.
    greedy_prior: float = 0.0
    prior_forecast: Literal["fixed", "learned"] = "fixed"
    prior_price: float = 0.0
    prior_outcomes: Share = 0.0
    prior_recent: Share = 0.0
    prior_slowness: Share = 0.0
    prior_memory: Seconds = 5.0
    parameters: Literal["shared", "separate"] = "shared"
    acting: Literal["argmax", "sampled"] = "argmax"
    hidden: int = 64
    # Episodes: cut (not ended) after so much simulated time, or at the scenario's horizon; `randomise`: what varies between them.
    episode: Seconds = 60.0
    randomise: Randomise = Randomise()
    # Every so many updates the policy plays so many replications of validation seeds; the best is kept.
    validate_every: int = 20
    validation_replications: int = 4
    # The update. In the first `actor_delay` updates only the critic learns, and the forecast.
    actor_delay: int = 0
    environments: int = 32
    window: int = 8192
    epochs: int = 4
    minibatches: int = 4
    learning_rate: float = 7e-4
    critic_learning_rate: float = 1e-3
    schedule: Literal["constant", "linear"] = "linear"
    clip: float = 0.2
    entropy: float = 0.01
    centre: bool = False
    value_normalisation: bool = True
    huber: float = 1.0
    gradient_norm: float = 0.5

    def __post_init__(self) -> None:
        for name, value in PRESETS[self.algorithm].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check(self)

    def problem(self) -> str | None:
        for name in ("decisions", "environments", "window", "epochs", "minibatches", "hidden", "members", "validate_every", "validation_replications"):
            if getattr(self, name) < 1:
                return f"{name} must be at least 1, got {getattr(self, name)}"
        for name in ("gamma", "gae_lambda", "alpha"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                return f"{name} must be from 0 to 1, got {getattr(self, name)}"
        for name in ("k_lr", "k_c", "prior_scale", "greedy_prior", "entropy", "warm_up_updates", "actor_delay", "rounds", "quantiles", "prior_price"):
            if not 0.0 <= getattr(self, name) < math.inf:
                return f"{name} must not be negative, got {getattr(self, name)}"
        for name in ("learning_rate", "critic_learning_rate", "huber", "gradient_norm", "episode", "prior_memory"):
            if not 0.0 < getattr(self, name) < math.inf:
                return f"{name} must be above 0, got {getattr(self, name)}"
        if self.greedy_prior > MOST_PRIOR:
            return f"greedy_prior must be at most {MOST_PRIOR:,.0f}, got {self.greedy_prior:g}"
        if self.beta is not None and not 0.0 < self.beta < math.inf:
            return "beta must be above 0"
        if self.target_kl is not None and not self.target_kl > 0.0:
            return f"target_kl must be above 0, or null for no cap, got {self.target_kl}"
        if self.kappa != "all" and self.kappa < 0:
            return f"kappa must not be negative, got {self.kappa}"
        if not EPSILONS[0] <= self.clip <= EPSILONS[1]:
            return f"clip must be from {EPSILONS[0]} to {EPSILONS[1]}, got {self.clip}"
        if self.hidden > MOST_HIDDEN:
            return f"hidden must be at most {MOST_HIDDEN:,}, got {self.hidden:,}"
        if self.window < self.environments:
            return f"window must be at least one decision for each of the {self.environments} environments, got {self.window}"
        return self.contradiction()

    def contradiction(self) -> str | None:
        """What does not go together."""
        if self.quantiles and self.quantiles < 5:
            return f"quantiles must be 0 or at least 5, so that levels 0.1 and 0.9 are apart, got {self.quantiles}"
        if self.adaptation != "off" and self.members == 1 and not self.quantiles:
            return "adaptation needs an uncertainty: give 'members' above 1, 'quantiles', or 'adaptation: off'"
        if self.mask_probability == 0.0:
            return "mask_probability must be above 0: it is the share of samples that a member learns from"
        if self.chain == "team" and (self.credit != "team" or self.alpha != 0.0):
            return "one chain over all decisions has one reward: 'chain: team' needs 'credit: team' and 'alpha: 0'"
        return None

    @property
    def per_window(self) -> int:
        """Decisions of a window: `window`, down to a whole number for every environment."""
        return max(self.window // self.environments, 1) * self.environments

    @property
    def windows(self) -> int:
        """Windows of a training: `decisions`, up to whole windows."""
        return max(-(-self.decisions // self.per_window), 1)

    def reach(self, nodes: int) -> int:
        """Hops over which agents' advantages are blended."""
        return nodes if self.kappa == "all" else self.kappa


def settings_of(data: dict[str, Any]) -> Learning:
    """The settings that were written as plain data (`dataclasses.asdict`); TypeError or ValueError where they are none."""
    inner = data["randomise"]
    return Learning(**{**data, "randomise": Randomise(tuple(inner["load"]), tuple(inner["spikes"]))})
