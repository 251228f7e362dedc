"""The learner: from transitions to new weights, readable from top to bottom, with its diagnostics beside the mathematics.

One update: values, advantages on each agent's own decision times, their coordinated blend, the uncertainty of the blended value, steps
by agent, then epochs of minibatches. Where each agent has its own parameters its step is scaled by the learning rate, since Adam
undoes any scaling of a loss; with shared parameters agents' losses are weighted, of which only the ratios act.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents import losses
from agents.adaptation import Adaptation, Steps, uncertainty
from agents.advantage import coordinated, coordination_weights, gae
from agents.forecast import Forecaster
from agents.networks import Critic, Policy, Sizes, quantile_levels
from agents.running import Moments, ValueNormaliser
from agents.settings import Learning
from agents.transitions import Graphs, Transitions

CHUNK = 4096  # rows of a forward pass without gradients
KL_SLACK = 1.5  # an agent's epochs stop above this times its target


@dataclass(frozen=True)
class Prepared:
    """What the epochs need of one rollout, as tensors; M owners a decision."""

    at: Tensor
    returns: Tensor
    owner_weight: Tensor
    advantage: Tensor
    random_prior: Tensor | None
    steps: Steps
    diagnostics: dict[str, Any]


class Learner:
    """Policy, critic, optimisers and everything that remembers; `update(transitions)` takes one rollout."""

    def __init__(self, settings: Learning, sizes: Sizes, graphs: Graphs, seed: int, device: str = "cpu"):
        self.settings, self.sizes, self.graphs, self.seed = settings, sizes, graphs, seed
        self.device = torch.device(device)
        self.policy = Policy(sizes, settings, graphs.agents, seed).to(self.device)
        self.critic = Critic(sizes, settings, graphs, seed).to(self.device)
        self.policy_optimisers = [torch.optim.Adam(actor.parameters(), lr=settings.learning_rate, eps=1e-5) for actor in self.policy.actors]
        self.means, self.spreads = self.critic.trained()
        self.critic_optimiser = torch.optim.Adam([*self.means, *self.spreads], lr=settings.critic_learning_rate, eps=1e-5)
        self.normaliser = ValueNormaliser(settings.value_normalisation)
        self.scale = Moments(0.9)  # of |A|, for s_A
        self.adaptation = Adaptation(settings, seed)
        self.shuffles, self.masks = (np.random.default_rng([seed, lane]) for lane in (1, 2))
        self.levels = torch.tensor(quantile_levels(settings.quantiles or 0), dtype=torch.float32, device=self.device)
        self.owners, self.owner_weights = owner_lists(graphs, settings)
        self.forecaster = Forecaster(sizes.own + sizes.slot, settings, seed) if settings.greedy_prior and settings.prior_forecast == "learned" else None
        self.updates = 0

    # Acting

    def act(self, own: np.ndarray, slots: np.ndarray, legal: np.ndarray, prior: np.ndarray, number: np.ndarray, uniform: np.ndarray | None):
        """(actions, log-probabilities) of a batch; the likeliest slot where `uniform` [B] is None, else drawn by it."""
        return acting(self.policy, self.device)(own, slots, legal, prior, number, uniform)

    # Learning

    def update(self, rollout: Transitions, progress: float = 0.0) -> dict[str, Any]:
        """One update from a rollout; `progress` in [0, 1] drives the learning-rate schedule. Returns the diagnostics."""
        settings = self.settings
        rollout.check()
        number = rollout.number
        data = {name: self.tensor(getattr(rollout, name)) for name in ("own", "slots", "legal", "prior", "action", "log_prob", "graph")}
        data["number"] = self.tensor(number)
        data["x"] = self.critic.inputs(self.tensor(rollout.state), self.tensor(rollout.context), self.tensor(rollout.agent))
        prepared = self.prepare(rollout, data)
        self.set_rates(prepared.steps, 1.0 - progress if settings.schedule == "linear" else 1.0)
        count = np.bincount(number, minlength=self.graphs.agents)
        mask = self.bootstrap_mask(rollout, prepared.steps)
        active, kls = np.full(self.graphs.agents, self.updates >= settings.actor_delay), np.zeros(self.graphs.agents)
        history: list[dict[str, float]] = []
        for _ in range(settings.epochs):
            kl_now = np.zeros(self.graphs.agents)
            for rows in np.array_split(self.shuffles.permutation(len(rollout)), settings.minibatches):
                if not len(rows):
                    continue
                chosen = self.tensor(rows)
                figures = self.critic_step(data, prepared, chosen, mask)
                if active[number[rows]].any():
                    found, log_ratio = self.policy_step(data, prepared, chosen, active)
                    figures |= found
                    kl_now += np.bincount(number[rows], losses.divergence(log_ratio).double().cpu().numpy(), self.graphs.agents)
                history.append(figures)
            kls = np.where(active, kl_now / np.maximum(count, 1), kls)
            if settings.target_kl is not None:
                active &= kls <= KL_SLACK * settings.target_kl * prepared.steps.multiplier**2
        self.updates += 1
        names = sorted({name for figures in history for name in figures})
        means = {name: float(np.mean([figures[name] for figures in history if name in figures])) for name in names}
        kl = float((kls * count).sum() / max(count.sum(), 1))
        first = history[0].get("ratio_error", 0.0) if history else 0.0
        stopped = float(1.0 - active[count > 0].mean())
        return {**prepared.diagnostics, **means, "first_ratio_error": first, "kl": kl, "stopped": stopped, "kl_by_agent": kls, "count": count}

    def prepare(self, rollout: Transitions, data: dict[str, Tensor]) -> Prepared:
        """Advantages, returns, uncertainty and steps of a rollout."""
        d, number = len(rollout), rollout.number
        ends = np.maximum(rollout.offsets[1:] - 1, 0)
        at = np.concatenate([self.owners[number], self.owners[number[ends]]])  # a segment's end is valued as by its last decider
        weights = self.owner_weights[number]
        at_tensor = self.tensor(at)
        prior = self.critic.random_prior(data["x"], at_tensor)
        means, spread = self.values(data["x"], data["graph"], at_tensor, prior)
        values = self.normaliser.restore(means.mean(2))
        rewards = np.take_along_axis(rollout.reward, at[:d], 1)
        per_owner = gae(rewards, rollout.discount, values[:d], values[d:], rollout.terminated, rollout.offsets, self.settings.gae_lambda)
        returns = per_owner + values[:d]
        blended = coordinated(per_owner, weights)
        unit = self.normaliser.scale
        member_values = coordinated_members(means[:d] * unit, weights)
        epistemic = member_values.var(1, ddof=1) if member_values.shape[1] > 1 else np.zeros(d)
        aleatoric = coordinated(spread[:d] * unit, weights)
        self.scale.update(np.abs(blended))
        scale = max(self.scale.mean, 1e-8)
        count = np.bincount(number, minlength=self.graphs.agents)

        def by_agent(figure: np.ndarray) -> np.ndarray:
            return np.bincount(number, figure, self.graphs.agents) / np.maximum(count, 1)

        u = uncertainty(by_agent(epistemic), by_agent(aleatoric), count, scale)
        steps = self.adaptation.step(u, count, uncertainty(epistemic, aleatoric, count[number], scale))
        before = explained_variance(coordinated(values[:d], weights), coordinated(returns, weights))
        self.normaliser.update(returns, weights)
        advantage = (blended - blended.mean()) / scale if self.settings.centre else blended / scale
        diagnostics = {
            "explained_variance": before, "advantage_scale": scale, "value": float(coordinated(values[:d], weights).mean()),
            "epistemic": float(np.sqrt(epistemic.mean())),
            "aleatoric": float(aleatoric.mean()), "uncertainty": u, "multiplier": steps.multiplier, "clip": steps.clip,
        }  # fmt: skip
        return Prepared(
            at_tensor, self.tensor(self.normaliser.normalise(returns), torch.float32), self.tensor(weights, torch.float32),
            self.tensor(advantage, torch.float32), prior, steps, diagnostics,
        )  # fmt: skip

    @torch.no_grad()
    def values(self, x: Tensor, graph: Tensor, at: Tensor, prior: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
        """Normalised means [R, M, K] and spreads (q.9 - q.1) / 2.563 averaged over members [R, M], float64, in chunks."""
        means, spreads = [], []
        low, high = (int(np.argmin(abs(self.levels.cpu().numpy() - level))) if len(self.levels) else 0 for level in (0.1, 0.9))
        for begin in range(0, len(x), CHUNK):
            part = slice(begin, begin + CHUNK)
            mean, quantiles = self.critic(x[part], graph[part], at[part], None if prior is None else prior[part])
            means.append(mean.double().cpu().numpy())
            spread = torch.zeros_like(mean[:, :, 0]) if quantiles is None else (quantiles[..., high] - quantiles[..., low]).clamp(min=0.0).mean(2) / 2.563
            spreads.append(spread.double().cpu().numpy())
        return np.concatenate(means), np.concatenate(spreads)

    def policy_step(self, data: dict[str, Tensor], prepared: Prepared, rows: Tensor, active: np.ndarray) -> tuple[dict[str, float], Tensor]:
        """One step of every actor that has samples among `rows` and is still active; figures and log-ratios from before it."""
        settings, steps = self.settings, prepared.steps
        number, legal = data["number"][rows], data["legal"][rows]
        log_probs = torch.log_softmax(self.policy(data["own"][rows], data["slots"][rows], legal, data["prior"][rows], number), 1)
        log_ratio = log_probs.gather(1, data["action"][rows].unsqueeze(1)).squeeze(1) - data["log_prob"][rows]
        clip = self.tensor(steps.clip, torch.float32)[number] if steps.clip_by_state is None else self.tensor(steps.clip_by_state, torch.float32)[rows]
        shared = len(self.policy_optimisers) == 1
        weight = self.tensor(steps.multiplier * active if shared else active, torch.float32)[number]
        ratio, entropy = log_ratio.exp(), losses.legal_entropy(log_probs, legal)
        loss = losses.surrogate(ratio, prepared.advantage[rows], clip, weight) - settings.entropy * (weight * entropy).mean()
        for optimiser in self.policy_optimisers:
            optimiser.zero_grad()
        loss.backward()
        for i in [0] if shared else [i for i in torch.unique(number).tolist() if active[i]]:
            torch.nn.utils.clip_grad_norm_(self.policy.actors[i].parameters(), settings.gradient_norm)
            self.policy_optimisers[i].step()
        with torch.no_grad():
            error = (ratio - 1.0).abs()
            figures = {"policy_loss": loss, "entropy": entropy.mean(), "clip_fraction": (error > clip).float().mean(), "ratio_error": error.max()}
            return {name: float(value) for name, value in figures.items()}, log_ratio.detach()

    def critic_step(self, data: dict[str, Tensor], prepared: Prepared, rows: Tensor, mask: Tensor) -> dict[str, float]:
        """One step of the critic on `rows`: means by Huber loss, quantiles by pinball loss, gradients clipped apart."""
        prior = None if prepared.random_prior is None else prepared.random_prior[rows]
        means, quantiles = self.critic(data["x"][rows], data["graph"][rows], prepared.at[rows], prior)
        target, weight = prepared.returns[rows], prepared.owner_weight[rows].unsqueeze(2) * mask[rows].unsqueeze(1)
        loss = total = losses.value_loss(means, target, weight, self.settings.huber)
        if quantiles is not None:
            total = loss + losses.quantile_loss(quantiles, target, weight, self.levels)
        self.critic_optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.means, self.settings.gradient_norm)
        torch.nn.utils.clip_grad_norm_(self.spreads, self.settings.gradient_norm)
        self.critic_optimiser.step()
        return {"value_loss": float(loss.detach())}

    def set_rates(self, steps: Steps, schedule: float) -> None:
        """Learning rates of this update; an agent with parameters of its own has its step scaled."""
        settings = self.settings
        separate = len(self.policy_optimisers) > 1
        for i, optimiser in enumerate(self.policy_optimisers):
            optimiser.param_groups[0]["lr"] = settings.learning_rate * schedule * (float(steps.multiplier[i]) if separate else 1.0)
        self.critic_optimiser.param_groups[0]["lr"] = settings.critic_learning_rate * schedule

    def bootstrap_mask(self, rollout: Transitions, steps: Steps) -> Tensor:
        """Weight of each decision for each member [D, K]: 1 / share where the member learns from it, else 0, so that losses keep their
        size; with `critic_rate: opposite` the critic learns faster where the policy is slowed down.
        """
        rows, members, share = len(rollout), self.critic.members, float(self.settings.mask_probability or 1.0)
        mask = np.ones((rows, members)) if share == 1.0 else (self.masks.random((rows, members)) < share) / share
        if self.settings.critic_rate == "opposite":
            inverse = 1.0 / steps.multiplier[rollout.number]
            mask = mask * (inverse / inverse.mean())[:, None]
        return self.tensor(mask, torch.float32)

    def tensor(self, array: Any, dtype: torch.dtype | None = None) -> Tensor:
        return torch.as_tensor(np.require(array, requirements="W"), dtype=dtype, device=self.device)


def owner_lists(graphs: Graphs, settings: Learning) -> tuple[np.ndarray, np.ndarray]:
    """Whose advantages each agent blends: owners [A, M] as nodes, and their weights [A, M]; unused places repeat the agent with weight 0."""
    nodes, tables = graphs.nodes, []
    for hops, present in zip(graphs.hops, graphs.present, strict=True):
        tables.append(coordination_weights(hops, settings.alpha or 0.0, settings.reach(nodes), settings.symmetric, present))
    weights = np.concatenate(tables)
    most = max(int((weights > 0.0).sum(1).max()), 1)
    owners = np.tile(np.arange(nodes), len(graphs.hops))[:, None].repeat(most, 1)
    shares = np.zeros((len(weights), most))
    for i, row in enumerate(weights):
        found = np.flatnonzero(row > 0.0)
        owners[i, : len(found)], shares[i, : len(found)] = found, row[found]
    return owners, shares


def coordinated_members(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Blended value by member [D, K] of means [D, M, K] and weights [D, M]."""
    return (weights[:, :, None] * means).sum(1)


def explained_variance(predicted: np.ndarray, actual: np.ndarray) -> float:
    """1 - var(actual - predicted) / var(actual); 0 where nothing varies."""
    variance = actual.var()
    return float(1.0 - (actual - predicted).var() / variance) if variance > 0.0 else 0.0


def acting(policy: Policy, device: torch.device | str = "cpu") -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """How a policy acts: (own, slots, legal, prior, number, uniform) of a batch -> (actions, log-probabilities)."""

    def act(own: Any, slots: Any, legal: Any, prior: Any, number: Any, uniform: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            tensors = (torch.as_tensor(np.require(array, requirements="W"), device=device) for array in (own, slots, legal, prior, number))
            return choose(torch.log_softmax(policy(*tensors), 1).cpu().numpy(), legal, uniform)

    return act


def choose(log_probs: np.ndarray, legal: np.ndarray, uniform: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(slots, their log-probabilities) from log_probs [B, S]: the likeliest, or by inversion of `uniform` [B]; always a legal slot."""
    rows = np.arange(len(log_probs))
    if uniform is None:
        slots = log_probs.argmax(1)
    else:
        cumulative = np.where(legal, np.exp(log_probs), 0.0).cumsum(1)
        slots = (cumulative > (uniform * cumulative[:, -1])[:, None]).argmax(1)
    return slots, log_probs[rows, slots]
