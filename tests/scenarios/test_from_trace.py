"""`vamappo train --from-trace`: a training that begins with what another policy did, and goes on by itself."""

import json

import pytest

from agents import imitation
from agents.acting import stored
from agents.checkpoint import read
from tests.scenarios.test_train import KEYS


@pytest.fixture
def shown(command, tmp_path):
    changes = [part for change in ("horizon=14 s", "warm_up=0 s", "record={spans: none, decisions: true}") for part in ("--set", change)]
    assert command("run", "regimes", "--policy", "local-first", *changes, "--out", tmp_path / "shown").exit_code == 0
    return tmp_path / "shown"


def test_it_begins_with_the_recorded_policy_and_says_so(command, tmp_path, shown, monkeypatch):
    monkeypatch.setitem(imitation.STEPS, "cloning", (300, 3, 60))
    found = command("train", "regimes", *KEYS, "--set", "learning.learning_rate=1e-9", "--from-trace", shown, "--out", tmp_path / "out")
    assert found.exit_code == 0 and "recorded decisions of local-first" in found.stderr, found.stderr
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())["from_trace"]
    assert told["policy"] == "local-first" and told["accuracy"] > 0.9
    assert read(tmp_path / "out" / "best.pt")[0]["updates"] == stored(tmp_path / "out" / "policy.npz").updates
    again = command("run", "regimes", "--policy", tmp_path / "out" / "policy.npz", "--set", "horizon=5 s", "--set", "warm_up=0 s",
                    "--set", "record={spans: none, decisions: true}", "--out", tmp_path / "acted")  # fmt: skip
    assert again.exit_code == 0
    from scenarios.recorded import read_recording

    acted = read_recording(tmp_path / "acted")
    assert (acted.slots[range(len(acted)), acted.action, acted.described["slot"].index("local")] == 1.0).mean() > 0.8


def test_what_does_not_fit_is_refused_and_nothing_written(command, tmp_path, shown):
    for given, says in (
        (["edge-chat", "--from-trace", shown], "services safety"),
        (["regimes", "--set", "learning.greedy_prior=2", "--from-trace", shown], "greedy prior"),
        (["regimes", "--from-trace", tmp_path / "nowhere"], "no result folder"),
        (["regimes", "--from-trace", shown, "--resume", tmp_path / "a.pt"], "leave it out with --resume"),
    ):
        found = command("train", *KEYS, "--out", tmp_path / "out", *given)
        assert found.exit_code == 2 and says in found.stderr and not (tmp_path / "out").exists(), found.stderr
