"""`vamappo train`: what it leaves behind, going on after an interruption, and what it refuses."""

import csv
import json
import shutil
import signal

import numpy as np
import pytest

from agents.checkpoint import read
from agents.settings import Randomise
from scenarios.reading import load
from scenarios.training import TrainingError, course_of, faster, stretched, varied
from simulator.laws import Exponential, Lognormal

SMALL = [
    "greedy_prior=0", "prior_forecast=fixed", "prior_price=0", "actor_delay=0", "window=96", "environments=3", "epochs=1", "hidden=16", "members=2",
    "episode=2 s", "validate_every=2", "validation_replications=1",
]  # fmt: skip
WORLD = ["--set", "horizon=4 s", "--set", "warm_up=1 s"]
KEYS = [text for key in SMALL for text in ("--set", f"learning.{key}")] + [*WORLD, "--decisions", "384"]


def arrays(path):
    return {name: value for name, value in read(path)[1].items() if name.startswith(("policy", "critic", "more"))}


def test_a_training_resumed_after_an_interrupt_ends_as_one_without(command, tmp_path, monkeypatch):
    whole = command("train", "regimes", *KEYS, "--out", tmp_path / "whole", "--json")
    assert whole.exit_code == 0
    said = json.loads(whole.stdout)
    assert said["decisions"] == 384 and [row["window"] for row in said["validations"]] == [2, 4]
    assert said["seeds"] == [{"train": 2101, "validation": 1101, "test": 101}]

    from agents.trainer import Trainer

    advance = Trainer.advance

    def cut(self):
        if self.windows == 3:
            raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", cut)
    stopped = command("train", "regimes", *KEYS, "--out", tmp_path / "cut")
    assert stopped.exit_code == 130 and "holds 288 decisions" in stopped.stderr and "--resume" in stopped.stderr
    monkeypatch.setattr(Trainer, "advance", advance)
    shutil.copytree(tmp_path / "cut", tmp_path / "copy")
    assert command("train", "regimes", *KEYS, "--resume", tmp_path / "cut" / "checkpoint.pt").exit_code == 0
    elsewhere = command("train", "regimes", *WORLD, "--resume", tmp_path / "copy", "--out", tmp_path / "moved")  # settings come from the checkpoint
    assert elsewhere.exit_code == 0 and arrays(tmp_path / "moved" / "best.pt").keys() == arrays(tmp_path / "cut" / "best.pt").keys()
    assert (tmp_path / "moved" / "progress.csv").read_text().count("\n") == 5
    same = command("train", "regimes", *WORLD, "--resume", tmp_path / "copy", "--out", tmp_path / "same", "--set", "learning.hidden=16")
    assert same.exit_code == 0, same.stderr
    other = command("train", "regimes", *WORLD, "--resume", tmp_path / "copy", "--out", tmp_path / "other", "--set", "learning.hidden=32")
    assert other.exit_code == 2 and "trained with other learning.hidden (16, now 32): leave" in other.stderr
    there = command("train", "regimes", *WORLD, "--resume", tmp_path / "copy", "--out", tmp_path / "whole")
    assert there.exit_code == 2 and "exists" in there.stderr
    (tmp_path / "copy" / "best.pt").unlink()
    lost = command("train", "regimes", *WORLD, "--resume", tmp_path / "copy")
    assert lost.exit_code == 2 and "no best.pt" in lost.stderr
    for name in ("checkpoint.pt", "best.pt"):
        one, two = arrays(tmp_path / "whole" / name), arrays(tmp_path / "cut" / name)
        assert one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)
    rows = [list(csv.DictReader((tmp_path / folder / "progress.csv").open())) for folder in ("whole", "cut")]
    assert [row["window"] for row in rows[1]] == ["1", "2", "3", "4"]
    assert all(a[key] == b[key] for a, b in zip(*rows, strict=True) for key in a if not key.endswith("_s") or key == "p99_s")
    assert float(rows[0][1]["validation"]) == pytest.approx(said["validations"][0]["utility"], rel=1e-6) and float(rows[0][3]["m.site-a"]) == 1.0
    manifest = json.loads((tmp_path / "cut" / "manifest.json").read_text())
    assert manifest["complete"] and manifest["seeds"] == said["seeds"]
    (tmp_path / "moved" / "mine.yaml").write_text("kept")
    assert command("train", "regimes", *KEYS, "--decisions", "96", "--out", tmp_path / "moved", "--force").exit_code == 0
    assert (tmp_path / "moved" / "mine.yaml").exists() and (tmp_path / "moved" / "progress.csv").read_text().count("\n") == 2
    again = command("train", "regimes", *KEYS, "--out", tmp_path / "whole")
    assert again.exit_code == 2 and "--resume" in again.stderr


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        (["regimes", "--device", "cuda:99"], 3, "CUDA"),
        (["regimes", "--device", "abacus"], 2, "no such kind of device"),
        (["regimes", "--set", "learning.alpha=2"], 2, "learning.alpha: must be from 0 to 1"),
        (["regimes", "--algorithm", "ippo", "--set", "learning.adaptation=agent"], 2, "needs an uncertainty"),
        (["regimes", "--resume", "nowhere.pt"], 2, "no such checkpoint"),
        (["m-m-1"], 2, "no decision"),
        (["regimes", "demo", "--set", "learning.environments=1"], 2, "2 scenarios need at least as many"),
    ],
)  # fmt: skip
def test_refusals(command, tmp_path, given, status, says):
    found = command("train", *given, "--out", tmp_path / "out")
    assert found.exit_code == status and says in found.stderr and not (tmp_path / "out").exists()


def test_an_interrupt_while_a_checkpoint_is_written_ends_after_it(command, tmp_path, monkeypatch):
    from agents.trainer import Trainer
    from scenarios import training_files

    save = Trainer.save

    real = training_files.write_manifest

    def again(*given):
        if (tmp_path / "out" / "checkpoint.pt").exists():
            signal.raise_signal(signal.SIGINT)  # a second one, while the manifest is written
        real(*given)

    monkeypatch.setattr(training_files, "write_manifest", again)

    def cut(self, path):
        if path.name == "checkpoint.pt" and self.windows == 2:
            signal.raise_signal(signal.SIGINT)
        save(self, path)

    monkeypatch.setattr(Trainer, "save", cut)
    found = command("train", "regimes", *KEYS, "--out", tmp_path / "out")
    assert found.exit_code == 130 and "what is done is being written" in found.stderr and "holds 192 decisions" in found.stderr
    assert "--resume" in found.stderr.splitlines()[-1]
    assert read(tmp_path / "out" / "checkpoint.pt")[0]["more"]["training"]["windows"] == 2
    assert (tmp_path / "out" / "progress.csv").read_text().count("\n") == 3


def test_load_and_spikes_vary_by_episode_and_training_seeds_are_apart():
    loaded = load("regimes", ["learning={randomise: {load: [0.8, 1.2], spikes: [0.5, 2]}}"])
    course = course_of([loaded], seed=4)
    make = course.plan.makes[0]
    assert make.seed == 101 + 2000 + 4
    rates = [varied(loaded.scenario, make.randomise, np.random.default_rng([make.seed, 21, number])).workload[0].arrivals.rate for number in range(50)]
    assert 16.0 <= min(rates) < 17.5 < 22.5 < max(rates) <= 24.0
    same = varied(loaded.scenario, Randomise(), np.random.default_rng(0))
    assert same == loaded.scenario
    twice = varied(loaded.scenario, Randomise((1.0, 1.0), (2.0, 2.0)), np.random.default_rng(0))
    assert [spike.probability for spike in twice.spikes if spike.kind == "call_spike"] == [pytest.approx(0.06)]
    assert all(spike.up.mean == pytest.approx(7.5) for spike in twice.spikes if spike.kind == "slow_down")


def test_what_varies_keeps_its_law():
    assert stretched(Lognormal(median=2.0, sigma=0.5), 3.0) == Lognormal(median=6.0, sigma=0.5)
    assert stretched(Exponential(2.0), 0.5).moments().mean == 1.0
    arrivals = load("chat-azure").scenario.workload[0].arrivals
    assert faster(arrivals, 2.0).mean_rate() == pytest.approx(2.0 * arrivals.mean_rate())
    with pytest.raises(TrainingError, match="no rate"):
        faster(load("m-m-1", ["workload[0].arrivals={kind: times, at: [0 s]}"]).scenario.workload[0].arrivals, 2.0)


def test_scenarios_that_cannot_be_trained_together_are_refused():
    with pytest.raises(TrainingError, match="reject must be alike"):
        course_of([load("regimes"), load("demo", ["control.reject=true"])], 0)
    several = course_of([load("regimes"), load("demo")], 0)
    assert several.agents[0] == "regimes/site-a" and several.agents[-2:] == ("", "")
