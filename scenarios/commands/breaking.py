"""`vamappo stress --find-breaking-point`: asks, tells while it goes on, and stores what was found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scenarios.breaking import Question, Search, begun, go_on
from simulator.units import count_of


def execute(question: Question, out: Path | None, force: bool, as_json: bool) -> int:
    """Searches, prints and stores; returns the exit status."""
    from scenarios.commands import CHECK_FAILED, DONE, INTERRUPTED
    from scenarios.interruption import Shield
    from scenarios.reading import load
    from scenarios.results import check_target

    name = load(question.scenario, question.overrides, question.spikes).scenario.name
    target = out if out is not None else None if as_json else Path("results") / f"{name}-breaking-point"
    found, ends, width = begun(question)
    found.said = lambda text, standing: print(f"{question.path} = {text}: {standing.sentence()}", file=sys.stderr)
    if target is not None:
        check_target(target, force)
    finished = False
    with Shield() as shield:
        try:
            with shield.may_stop():
                go_on(found, ends, width)
                finished = True
        except KeyboardInterrupt:
            if not found.stands:
                print("interrupted before the first value was answered: nothing to keep", file=sys.stderr)
                return INTERRUPTED
        if target is not None:
            write(target, found, not finished)
        for note in found.notes:
            print(f"note: {note}", file=sys.stderr)
        print(json.dumps(as_dict(found, not finished), indent=1, allow_nan=False) if as_json else answer(found))
        if target is not None and not as_json:
            print(f"stored in {target}")
        if not finished:
            print(f"interrupted: {count_of(len(found.stands), 'value')} answered; {onward(found)}", file=sys.stderr)
    return INTERRUPTED if shield.came else CHECK_FAILED if found.missed_at_home else DONE


def onward(found: Search) -> str:
    """How to go on from what is known."""
    if found.held is not None and found.missed is not None:
        return f"go on from there with --between '{found.text(found.held)};{found.text(found.missed)}'"
    verdicts = ", ".join(f"{standing.verdict} at {found.text(value)}" for value, standing in sorted(found.stands.items()))
    return f"{verdicts}: go on with one of these values and one beyond in --between"


def answer(found: Search) -> str:
    """The breaking point in words."""
    path, level = found.question.path, found.question.level.text
    if found.held is None or found.missed is None:
        verdicts = ", ".join(f"{found.text(value)}: {standing.verdict}" for value, standing in sorted(found.stands.items()))
        nothing = f" ({path} changed nothing)" if any("changed nothing" in note for note in found.notes) else ""
        return f"{level} does not clearly break over {path} among the values asked for ({verdicts}){nothing}; look elsewhere with --between"
    between = found.undecided()
    open_ = f"; undecided at {', '.join(map(found.text, between))}" if between else ""
    alarm = 100 * found.stands[found.held].alarm / 2
    return (
        f"{level} is held at {path} = {found.text(found.held)} and missed at {found.text(found.missed)}{open_}"
        f" ({len(found.stands)} values asked for, the same seeds at each; each verdict is wrong with a probability below {alarm:g} %)"
    )


def as_dict(found: Search, interrupted: bool = False) -> dict[str, Any]:
    """Plain data for JSON."""
    return {
        "path": found.question.path,
        "slo": found.question.level.text,
        "interrupted": interrupted,
        "notes": found.notes,
        "held": found.text(found.held) if found.held is not None else None,
        "missed": found.text(found.missed) if found.missed is not None else None,
        "undecided": [found.text(value) for value in found.undecided()],
        "asked": [{"at": found.text(value), "episodes": episodes(found, value), **standing.as_dict()} for value, standing in sorted(found.stands.items())],
    }


def episodes(found: Search, value: float) -> dict[str, int]:
    """Episodes by spike at a value, in the replications of the first look."""
    from analysis.episodes import totals_of

    return totals_of([sample.episodes for sample in found.results[value]])


def write(out: Path, found: Search, interrupted: bool) -> None:
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
        write_json(part / "breaking-point.json", as_dict(found, interrupted))
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
        write_json(part / "manifest.json", manifest(resolved, {}, {"kind": "breaking point", "seed": question.seed, "interrupted": interrupted}))

    swap_in(out, fill)
