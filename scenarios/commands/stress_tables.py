"""How response curves are written: a line a point, its figures, and what differs from the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.comparison import FEWEST, NONE_SHOWN, Difference
from analysis.standing import HELD
from scenarios.commands.comparison_tables import MAIN, difference_text, short_text
from scenarios.commands.tables import output
from scenarios.stress import Curves
from simulator.units import count_of


def print_curves(facts: Mapping[str, Any], found: Curves, target: Path | None) -> None:
    """Prints the figures of every point, their differences to the base, and the service levels."""
    from rich.table import Table

    console = output()
    console.print(f"{facts['scenario']}, seed {facts['seed']}, {count_of(facts['replications'], 'replication')}, the same seeds at every point")
    console.print("figures ± half of the 95 % interval; requests that did not complete count as infinite latency")
    levels = list(found.standings[found.base])
    episodes, unchanged = found.episodes, found.unchanged
    counted = ["episodes"] if any(episodes.values()) else []
    table = Table("point", *(figure.title for figure in found.shown), *counted, *levels, box=None, pad_edge=False)
    for label, figures in found.figures.items():
        doubt = ", nothing changed" if label in unchanged else ", no episode" if episodes[label] and not any(episodes[label].values()) else ""
        verdicts = (f"{found.standings[label][level].verdict}{doubt}" for level in levels)
        came = [counts(episodes[label])] if counted else []
        table.add_row(label, *(short_text(figures[figure.name], figure.unit) for figure in found.shown), *came, *verdicts)
    console.print(table)
    if counted:
        console.print("episodes: of spikes that come in some, in the counted windows of all replications; precision depends on their number")
    for label, standings in found.standings.items():
        for level, standing in standings.items():
            if standing.verdict != HELD:
                console.print(f"{level} at {label} {standing.sentence()}")
    if found.differences:
        main = [figure for figure in found.shown if figure.name in MAIN]
        console.print()
        console.print(f"minus {found.base}, pair by pair [95 % interval]; * where Wilcoxon's test after Holm agrees that it differs")
        few = f"no interval: {count_of(facts['replications'], 'replication')}, {FEWEST} are needed"
        if facts["replications"] < FEWEST:
            console.print(f"{few} in all of them")
        table = Table("point", *(figure.title for figure in main), box=None, pad_edge=False)
        for label, by in found.differences.items():
            cells = [replace(by[figure.name], note=by[figure.name].note.removeprefix(few).removeprefix("; ")) for figure in main]  # that is said above
            table.add_row(label, *(marked(cell, figure.unit) for cell, figure in zip(cells, main, strict=True)))
        console.print(table)
    if target is not None:
        console.print(f"stored in {target}")


def counts(episodes: Mapping[str, int]) -> str:
    """Episodes by spike; of one alone only the number."""
    if len(episodes) == 1:
        return str(next(iter(episodes.values())))
    return ", ".join(f"{name} {count}" for name, count in episodes.items()) or "-"


def marked(found: Difference, unit: str) -> str:
    """A difference, with a star where it has been shown."""
    return difference_text(found, unit) + ("" if found.verdict == NONE_SHOWN else " *")
