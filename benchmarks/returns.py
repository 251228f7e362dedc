"""Returns of random, the best baseline, and the oracle for every bundled scenario: the table in docs/returns.md.

    python -m benchmarks.returns [SCENARIO ...] [--replications 10] [--workers 2] [--write docs/returns.md]

Return is the mean utility of a counted request; where a scenario declares no utility it is the attainment of its objectives, or else
minus the mean latency in seconds. All baselines run as they come, expected-utility and the oracle also as tuned
(`benchmarks/tuned_baselines.json`), on the scenario's own seed, which tuning never sees. The best is the best of what is not an
oracle; headroom is what the oracle has beyond it, with the interval of the paired difference. Long scenarios are cut to `--horizon`.
The page is written a row at a time; rows of other scenarios stay as they are.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agents.baselines import BASELINES
from analysis.comparison import Difference, paired_difference
from analysis.estimates import t_estimate
from benchmarks.tune_baselines import LEARNING, return_of, tuned_policies
from scenarios.evaluation import run_tasks, tasks
from scenarios.fields import told
from scenarios.policies import is_oracle, policies_of
from scenarios.reading import bundled, load
from scenarios.schema import Scenario

ENOUGH = 0.05  # of the best baseline's return: with less headroom a scenario does not count for learning
HEAD = """# Returns

What random placement, the best baseline and the oracle earn in every bundled scenario, written by `python -m benchmarks.returns --write
docs/returns.md`; do not edit.

Return is the mean utility of a counted request (or attainment, or minus the mean latency, where no utility is declared), over replications
of the scenario's own seed, cut to the horizon named where it is longer. `±` is half the 95 % interval. All baselines run as they come;
expected-utility and the oracle also as tuned on validation seeds (`benchmarks/tuned_baselines.json`). The best is chosen on these same
replications, so with several alike it is a little flattered. Headroom is the oracle's return less the best baseline's, paired, with its
95 % interval, and as a share of the best. The oracle is told the present state of everything: it is a reference, no policy, and no upper bound.

Five scenarios are made for learning. One with less than 5 % headroom does not count as evidence that learning pays; `control` is there to show none.

| scenario | telemetry | runs | return | random | best baseline | | oracle | headroom | | for learning |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def policies_for(name: str) -> dict[str, Any]:
    """Every baseline as it comes, and the tuned ones."""
    plain = [cls.__dataclass_fields__["kind"].default for cls in BASELINES]
    texts = dict.fromkeys([*plain, *tuned_policies(name).values()])
    found: dict[str, Any] = {}
    for text in texts:
        found |= policies_of(text)
    return found


def row(name: str, replications: int, workers: int, horizon: float) -> str:
    """One line of the table."""
    loaded = load(name)
    scenario = loaded.scenario
    cut = max(horizon, 2.0 * scenario.warm_up)
    if scenario.horizon is not None and scenario.horizon > cut:
        scenario = replace(scenario, horizon=cut)
    policies = policies_for(name)
    returns: dict[str, list[float]] = {label: [] for label in policies}
    what = ""
    for label, sample in run_tasks(tasks(scenario, loaded.path.parent.resolve(), policies, range(replications)), workers):
        what, value = return_of(sample)
        returns[label].append(value)
    means = {label: float(np.mean(values)) for label, values in returns.items()}
    best = max((label for label in policies if not is_oracle(policies[label])), key=lambda label: means[label])
    oracle = max((label for label in policies if is_oracle(policies[label])), key=lambda label: means[label])
    room = paired_difference(returns[oracle], returns[best])
    share = room.value / abs(means[best]) if means[best] else math.nan
    cells = [
        name, told(scenario.control), f"{replications} x {length(scenario)}", what, written(returns["random"]), best, written(returns[best]),
        f"{written(returns[oracle])} ({oracle})", room_text(room), f"{100 * share:+.1f} %" if math.isfinite(share) else "-", verdict(name, share),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def length(scenario: Scenario) -> str:
    """How long a replication is."""
    return f"{scenario.horizon:g} s" if scenario.horizon is not None else f"{scenario.requests:,} requests"


def verdict(name: str, share: float) -> str:
    """Whether a scenario made for learning has the headroom to count."""
    if name not in LEARNING:
        return "-"
    tuned = "" if tuned_policies(name) else ", baselines not tuned"
    return ("counts" if share >= ENOUGH else "does not count") + tuned


def rows_of(page: Path | None) -> dict[str, str]:
    """The rows that stand on the page already, by scenario."""
    lines = page.read_text(encoding="utf-8").splitlines() if page is not None and page.exists() else []
    found = {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
    return {name: line for name, line in found.items() if name in bundled()}


def written(values: Sequence[float]) -> str:
    """`0.7312 ± 0.0022`."""
    found = t_estimate(values)
    assert found.value is not None
    return f"{found.value:.4f} ± {found.high - found.value:.4f}" if found.high is not None else f"{found.value:.4f}"


def room_text(room: Difference) -> str:
    """`+0.0500 [+0.0450, +0.0560]`."""
    bounds = f" [{room.low:+.4f}, {room.high:+.4f}]" if room.low is not None and room.high is not None else ""
    return f"{room.value:+.4f}{bounds}" if math.isfinite(room.value) else "-"


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("scenarios", nargs="*", default=[*LEARNING, *(name for name in bundled() if name not in LEARNING)])
    reader.add_argument("--replications", type=int, default=10)
    reader.add_argument("--workers", type=int, default=2)
    reader.add_argument("--horizon", type=float, default=180.0, help="longest horizon [s], but at least twice the warm-up (default 180)")
    reader.add_argument("--write", type=Path)
    chosen = reader.parse_args()
    rows = rows_of(chosen.write)
    for name in chosen.scenarios:
        rows[name] = row(name, chosen.replications, chosen.workers, chosen.horizon)
        print(rows[name], flush=True)
        if chosen.write is not None:
            order = [*LEARNING, *(name for name in bundled() if name not in LEARNING)]
            chosen.write.write_text(HEAD + "\n".join(rows[name] for name in order if name in rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
