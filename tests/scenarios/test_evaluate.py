"""`vamappo evaluate` and `vamappo compare`."""

import csv
import json
import math
import signal

import pytest

from analysis.evaluation import evaluate, sample_of
from scenarios.commands.comparison_tables import difference_text
from scenarios.evaluation_files import difference_rows
from scenarios.policies import PolicyError, policies_of, policy_of
from tests.helpers import run, scenario

SHORT = ["--set", "horizon=20 s", "--set", "warm_up=2 s"]


class Nearest:
    """A policy from outside the project."""

    def __init__(self, last: bool = False):
        self.last = last

    def actor(self, simulation):
        return self

    def act(self, decision):
        return decision.candidates[-1 if self.last else 0]


class Stops:
    """One that is interrupted in its third replication, as by Ctrl-C."""

    made = 0

    def actor(self, simulation):
        Stops.made += 1
        if Stops.made == 3:
            raise KeyboardInterrupt
        return Nearest()


def test_policies_read_alike():
    assert policy_of("{kind: power-of-d, d: 3}").d == 3
    assert list(policies_of("random, {kind: power-of-d, d: 3}, tests.scenarios.test_evaluate:Nearest")) == [
        "random",
        "power-of-d(d=3)",
        "tests.scenarios.test_evaluate:Nearest",
    ]
    assert policy_of("{kind: 'tests.scenarios.test_evaluate:Nearest', last: true}").made.last


def test_every_mistake_at_once():
    with pytest.raises(PolicyError) as found:
        policies_of("least-loded,{kind: power-of-d, d: 0},random,random,nowhere:Class,{kind: power-of-d, e: 1}")
    lines = str(found.value).splitlines()
    assert lines == [
        "policy 'least-loded': unknown policy 'least-loded' (did you mean 'least-loaded'?)",
        "policy '{kind: power-of-d, d: 0}': d must be at least 1, got 0",
        "policy 'random' stands twice",
        "policy 'nowhere:Class': cannot make 'nowhere:Class': No module named 'nowhere' (sought in the folder of the command and where PYTHONPATH says)",
        "policy '{kind: power-of-d, e: 1}': unknown key 'e'",
    ]


def test_bad_names_stop_before_anything_runs(command, tmp_path):
    found = command("evaluate", "demo", "--policies", "rndom,nearest-first", "--reference", "x", "--set", "horizn=3 s", "--out", tmp_path / "e")
    assert found.exit_code == 2
    assert "did you mean 'random'" in found.stderr
    assert "horizn" in found.stderr
    assert "--reference: policy 'x'" in found.stderr
    assert not (tmp_path / "e").exists()


def test_folder_holds_figures_differences_and_tables(command, tmp_path):
    out = tmp_path / "e"
    found = command("evaluate", "demo", "--policies", "least-loaded,random", "--replications", 7, *SHORT, "--out", out)
    assert found.exit_code == 0, found.stderr
    assert "telemetry exact" in found.stdout and "worse" in found.stdout
    names = {path.name for path in out.iterdir()}
    assert {"evaluation.json", "figures.csv", "differences.csv", "replications.csv", "requests.parquet", "table.tex", "tails.png", "differences.png"} <= names
    data = json.loads((out / "evaluation.json").read_text())
    utility = data["differences"]["random"]["utility"]
    assert utility["paired"] and utility["verdict"] == "worse" and utility["high"] < 0.0
    rows = list(csv.DictReader((out / "replications.csv").open()))
    assert len(rows) == 14
    by_hand = [float(r["utility"]) for r in rows if r["policy"] == "random"], [float(r["utility"]) for r in rows if r["policy"] == "least-loaded"]
    assert utility["value"] == pytest.approx(sum(by_hand[0]) / 7 - sum(by_hand[1]) / 7)
    assert r"\begin{tabular}" in (out / "table.tex").read_text()
    assert command("evaluate", "demo", "--policies", "random", *SHORT, "--out", out).exit_code == 2  # not overwritten


def test_workers_change_nothing_and_resume_adds_only_what_is_missing(command, tmp_path):
    def figures(*more):
        found = command("evaluate", "demo", "--policies", "random,least-loaded", *SHORT, "--json", *more)
        assert found.exit_code == 0, found.stderr
        return json.loads(found.stdout)

    whole = figures("--replications", 3)
    assert figures("--replications", 3, "--workers", 2) == whole
    figures("--replications", 2, "--out", tmp_path / "e")
    assert figures("--replications", 3, "--out", tmp_path / "e", "--resume") == whole
    other = command("evaluate", "demo", "--policies", "random", *SHORT, "--seed", 99, "--out", tmp_path / "e", "--resume")
    assert other.exit_code == 2 and "another scenario or seed" in other.stderr


def test_an_interruption_keeps_whole_pairs(command, tmp_path):
    Stops.made = 0
    out = tmp_path / "e"
    policies = "least-loaded,tests.scenarios.test_evaluate:Stops"
    found = command("evaluate", "demo", "--policies", policies, "--replications", 5, *SHORT, "--out", out)
    assert found.exit_code == 130
    assert "kept 2 of 5" in found.stderr
    data = json.loads((out / "evaluation.json").read_text())
    assert set(map(tuple, data["replications"].values())) == {(0, 1)}


TIMED = """
name: timed
requests: 400
network: {nodes: [{name: slow, workers: 1}, {name: fast, workers: 20}]}
services: {s: {service_time: {kind: exponential, mean: 100 ms}}}
deployments: [{service: s, nodes: all}]
applications: {a: {utility: {midpoint: 1 s, steepness: 5 /s}, timeout: 2 s, calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: slow, arrivals: ARRIVALS}]
"""
TIMED = TIMED.replace("network: {nodes: [{name: slow, workers: 1}, {name: fast, workers: 20}]}", """network:
  nodes: [{name: slow, workers: 1}, {name: fast, workers: 20}]
  links: [{between: [slow, fast]}]""")


def samples_of(arrivals, policy, seeds=range(6)):
    described = scenario(TIMED.replace("ARRIVALS", arrivals))
    return [sample_of(run(described, replication=r, policy=policy_of(policy))) for r in seeds]


def test_what_did_not_complete_counts_as_infinite():
    arrivals = "{kind: poisson, rate: 40 /s}"
    found = evaluate({"all": samples_of(arrivals, "least-loaded"), "near": samples_of(arrivals, "local-first")}, "all")
    near = found.figures["near"]
    assert near["p99"].value is None
    assert near["p99"].reason == f"not reached: only {100 * near['completed'].value:.4g} % completed"
    difference = found.differences["near"]["p99"]
    assert difference.value == math.inf
    assert difference.verdict == "worse"
    assert found.differences["near"]["completed"].verdict == "worse"
    assert near["quality"].value == 1.0  # of what completed


def test_a_closed_loop_says_that_only_work_is_common():
    arrivals = "{kind: closed, users: 5, think: {kind: exponential, mean: 100 ms}}"
    found = evaluate({p: samples_of(arrivals, p) for p in ("least-loaded", "local-first")}, "least-loaded")
    assert any("only the work is common" in note for note in found.notes)
    assert found.differences["local-first"]["utility"].paired


def test_other_arrivals_are_not_paired():
    found = evaluate(
        {"a": samples_of("{kind: poisson, rate: 40 /s}", "local-first"), "b": samples_of("{kind: poisson, rate: 40 /s}", "local-first", range(1, 7))}, "a"
    )
    assert not found.differences["b"]["utility"].paired
    assert any("not paired" in note for note in found.notes)
    # the same numbers of replications, other seeds: by digest
    moved = evaluate({"a": samples_of("{kind: poisson, rate: 40 /s}", "random"), "b": samples_of("{kind: poisson, rate: 41 /s}", "random")}, "a")
    assert not moved.differences["b"]["utility"].paired


def test_compare_gives_what_evaluate_gives(command, tmp_path):
    for policy in ("least-loaded", "random"):
        run_ = command("run", "demo", "--policy", policy, "--replications", 5, *SHORT, "--out", tmp_path / policy)
        assert run_.exit_code == 0, run_.stderr
    compared = json.loads(command("compare", tmp_path / "least-loaded", tmp_path / "random", "--json").stdout)
    evaluated = json.loads(command("evaluate", "demo", "--policies", "least-loaded,random", "--replications", 5, *SHORT, "--json").stdout)
    assert compared["paired"]
    mine, theirs = compared["differences"][str(tmp_path / "random")], evaluated["differences"]["random"]
    for name in ("utility", "completed", "attainment", "p50", "p99", "quality", "goodput_per_s"):
        assert mine[name] == theirs[name], name


def test_compare_says_what_is_not_paired_and_what_is_no_folder(command, tmp_path):
    for seed in (1, 2):
        assert command("run", "demo", "--seed", seed, "--replications", 2, *SHORT, "--out", tmp_path / str(seed)).exit_code == 0
    found = command("compare", tmp_path / "1", tmp_path / "2")
    assert found.exit_code == 0
    assert "not paired" in found.stdout and "arrivals that differ" in found.stdout
    assert "the same arrivals" not in found.stdout
    missing = command("compare", tmp_path / "1", tmp_path / "3")
    assert missing.exit_code == 2 and "is not a result folder" in missing.stderr


def test_compare_says_where_scenarios_differ(command, tmp_path):
    for name, more in (("a", ()), ("b", ("--set", "network.nodes.edge-a.workers=1"))):
        assert command("run", "edge-chat", "--set", "horizon=20 s", "--set", "warm_up=2 s", *more, "--replications", 2, "--out", tmp_path / name).exit_code == 0
    found = command("compare", tmp_path / "a", tmp_path / "b")
    assert "the same arrivals, in scenarios that differ" in found.stdout.replace("\n", " ")
    assert "the scenarios themselves differ, in network.nodes" in found.stdout
    assert "the same arrivals, work and spikes" not in found.stdout


def test_a_quantile_that_neither_reaches_has_no_difference(command, tmp_path):
    short = samples_of("{kind: poisson, rate: 40 /s}", "local-first")
    found = evaluate({"a": short, "b": short}, "a")
    assert "not reached by either" in difference_text(found.differences["b"]["p99"], "s")
    row = next(row for row in difference_rows(found) if row[2] == "p99")
    assert row[4:7] == [None, None, None] and row[-1] == "not reached by either"


def test_one_policy_alone(command):
    found = command("evaluate", "demo", "--policies", "random", "--replications", 1, *SHORT, "--json")
    assert any("nothing to compare" in note for note in json.loads(found.stdout)["notes"])


def test_energy_is_compared_where_nodes_declare_their_power():
    text = TIMED.replace("ARRIVALS", "{kind: poisson, rate: 40 /s}")
    text = text.replace("name: slow, workers: 1", "name: slow, workers: 1, power: {idle: 10 W, busy: 60 W}")
    samples = {p: [sample_of(run(scenario(text), replication=r, policy=policy_of(p))) for r in range(3)] for p in ("local-first", "least-loaded")}
    found = evaluate(samples, "local-first")
    # at the near node: always busy when all goes there, hardly ever otherwise
    windows = sum(sample.window_s for sample in samples["local-first"]) / 3
    assert found.figures["local-first"]["energy_j"].value == pytest.approx(60 * windows, rel=0.05)
    assert found.differences["least-loaded"]["energy_j"].value < 0.0
    assert evaluate({"a": samples_of("{kind: poisson, rate: 40 /s}", "random")}, "a").figures["a"]["energy_j"].reason == "no node declares its power"


def test_an_interrupt_while_results_are_written_loses_nothing(command, tmp_path, monkeypatch):
    from scenarios import evaluation_files

    real = evaluation_files.write_samples

    def cut(*given):
        signal.raise_signal(signal.SIGINT)
        real(*given)

    monkeypatch.setattr(evaluation_files, "write_samples", cut)
    found = command("evaluate", "regimes", *SHORT, "--policies", "local-first", "--replications", 2, "--out", tmp_path / "out")
    assert found.exit_code == 130 and "what is done is being written" in found.stderr and "everything is in" in found.stderr
    assert len(json.loads((tmp_path / "out" / "evaluation.json").read_text())["policies"]) == 1


def test_an_interrupt_while_decisions_are_explained_keeps_the_evaluation(command, tmp_path, monkeypatch):
    from scenarios import explanations

    monkeypatch.setattr(explanations, "explain", lambda *given, **named: signal.raise_signal(signal.SIGINT))
    found = command("evaluate", "regimes", *SHORT, "--policies", "local-first", "--replications", 1, "--explain", "--out", tmp_path / "out")
    assert found.exit_code == 130 and "nothing is explained" in found.stderr
    assert (tmp_path / "out" / "evaluation.json").exists() and not (tmp_path / "out" / "explanations.json").exists()
