"""`vamappo validate`: the simulator against queueing theory."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer


def validate(
    case: Annotated[list[str] | None, typer.Option(help="A case by id (O01) or model; may stand several times. All when absent.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small runs with the tolerance to match: under a minute.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 1,
    page: Annotated[Path | None, typer.Option(help="Also write the table as a page of Markdown, such as docs/validation.md.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """The simulator against queueing theory: expected, observed, interval, z, verdict; exit status 1 on a miss."""
    from scenarios.commands import CHECK_FAILED, DONE, fail
    from scenarios.validation.battery import Unknown, chosen_cases, run_case

    try:
        cases = chosen_cases(case or [])
    except Unknown as error:
        raise fail(str(error)) from None
    if page is not None and not page.parent.is_dir():
        raise fail(f"--page {page}: there is no folder {page.parent}")
    verdicts: list[Any] = []
    for one in cases:
        print(f"{one.id} {one.model} ...", file=sys.stderr)
        verdicts += run_case(one, quick, workers, seed)
    if as_json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    else:
        show(verdicts)
    if page is not None:
        write_page(page, verdicts, cases, quick)
    raise typer.Exit(DONE if all(verdict.passed is not False for verdict in verdicts) else CHECK_FAILED)


def word(verdict: Any) -> str:
    """The verdict in a word."""
    return "reported" if verdict.passed is None else "pass" if verdict.passed else "MISS"


def judged_by(verdict: Any) -> str:
    """z, or the relative tolerance where the closed form is a limit or exact."""
    return f"{verdict.z:+.2f}" if verdict.z is not None else f"within {100 * verdict.tolerance:g} %" if verdict.tolerance else "equal"


def size(verdict: Any) -> str:
    """Replications and requests."""
    return f"{verdict.replications} x {verdict.requests:,}" if verdict.replications > 1 else f"{verdict.requests:,}"


def tally(verdicts: list[Any]) -> str:
    """How many passed."""
    gated = [verdict for verdict in verdicts if verdict.passed is not None]
    return f"{sum(v.passed is True for v in gated)} of {len(gated)} gated statistics pass"


PAGE = """# Validation: the simulator against theory

This page was written by `vamappo validate{option}`, vamappo {version}, Python {python}, numpy {numpy}. {tally}.

Every case is a scenario in `scenarios/validation/`; run one with `vamappo validate --case O05` (minutes at full size; `--quick` takes
seconds). A statistic passes when the mean of its replications is within 4 standard deviations of theory; the deviation is known from
independent simulators (O cases) or measured once (V cases), and scaled to the size of the run. Closed forms that are limits, and exact
ones, have a tolerance of their own in place of z. Means of infinite variance are reported, not judged. `+/-` is the half width of the
95 % interval over replications. Times are seconds, rates a second. Mistakes put in on purpose (LIFO for FIFO, Lomax for Pareto,
propagation forgotten, the warm-up kept, time-outs that leave work behind, a retry that reuses the first draw, sharing that serves one by
one) are each caught by a case: `tests/theory/test_validate.py`.

"""


def write_page(page: Path, verdicts: list[Any], cases: Any, quick: bool) -> None:
    """Writes the table as Markdown, whole or not at all."""
    import platform

    import numpy as np

    from scenarios.results import version_of

    option = " --quick" if quick else ""
    ours = version_of("vamappo") or "from source"
    head = PAGE.format(option=option, version=ours, python=platform.python_version(), numpy=np.__version__, tally=tally(verdicts))
    lines = ["| case | statistic | expected | observed | +/- | z | n | seconds of the case | verdict | in `summary.json` |", "|---" * 10 + "|"]
    for v in verdicts:
        half = f"{v.half_width:.2g}" if v.half_width is not None else ""
        z = judged_by(v)
        lines.append(
            f"| {v.case} | {v.statistic} | {v.expected:.6g} | {v.observed:.6g} | {half} | {z} | {size(v)} | {v.seconds:.0f} | {word(v)} | `{v.summary}` |"
        )
    sources = [f"- **{case.id} {case.model}**: {case.source}." for case in cases]
    part = page.with_name(f".{page.name}.part")
    part.write_text(head + "\n".join(lines) + f"\n\nSeed {verdicts[0].seed}.\n\n## Sources\n\n" + "\n".join(sources) + "\n", encoding="utf-8")
    part.replace(page)
    print(f"page: {page}", file=sys.stderr)


def show(verdicts: list[Any]) -> None:
    """Prints the table."""
    from rich.table import Table

    from scenarios.commands.tables import output

    table = Table("case", "model", "statistic", "expected", "observed", "+/- 95 %", "z", "n", "seed", "s a case", "verdict", box=None, pad_edge=False)
    for v in verdicts:
        half = f"{v.half_width:.3g}" if v.half_width is not None else ""
        z = judged_by(v)
        table.add_row(v.case, v.model, v.statistic, f"{v.expected:.6g}", f"{v.observed:.6g}", half, z, size(v), str(v.seed), f"{v.seconds:.1f}", word(v))
    output().print(table)
    print(f"{tally(verdicts)}; times in seconds, rates a second")
