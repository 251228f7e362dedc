"""Is the uncertainty informative? Rank correlations of a trained critic's uncertainty with how wrong its values prove in a fresh window.

    python -m benchmarks.uncertainty CHECKPOINT ... [--windows 4]

Takes checkpoints that `python -m benchmarks.headline` has left in benchmarks/results, and goes on with them for some windows without learning.
An error is |lambda-return - value|, both blended as the advantages are. By state: over all decisions of a window. By agent: over agents,
mean uncertainty against root mean squared error. `m` are the factors on agents' steps that the uncertainty would give.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np


def figures_of(path: Path, windows: int) -> list[dict[str, Any]]:
    """One row a window."""
    import torch
    from scipy.stats import spearmanr

    from agents.adaptation import multipliers, standardised, uncertainty
    from agents.advantage import coordinated, gae
    from agents.checkpoint import read
    from agents.crew import weights_of
    from agents.learner import coordinated_members
    from agents.settings import settings_of
    from agents.trainer import Trainer
    from scenarios.reading import load
    from scenarios.training import course_of

    torch.set_num_threads(1)
    described, _ = read(path)
    course = course_of([load(name) for name in described["more"]["training"]["facts"]["scenarios"]], described["seed"], settings_of(described["settings"]))
    trainer = Trainer.resumed(path, course.plan, facts=course.facts)
    learner, rows = trainer.learner, []
    forecast = learner.forecaster.weights() if learner.forecaster is not None else None
    for number in range(windows):
        data = trainer.crew.collect(weights_of(learner.policy), trainer.windows + number, forecast).transitions
        d, agent = len(data), data.number
        ends = np.maximum(data.offsets[1:] - 1, 0)
        at = np.concatenate([learner.owners[agent], learner.owners[agent[ends]]])
        x = learner.critic.inputs(learner.tensor(data.state), learner.tensor(data.context), learner.tensor(data.agent))
        means, spread = learner.values(x, learner.tensor(data.graph), learner.tensor(at), learner.critic.random_prior(x, learner.tensor(at)))
        values = learner.normaliser.restore(means.mean(2))
        rewards = np.take_along_axis(data.reward, at[:d], 1)
        weights = learner.owner_weights[agent]
        advantages = gae(rewards, data.discount, values[:d], values[d:], data.terminated, data.offsets, learner.settings.gae_lambda)
        error = np.abs(coordinated(advantages, weights))
        unit = learner.normaliser.scale
        epistemic = coordinated_members(means[:d] * unit, weights).std(1, ddof=1)
        aleatoric = coordinated(spread[:d] * unit, weights)
        count = np.bincount(agent, minlength=learner.graphs.agents)
        here = count > 0

        def by_agent(figure: np.ndarray, agent: np.ndarray = agent, count: np.ndarray = count, here: np.ndarray = here) -> np.ndarray:
            return (np.bincount(agent, figure, len(count)) / np.maximum(count, 1))[here]

        u = uncertainty(by_agent(epistemic**2), by_agent(aleatoric), count[here], max(float(error.mean()), 1e-8))
        m = multipliers(standardised(u, learner.adaptation.agents), learner.settings.k_lr, learner.adaptation.weights(count[here]))
        wrong = np.sqrt(by_agent(error**2))
        rows.append({
            "epistemic": spearmanr(epistemic, error)[0], "aleatoric": spearmanr(aleatoric, error)[0], "agents": spearmanr(u, wrong)[0],
            "u": u.max() / u.min(), "wrong": wrong.max() / wrong.min(), "m": (m.min(), m.max()),
        })  # fmt: skip
    return rows


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("checkpoints", nargs="+", type=Path)
    reader.add_argument("--windows", type=int, default=4)
    chosen = reader.parse_args()
    print("| training | by state: epistemic | aleatoric | by agent: u | largest u over least | largest error over least | m |\n|---|---|---|---|---|---|---|")
    for path in chosen.checkpoints:
        rows = figures_of(path, chosen.windows)
        median = {name: float(np.median([row[name] for row in rows])) for name in ("epistemic", "aleatoric", "agents", "u", "wrong")}
        low, high = (float(np.median([row["m"][i] for row in rows])) for i in (0, 1))
        named = " | ".join(f"{median[name]:.2f}" for name in ("epistemic", "aleatoric", "agents", "u", "wrong"))
        print(f"| {path.parent.name} | {named} | {low:.2f} to {high:.2f} |", flush=True)


if __name__ == "__main__":
    main()
