"""What a critic expects at single decisions, in units of reward, with its uncertainty: for explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from agents.learner import Learner


def expected(learner: Learner, state: np.ndarray, context: np.ndarray, agent: np.ndarray, graph: int) -> list[dict[str, Any]]:
    """Values at R decisions of agents [R] on one map, in states [R, N, H] with contexts [R, C], as plain data.

    `value` is the blended discounted return that the agent learns by, `members` what each member of the ensemble says, `epistemic` their
    standard deviation, `quantiles` by level (averaged over members), `aleatoric` (q.9 - q.1) / 2.563; None where there are no quantiles.
    """
    import torch

    number = graph * learner.graphs.nodes + agent
    owners, weights = learner.owners[number], learner.owner_weights[number]
    with torch.no_grad():
        x = learner.critic.inputs(learner.tensor(state), learner.tensor(context), learner.tensor(agent))
        at = learner.tensor(owners)
        graphs = learner.tensor(np.full(len(agent), graph, dtype=np.int64))
        means, quantiles = learner.critic(x, graphs, at, learner.critic.random_prior(x, at))
    restore = learner.normaliser.restore
    members = restore((weights[:, :, None] * means.double().cpu().numpy()).sum(1))
    levels = learner.levels.double().cpu().numpy().round(6).tolist()
    found = []
    for i, row in enumerate(members):
        told: dict[str, Any] = {
            "value": float(row.mean()), "members": row.tolist(), "epistemic": float(row.std(ddof=1)) if len(row) > 1 else None,
            "quantiles": None, "aleatoric": None,
        }  # fmt: skip
        if quantiles is not None:
            blended = restore((weights[i][:, None, None] * quantiles[i].double().cpu().numpy()).sum(0).mean(0))
            low, high = (int(np.argmin(np.abs(np.array(levels) - level))) for level in (0.1, 0.9))
            told["quantiles"] = dict(zip(map(str, levels), blended.tolist(), strict=True))
            told["aleatoric"] = float(max(blended[high] - blended[low], 0.0) / 2.563)
        found.append(told)
    return found
