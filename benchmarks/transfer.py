"""Transfer: policies trained on the five sites of `regimes` play a map twice as large that they have never seen, beside the same baselines.

    python -m benchmarks.transfer [--label vamappo] [--decisions 200000] [--replications 30]

Takes the best checkpoints that `python -m benchmarks.headline regimes` has left in benchmarks/results, as they are. Baselines have the keys
that were tuned on `regimes`, and none. Results go to benchmarks/headline.json, under `transfer`; what is there is not played again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from analysis.training import mean_difference
from benchmarks.headline import BASELINES, HERE, Book, Task, best_of, middle, played
from benchmarks.tune_baselines import tuned_policies

MAP = HERE / "maps" / "ten-sites.yaml"


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--label", default="vamappo")
    reader.add_argument("--seeds", type=int, default=5)
    reader.add_argument("--decisions", type=int, default=200_000)
    reader.add_argument("--replications", type=int, default=30)
    reader.add_argument("--workers", type=int, default=1)
    reader.add_argument("--out", type=Path, default=HERE / "headline.json")
    chosen = reader.parse_args()
    book = Book(chosen.out)
    book.all.setdefault("transfer", {})
    if "baselines" not in book.all["transfer"]:
        texts = ",".join([BASELINES, "oracle", *tuned_policies("regimes").values()])
        book.put("transfer", "baselines", played(str(MAP), texts, chosen.replications, chosen.workers))
    trained = []
    for seed in range(chosen.seeds):
        key, file = f"{chosen.label}/{seed}", best_of(Task("regimes", *chosen.label.partition(":")[::2], seed, chosen.decisions, "cpu"))
        if key not in book.all["transfer"] and file.exists():
            (scores,) = played(str(MAP), str(file), chosen.replications, chosen.workers).values()
            book.put("transfer", key, scores)
        if key in book.all["transfer"]:
            trained.append(book.all["transfer"][key])
    found = book.all["transfer"]["baselines"]
    best = max((label for label in found if not found[label]["oracle"]), key=lambda label: np.mean(found[label]["utility"]))
    print("| ten sites | trainings | utility | against the best baseline | p99 [s] |\n|---|---|---|---|---|")
    for label in found:
        print(f"| {label} | - | {np.mean(found[label]['utility']):.4f} | | {middle(found[label])} |")
    if trained:
        values = np.array([each["utility"] for each in trained])
        gain, low, high = mean_difference(values, np.array(found[best]["utility"]))
        p99 = np.median([float(middle(each)) for each in trained])
        print(f"| {chosen.label}, trained on five | {len(trained)} | {values.mean():.4f} | {gain:+.4f} [{low:+.4f}, {high:+.4f}] | {p99:.2f} |")


if __name__ == "__main__":
    main()
