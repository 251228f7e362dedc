"""The command line: what it writes, what it refuses, how it exits."""

import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT


def vamappo(*arguments, cwd=None, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "scenarios", *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, **more)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "demo"
    done = vamappo("run", "demo", "--set", "horizon=90 s", "--replications", 2, "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done


def test_a_result_folder_is_whole(results):
    out, done = results
    assert {path.name for path in out.iterdir()} == {
        "manifest.json", "scenario.yaml", "summary.json", "requests.parquet", "spans.parquet", "episodes.parquet", "timeline.parquet",
    }  # fmt: skip
    table = pq.read_table(out / "requests.parquet")
    assert table.column_names == [
        "replication", "request_id", "workload", "application", "ingress", "arrival_s", "end_s", "latency_s", "outcome", "utility", "quality",
        "attempts", "counted",
    ]  # fmt: skip
    spans = pq.read_table(out / "spans.parquet")
    assert set(spans["kind"].unique().to_pylist()) == {"queue", "service", "spike", "link_queue", "transmission", "propagation"}
    assert set(spans["spike"].unique().to_pylist()) == {"", "stragglers", "west-slow"}
    summary = json.loads((out / "summary.json").read_text())
    assert summary["requests"]["generated"] == int(np.sum(table["counted"].to_numpy(zero_copy_only=False)))
    assert summary["latency_s"]["p50"]["low"] <= summary["latency_s"]["p50"]["value"] <= summary["latency_s"]["p50"]["high"]
    assert "2 replications" in done.stdout


def test_the_resolved_scenario_gives_the_same_columns(results, tmp_path):
    out, _ = results
    again = tmp_path / "again"
    assert vamappo("run", out / "scenario.yaml", "--replications", 2, "--out", again).returncode == 0
    first, second = (json.loads((folder / "manifest.json").read_text())["columns_sha256"] for folder in (out, again))
    assert first == second


def test_nothing_is_overwritten_unless_forced(results):
    out, _ = results
    before = (out / "manifest.json").read_bytes()
    refused = vamappo("run", "m-m-1", "--out", out)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (out / "manifest.json").read_bytes() == before


def test_force_leaves_other_folders_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert vamappo("run", "m-m-1", "--out", tmp_path / "mine", "--force").returncode == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_folder_that_cannot_be_made_is_said_before_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    done = vamappo("run", "m-m-1", "--out", tmp_path / "file" / "x")
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr


OUTSIDE = """
class Last:
    def __init__(self, back=1):
        self.back = back

    def actor(self, simulation):
        return self

    def act(self, decision):
        return decision.candidates[-self.back]
"""


def test_a_policy_from_outside(tmp_path):
    (tmp_path / "mine.py").write_text(OUTSIDE)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, "-m", "scenarios", "run", "edge-chat", "--set", "horizon=90 s", "--policy"]
    first = subprocess.run([*command, "mine:Last", "--out", tmp_path / "a"], env=environment, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    again = [*command[:4], tmp_path / "a" / "scenario.yaml", "--out", tmp_path / "b"]
    assert subprocess.run(again, env=environment, capture_output=True).returncode == 0
    digests = [json.loads((tmp_path / name / "manifest.json").read_text())["columns_sha256"] for name in "ab"]
    assert digests[0] == digests[1]
    wrong = subprocess.run([*command, "json:JSONDecoder"], env=environment, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "is no policy: it has no actor; a policy is a class with act(self, decision)" in wrong.stderr


def test_json_alone_stores_nothing(tmp_path):
    done = vamappo("run", "m-m-1", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["requests"]["completed"] == 10_000
    assert list(tmp_path.iterdir()) == []


def test_service_levels_decide_the_exit_status(tmp_path):
    met = vamappo("run", "m-m-1", "--json", "--slo", "p50 < 1 s", "--slo", "completed >= 99 %")
    missed = vamappo("run", "m-m-1", "--json", "--slo", "p50 < 1 ms")
    unknown = vamappo("run", "m-m-1", "--json", "--slo", "p999 < 1 s")
    assert (met.returncode, missed.returncode, unknown.returncode) == (0, 1, 1)
    assert "cannot be judged" in unknown.stderr
    assert vamappo("run", "m-m-1", "--slo", "p42 < 1 s").returncode == 2


def test_precision_adds_replications():
    done = vamappo("run", "m-m-1", "--json", "--precision", "p50=4 %")
    summary = json.loads(done.stdout)
    assert summary["replications"] >= 5
    found = summary["latency_s"]["p50"]
    assert (found["high"] - found["low"]) / 2 / found["value"] <= 0.04


def test_parallel_workers_write_the_same_columns(results, tmp_path):
    out, _ = results
    other = tmp_path / "parallel"
    assert vamappo("run", "demo", "--set", "horizon=90 s", "--replications", 2, "--workers", 2, "--out", other).returncode == 0
    first, second = (json.loads((folder / "manifest.json").read_text())["columns_sha256"] for folder in (out, other))
    assert first == second


def test_check_and_list_and_tail(results, tmp_path):
    out, _ = results
    loads = json.loads(vamappo("check", "m-m-1", "--json").stdout)
    assert loads["stations"]["server"] == pytest.approx(0.7)
    assert loads["saturates_at"] == pytest.approx(1 / 0.7)
    assert "bounded_pareto" in vamappo("list", "laws").stdout
    assert vamappo("list", "lawz").returncode == 2
    tail = json.loads(vamappo("tail", out, "--json", "--out", tmp_path / "figures").stdout)
    assert tail[str(out)]["p99"]["value"] > tail[str(out)]["p50"]["value"]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"ccdf.png", "percentiles.png", "hill.png"}
    assert vamappo("tail", tmp_path).returncode == 2


def test_tail_of_a_users_own_latencies(tmp_path):
    values = np.random.default_rng(0).exponential(20.0, 5000)
    (tmp_path / "mine.csv").write_text("latency\n" + "\n".join(map(str, values)) + "\n")
    done = vamappo("tail", "--csv", tmp_path / "mine.csv", "--column", "latency", "--unit", "ms", "--json")
    found = json.loads(done.stdout)["mine.csv"]
    assert found["p50"]["value"] == pytest.approx(0.02 * np.log(2), rel=0.1)
    assert found["p99.99"]["value"] is None
    assert vamappo("tail", "--csv", tmp_path / "mine.csv", "--column", "delay").returncode == 2


def test_interrupt_keeps_finished_replications(tmp_path):
    import signal
    import time

    out = tmp_path / "cut"
    command = [sys.executable, "-m", "scenarios", "run", "m-m-1", "--set", "requests=60000", "--replications", "50", "--out", str(out)]
    running = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(6)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    kept = json.loads((out / "manifest.json").read_text())
    assert kept["interrupted"]
    assert 1 <= len(kept["replications"]) < 50
    assert "--resume" in said
    more = len(kept["replications"]) + 1
    on = vamappo(*command[3:7], "--replications", more, "--out", out, "--resume")
    assert on.returncode == 0, on.stderr
    whole = json.loads((out / "manifest.json").read_text())
    assert (whole["interrupted"], whole["resumed_replications"], len(whole["replications"])) == (False, more - 1, more)


@pytest.mark.parametrize("command", ["run", "check", "list", "schema", "tail", "demo", "test", "bench"])
def test_help_has_an_example(command):
    done = vamappo(command, "-h")
    assert done.returncode == 0
    assert "Example" in done.stdout
