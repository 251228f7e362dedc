"""A checkpoint acts as the network it was made of, without torch, anywhere it fits; what does not fit is said in one sentence."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.acting import Checkpoint, stored
from agents.baselines import ExpectedUtility
from agents.checkpoint import CheckpointError, read, restore, write, write_policy
from agents.recording import Recorder
from scenarios.build import build
from scenarios.policies import PolicyError, from_here, policy_of
from scenarios.reading import load
from scenarios.recorded import recording_in
from tests.agents.acting import checkpoint_for
from tests.agents.test_checkpoint import foreign_files
from tests.conftest import ROOT

SHORT = ["horizon=4 s", "warm_up=0 s", "record.spans=none"]
REGIMES = load("regimes", SHORT).scenario


def recorded(described, policy, seed=5):
    simulation = build(described, Path(), seed)
    return recording_in([Recorder(simulation, policy.actor(simulation), "it").run()])


def logits_of(learner, found, number):
    rows, legal = found.rows(np.arange(len(found)))
    prior = np.zeros(legal.shape, np.float32)
    with torch.no_grad():
        return learner.policy(*(torch.as_tensor(array) for array in (found.own, rows, legal, prior, number))).numpy(), rows, legal


@pytest.mark.parametrize("parameters", ["shared", "separate"])
def test_logits_are_those_of_torch_and_acting_is_their_argmax(tmp_path, parameters):
    learner = checkpoint_for(REGIMES, tmp_path / "a.pt", parameters=parameters, hidden=32)
    found = recorded(REGIMES, Checkpoint(str(tmp_path / "a.pt")))
    number = found.agent if parameters == "separate" else np.zeros(len(found), int)
    expected, rows, legal = logits_of(learner, found, number)
    actors = stored(tmp_path / "a.pt").actors
    assert len(actors) == (6 if parameters == "separate" else 1)
    error = max(
        np.abs(expected[i][legal[i]] - actors[number[i]].logits(found.own[i], rows[i][legal[i]])).max() for i in range(len(found))
    )
    assert error < 1e-5 and np.ptp(expected[legal]) > 1.0
    chosen = expected[np.arange(len(found)), found.action]
    assert (chosen >= expected.max(1) - 1e-5).all() and len(set(found.action.tolist())) > 3
    log_probs = torch.log_softmax(torch.as_tensor(expected), 1).numpy()
    assert np.allclose(found.log_prob, log_probs[np.arange(len(found)), found.action], atol=1e-4)


def test_a_folder_is_no_policy_but_may_hold_one(tmp_path):
    with pytest.raises(PolicyError, match=r"is a folder: name a checkpoint in it$"):
        policy_of(str(tmp_path))
    checkpoint_for(REGIMES, tmp_path / "best.pt")
    for reads in (policy_of, from_here):
        with pytest.raises(PolicyError, match=r"is a folder: name a checkpoint in it, such as .*best.pt"):
            reads(str(tmp_path))


def test_a_greedy_prior_is_added_to_the_logits(tmp_path):
    """A prior that outweighs the network acts like the baseline whose predictions it has, corrections included."""
    checkpoint_for(REGIMES, tmp_path / "a.pt", greedy_prior=1e5, prior_outcomes=0.5)
    learned, baseline = (recorded(REGIMES, policy) for policy in (Checkpoint(str(tmp_path / "a.pt")), ExpectedUtility(outcomes=0.5)))
    first = min(len(learned), len(baseline), 200)
    same = learned.action[:first] == baseline.action[:first]
    assert same[learned.allowed[:first] & baseline.allowed[:first]].mean() > 0.99


def test_sampled_acting_draws_from_the_probabilities_and_is_repeatable(tmp_path):
    learner = checkpoint_for(REGIMES, tmp_path / "a.pt")
    sampled = Checkpoint(str(tmp_path / "a.pt"), acting="sampled")
    found, again = recorded(REGIMES, sampled), recorded(REGIMES, sampled)
    assert np.array_equal(found.action, again.action)
    logits, _, _ = logits_of(learner, found, np.zeros(len(found), int))
    probabilities = torch.softmax(torch.as_tensor(logits).double(), 1).numpy()
    taken = probabilities[np.arange(len(found)), found.action]
    best = found.action == logits.argmax(1)
    spread = np.sqrt((probabilities.max(1) * (1 - probabilities.max(1))).sum())
    assert abs(best.sum() - probabilities.max(1).sum()) < 4 * spread and 0.05 < best.mean() < 0.9
    assert np.allclose(np.exp(found.log_prob), taken, atol=1e-4)


def test_weights_alone_act_alike_and_do_not_learn_on(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    write_policy(tmp_path / "a.pt", tmp_path / "policy.npz")
    assert (tmp_path / "policy.npz").stat().st_size < 0.5 * (tmp_path / "a.pt").stat().st_size
    one, two = (recorded(REGIMES, Checkpoint(str(tmp_path / name))) for name in ("a.pt", "policy.npz"))
    assert np.array_equal(one.action, two.action)
    with pytest.raises(CheckpointError, match="weights alone"):
        restore(tmp_path / "policy.npz")


def test_it_moves_to_another_map_but_not_to_other_services(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    policy = Checkpoint(str(tmp_path / "a.pt"))
    more_nodes = replace(REGIMES, network=replace(REGIMES.network, nodes=(*REGIMES.network.nodes, replace(REGIMES.network.nodes[0], name="new")),
                                                  links=(*REGIMES.network.links, replace(REGIMES.network.links[0], between=("new", "site-a")))))  # fmt: skip
    wider = replace(more_nodes, deployments=tuple(
        replace(d, nodes=replace(d.nodes, names=(*d.nodes.names, "new")) if d.nodes.names else d.nodes) for d in more_nodes.deployments
    ))  # fmt: skip
    found = recorded(wider, policy)
    assert len(found.described["nodes"]) == 7 and found.slots.shape[1] > 12
    with pytest.raises(CheckpointError, match=r"trained for the services .*the scenario also has .*train on this scenario"):
        policy.actor(load("edge-chat").build())


def test_what_it_was_not_trained_with_it_does_not_do(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    rejecting = load("regimes", [*SHORT, "control.reject=true"]).scenario
    found = recorded(rejecting, Checkpoint(str(tmp_path / "a.pt"), acting="sampled"))
    assert found.mask[:, 12].all() and not (found.action == 12).any()
    checkpoint_for(rejecting, tmp_path / "b.pt")
    assert (recorded(rejecting, Checkpoint(str(tmp_path / "b.pt"), acting="sampled")).action == 12).any()


def test_services_are_told_apart_by_name_whatever_their_order(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    turned = replace(REGIMES, services=dict(reversed(REGIMES.services.items())), applications=REGIMES.applications)
    one, two = (recorded(described, Checkpoint(str(tmp_path / "a.pt"))) for described in (REGIMES, turned))
    assert np.array_equal(one.action, two.action)


def test_separate_parameters_need_the_nodes_they_were_made_for(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt", parameters="separate")
    renamed = replace(REGIMES.network, nodes=tuple(replace(n, name="x" if n.name == "site-a" else n.name) for n in REGIMES.network.nodes))
    simulation = build(REGIMES, Path())
    simulation.nodes[0].name = renamed.nodes[0].name
    with pytest.raises(CheckpointError, match=r"parameters of its own .*site-a, .*shared parameters"):
        Checkpoint(str(tmp_path / "a.pt")).actor(simulation)


def broken(path, change):
    described, arrays = read(path)
    change(described, arrays)
    write(path, described, arrays)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d, a: d["more"].clear(), "does not say what its policy observes"),
        (lambda d, a: d["more"]["observation"]["slot"].append("luck"), "trained on other features .*luck"),
        (lambda d, a: a.pop("policy/actors.0.query.weight"), "query.weight is missing"),
        (lambda d, a: a.update({"policy/actors.0.own.bias": np.zeros(3, np.float32)}), r"own.bias is \(3,\), expected \(16,\)"),
        (lambda d, a: a["policy/actors.0.own.bias"].__setitem__(0, np.nan), "not finite"),
        (lambda d, a: d.pop("settings"), "does not hold what a checkpoint holds"),
        (lambda d, a: d["settings"].update(hidden=-1), "does not hold what a checkpoint holds"),
        (lambda d, a: d["settings"].update(luck=1), "does not hold what a checkpoint holds"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, change, said):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    broken(tmp_path / "a.pt", change)
    with pytest.raises(CheckpointError, match=rf"a\.pt: .*{said}"):
        stored(tmp_path / "a.pt")


def vamappo(*arguments, cwd):
    code = "import sys; from scenarios.commands import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""})


def test_a_run_and_its_stored_scenario_use_the_file_and_never_load_torch(tmp_path):
    checkpoint_for(REGIMES, tmp_path / "a.pt")
    changes = [part for change in (*SHORT, "record.decisions=true") for part in ("--set", change)]
    first = vamappo("run", "regimes", "--policy", "a.pt", *changes, "--out", "one", "--json", cwd=tmp_path)
    assert first.returncode == 0 and first.stderr.endswith("False\n"), first.stderr
    assert json.loads(first.stdout)["policy"] == "a.pt"
    (tmp_path / "below").mkdir()
    again = vamappo("run", "../one/scenario.yaml", "--json", cwd=tmp_path / "below")
    assert json.loads(again.stdout)["latency_all_s"] == json.loads(first.stdout)["latency_all_s"]
    checkpoint_for(REGIMES, tmp_path / "a.pt", seed=2)
    changed = vamappo("run", "../one/scenario.yaml", "--json", cwd=tmp_path / "below")
    assert changed.returncode == 2 and "control.policy.sha256" in changed.stderr


@pytest.mark.parametrize("name", ["pickle", "torch", "object-array", "empty", "array"])
def test_foreign_files_run_nothing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    files = foreign_files()
    np.save(tmp_path / "plain.npy", np.zeros(3))
    (tmp_path / "foreign.pt").write_bytes(files[name] if name in files else (tmp_path / "plain.npy").read_bytes())
    with pytest.raises(PolicyError, match=r"foreign\.pt: not a checkpoint of this program"):
        policy_of("foreign.pt")
    assert not (tmp_path / "ran").exists()


def test_a_foreign_file_ends_in_one_error(tmp_path):
    (tmp_path / "foreign.pt").write_bytes(foreign_files()["pickle"])
    for command in (["run", "regimes", "--policy", "foreign.pt"], ["evaluate", "regimes", "--policies", "least-loaded,foreign.pt"]):
        found = vamappo(*command, "--out", "out", cwd=tmp_path)
        assert found.returncode == 2 and "Traceback" not in found.stderr
        assert len(found.stderr.splitlines()) == 2 and "not a checkpoint of this program" in found.stderr, found.stderr
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out").exists()
