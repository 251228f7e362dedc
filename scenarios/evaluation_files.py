"""The folder of an evaluation, written whole or not at all.

    evaluation.json     everything the tables show
    figures.csv         policy, figure, value, low, high, method or reason
    differences.csv     policy, figure, value (empty where there is none: see note), low, high, p, p_adjusted, variance_reduction, verdict, note
    replications.csv    policy, replication and every figure of it: what the differences are taken from
    requests.parquet    policy, replication, arrivals' digest, window_s, energy_j, loop, episodes (JSON, by spike), latency_s (inf where
                        not completed), utility, quality, met
    table.tex           the figures for a paper
    differences.png, tails.png
    manifest.json, scenario.yaml
    explanations.json, routing.png, routing-by-node.png     with --explain
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.evaluation import FIGURES, Evaluation, Sample
from scenarios.fields import told
from scenarios.policies import is_oracle
from scenarios.reading import dump_yaml
from scenarios.results import ResultsError, manifest, read_json, swap_in, write_json
from scenarios.schema import Scenario

COLUMNS = ("latency", "utility", "quality", "met")


def facts_of(scenario: Scenario, policies: Mapping[str, Any], found: Evaluation) -> dict[str, Any]:
    """What was evaluated, as plain data; an oracle's label says that it is one."""
    from agents.baselines import Baseline
    from simulator.descriptions import adapter

    samples = found.samples[found.reference]
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "loop": samples[0].loop,
        "telemetry": told(scenario.control),
        "replications_done": len(samples),
        "policies": {label: {**adapter(Baseline).dump_python(policy, mode="json"), **digest_of(policy)} for label, policy in policies.items()},
        "labels": {label: f"{label} [oracle: fresh state, no policy]" if is_oracle(policy) else label for label, policy in policies.items()},
    }


def digest_of(policy: Any) -> dict[str, str]:
    """The digest by which a policy is known again, of a checkpoint's file or of the source of a class from outside; empty for the others."""
    digest = getattr(policy, "sha256", None)
    return {} if digest is None else {"sha256": digest}


def write_evaluation(
    out: Path, scenario: Scenario, facts: Mapping[str, Any], found: Evaluation, more: Callable[[Path], None] | None = None
) -> None:
    """Writes everything beside `out` first and then moves it there; `more` adds files of its own."""
    from scenarios.commands.comparison_tables import latex

    def fill(part: Path) -> None:
        resolved = dump_yaml(scenario)
        (part / "scenario.yaml").write_text(resolved, encoding="utf-8")
        write_json(part / "evaluation.json", {**facts, **found.as_dict()})
        for name, rows in (("figures", figure_rows(found)), ("differences", difference_rows(found)), ("replications", replication_rows(found))):
            (part / f"{name}.csv").write_text(csv_text(rows), encoding="utf-8")
        (part / "table.tex").write_text(latex(facts, found), encoding="utf-8")
        write_samples(part / "requests.parquet", found.samples)
        draw(part, facts, found)
        if more is not None:
            more(part)
        digests = {label: [sample.arrivals for sample in of] for label, of in found.samples.items()}
        write_json(part / "manifest.json", {**manifest(resolved, {}, {"seed": scenario.seed, "kind": "evaluation"}), "arrivals": digests})

    swap_in(out, fill)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV; None is empty."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue()


def figure_rows(found: Evaluation) -> list[list[Any]]:
    """figures.csv."""
    rows: list[list[Any]] = [["policy", "figure", "value", "low", "high", "note"]]
    for label, figures in found.figures.items():
        rows += [[label, name, e.value, e.low, e.high, e.reason or e.method] for name, e in figures.items()]
    return rows


def difference_rows(found: Evaluation) -> list[list[Any]]:
    """differences.csv."""
    names = ("value", "low", "high", "p", "p_adjusted", "variance_reduction", "verdict", "note")
    rows: list[list[Any]] = [["policy", "reference", "figure", "paired", *names]]
    for label, by in found.differences.items():
        for figure, difference in by.items():
            values = (getattr(difference, name) for name in names)
            rows.append([label, found.reference, figure, difference.paired, *(None if value != value else value for value in values)])
    return rows


def replication_rows(found: Evaluation) -> list[list[Any]]:
    """replications.csv."""
    rows: list[list[Any]] = [["policy", "replication", "requests", *(figure.name for figure in FIGURES)]]
    for label, samples in found.samples.items():
        for sample in samples:
            values = [figure.of(sample) for figure in FIGURES]
            rows.append([label, sample.replication, len(sample.latency), *(None if np.isnan(value) else value for value in values)])
    return rows


def draw(folder: Path, facts: Mapping[str, Any], found: Evaluation) -> None:
    """The figures."""
    from analysis.plots import figure, plot_differences, plot_tails, save

    named = facts["labels"]
    made, axes = figure(2, 12.0, 1.6 + 0.45 * max(len(found.differences), 4))
    for one, name in zip(axes, ("utility", "p99"), strict=True):
        plot_differences(one, {named[label]: by[name] for label, by in found.differences.items()}, name, named[found.reference])
    save(made, folder / "differences.png")
    made, (one,) = figure()
    plot_tails(one, {named[label]: np.concatenate([s.latency for s in samples]) for label, samples in found.samples.items()})
    save(made, folder / "tails.png")


def write_samples(path: Path, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Every request of every policy; what `--resume` goes on from."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    every = [(label, sample) for label, of in samples.items() for sample in of]
    sizes = [len(sample.latency) for _, sample in every]

    def repeated(values: list[Any], kind: Any) -> Any:
        codes = np.repeat(np.arange(len(every), dtype=np.int32), sizes)
        return pa.array(values, kind).take(pa.array(codes))

    columns = {
        "policy": repeated([label for label, _ in every], pa.string()),
        "replication": repeated([sample.replication for _, sample in every], pa.int32()),
        "arrivals": repeated([sample.arrivals for _, sample in every], pa.string()),
        "window_s": repeated([sample.window_s for _, sample in every], pa.float64()),
        "energy_j": repeated([sample.energy_j for _, sample in every], pa.float64()),
        "loop": repeated([sample.loop for _, sample in every], pa.string()),
        "episodes": repeated([json.dumps(dict(sample.episodes)) for _, sample in every], pa.string()),
        **{name: pa.array(np.concatenate([getattr(sample, name) for _, sample in every])) for name in COLUMNS},
    }
    names = ["latency_s" if name == "latency" else name for name in columns]
    pq.write_table(pa.table(list(columns.values()), names=names), path, compression="zstd", use_dictionary=["policy", "arrivals", "loop", "episodes"])


def read_samples(folder: Path, scenario: Scenario, policies: Mapping[str, Any]) -> dict[str, list[Sample]]:
    """The replications by policy that an evaluation's folder holds; ResultsError where it is of another scenario or other policies."""
    import hashlib

    if not (folder / "requests.parquet").exists() or not (folder / "evaluation.json").exists():
        raise ResultsError(f"{folder} is not the folder of an evaluation: there is nothing to go on with")
    if read_json(folder / "manifest.json").get("scenario_sha256") != hashlib.sha256(dump_yaml(scenario).encode()).hexdigest():
        raise ResultsError(f"{folder} is of another scenario or seed (see its scenario.yaml): evaluate this one into another folder")
    before = read_json(folder / "evaluation.json").get("policies", {})
    for label, policy in policies.items():
        digest = digest_of(policy).get("sha256")
        if label in before and digest is not None and before[label].get("sha256") != digest:
            what = "source has changed" if ":" in getattr(policy, "kind", "") else "file has changed"
            raise ResultsError(f"{folder} was made with another version of {label}, whose {what}: evaluate into another folder, or anew with --force")
    return samples_in(folder / "requests.parquet", policies)


def samples_in(path: Path, labels: Container[str]) -> dict[str, list[Sample]]:
    """The replications by label that `write_samples` has put into a file; those of other labels are left out."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns: dict[str, np.ndarray] = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    keys = np.char.add(columns["policy"].astype(str), np.char.add("\0", columns["replication"].astype(str)))
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, int)
    found: dict[str, list[Sample]] = {}
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        label = str(columns["policy"][start])
        if label not in labels:
            continue
        latency, utility, quality, met = (columns[name][start:end] for name in ("latency_s", "utility", "quality", "met"))
        energy = columns["energy_j"][start]
        joules = None if energy is None or np.isnan(energy) else float(energy)
        replication, window = int(columns["replication"][start]), float(columns["window_s"][start])
        arrivals, loop = str(columns["arrivals"][start]), str(columns["loop"][start])
        episodes = json.loads(columns["episodes"][start]) if "episodes" in columns else {}
        found.setdefault(label, []).append(Sample(replication, latency, utility, quality, met, window, joules, arrivals, loop, episodes))
    return found


