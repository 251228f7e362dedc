"""`vamappo compare`: two stored runs, paired where they met the same arrivals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

MOST_SHOWN = 6  # keys in which scenarios differ
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A result folder of 'vamappo run'.")]


def compare(
    before: Folder,
    after: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two stored runs: the second with the first, paired by replication where arrivals were the same."""
    from analysis.evaluation import evaluate
    from scenarios.commands import fail
    from scenarios.commands.comparison_tables import print_evaluation
    from scenarios.stored import facts_of_runs, read_run

    if before.resolve() == after.resolve():
        raise fail(f"{before} is named twice: there is nothing to compare")
    runs = {str(folder): read_run(folder) for folder in (before, after)}
    found = evaluate({name: run.samples for name, run in runs.items()}, str(before))
    facts = facts_of_runs(runs)
    if apart := facts["scenarios_differ_in"]:
        shown = ", ".join(apart[:MOST_SHOWN]) + (f" and {len(apart) - MOST_SHOWN} more" if len(apart) > MOST_SHOWN else "")
        said = f"the scenarios themselves differ, in {shown}: differences are of scenarios, not only of policies"
        found = replace(found, notes=(said, *found.notes))
    if as_json:
        print(json.dumps({**facts, **found.as_dict()}, indent=1, allow_nan=False))
        return
    print_evaluation(facts, found, None)
