"""Stored runs as samples to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.evaluation import Sample, digest
from scenarios.fields import told
from scenarios.reading import load, resolved
from scenarios.results import ResultsError, read_json
from scenarios.schema import Scenario

COLUMNS = ("replication", "workload", "application", "ingress", "arrival_s", "latency_s", "outcome", "utility", "quality", "counted")


@dataclass(frozen=True)
class Run:
    """A stored run: its scenario as resolved, its seed, and what every replication came to."""

    scenario: Scenario
    seed: int
    samples: list[Sample]


def read_run(folder: Path) -> Run:
    """The run in a result folder; ResultsError where it is none, or of an evaluation."""
    if (folder / "evaluation.json").exists():
        raise ResultsError(f"{folder} is of an evaluation, which compares its policies itself; name result folders of 'vamappo run'")
    columns = read_columns(folder / "requests.parquet", folder)
    described = load(folder / "scenario.yaml").scenario
    summary = read_json(folder / "summary.json")
    window = read_json(folder / "manifest.json").get("windows_s") or {}
    objectives = {name: app.objective for name, app in described.applications.items()}
    samples = []
    for replication in np.unique(columns["replication"]):
        chosen = columns["counted"] & (columns["replication"] == replication)
        mine = {name: values[chosen] for name, values in columns.items()}
        completed = mine["outcome"] == "completed"
        bound = np.array([np.nan if objectives[name] is None else objectives[name] for name in mine["application"]], dtype=float)
        samples.append(
            Sample(
                int(replication),
                np.where(completed, mine["latency_s"], np.inf),
                mine["utility"],
                np.where(completed, mine["quality"], np.nan),
                np.where(np.isnan(bound), np.nan, (completed & (mine["latency_s"] <= bound)).astype(float)),
                float(window.get(str(replication), summary["window_s"] / summary["replications"])),
                None,
                digest(mine["arrival_s"], mine["workload"].astype("U"), mine["ingress"].astype("U")),
                summary["loop"],
            )
        )
    return Run(described, int(summary["seed"]), samples)


def read_columns(path: Path, folder: Path) -> dict[str, np.ndarray]:
    """The columns that samples are made of."""
    import pyarrow.parquet as pq

    if not path.exists():
        raise ResultsError(f"{folder} is not a result folder: it has no requests.parquet (make one with 'vamappo run SCENARIO --out {folder}')")
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def facts_of_runs(runs: Mapping[str, Run]) -> dict[str, Any]:
    """What was compared, as plain data."""
    first, second = runs.values()
    paired = all(a.arrivals == b.arrivals for a, b in zip(first.samples, second.samples)) and len(first.samples) == len(second.samples)
    apart = scenarios_differ_in(first.scenario, second.scenario)
    open_loop = {sample.loop for run in runs.values() for sample in run.samples} == {"open"}
    if not open_loop:
        common = "a closed loop: at most the work is common"
    elif not paired:
        common = "arrivals that differ" if len(first.samples) == len(second.samples) else "numbers of replications that differ"
    else:
        common = "the same arrivals, in scenarios that differ" if apart else "the same arrivals, work and spikes"
    return {
        "scenario": " and ".join(dict.fromkeys(run.scenario.name for run in runs.values())),
        "seed": first.seed if first.seed == second.seed else f"{first.seed} and {second.seed}",
        "loop": first.samples[0].loop,
        "telemetry": " and ".join(dict.fromkeys(told(run.scenario.control) for run in runs.values())),
        "replications_done": min(len(run.samples) for run in runs.values()),
        "labels": {name: name for name in runs},
        "paired": paired,
        "common": common,
        "scenarios_differ_in": apart,
    }


def scenarios_differ_in(first: Scenario, second: Scenario) -> list[str]:
    """The keys by which two scenarios would give different results under one policy and seed, as paths such as `control.telemetry`."""
    a, b = resolved(first), resolved(second)
    for one in (a, b):
        one["control"] = {key: value for key, value in one.get("control", {}).items() if key != "policy"}
    return [path for path in different_keys(a, b) if path.split(".")[0] not in ("name", "description", "seed", "record", "learning")]


def different_keys(a: Any, b: Any, path: str = "") -> list[str]:
    """Paths of the keys whose values differ, down to lists and plain values."""
    if not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return [] if a == b else [path]
    return [found for key in dict.fromkeys((*a, *b)) for found in different_keys(a.get(key), b.get(key), f"{path}.{key}".removeprefix("."))]
