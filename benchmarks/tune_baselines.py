"""Tunes the parameters of baselines on validation seeds, and remembers what it has found.

    python -m benchmarks.tune_baselines [SCENARIO ...] [--out benchmarks/tuned_baselines.json]

The validation seed is the scenario's own plus 1000, so no test replication (of the scenario's own seed) is ever seen. Mean utility
decides, on the same random numbers, by halving: all settings on two replications, then ever fewer on more. Every replication is stored as
soon as it is done, so the script goes on where it was stopped; a scenario that has changed (by digest, its own policy apart) starts anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from analysis.evaluation import Sample
from scenarios.evaluation import Task, tasks
from scenarios.policies import policies_of
from scenarios.reading import load, read_yaml

LEARNING = ("regimes", "call-spikes", "heavy-data", "shared-cause", "control")
OUT = Path(__file__).parent / "tuned_baselines.json"
SHIFT = 1000  # of the validation seed
PRICES = (0.0, 0.1, 0.2, 0.4, 0.7)
ROUNDS = ((None, 2), (12, 6), (4, 12))  # (how many of the best so far go on, replications each)


def settings(paces: bool) -> Iterator[str]:
    """What is tried of expected-utility: the pace where servers tell it (`recent` beside it lost everywhere), else the stretch of last visits."""
    lately = "slowness" if paces else "recent"
    for price, share, outcomes in product(PRICES, (0.0, 0.5, 1.0), (0.0, 0.5, 1.0)):
        yield f"{{kind: expected-utility, price: {price}, {lately}: {share}, outcomes: {outcomes}}}"


def refined(best: list[str]) -> Iterator[str]:
    """Neighbours of the best in how fast outcomes are forgotten, and dearer ones of the dearest."""
    for text in best:
        if f"price: {PRICES[-1]}" in text:
            yield from (text.replace(f"price: {PRICES[-1]}", f"price: {price}") for price in (1.0, 1.5))
        if "outcomes: 0.0" not in text:
            yield from (text.replace("}", f", memory: {memory}}}") for memory in ("2 s", "15 s"))


def oracles() -> Iterator[str]:
    """The oracle's price."""
    return (f"{{kind: oracle, price: {price}}}" for price in (*PRICES, 1.0, 1.5))


def return_of(sample: Sample) -> tuple[str, float]:
    """(what it is, the return) of one replication: mean utility, else attainment, else minus the mean latency."""
    for name, values in (("utility", sample.utility), ("attainment", sample.met)):
        if not np.isnan(values).all():
            return name, float(np.nanmean(values))
    return "- latency [s]", -float(sample.latency.mean())


def digest_of(loaded: Any) -> str:
    """Digest of what a scenario's file says, whoever places its calls and however it learns to; keys that the schema gains later do not change it."""
    data, _ = read_yaml(loaded.text, str(loaded.path))
    data.pop("learning", None)
    control = {key: value for key, value in (data.get("control") or {}).items() if key != "policy"}
    return hashlib.sha256(json.dumps({**data, "control": control}, sort_keys=True).encode()).hexdigest()


class Book:
    """What has been measured of one scenario, kept in a file that is always whole."""

    def __init__(self, path: Path, name: str):
        self.path = path
        loaded = load(name)
        self.scenario = loaded.scenario
        self.base = loaded.path.parent.resolve()
        self.seed = self.scenario.seed + SHIFT
        self.all: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        mine = self.all.get(self.scenario.name, {})
        fresh: dict[str, Any] = {"scenario_sha256": digest_of(loaded), "validation_seed": self.seed, "test_seed": self.scenario.seed}
        fresh |= {"tuned": {}, "utility": {}}
        self.mine = mine if mine.get("scenario_sha256") == fresh["scenario_sha256"] else fresh
        self.all[self.scenario.name] = self.mine

    def measure(self, texts: list[str], replications: int) -> list[str]:
        """The settings, best first, once each has these replications."""
        for text in texts:
            known = self.mine["utility"].setdefault(text, [])
            for task in self.tasks(text, range(len(known), replications)):
                _, sample = task.run()
                known.append(round(return_of(sample)[1], 6))
                self.write()
        return sorted(texts, key=lambda text: -float(np.mean(self.mine["utility"][text][:replications])))

    def tasks(self, text: str, replications: range) -> list[Task]:
        """The runs of one setting on validation seeds."""
        return tasks(replace(self.scenario, seed=self.seed), self.base, policies_of(text), replications)

    def write(self) -> None:
        """Stores everything."""
        part = self.path.with_suffix(f".part-{os.getpid()}")
        text = re.sub(r"\[\s+([^][]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", json.dumps(self.all, indent=1))
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(self.path)

    def tune(self) -> None:
        """Finds the best setting of expected-utility and of the oracle."""
        told = self.scenario.control.telemetry
        texts = list(settings(told == "exact" or told.pace))
        for keep, replications in ROUNDS:
            texts = self.measure(texts[:keep], replications)
        texts = self.measure([*texts, *refined(texts[:2])], ROUNDS[-1][1])
        self.mine["tuned"] = {"expected-utility": texts[0], "oracle": self.measure(list(oracles()), 6)[0]}
        self.write()


def tuned_policies(name: str, path: Path = OUT) -> dict[str, str]:
    """The tuned policies of a scenario by kind, as texts for --policies; none where it was not tuned or has changed since."""
    found = json.loads(path.read_text()).get(name, {}) if path.exists() else {}
    return found.get("tuned", {}) if found.get("scenario_sha256") == digest_of(load(name)) else {}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("scenarios", nargs="*", default=list(LEARNING))
    reader.add_argument("--out", type=Path, default=OUT)
    chosen = reader.parse_args()
    for name in chosen.scenarios:
        book = Book(chosen.out, name)
        book.tune()
        for kind, text in book.mine["tuned"].items():
            values = book.mine["utility"][text]
            print(f"{name}: {kind}: {text}: utility {np.mean(values):.4f} over {len(values)} validation replications", flush=True)


if __name__ == "__main__":
    main()
