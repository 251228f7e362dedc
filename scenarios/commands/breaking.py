"""`vamappo stress --find-breaking-point`: asks, tells while it goes on, and stores what was found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scenarios.breaking import Question, Search, begun, search


def execute(question: Question, out: Path | None, force: bool, as_json: bool) -> int:
    """Searches, prints and stores; returns the exit status."""
    from scenarios.commands import CHECK_FAILED, DONE, INTERRUPTED
    from scenarios.reading import load
    from scenarios.results import check_target

    name = load(question.scenario, question.overrides, question.spikes).scenario.name
    target = out if out is not None else None if as_json else Path("results") / f"{name}-breaking-point"
    begun(question)
    if target is not None:
        check_target(target, force)
    seen: dict[str, Any] = {}

    def said(text: str, standing: Any) -> None:
        seen[text] = standing
        print(f"{question.path} = {text}: {standing.sentence()}", file=sys.stderr)

    try:
        found = search(question, said)
    except KeyboardInterrupt:
        print(f"interrupted: {len(seen)} values were asked for{''.join(f'; {text}: {s.verdict}' for text, s in seen.items())}", file=sys.stderr)
        print("go on from there with --between 'HELD;MISSED'", file=sys.stderr)
        return INTERRUPTED
    if target is not None:
        write(target, found)
    print(json.dumps(as_dict(found), indent=1, allow_nan=False) if as_json else answer(found))
    if target is not None and not as_json:
        print(f"stored in {target}")
    return DONE if found.held is not None else CHECK_FAILED


def answer(found: Search) -> str:
    """The breaking point in words."""
    path, level = found.question.path, found.question.level.text
    if found.held is None or found.missed is None:
        verdicts = ", ".join(f"{found.text(value)}: {standing.verdict}" for value, standing in sorted(found.stands.items()))
        return f"{level} does not clearly break over {path} among the values asked for ({verdicts}); look elsewhere with --between"
    between = found.undecided()
    open_ = f"; undecided at {', '.join(map(found.text, between))}" if between else ""
    alarm = 100 * found.stands[found.held].alarm / 2
    return (
        f"{level} is held at {path} = {found.text(found.held)} and missed at {found.text(found.missed)}{open_}"
        f" ({len(found.stands)} values asked for, the same seeds at each; each verdict is wrong with a probability below {alarm:g} %)"
    )


def as_dict(found: Search) -> dict[str, Any]:
    """Plain data for JSON."""
    return {
        "path": found.question.path,
        "slo": found.question.level.text,
        "held": found.text(found.held) if found.held is not None else None,
        "missed": found.text(found.missed) if found.missed is not None else None,
        "undecided": [found.text(value) for value in found.undecided()],
        "asked": [{"at": found.text(value), **standing.as_dict()} for value, standing in sorted(found.stands.items())],
    }


def write(out: Path, found: Search) -> None:
    """Writes the folder whole or not at all: breaking-point.json, .csv, .png, .svg, manifest.json, scenario.yaml."""
    from analysis.estimates import Estimate
    from analysis.plots import figure, plot_response, save
    from scenarios.evaluation_files import csv_text
    from scenarios.reading import dump_yaml, load
    from scenarios.results import manifest, swap_in, write_json
    from scenarios.stress import lean

    question = found.question
    stands = sorted(found.stands.items())
    columns = ("verdict", "value", "low", "high", "bound", "replications", "requests")

    def fill(part: Path) -> None:
        resolved = dump_yaml(lean(load(question.scenario, question.overrides, question.spikes).scenario, question.seed))
        (part / "scenario.yaml").write_text(resolved, encoding="utf-8")
        write_json(part / "breaking-point.json", as_dict(found))
        rows = [[question.path, *columns], *([found.text(value), *(getattr(s, name) for name in columns)] for value, s in stands)]
        (part / "breaking-point.csv").write_text(csv_text(rows), encoding="utf-8")
        made, (axes,) = figure()
        estimates = [Estimate(s.value, s.low, s.high) for _, s in stands]
        bound = stands[0][1].bound
        plot_response(axes, [value for value, _ in stands], {stands[0][1].what: estimates}, (question.level.text, Estimate(bound)))
        axes.set_xlabel(question.path + (f" [{found.unit}]" if found.unit else ""))
        axes.set_ylabel(stands[0][1].what)
        axes.legend(frameon=False)
        for suffix in ("png", "svg"):
            save(made, part / f"breaking-point.{suffix}")
        write_json(part / "manifest.json", manifest(resolved, {}, {"kind": "breaking point", "seed": question.seed}))

    swap_in(out, fill)
