"""`vamappo stress --each-spike` and `--plan`: which spike, or which experiment, breaks the service level."""

import csv
import json

import pytest

from scenarios.plans import read_plan
from scenarios.reading import load
from tests.conftest import ROOT

FREEZE = ("--spike", "name=stop,kind=freeze,nodes=n,at=100 s,for=1 s")
LEVEL = ("--slo", "p99 < 150 ms", "--replications", 3)


def points(found):
    return {point["label"]: point for point in json.loads(found.stdout)["points"]}


def verdicts(found):
    return {label: [standing["verdict"] for standing in point["slo"].values()] for label, point in points(found).items()}


def test_which_spike_breaks_it(command, known):
    # slow: a quarter of the requests take 200 ms; a stop of one second meets at most one burst of fifty
    found = command("stress", known, "--each-spike", *FREEZE, *LEVEL, "--json")
    assert found.exit_code == 1
    assert verdicts(found) == {"without spikes": ["held"], "only slow": ["missed"], "only stop": ["missed"], "all spikes": ["missed"]}
    found = points(found)
    assert found["only slow"]["attainment"]["value"] == pytest.approx(0.75, abs=0.021)
    assert found["only stop"]["attainment"]["value"] == pytest.approx(0.98, abs=0.001)
    lost = [1.0 - found[label]["attainment"]["value"] for label in ("only slow", "only stop", "all spikes")]
    assert lost[2] == pytest.approx(lost[0] + lost[1])


def test_a_plan(command, known, tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text("""
slo: ['attainment > 90 %']
experiments:
  calm: {without: [slow]}
  stopped: {without: [slow], spikes: [{kind: freeze, nodes: n, at: 100 s, for: 1 s}, 'kind=freeze,nodes=n,at=150 s,for=1 s']}
  heavy: {set: ['services.s.service_time=180 ms']}
""")
    out = tmp_path / "out"
    found = command("stress", known, "--plan", plan, "--replications", 3, "--out", out)
    assert found.exit_code == 1 and "attainment > 90 % at heavy missed" in found.stdout
    stored = {point["label"]: point for point in json.loads((out / "stress.json").read_text())["points"]}
    assert list(stored) == ["as it is", "calm", "stopped", "heavy"]
    assert [point["attainment"]["value"] for point in stored.values()] == pytest.approx([0.75, 1.0, 0.96, 0.0], abs=0.021)
    assert {row["point"] for row in csv.DictReader((out / "curves.csv").open())} == set(stored)
    assert (out / "curves.png").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("experiments: {a: {spike: []}}", "plan.yaml:1: experiments.a.spike: unknown key 'spike' (did you mean 'spikes'?)"),
        ("slo: ['p99 2 s']\nexperiments: {a: {without: [slow]}}", "plan.yaml:1: slo[0]: 'p99 2 s': expected a bound such as 'p99 < 2 s'"),
        ("slo: []", "plan.yaml:1: experiments: expected experiments by name"),
        ("experiments:\n  a: {without: [fast]}", "plan.yaml:2: experiments.a: there is no spike 'fast' (there are slow)"),
        ("experiments:\n  a: {spikes: [{kind: freeze, nodes: m, at: 1 s, for: 1 s}]}", "plan.yaml:2: experiments.a: spikes.freeze-1.nodes[0]: "),
        ("experiments: {a: {set: 5}}", "plan.yaml:1: experiments.a.set: expected a list of texts"),
        ("experiments: {a: 5}", "plan.yaml:1: experiments.a: expected a mapping with spikes, set, without"),
        ("experiments: [", "plan.yaml:"),
    ],
)
def test_mistakes_are_told(command, known, tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(text)
    found = command("stress", known, "--plan", "plan.yaml")
    assert found.exit_code == 2 and said in found.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known.yaml", "plan.yaml"]


def test_no_spikes_no_plan_file_and_two_questions_at_once_are_told(command, known):
    assert "has no spikes" in command("stress", "m-m-1", "--each-spike").stderr
    assert "cannot be read (No such file" in command("stress", known, "--plan", "nowhere.yaml").stderr
    assert "give one of" in command("stress", known, "--each-spike", "--sweep", "spikes.slow.factor=2;4").stderr


def test_the_plan_in_the_docs_can_be_read(tmp_path):
    text = (ROOT / "docs" / "spikes.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "plan.yaml").write_text(text)
    found, levels = read_plan(tmp_path / "plan.yaml", load("edge-chat"))
    assert list(found) == ["as it is", "frozen-site", "cloud-cut", "busy-evening"] and len(levels) == 2


def test_a_plan_without_a_spike_says_so_of_its_base(command, known, tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text("experiments: {busy: {set: ['services.s.service_time=120 ms']}}\n")
    found = command("stress", known, "--plan", plan, "--without", "slow", "--replications", 2, "--json")
    assert json.loads(found.stdout)["base"] == "without slow"
    plan.write_text("experiments: {x: {spikes: [{kind: freeze, nodes: q, at: 1 s, for: 1 s}]}}\n")
    told = command("stress", known, "--plan", plan)
    assert told.exit_code == 2 and "unknown node 'q'" in told.stderr and "--spike" not in told.stderr
    commas = command("stress", known, "--sweep", "spikes.slow.factor=2,4")
    assert commas.exit_code == 2 and "'spikes.slow.factor=2;4'" in commas.stderr
