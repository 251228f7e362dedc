"""`vamappo stress --sweep`: response curves on the same seeds."""

import csv
import json
import signal

import numpy as np
import pytest

from analysis.estimates import quantile
from scenarios.evaluation import Task
from scenarios.reading import load
from tests.helpers import run

SWEEP = ("--sweep", "spikes.edge-slow.factor=2;8", "--set", "horizon=10 s", "--set", "warm_up=2 s", "--replications", "3")


def points(found):
    return {point["label"]: point for point in json.loads(found.stdout)["points"]}


def test_a_known_response(command, known):
    # a quarter of the requests take factor times 100 ms, the others 100 ms: worked out by hand
    found = points(command("stress", known, "--sweep", "spikes.slow.factor=2;3", "--replications", 5, "--json"))
    base, twice, thrice = found.values()
    assert list(found) == ["without slow", "slow.factor=2", "slow.factor=3"] and base["values"] is None
    assert [p["p50"]["value"] for p in found.values()] == pytest.approx([0.1, 0.1, 0.1])
    assert [p["attainment"]["value"] for p in found.values()] == pytest.approx([1.0, 0.75, 0.75], abs=0.021)
    assert thrice["difference"]["attainment"]["value"] == pytest.approx(-0.25, abs=0.021)
    assert twice["difference"]["p50"]["value"] == pytest.approx(0.0) and twice["requests"] == base["requests"]


def test_every_point_is_the_run_with_that_value(command):
    found = points(command("stress", "edge-chat", *SWEEP, "--json"))
    series = {}
    for label, overrides in (("edge-slow.factor=8", ["spikes.edge-slow.factor=8"]), ("edge-slow.factor=2", ["spikes.edge-slow.factor=2"])):
        described = load("edge-chat", ["horizon=10 s", "warm_up=2 s", *overrides]).scenario
        traces = [run(described, replication=r) for r in range(3)]
        series[label] = [np.where(t.completed, t.latency, np.inf)[t.counted] for t in traces]
        assert found[label]["p50"]["value"] == quantile(np.concatenate(series[label]), 0.5)
    gone = load("edge-chat", ["horizon=10 s", "warm_up=2 s"], without=["edge-slow"]).scenario
    base = [run(gone, replication=r) for r in range(3)]
    apart = [quantile(v, 0.5) - quantile(t.latency[t.counted & t.completed], 0.5) for v, t in zip(series["edge-slow.factor=8"], base, strict=True)]
    assert found["edge-slow.factor=8"]["difference"]["p50"]["value"] == pytest.approx(float(np.mean(apart)), abs=1e-15)


def test_workers_change_nothing(command):
    alone, together = (command("stress", "edge-chat", *SWEEP, "--json", "--workers", workers) for workers in (1, 2))
    assert alone.stdout == together.stdout


def test_several_sweeps_are_a_grid_and_an_added_spike_can_be_swept(command, known):
    spike = ("--spike", "name=stop,kind=freeze,nodes=n,at=150 s,for=1 s")
    sweeps = ("--sweep", "spikes.stop.for=1 s;9 s", "--sweep", "spikes.slow.factor=2;4;8")
    found = points(command("stress", known, *spike, *sweeps, "--replications", 2, "--json"))
    assert len(found) == 1 + 2 * 3
    first, *_ = found
    assert first == "without stop, slow" and found[first]["attainment"]["value"] == pytest.approx(1.0)
    assert found["stop.for=9 s, slow.factor=2"]["attainment"]["value"] < found["stop.for=1 s, slow.factor=2"]["attainment"]["value"]


def test_without_a_swept_spike_the_first_point_is_the_base(command, known):
    given = ("stress", known, "--sweep", "services.s.service_time=100 ms;200 ms", "--replications", 2, "--json")
    found = points(command(*given))
    assert [point["difference"] == {} for point in found.values()] == [True, False]
    named = points(command(*given, "--without", "slow"))
    assert next(iter(named)) == "without slow"


def test_what_never_completes_is_infinitely_late(command, known):
    spike = ("--spike", "name=o,kind=outage,nodes=n,at=100 s,for=20 s")
    found = points(command("stress", known, *spike, "--sweep", "spikes.o.for=2 s;20 s", "--replications", 5, "--json"))
    broken = found["o.for=20 s"]
    assert broken["completed"]["value"] == pytest.approx(0.9, abs=0.021)
    assert broken["p99"]["value"] is None and "not reached" in broken["p99"]["reason"]
    assert broken["difference"]["p99"]["value"] is None and "infinite in 5 of 5" in broken["difference"]["p99"]["note"]


def test_the_folder_and_the_exit_status(command, known, tmp_path):
    out = tmp_path / "out"
    levels = ("--slo", "p99 < 300 ms", "--slo", "attainment > 70 %")
    found = command("stress", known, "--sweep", "spikes.slow.factor=2;4", "--replications", 3, "--out", out, *levels)
    assert found.exit_code == 1 and "missed" in found.stdout and "stored in" in found.stdout
    assert {path.name for path in out.iterdir()} == {
        "stress.json", "curves.csv", "curves.png", "curves.svg", "requests.parquet", "manifest.json", "scenario.yaml",
    }  # fmt: skip
    rows = list(csv.DictReader((out / "curves.csv").open()))
    assert {row["spikes.slow.factor"] for row in rows} == {"", "2", "4"} and {"p50", "p99", "attainment", "utility", "completed"} == {r["figure"] for r in rows}
    verdicts = {p["label"]: [s["verdict"] for s in p["slo"].values()] for p in json.loads((out / "stress.json").read_text())["points"]}
    assert verdicts["slow.factor=2"] == ["held", "held"] and verdicts["slow.factor=4"] == ["missed", "held"]
    assert "slow" not in (out / "scenario.yaml").read_text().replace("slow_down", "").split("spikes")[1]
    before = sorted((path.name, path.stat().st_mtime_ns) for path in out.iterdir())
    again = command("stress", known, "--sweep", "spikes.slow.factor=2;4", "--out", out)
    assert again.exit_code == 2 and "--force" in again.stderr
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in out.iterdir())


def test_an_interrupted_one_goes_on(command, known, tmp_path, monkeypatch):
    sweep = ("stress", known, "--sweep", "spikes.slow.factor=2;4", "--replications", 3)
    whole = command(*sweep, "--out", tmp_path / "whole")
    assert whole.exit_code == 0
    made, honest = [], Task.run

    def stops(task, watch=None):
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append((task.label, task.replication))
        return honest(task, watch)

    monkeypatch.setattr(Task, "run", stops)
    stopped = command(*sweep, "--out", tmp_path / "parts")
    assert stopped.exit_code == 130 and "4 of 9 runs are done, 1 replication at every point" in stopped.stderr and "--resume" in stopped.stderr
    made.clear()
    monkeypatch.setattr(Task, "run", lambda task, watch=None: made.append(task.label) or honest(task, watch))
    resumed = command(*sweep, "--out", tmp_path / "parts", "--resume")
    assert resumed.exit_code == 0 and len(made) == 5
    assert (tmp_path / "parts" / "stress.json").read_bytes() == (tmp_path / "whole" / "stress.json").read_bytes()
    wider = command("stress", known, "--sweep", "spikes.slow.factor=2;4;5", "--replications", 3, "--out", tmp_path / "parts", "--resume")
    assert wider.exit_code == 0 and made[5:] == ["slow.factor=5"] * 3  # what is the same is kept


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--sweep", "spikes.slow.factr=2;4"), "--sweep: spikes.slow.factr: unknown key 'factr' (did you mean 'factor'?)"),
        (("--sweep", "spikes.slow.factor=0.5;4"), "--sweep: spikes.slow.factor: the speed is divided by the factor"),
        (("--sweep", "spikes.slow.factor=fast;4"), "--sweep: spikes.slow.factor: "),
        (("--sweep", "spikes.sloe.factor=2;4"), "--sweep: spikes.sloe.factor: there is no item 'sloe' (did you mean 'slow'?)"),
        (("--sweep", "spikes.slow.factor"), "expected a path and values with ';' between"),
        (("--sweep", "spikes.slow.factor=2;;4"), "expected a path and values with ';' between"),
        (("--sweep", "spikes.slow.factor=2;2"), "a value stands twice"),
        (("--sweep", "spikes.slow.factor=2", "--sweep", "spikes.slow.factor=4"), "a path stands twice"),
        (("--sweep", f"spikes.slow.factor={';'.join(map(str, range(2, 1100)))}"), "1,098 combinations are more than 1,000"),
        (("--sweep", "spikes.slow.factor=2;4", "--without", "fast"), "--without: there is no spike 'fast' (there are slow)"),
        ((), "give one of: values to try with --sweep, --each-spike"),
        (("--find-breaking-point", "spikes.slow.factor"), "--find-breaking-point needs one --slo"),
        (("--sweep", "spikes.slow.factor=2;4", "--resume", "--json"), "--resume needs the result folder"),
    ],
)
def test_mistakes_are_told(command, known, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    found = command("stress", known, *given)
    assert found.exit_code == 2 and said in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["known.yaml"]


def test_a_spike_that_cannot_act_is_told_not_praised(command, known):
    spikes = ("--spike", "name=late,kind=freeze,nodes=n,at=999 s,for=5 s", "--spike", "name=gone,kind=evict,nodes=n,at=5 s")
    given = ("stress", known, *spikes, "--each-spike", "--slo", "p99 < 1 s", "--replications", 2)
    found = command(*given, "--json")
    by = points(found)
    assert by["only late"]["episodes"] == {"late": 0} and by["only gone"]["episodes"] == {"gone": 2} and by["only slow"]["episodes"] == {"slow": 2}
    assert [point["changed_nothing"] for point in by.values()] == [False, False, True, True, False]
    assert "late had no episode in the counted window" in found.stderr
    assert "only gone changed nothing: every replication is identical to without spikes" in found.stderr
    assert "held, nothing changed" in command(*given, "--out", known.parent / "out").stdout
    again = command(*given[:-1], 3, "--out", known.parent / "out", "--resume", "--json")
    assert points(again)["only gone"]["episodes"] == {"gone": 3}


def test_an_interrupt_while_results_are_written_loses_nothing(command, known, tmp_path, monkeypatch):
    from scenarios import stress_files

    real = stress_files.write_samples

    def cut(*given):
        signal.raise_signal(signal.SIGINT)
        real(*given)

    monkeypatch.setattr(stress_files, "write_samples", cut)
    found = command("stress", known, "--each-spike", "--replications", 2, "--out", tmp_path / "out")
    assert found.exit_code == 130 and "what is done is being written" in found.stderr and "everything is in" in found.stderr
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["interrupted"] is False
