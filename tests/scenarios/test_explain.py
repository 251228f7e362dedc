"""`evaluate --explain`: the probabilities and values shown are the network's, and the folder holds them."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from agents.acting import Checkpoint
from agents.forecast import RATIOS, Forecast
from agents.recording import Recorder
from agents.valuation import expected
from scenarios.build import build
from scenarios.commands import app, register
from scenarios.explanations import forecasts_of, values_of
from scenarios.reading import load
from scenarios.recorded import recording_in
from tests.agents.acting import checkpoint_for

SHORT = ["horizon=8 s", "warm_up=0 s", "record.spans=none"]
REGIMES = load("regimes", SHORT).scenario


def evaluate(*arguments):
    if not app.registered_commands:
        register()
    changes = [part for change in SHORT for part in ("--set", change)]
    return CliRunner().invoke(app, ["evaluate", "regimes", *changes, *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("explained")
    checkpoint_for(REGIMES, path / "a.pt")
    return path


def test_the_folder_and_the_tables_say_what_was_seen_chosen_and_expected(folder):
    found = evaluate("--policies", f"least-loaded,{folder / 'a.pt'}", "--replications", 2, "--explain", "--out", folder / "out")
    assert found.exit_code == 0, found.output
    told = json.loads((folder / "out" / "explanations.json").read_text())
    baseline, learned = told.values()
    assert {"routing.png", "routing-by-node.png", "evaluation.json"} <= {path.name for path in (folder / "out").iterdir()}
    assert len(baseline["decisions"]) == len(learned["decisions"]) == 4 and "its critic expects" in found.output
    for shown in baseline["decisions"]:
        assert shown["value"] is None and all(action["probability"] is None for action in shown["actions"])
        loads = [action["features"]["load"] for action in shown["actions"]]
        assert [action["chosen"] for action in shown["actions"]].index(True) == loads.index(min(loads))
    for shown in learned["decisions"]:
        probabilities = [action["probability"] for action in shown["actions"]]
        assert sum(probabilities) == pytest.approx(1.0, abs=1e-5)
        assert [action["chosen"] for action in shown["actions"]].index(True) == int(np.argmax(probabilities))
        assert len(shown["value"]["members"]) == 5 and shown["value"]["epistemic"] > 0.0 and "0.9" in shown["value"]["quantiles"]
    before, during = (baseline["routing"]["share_on_the_node_hit"][phase]["value"] for phase in ("before", "during"))
    assert 0.0 <= during <= 1.0 and 0.0 <= before <= 1.0 and baseline["routing"]["episodes"] > 2


def test_forecasts_are_those_that_the_policy_acts_by(folder):
    learner = checkpoint_for(REGIMES, folder / "f.pt", greedy_prior=40.0, prior_forecast="learned")
    policy = Checkpoint(str(folder / "f.pt"))
    simulation = build(REGIMES, load("regimes").path.parent)
    recording = recording_in([Recorder(simulation, policy.actor(simulation), "it").run()])
    rows = [3, 50]
    forecast = Forecast(learner.forecaster.weights())
    for row, told in zip(rows, forecasts_of(policy, recording, rows), strict=True):
        seen = np.concatenate([np.tile(recording.own[row], (len(told), 1)), recording.slots[row, : len(told)]], 1)
        assert len(told) == len(recording.slot_names[row])
        assert [slot["mean"] for slot in told] == pytest.approx(list(forecast(seen) @ RATIOS))
        assert all(0.0 < slot["twice"] < 1.0 for slot in told)
    assert forecasts_of(Checkpoint(str(folder / "a.pt")), recording, rows) == [None, None]
    found = evaluate("--policies", folder / "f.pt", "--replications", 1, "--explain", "--out", folder / "foreseen")
    assert found.exit_code == 0 and "chance of twice as long" in found.output


def test_values_are_the_learners(folder):
    learner = checkpoint_for(REGIMES, folder / "b.pt")
    policy = Checkpoint(str(folder / "b.pt"))
    simulation = build(REGIMES, load("regimes").path.parent)
    recording = recording_in([Recorder(simulation, policy.actor(simulation), "it").run()])
    rows = [3, 50, 200]
    x = learner.critic.inputs(learner.tensor(recording.state[rows]), learner.tensor(recording.own[rows]), learner.tensor(recording.agent[rows]))
    at, graph = learner.tensor(learner.owners[recording.agent[rows]]), torch.zeros(3, dtype=torch.int64)
    means, _ = learner.values(x, graph, at, learner.critic.random_prior(x, at))
    weights = learner.owner_weights[recording.agent[rows]]
    found = values_of(policy, recording, rows)
    assert np.allclose([told["value"] for told in found], (weights * means.mean(2)).sum(1), atol=1e-5)
    direct = expected(learner, recording.state[rows], recording.own[rows], recording.agent[rows], 0)
    assert [told["members"] for told in found] == [told["members"] for told in direct]
    assert values_of(Checkpoint(str(folder / "b.pt")), recording, []) == []


def test_an_evaluation_is_not_resumed_with_other_weights(folder):
    name = folder / "c.pt"
    for seed, more in ((1, []), (1, ["--resume"]), (2, ["--resume"])):
        checkpoint_for(REGIMES, name, seed)
        found = evaluate("--policies", name, "--set", "horizon=2 s", "--replications", 1, "--out", folder / "twice", *more)
        assert (found.exit_code == 0) == (seed == 1), found.output
    assert "whose file has changed" in str(found.exception)


def test_decisions_at_a_time_and_what_is_no_time(folder):
    found = evaluate("--policies", "local-first", "--replications", 1, "--explain-at", "3 s", "--json")
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout)["explanations"]["local-first"]["decisions"]
    assert len(shown) == 4 and all(decision["time_s"] >= 3.0 for decision in shown)
    assert evaluate("--policies", "local-first", "--explain-at", "soon").exit_code == 2
