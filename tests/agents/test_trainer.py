"""Training: resumed is uninterrupted, workers change nothing, and several maps are learned together."""

from pathlib import Path

import numpy as np
import pytest

from agents.checkpoint import CheckpointError, read, write
from agents.observation import shape_of
from agents.rollout import Plan
from agents.settings import Learning
from agents.trainer import Trainer
from agents.transitions import Graphs, hop_matrix
from scenarios.execute import Factory
from scenarios.reading import load
from tests.agents.made import weights

QUICK = {"environments": 3, "window": 96, "epochs": 1, "minibatches": 2, "hidden": 16, "members": 2, "warm_up_updates": 1, "decisions": 96 * 4, "episode": 2.0}


def training(names=("regimes",), make=Trainer.new, workers=1, **keys) -> Trainer:
    loaded = [load(name, ["record.spans=none"]) for name in names]
    makes = [Factory(each.scenario, each.path.parent, 5) for each in loaded]
    worlds = [make_(0) for make_ in makes]
    services = tuple(dict.fromkeys(name for each in loaded for name in each.scenario.services))
    width = max(shape_of(world, services=services).width for world in worlds)
    graphs = Graphs.of([np.nan_to_num(hop_matrix(world), posinf=len(world.nodes)).astype(np.int64) for world in worlds])
    plan = Plan(makes, [shape_of(world, width, services) for world in worlds], graphs.nodes, Learning(**{**QUICK, **keys}), 1)
    return make(plan, graphs, workers)


def run(trainer: Trainer, windows: int) -> Trainer:
    for _ in range(windows):
        trainer.advance()
    return trainer


@pytest.mark.parametrize("keys", [{}, {"greedy_prior": 10.0, "prior_outcomes": 0.5}, {"greedy_prior": 40.0, "prior_forecast": "learned", "actor_delay": 1}])
def test_resumed_equals_uninterrupted(tmp_path: Path, keys):
    path = tmp_path / "at-2.pt"
    whole = run(training(**keys), 4)
    half = run(training(**keys), 2)
    half.judged(0.5)
    half.save(path)
    resumed = training(make=lambda plan, graphs, workers: Trainer.resumed(path, plan, workers), **keys)
    assert (resumed.windows, resumed.best) == (2, 0.5) and not resumed.judged(0.4)
    run(resumed, 2)
    assert resumed.done and np.array_equal(weights(resumed.learner), weights(whole.learner))


def test_another_plan_is_not_resumed(tmp_path: Path):
    run(training(), 1).save(tmp_path / "one.pt")
    with pytest.raises(CheckpointError, match=r"other learning.alpha \(0.8, now 0.1\)"):
        training(make=lambda plan, graphs, workers: Trainer.resumed(tmp_path / "one.pt", plan), alpha=0.1)
    with pytest.raises(CheckpointError, match="other scenarios"):
        training(make=lambda plan, graphs, workers: Trainer.resumed(tmp_path / "one.pt", plan, facts={"scenarios": ["another"]}))


@pytest.mark.parametrize(("name", "spoil"), [("policy/actors.0.score.weight", np.nan), ("more/actions", 999), ("more/lengths", None)])
def test_a_damaged_checkpoint_is_not_resumed(tmp_path: Path, name, spoil):
    run(training(), 1).save(tmp_path / "one.pt")
    described, arrays = read(tmp_path / "one.pt")
    if spoil is None:
        del arrays[name]
    else:
        arrays[name] = np.full_like(arrays[name], spoil)
    write(tmp_path / "one.pt", described, arrays)
    with pytest.raises(CheckpointError, match="does not hold"):
        training(make=lambda plan, graphs, workers: Trainer.resumed(tmp_path / "one.pt", plan))


def test_workers_change_nothing_and_their_errors_are_raised_here():
    keys = {"environments": 18, "window": 18 * 6, "greedy_prior": 40.0, "prior_forecast": "learned"}
    alone, two = training(**keys), training(workers=2, **keys)
    with two.crew:
        figures = [run(each, 1).advance() for each in (alone, two)]
        assert np.array_equal(weights(alone.learner), weights(two.learner))
        assert two.crew.places() == alone.crew.places() and figures[0]["utility"] == figures[1]["utility"]
        with pytest.raises(ValueError):
            two.crew.each("restore", [([],), ([],)])


def test_maps_of_different_sizes_are_learned_together_and_said_in_the_checkpoint(tmp_path: Path):
    trainer = run(training(("regimes", "demo"), environments=4), 2)
    assert [shape.width for shape in trainer.plan.shapes] == [12, 12] and trainer.learner.graphs.present.sum(1).tolist() == [6, 4]
    trainer.save(tmp_path / "c.pt")
    told = read(tmp_path / "c.pt")[0]["more"]["observation"]
    assert told["width"] == 12 and told["services"] == ["retrieve", "generate", "safety", "look-up", "answer"]
    assert len(told["own"]) == trainer.learner.sizes.own and len(told["slot"]) == trainer.learner.sizes.slot

