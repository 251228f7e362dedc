"""Training: window after window of rollouts, each followed by one update of the learner; what is needed to go on is saved with it.

A checkpoint holds the learner, the number of windows, the best validation so far, and of every environment its episode and the actions it
has taken in it: simulations are deterministic, so a resumed training replays those and goes on bit for bit, whatever the workers.

What a policy needs to know of the arrays it was trained on stands in the checkpoint as `more["observation"]` (see `interface_of`):
`width` slots in training (any number will do), `services` in the order of the work classes, the names of the `own`, `slot` and `node`
features, the `nodes` of every map, and whether `rejects` and `prefetches` are actions, laid out as in `agents.observation`. Rows of features by action are made
by `agents.rollout.action_rows` and `fill_actions`, the logits' prior by `agents.prior.Prior` with the settings of the checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.checkpoint import CheckpointError, restore, save
from agents.crew import Crew, weights_of
from agents.observation import Shape
from agents.rollout import Plan, Window
from simulator.errors import SimulationError

if TYPE_CHECKING:
    from agents.learner import Learner
    from agents.networks import Sizes
    from agents.transitions import Graphs


def interface_of(shape: Shape, nodes: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """What a policy needs to know of the observations that it was trained on, as JSON; `nodes` by name, map by map."""
    names: dict[str, Any] = {part: [feature.name for feature in getattr(shape, part)] for part in ("own", "slot", "node")}
    names["nodes"] = [list(of) for of in nodes]
    return {"width": shape.width, "services": list(shape.services), "rejects": shape.rejects, "prefetches": shape.prefetches, **names}


def sizes_of(shape: Shape) -> Sizes:
    """Widths of the arrays that rollouts of this shape bring; the critic is told the pending decision's own features."""
    from agents.networks import Sizes

    return Sizes(own=len(shape.own), slot=len(shape.slot), node=len(shape.node), context=len(shape.own))


@dataclass
class Trainer:
    """A training that can be stopped and resumed after any window.

    `facts` is JSON of the caller's that goes into checkpoints (scenarios, seeds); it must be the same when resuming.
    """

    learner: Learner
    plan: Plan
    crew: Crew
    facts: dict[str, Any] = field(default_factory=dict)
    windows: int = 0
    best: float | None = None
    validations: list[dict[str, Any]] = field(default_factory=list)

    @staticmethod
    def new(plan: Plan, graphs: Graphs, workers: int = 1, device: str = "cpu", facts: dict[str, Any] | None = None) -> Trainer:
        """A training from the beginning."""
        from agents.learner import Learner

        sizes = sizes_of(plan.shapes[0])
        learner = Learner(plan.settings, sizes, graphs, plan.seed, device)
        trainer = Trainer(learner, plan, Crew(plan, sizes, graphs.agents, workers), facts or {})
        trainer.crew.begin()
        return trainer

    @staticmethod
    def resumed(path: Path, plan: Plan, workers: int = 1, device: str = "cpu", facts: dict[str, Any] | None = None) -> Trainer:
        """A training from its checkpoint; CheckpointError where that was of another plan."""
        learner, more, arrays = restore(path, device)
        told = more.get("training")
        if told is None:
            raise CheckpointError(f"{path}: holds no training to go on with")
        names = {"scenario_sha256": "scenarios (their files, or --set, say something else now)"}
        different = [names.get(name, name) for name in sorted({*told["facts"], *(facts or {})}) if told["facts"].get(name) != (facts or {}).get(name)]
        before, now = asdict(learner.settings), asdict(plan.settings)
        different += [f"learning.{key} ({before[key]}, now {now[key]})" for key in before if before[key] != now[key]]
        if learner.seed != plan.seed:
            different.append(f"seed ({learner.seed}, now {plan.seed})")
        if different:
            raise CheckpointError(f"{path}: was trained with other {', '.join(different)}: leave out what differs, or begin anew without --resume")
        crew = Crew(plan, learner.sizes, learner.graphs.agents, workers)
        trainer = Trainer(learner, plan, crew, facts or {}, told["windows"], told["best"], told["validations"])
        try:
            lengths = np.cumsum([0, *arrays["lengths"].tolist()])
            actions = arrays["actions"].tolist()
            episodes = arrays["episodes"].tolist()
            trainer.crew.restore([(episode, actions[a:b]) for episode, a, b in zip(episodes, lengths[:-1], lengths[1:], strict=True)])
        except (KeyError, IndexError, ValueError, SimulationError) as error:
            crew.close()
            raise CheckpointError(f"{path}: does not hold a training to go on with: {error}") from None
        return trainer

    @property
    def per_window(self) -> int:
        """Decisions of a window."""
        return self.plan.settings.per_window

    @property
    def last(self) -> int:
        """How many windows there are in all."""
        return self.plan.settings.windows

    @property
    def done(self) -> bool:
        return self.windows >= self.last

    def advance(self) -> dict[str, Any]:
        """One window and its update; returns its figures."""
        begun = time.perf_counter()
        forecaster = self.learner.forecaster
        window = self.crew.collect(weights_of(self.learner.policy), self.windows, forecaster.weights() if forecaster is not None else None)
        collected = time.perf_counter()
        progress = self.windows / self.last
        found = self.learner.update(window.transitions, progress)
        if forecaster is not None:
            found |= forecaster.fit(window.seen, window.ratios, progress)
        self.windows += 1
        rates = {"rollout_s": collected - begun, "update_s": time.perf_counter() - collected}
        rates["decisions_per_s"] = len(window.transitions) / (rates["rollout_s"] + rates["update_s"])
        return {"window": self.windows, "decisions": self.windows * self.per_window, **outcome(window), **found, **rates}

    def judged(self, utility: float) -> bool:
        """Notes the policy's utility on validation seeds; whether it is the best so far."""
        self.validations.append({"window": self.windows, "decisions": self.windows * self.per_window, "utility": utility})
        if self.best is not None and utility <= self.best:
            return False
        self.best = utility
        return True

    def save(self, path: Path) -> None:
        """Writes a checkpoint to go on from."""
        places = self.crew.places()
        arrays = {
            "episodes": np.array([episode for episode, _ in places]),
            "lengths": np.array([len(actions) for _, actions in places]),
            "actions": np.array([action for _, actions in places for action in actions], dtype=np.int16),
        }
        training = {"windows": self.windows, "best": self.best, "validations": self.validations, "facts": self.facts}
        save(path, self.learner, {"observation": interface_of(self.plan.shapes[0], self.plan.names), "training": training}, arrays)

    def run(self, seen: Callable[[dict[str, Any]], None]) -> None:
        """Trains to the end; `seen` is handed every window's figures."""
        while not self.done:
            seen(self.advance())


def outcome(window: Window) -> dict[str, Any]:
    """What became of the requests that ended in a window: mean utility, completed share, p99 of latency [s] with the others as infinite."""
    transitions = window.transitions
    own = transitions.reward[np.arange(len(transitions)), transitions.agent]
    ended = len(window.utility)
    p99 = float(np.quantile(window.latency, 0.99, method="inverted_cdf")) if ended else float("nan")
    return {
        "return": float(own.mean()),
        "requests": ended,
        "utility": float(window.utility.mean()) if ended else float("nan"),
        "completed": float(np.isfinite(window.latency).mean()) if ended else float("nan"),
        "p99_s": p99,
    }
