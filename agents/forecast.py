"""Forecasts: how long an agent's call will take at a slot, as a distribution, learned from how its own calls ended.

    forecast = Forecast(weights)
    forecast(rows)                     # [n, K]: probabilities that a call takes expected time * RATIOS[k] at each of n slots
    forecaster.fit(rows, ratios)       # learns from calls that ended

A row is what the agent knew when it decided: its own features, then those of the slot. Expected time is that over empty links, behind the
queue as told, at full speed. Only slots that were chosen teach anything, and what an agent cannot know is averaged over: no true state is
used, in training neither. Acting needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from agents.settings import Learning

LEVELS = np.array([-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0])  # log2 of actual over expected time
RATIOS = 2.0**LEVELS
BATCH = 256
LAYERS = ("0", "2", "4")
SURE = 4.0  # logit by which an untrained forecast believes in the expected time

Weights = dict[str, np.ndarray]


class Forecast:
    """The network in plain numpy; `weights` are named as torch names them."""

    def __init__(self, weights: Weights):
        self.layers = [(np.ascontiguousarray(weights[f"{i}.weight"].T), weights[f"{i}.bias"]) for i in LAYERS]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities [n, K] of rows [n, F + G], float32."""
        (first, a), (second, b), (third, c) = self.layers
        x = np.maximum(rows @ first + a, 0.0)
        x = np.maximum(x @ second + b, 0.0)
        x = x @ third + c
        x -= x.max(1, keepdims=True)
        np.exp(x, out=x)
        x /= x.sum(1, keepdims=True)
        return x


def targets(ratios: np.ndarray) -> np.ndarray:
    """Each ratio's mass on the two levels next to its logarithm, in proportion to its nearness; shape [n, K] float32."""
    level = np.log2(np.clip(ratios, RATIOS[0], RATIOS[-1]))
    below = np.clip(np.searchsorted(LEVELS, level, side="right") - 1, 0, len(LEVELS) - 2)
    share = (level - LEVELS[below]) / (LEVELS[below + 1] - LEVELS[below])
    found = np.zeros((len(level), len(LEVELS)), np.float32)
    rows = np.arange(len(level))
    found[rows, below], found[rows, below + 1] = 1.0 - share, share
    return found


class Forecaster:
    """Learns a forecast by cross entropy; what it remembers is the weights, Adam's moments and a random generator."""

    def __init__(self, width: int, settings: Learning, seed: int):
        import torch
        from torch import nn

        from agents.networks import orthogonal, seeded

        generator, hidden = seeded(seed, 7), settings.hidden

        def layer(inputs: int, outputs: int, gain: float = 2**0.5) -> nn.Linear:
            return orthogonal(nn.Linear(inputs, outputs), gain, generator)

        self.network = nn.Sequential(layer(width, hidden), nn.ReLU(), layer(hidden, hidden), nn.ReLU(), layer(hidden, len(LEVELS), 0.01))
        with torch.no_grad():
            self.network[-1].bias[torch.from_numpy(LEVELS == 0.0)] = SURE  # type: ignore[operator]
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.critic_learning_rate, eps=1e-5)
        self.rate, self.linear, self.epochs = settings.critic_learning_rate, settings.schedule == "linear", settings.epochs
        self.shuffles = np.random.default_rng([seed, 6])

    def fit(self, rows: np.ndarray, ratios: np.ndarray, progress: float = 0.0) -> dict[str, float]:
        """Some epochs over calls that ended, rows [n, F + G] and actual over expected time [n]; returns their number and the mean loss [nat].

        `progress` in [0, 1] drives the learning-rate schedule.
        """
        import torch

        if not len(rows):
            return {"calls": 0}
        self.optimiser.param_groups[0]["lr"] = self.rate * (1.0 - progress if self.linear else 1.0)
        x, wanted = torch.from_numpy(rows), torch.from_numpy(targets(ratios))
        losses = []
        for _ in range(self.epochs):
            for part in np.array_split(self.shuffles.permutation(len(rows)), max(len(rows) // BATCH, 1)):
                chosen = torch.from_numpy(part)
                loss = -(wanted[chosen] * torch.log_softmax(self.network(x[chosen]), 1)).sum(1).mean()
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()
                losses.append(float(loss.detach()))
        return {"calls": len(rows), "forecast_loss": float(np.mean(losses))}

    def weights(self) -> Weights:
        """The weights as plain arrays."""
        return {name: value.detach().numpy().copy() for name, value in self.network.state_dict().items()}


class Outcomes:
    """The calls that an agent's policy placed in one simulation, until they have ended and something can be learned from them."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[tuple[Any, np.ndarray, float]] = []  # call, row, expected time [s]

    def note(self, call: Any, row: np.ndarray, expected: float) -> None:
        """A call is about to be placed where it is expected to end after `expected` [s]."""
        if 0.0 < expected < float("inf"):
            self.pending.append((call, row, expected))

    def take(self, out: list[tuple[np.ndarray, float]]) -> None:
        """Adds (row, actual over expected time) of what has ended well since it was last asked; what failed counts as the largest ratio."""
        from simulator.request import CANCELLED, OK, UNDER_WAY

        left = []
        for item in self.pending:
            call, row, expected = item
            if call.status == UNDER_WAY:
                left.append(item)
            elif call.status != CANCELLED:
                out.append((row, (call.finished - call.time) / expected if call.status == OK else float(RATIOS[-1])))
        self.pending = left
