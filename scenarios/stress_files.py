"""The folder of a stress test, written whole or not at all.

    stress.json         every figure of every point, differences to the base, service levels
    curves.csv          a line a point and figure: swept values, value, low, high, difference to the base with its interval
    curves.png, .svg    the response curves
    requests.parquet    label, replication and latency (inf where not completed), utility, quality, met of every request
    manifest.json, scenario.yaml (of the base)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.evaluation import Sample
from scenarios.evaluation_files import csv_text, samples_in, write_samples
from scenarios.reading import dump_yaml
from scenarios.results import ResultsError, manifest, read_json, swap_in, write_json
from scenarios.stress import Curves, lean
from scenarios.sweeps import Point
from scenarios.targets import read_slo


def digests(points: Mapping[str, Point], seed: int | None) -> dict[str, str]:
    """A digest of the resolved scenario of every point, its seed included."""
    return {label: hashlib.sha256(dump_yaml(lean(point.loaded.scenario, seed)).encode()).hexdigest() for label, point in points.items()}


def write_stress(
    out: Path, points: Mapping[str, Point], seed: int | None, samples: Mapping[str, Sequence[Sample]], facts: Mapping[str, Any], found: Curves | None
) -> None:
    """Writes the folder; `found` is None where not one replication was finished at all points, and `samples` are what there is."""

    def fill(part: Path) -> None:
        base = next(iter(points.values())).loaded.scenario
        resolved = dump_yaml(lean(base, seed))
        (part / "scenario.yaml").write_text(resolved, encoding="utf-8")
        write_samples(part / "requests.parquet", samples)
        if found is not None:
            write_json(part / "stress.json", {**facts, **found.as_dict()})
            (part / "curves.csv").write_text(csv_text(rows_of(found)), encoding="utf-8")
            draw(part, found)
        write_json(part / "manifest.json", manifest(resolved, {}, {"kind": "stress", "points": digests(points, seed), **facts}))

    swap_in(out, fill)


def read_points(out: Path, points: Mapping[str, Point], seed: int | None) -> dict[str, list[Sample]]:
    """What a stress test's folder holds of these points, by label; points whose scenario has changed since are not taken."""
    if not (out / "manifest.json").exists() or read_json(out / "manifest.json").get("kind") != "stress":
        raise ResultsError(f"{out} is not the folder of a stress test: there is nothing to go on with")
    before = read_json(out / "manifest.json")["points"]
    same = {label for label, digest in digests(points, seed).items() if before.get(label) == digest}
    return samples_in(out / "requests.parquet", same)


def rows_of(found: Curves) -> list[list[Any]]:
    """curves.csv."""
    paths = [sweep.path for sweep in found.sweeps]
    rows: list[list[Any]] = [["point", *paths, "figure", "value", "low", "high", "difference", "difference_low", "difference_high", "p_adjusted", "note"]]
    for label, point in found.points.items():
        values = point.values if point.values is not None else [None] * len(paths)
        for figure in found.shown:
            estimate, difference = found.figures[label][figure.name], found.differences.get(label, {}).get(figure.name)
            apart = [difference.value, difference.low, difference.high, difference.p_adjusted] if difference is not None else [None] * 4
            note = estimate.reason or (difference.note if difference is not None else "")
            rows.append([label, *values, figure.name, estimate.value, estimate.low, estimate.high, *apart, note])
    return rows


def draw(folder: Path, found: Curves) -> None:
    """A panel a figure: the first sweep along the axis and a line for every combination of the others, or else the experiments side by side."""
    from analysis.plots import figure, plot_response, save

    swept = bool(found.sweeps)
    lines: dict[str, list[str]] = {}
    for label, point in found.points.items():
        if point.values is not None:
            lines.setdefault(", ".join(f"{s.path}={value}" for s, value in zip(found.sweeps[1:], point.values[1:], strict=True)), []).append(label)
    first = found.sweeps[0] if swept else None
    at: Sequence[float] | Sequence[str] = (first.numbers() or first.values) if first is not None else lines[""]
    base = found.figures[found.base] if found.points[found.base].values is None else None
    made, axes = figure(len(found.shown), 3.6 * len(found.shown), 3.8)
    for one, shown in zip(axes, found.shown, strict=True):
        curves = {line: [found.figures[label][shown.name] for label in labels] for line, labels in lines.items()}
        level = (found.base, base[shown.name]) if base is not None else None
        bounds = {text: read_slo(text).bound for text in found.standings[found.base] if read_slo(text).figure == shown.name}
        plot_response(one, at, curves, level, joined=swept, bounds=bounds)
        one.set_ylabel(f"{shown.title} [s]" if shown.unit == "s" else shown.title)
        if first is not None:
            one.set_xlabel(first.path + (f" [{first.unit}]" if first.unit else ""))
    named = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    if named:
        made.legend(named.values(), named.keys(), loc="outside upper center", ncols=min(len(named), 4), frameon=False, fontsize=8)
    for suffix in ("png", "svg"):
        save(made, folder / f"curves.{suffix}")
