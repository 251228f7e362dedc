"""The headline: trained policies against the best tuned baseline, VAMAPPO against MAPPO and IPPO, controls; every figure with an interval.

    python -m benchmarks.headline [SCENARIO ...] [--workers 2] [--algorithms vamappo,mappo,ippo] [--seeds 5] [--decisions 200000] [--replications 30]
    python -m benchmarks.headline regimes --variants vamappo:no-prior,vamappo:shuffled     # controls and ablations, see VARIANTS
    python -m benchmarks.headline --report [--write docs/learning.md]                      # only the table of what there is

Settings were chosen on validation seeds (the scenario's seed + 1000). A training learns on seeds of its own, its best checkpoint is chosen by
validation, and that one plays replications of the test seed (the scenario's own), once: a stored result is not run again unless its entry is deleted.
Trainings go on where they were stopped. Results are kept in `--out` (benchmarks/headline.json), checkpoints in benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analysis.training import iqm, mean_difference, probability_of_improvement, stratified
from benchmarks.tune_baselines import digest_of, tuned_policies
from scenarios.evaluation import run_tasks, tasks
from scenarios.policies import is_oracle, policies_of, policy_of
from scenarios.reading import load
from scenarios.training import course_of, return_of

HERE = Path(__file__).parent
FIRST = 30  # test replications begin here: 0 to 29 had been played by trainings with other settings
SAVE_EVERY = 8  # windows
COMMON = {
    "beta": "1 /s", "gae_lambda": 0.98, "learning_rate": 0.0015, "epochs": 6, "window": 4096, "validate_every": 10,
    "greedy_prior": 40, "prior_forecast": "learned", "prior_price": 0.5, "actor_delay": 8,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "no-prior": {"greedy_prior": 0, "prior_forecast": "fixed"},
    "fixed-prior": {"prior_forecast": "fixed", "prior_price": 0.7, "prior_outcomes": 1, "prior_memory": "15 s"},
    "forecast-alone": {"actor_delay": 1_000_000},
    "no-caf": {"alpha": 0},  # each agent learns from its own credit alone
    "no-adaptation": {"adaptation": "off"},
    "by-state": {"adaptation": "state"},
    "shuffled": {"control": "shuffled"},
    "constant": {"control": "constant"},
    "flipped": {"control": "flipped"},
    "team": {"credit": "team", "alpha": 0},
    "one-member": {"members": 1},
}
BEGIN, END = "<!-- begin: headline -->", "<!-- end: headline -->"
BASELINES = "expected-utility,shortest-expected-delay,earliest-finish"


class Book:
    """Results by key, in a file that is always whole."""

    def __init__(self, path: Path):
        self.path = path
        self.all: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"baselines": {}, "trainings": {}}

    def put(self, part: str, key: str, value: Any) -> None:
        """Stores a result beside those that others have stored meanwhile."""
        self.all = Book(self.path).all
        self.all.setdefault(part, {})[key] = value
        beside = self.path.with_suffix(f".part-{os.getpid()}")
        beside.write_text(json.dumps(self.all, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        beside.replace(self.path)


class Task(NamedTuple):
    """A training."""

    scenario: str
    algorithm: str
    variant: str
    seed: int
    decisions: int
    device: str

    @property
    def label(self) -> str:
        return f"{self.algorithm}:{self.variant}" if self.variant else self.algorithm

    @property
    def key(self) -> str:
        """Its name among the results."""
        return f"{self.scenario}/{self.label}/{self.seed}"


def folder_of(task: Task) -> Path:
    """Where a training keeps its files."""
    return HERE / "results" / "headline" / f"{task.scenario}-{task.label.replace(':', '-')}-{task.seed}-{task.decisions}"


def played(name: str, texts: str, replications: int, workers: int = 1) -> dict[str, dict[str, Any]]:
    """Utility, p99 [s] and completed share of every test replication, by policy."""
    loaded = load(name)
    policies = policies_of(texts)
    found: dict[str, dict[str, Any]] = {label: {"utility": [], "p99_s": [], "completed": [], "oracle": is_oracle(policies[label])} for label in policies}
    for label, sample in run_tasks(tasks(loaded.scenario, loaded.path.parent.resolve(), policies, range(FIRST, FIRST + replications)), workers):
        found[label]["utility"].append(round(return_of(sample), 6))
        found[label]["completed"].append(round(float(sample.completed.mean()), 6))
        p99 = float(np.quantile(np.where(sample.completed, sample.latency, np.inf), 0.99, method="inverted_cdf"))
        found[label]["p99_s"].append(round(p99, 4) if np.isfinite(p99) else None)
    return found


def train(task: Task) -> Task:
    """One training, from where it was stopped; what is to be known of it is left beside its checkpoints."""
    import torch

    from agents.trainer import Trainer

    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    name, algorithm, variant, seed, decisions, device = task
    folder = folder_of(task)
    keys = {**COMMON, **VARIANTS.get(variant, {}), "algorithm": algorithm, "decisions": decisions}
    course = course_of([load(name, [f"learning.{key}={value}" for key, value in keys.items()])], seed)
    latest, best, clock = folder / "checkpoint.pt", folder / "best.pt", folder / "seconds.json"
    begun, before = time.process_time(), json.loads(clock.read_text()) if clock.exists() else 0.0
    if latest.exists():
        trainer = Trainer.resumed(latest, course.plan, device=device, facts=course.facts)
    else:
        trainer = Trainer.new(course.plan, course.graphs, device=device, facts=course.facts)
    while not trainer.done:
        figures = trainer.advance()
        if trainer.windows % course.settings.validate_every == 0 or trainer.done:
            found = course.validate(trainer)
            if trainer.judged(found):
                trainer.save(best)
            said = f"validation {found:.4f}, training {figures['utility']:.4f}, KL {figures['kl']:.4f}, {before + time.process_time() - begun:.0f} s"
            print(f"  {name} {algorithm} {variant} {seed}: {figures['decisions']:,} decisions, {said}", flush=True)
        if trainer.windows % SAVE_EVERY == 0 or trainer.done:
            trainer.save(latest)
            clock.write_text(json.dumps(before + time.process_time() - begun))
    facts = {
        "settings": {key: value for key, value in asdict(course.settings).items() if value is not None}, **course.facts,
        "decisions": trainer.windows * trainer.per_window, "device": device,
        "validations": [[row["decisions"], round(row["utility"], 5)] for row in trainer.validations], "cpu_s": round(before + time.process_time() - begun, 1),
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(facts))
    return task


def finish(task: Task, replications: int) -> tuple[Task, dict[str, Any]]:
    """The training (unless it is done), and then the test seeds."""
    facts = folder_of(task) / "facts.json"
    if not facts.exists():
        train(task)
    (scores,) = played(task.scenario, str(best_of(task)), replications).values()
    return task, {**json.loads(facts.read_text()), **scores}


def best_of(task: Task) -> Path:
    """The best checkpoint of a training, or the policy that was made of it."""
    folder = folder_of(task)
    return next((path for path in (folder / "best.pt", folder / "policy.npz") if path.exists()), folder / "best.pt")


def rows_of(book: Book, scenario: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(algorithm and variant, its trainings) of a scenario."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, found in sorted(book.all["trainings"].items()):
        name, label, _ = key.split("/")
        if name == scenario:
            groups.setdefault(label, []).append(found)
    yield from groups.items()


def report(book: Book) -> str:
    """The table of all there is."""
    titles = "scenario", "policy", "trainings x replications", "decisions", "utility", "against the best baseline", "", "p99 [s]", "over its"
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    scores: dict[str, dict[str, np.ndarray]] = {}
    for scenario, entry in book.all["baselines"].items():
        found = entry["policies"]
        best = max((label for label in found if not found[label]["oracle"]), key=lambda label: np.mean(found[label]["utility"]))
        base = np.array(found[best]["utility"])
        for label in found:
            value = np.array(found[label]["utility"])
            room = f"{100 * (value.mean() / base.mean() - 1):+.1f} %"
            name = f"{label} (oracle)" if found[label]["oracle"] else f"{label} (best baseline)" if label == best else label
            lines.append(f"| {scenario} | {name} | - | - | {value.mean():.4f} | {value.mean() - base.mean():+.4f} | {room} | {middle(found[label])} | |")
        for label, trainings in rows_of(book, scenario):
            common = min(len(base), *(len(each["utility"]) for each in trainings))
            trained = np.array([each["utility"][:common] for each in trainings])
            gain, low, high = mean_difference(trained, base[:common])
            scores.setdefault(label, {})[scenario] = trained
            share = 100 * gain / base[:common].mean()
            p99 = float(np.median([float(middle(each)) for each in trainings]))
            lines.append(
                f"| {scenario} | {label} | {len(trainings)} x {common} | {trainings[0]['decisions']:,} | {trained.mean():.4f} "
                f"| {gain:+.4f} [{low:+.4f}, {high:+.4f}] "
                f"| {share:+.1f} % | {p99:.2f} | {ratio_of_tails(trainings, found[best], common)} |"
            )
    return "\n".join([*lines, "", *between(scores)])


def against(name: str) -> str:
    """The baselines of a scenario as a list of policies: the plain ones, and those that were tuned where that made them others."""
    plain = [*BASELINES.split(","), "oracle"]
    known = [policy_of(text) for text in plain]
    return ",".join(plain + [text for text in tuned_policies(name).values() if policy_of(text) not in known])


def ratio_of_tails(trainings: list[dict[str, Any]], base: dict[str, Any], common: int) -> str:
    """Geometric mean of p99 over the baseline's, paired by replication, with its interval; nothing where one was not reached."""
    tails = [each["p99_s"][:common] for each in (*trainings, base)]
    if any(value is None for row in tails for value in row):
        return "not reached"
    logs = np.log(np.array(tails))
    return "{:.2f} [{:.2f}, {:.2f}]".format(*np.exp(mean_difference(logs[:-1], logs[-1])))


def middle(found: dict[str, Any]) -> str:
    """Median over replications of p99 [s]; those not reached count as infinite."""
    return f"{np.median([np.inf if value is None else value for value in found['p99_s']]):.2f}"


def between(scores: dict[str, dict[str, np.ndarray]]) -> Iterator[str]:
    """VAMAPPO against the others on the scenarios that both were trained on, over the replications that both have played."""
    own = scores.get("vamappo", {})
    for label, other in scores.items():
        shared = [task for task in own if task in other]
        if label != "vamappo" and shared and min(len(group[task]) for group in (own, other) for task in shared) > 1:
            common = {task: min(group[task].shape[1] for group in (own, other)) for task in shared}
            x, y = ({task: group[task][:, : common[task]].mean(1) for task in shared} for group in (own, other))
            better = stratified(probability_of_improvement, x, y)
            middles = (("vamappo", stratified(iqm, x)), (label, stratified(iqm, y)))
            figures = "; ".join(f"IQM of {name} {value:.4f} [{low:.4f}, {high:.4f}]" for name, (value, low, high) in middles)
            yield f"- {figures}; probability that vamappo is better than {label} {better[0]:.2f} [{better[1]:.2f}, {better[2]:.2f}] ({', '.join(shared)})"


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("scenarios", nargs="*", default=["regimes", "call-spikes"])
    reader.add_argument("--algorithms", default="vamappo,mappo,ippo")
    reader.add_argument("--variants", default="", help="algorithm:variant with commas between, instead of --algorithms")
    reader.add_argument("--seeds", type=int, default=5)
    reader.add_argument("--decisions", type=int, default=200_000)
    reader.add_argument("--replications", type=int, default=30)
    reader.add_argument("--workers", type=int, default=1, help="trainings at a time")
    reader.add_argument("--device", default="cpu")
    reader.add_argument("--only-train", action="store_true", help="leave the test seeds for later")
    reader.add_argument("--out", type=Path, default=HERE / "headline.json")
    reader.add_argument("--report", action="store_true")
    reader.add_argument("--write", type=Path, help="a page between whose two marks the table is put")
    chosen = reader.parse_args()
    book = Book(chosen.out)
    wanted = [text.partition(":")[::2] for text in (chosen.variants or chosen.algorithms).split(",")]
    for _, variant in wanted:
        if variant and variant not in VARIANTS:
            reader.error(f"there is no variant {variant!r}; there are {', '.join(VARIANTS)}")
    todo = [
        Task(name, algorithm, variant, seed, chosen.decisions, chosen.device)
        for seed in range(0 if chosen.report else chosen.seeds) for name in chosen.scenarios for algorithm, variant in wanted
    ]  # fmt: skip
    todo = [task for task in todo if task.key not in book.all["trainings"]]
    with get_context("spawn").Pool(chosen.workers) as pool:
        if chosen.only_train:
            for task in pool.imap_unordered(train, [task for task in todo if not (folder_of(task) / "facts.json").exists()]):
                print(f"trained {task.key}", flush=True)
            return
        for name in dict.fromkeys(task.scenario for task in todo):
            base = book.all["baselines"].get(name)
            if base is None or base["scenario_sha256"] != digest_of(load(name)):
                found = played(name, against(name), chosen.replications, chosen.workers)
                book.put("baselines", name, {"scenario_sha256": digest_of(load(name)), "policies": found})
        for task, found in pool.imap_unordered(partial(finish, replications=chosen.replications), todo):
            book.put("trainings", task.key, found)
    print(report(book))
    if chosen.write is not None:
        before, _, rest = chosen.write.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        chosen.write.write_text(f"{before}{BEGIN}\n\n{report(book)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
