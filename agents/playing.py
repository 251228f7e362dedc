"""Playing: a policy under training runs whole replications in lockstep, without exploring, to be judged on seeds it never learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.forecast import Forecast
from agents.observation import Batch, Encoder, Shape
from agents.prior import Prior
from agents.rollout import Act, action_rows, fill_actions
from agents.settings import Learning

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.trace import Trace


def play(
    worlds: Sequence[Simulation], shape: Shape, graph: int, nodes: int, act: Act, settings: Learning, seed: int, forecast: Forecast | None = None
) -> list[Trace]:
    """Traces of fresh simulations of one scenario, run to their ends; `acting: sampled` draws by world and decision, else argmax."""
    encoders = [Encoder(shape, world) for world in worlds]
    priors = [Prior(settings, encoder, forecast) if settings.greedy_prior else None for encoder in encoders]
    draws = [np.random.default_rng([seed, 12, i]) for i in range(len(worlds))]
    batch = Batch(shape, len(worlds))
    slots = action_rows(batch.slots, shape)
    prior = np.zeros((len(worlds), shape.actions), np.float32)
    loops = [world.decisions() for world in worlds]
    pending: list[Any] = [next(loop, None) for loop in loops]
    while live := [i for i, decision in enumerate(pending) if decision is not None]:
        number = np.array([graph * nodes + pending[i].agent for i in live])
        for row, i in enumerate(live):
            batch.write(row, encoders[i], pending[i])
            chosen = priors[i]
            if chosen is not None:
                prior[row] = chosen.values(pending[i], batch.data[row])
        rows = slice(0, len(live))
        if slots is not batch.slots:
            fill_actions(slots[rows], batch.slots[rows], shape)
        uniform = np.array([draws[i].random() for i in live]) if settings.acting == "sampled" else None
        actions, _ = act(batch.own[rows], slots[rows], batch.mask[rows], prior[rows], number, uniform)
        for i, action in zip(live, actions.tolist(), strict=True):
            decision, chosen = pending[i], priors[i]
            if chosen is not None:
                chosen.chose(decision, action)
            answer = shape.answer(decision, action)
            encoders[i].chose(decision, answer)
            decision.choose(answer)
            pending[i] = next(loops[i], None)
    return [world.trace for world in worlds]
