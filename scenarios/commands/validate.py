"""`vamappo validate`: the simulator against queueing theory."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer


def validate(
    case: Annotated[list[str] | None, typer.Option(help="A case by id (O01) or model; may stand several times. All when absent.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small runs with the tolerance to match: under a minute.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """The simulator against queueing theory: expected, observed, interval, z, verdict; exit status 1 on a miss."""
    from scenarios.commands import CHECK_FAILED, DONE, fail
    from scenarios.validation.battery import Unknown, chosen_cases, run_case

    try:
        cases = chosen_cases(case or [])
    except Unknown as error:
        raise fail(str(error)) from None
    verdicts: list[Any] = []
    for one in cases:
        print(f"{one.id} {one.model} ...", file=sys.stderr)
        verdicts += run_case(one, quick, workers, seed)
    if as_json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    else:
        show(verdicts)
    raise typer.Exit(DONE if all(verdict.passed is not False for verdict in verdicts) else CHECK_FAILED)


def show(verdicts: list[Any]) -> None:
    """Prints the table."""
    from rich.table import Table

    from scenarios.commands.tables import output

    table = Table("case", "model", "statistic", "expected", "observed", "+/- 95 %", "z", "n", "seed", "s", "verdict", box=None, pad_edge=False)
    for v in verdicts:
        half = f"{v.half_width:.3g}" if v.half_width is not None else ""
        z = f"{v.z:+.2f}" if v.z is not None else ""
        size = f"{v.replications} x {v.requests:,}" if v.replications > 1 else f"{v.requests:,}"
        word = "reported" if v.passed is None else "pass" if v.passed else "MISS"
        table.add_row(v.case, v.model, v.statistic, f"{v.expected:.6g}", f"{v.observed:.6g}", half, z, size, str(v.seed), f"{v.seconds:.1f}", word)
    output().print(table)
    missed = sum(v.passed is False for v in verdicts)
    gated = sum(v.passed is not None for v in verdicts)
    print(f"{gated - missed} of {gated} gated statistics pass; times in seconds, rates a second")
