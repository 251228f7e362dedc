"""The tuning of baselines goes on where it stopped, and knows when its scenario has changed."""

import json

from benchmarks import tune_baselines
from benchmarks.tune_baselines import OUT, SHIFT, Book, digest_of, return_of, tuned_policies
from scenarios.evaluation import Task
from scenarios.policies import policies_of
from scenarios.reading import find, load


def small(folder, requests: int) -> str:
    """A small scenario in a file."""
    path = folder / "small.yaml"
    path.write_text(find("m-m-1").read_text().replace("requests: 10000", f"requests: {requests}"))
    return str(path)


def test_measures_each_replication_once_on_validation_seeds(tmp_path, monkeypatch):
    made, real = [], tune_baselines.tasks

    class Counted(Task):
        def run(self, watch=None):
            made.append((self.factory.seed, self.replication))
            return super().run(watch)

    monkeypatch.setattr(tune_baselines, "tasks", lambda *given: [Counted(t.label, t.factory, t.replication) for t in real(*given)])
    name = small(tmp_path, 200)
    assert Book(tmp_path / "book.json", name).measure(["random"], 2) == ["random"]
    Book(tmp_path / "book.json", name).measure(["random"], 3)
    seed = load(name).scenario.seed
    assert made == [(seed + SHIFT, 0), (seed + SHIFT, 1), (seed + SHIFT, 2)]
    assert len(json.loads((tmp_path / "book.json").read_text())["m-m-1"]["utility"]["random"]) == 3
    assert Book(tmp_path / "book.json", small(tmp_path, 201)).mine["utility"] == {}  # another scenario: nothing of it holds


def test_the_digest_is_the_scenarios_not_its_policys(tmp_path):
    first = digest_of(load(small(tmp_path, 200)))
    assert digest_of(load(small(tmp_path, 201))) != first
    path = small(tmp_path, 200)
    with open(path, "a") as file:
        file.write("control: {policy: random}\n")
    assert digest_of(load(path)) == first


def test_what_was_tuned_fits_the_scenarios_as_they_are():
    for name in json.loads(OUT.read_text()):
        tuned = tuned_policies(name)
        assert set(tuned) == {"expected-utility", "oracle"}, f"{name} has changed since it was tuned: run python -m benchmarks.tune_baselines"
        for text in tuned.values():
            policies_of(text)


def test_return_is_utility_else_attainment_else_minus_latency():
    from analysis.evaluation import sample_of
    from tests.helpers import run

    plain = sample_of(run(load("m-m-1", ["requests=300"]).scenario))
    assert return_of(plain) == ("- latency [s]", -plain.latency.mean())
    within = sample_of(run(load("m-m-1", ["requests=300", "applications.job.objective=20 ms"]).scenario))
    assert return_of(within) == ("attainment", (within.latency <= 0.02).mean())
