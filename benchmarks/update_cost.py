"""What an update costs: CPU time of one rollout's update, the ensemble critic with quantiles beside a scalar one, and of the rollout itself.

    python -m benchmarks.update_cost [SCENARIO] [--pairs 7] [--window 4096]

Both learners take the same rollout, in turns, on one thread; the ratio is the median over pairs, with their least and greatest.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from functools import partial

from benchmarks.__main__ import cpu
from benchmarks.headline import COMMON
from scenarios.reading import load
from scenarios.training import course_of

SCALAR = {"members": 1, "quantiles": 0, "prior_scale": 0.0, "mask_probability": 1.0, "adaptation": "off"}


def main() -> None:
    import torch

    from agents.crew import weights_of
    from agents.learner import Learner
    from agents.trainer import Trainer, sizes_of

    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("scenario", nargs="?", default="regimes")
    reader.add_argument("--pairs", type=int, default=7)
    reader.add_argument("--window", type=int, default=4096)
    chosen = reader.parse_args()
    torch.set_num_threads(1)
    keys = {**COMMON, "window": chosen.window, "actor_delay": 0}
    course = course_of([load(chosen.scenario, [f"learning.{key}={value}" for key, value in keys.items()])], 0)
    trainer = Trainer.new(course.plan, course.graphs, facts=course.facts)
    for _ in range(3):
        trainer.advance()
    scalar = Learner(replace(course.settings, **SCALAR), sizes_of(course.plan.shapes[0]), course.graphs, 0)
    ratios, costs, rollouts, fits = [], [], [], []
    with trainer.crew:
        for pair in range(chosen.pairs):
            seconds, window = cpu(partial(trainer.crew.collect, weights_of(trainer.learner.policy), 3 + pair, trainer.learner.forecaster.weights()))
            rollouts.append(seconds)
            data = window.transitions
            fits.append(cpu(partial(trainer.learner.forecaster.fit, window.seen, window.ratios))[0])
            spent = {learner: cpu(partial(learner.update, data))[0] for learner in ((trainer.learner, scalar) if pair % 2 else (scalar, trainer.learner))}
            ensemble, plain = (1e6 * spent[learner] / len(data) for learner in (trainer.learner, scalar))
            ratios.append(ensemble / plain)
            costs.append((ensemble, plain))
    decisions = chosen.window
    print(f"{chosen.scenario}, window {decisions:,}, {course.settings.epochs} epochs, CPU us a decision, median (least to greatest) of {chosen.pairs}")
    for name, values in (
        ("rollout", [1e6 * value / decisions for value in rollouts]),
        ("fit of the forecast", [1e6 * value / decisions for value in fits]),
        ("update, ensemble of 5 with 16 quantiles", [each[0] for each in costs]),
        ("update, scalar critic", [each[1] for each in costs]),
    ):
        print(f"  {name}: {statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})")
    print(f"  ratio of updates: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
