"""`vamappo fit-profile`: profiles of models on devices from measurements, with their error on configurations not seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

TOKEN_GOAL, PROMPT_GOAL = 0.10, 0.15  # mean absolute errors that a fit should stay below


def fit_profile(
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="Measurements in the format of Splitwise's performance model.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="PROFILES", help="The file of profiles to write.")] = None,
    form: Annotated[str | None, typer.Option(help="'table' or 'formula'; absent: for each model and device the one with the smaller error.")] = None,
    model: Annotated[str | None, typer.Option(help="This model only.")] = None,
    weights: Annotated[str | None, typer.Option(help="What the model itself takes, such as '138 GB'.")] = None,
    kv_size: Annotated[str | None, typer.Option(help="What a token takes in the KV cache, such as '320 KiB'.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print errors and what was left out as JSON.")] = False,
) -> None:
    """Fits profiles for scenarios, holding out each configuration in turn; lists rows that break monotonicity in the batch size."""
    from scenarios.commands import fail
    from scenarios.imports.measured import read_measurements
    from scenarios.imports.profile_files import model_profile, write_profiles
    from scenarios.imports.profiles import FITS, best_fit
    from simulator.units import parse

    if form is not None and form not in FITS:
        raise fail(f"--form {form!r}: expected {' or '.join(repr(name) for name in FITS)}")
    for option, value in (("--weights", weights), ("--kv-size", kv_size)):
        try:
            parse(value or "0 B", "size")
        except ValueError as error:
            raise fail(f"{option}: {error}, got {value!r}") from None
    if out is not None and out.exists() and not force:
        raise fail(f"{out} exists; name another file with --out, or replace it with --force")
    groups = [group for group in read_measurements(csv) if model in (None, group.model)]
    if not groups:
        raise fail(f"{csv} has no measurements of the model {model!r}")
    thin = [group for group in groups if len({point.configuration for point in group.points}) < 4]
    if thin:
        raise fail(f"{thin[0].model} on {thin[0].device} has fewer than 4 configurations (prompt size, batch size): too few to fit and hold out")
    fitted = [(group, *best_fit(group, form)) for group in groups]
    profiles = [model_profile(group, found, csv.name, weights, kv_size) for group, found, _ in fitted]
    summary = summary_of(fitted)
    if out is not None:
        write_profiles(profiles, [f"written by 'vamappo fit-profile {csv.name}'", *notes_of(summary)], out)
    if as_json:
        print(json.dumps(summary, indent=1))
        return
    show(summary)
    how = f"{out}: use it with 'inference: {{model: {profiles[0].model}, file: {out.name}, ...}}'" if out is not None else "not written: name a file with -o"
    print(how, file=sys.stderr)


def summary_of(fitted: list[Any]) -> dict[str, Any]:
    """Errors by model and device and by hardware, and the points left out, as plain data."""
    import numpy as np

    rows: list[dict[str, Any]] = []
    left: list[dict[str, Any]] = []
    hardware: dict[str, list[Any]] = {}
    for group, found, tried in fitted:
        errors = {other.form: {"prompt": other.prompt_error, "token": other.token_error} for other in tried}
        worst = max(found.held_out, key=lambda held: held[1])
        rows.append({
            "model": group.model, "device": group.device, "points": len(group.points), "configurations": len(found.held_out), "form": found.form,
            "held_out": errors, "worst_prompt": {"prompt_size": worst[0][0], "batch_size": worst[0][1], "error": worst[1]},
        })  # fmt: skip
        hardware.setdefault(group.hardware, []).extend(found.held_out)
        left += [
            {"model": group.model, "device": group.device, "prompt_size": p.prompt, "batch_size": p.batch, "token_size": p.tokens, "rows": p.rows,
             "prompt_time_ms": 1e3 * p.prompt_s, "token_time_ms": 1e3 * p.token_s}
            for p in group.left_out
        ]  # fmt: skip
    by_hardware = {
        name: {"configurations": len(held), "prompt": float(np.mean([p for _, p, _ in held])), "token": float(np.mean([t for _, _, t in held]))}
        for name, held in hardware.items()
    }
    met = all(found["prompt"] <= PROMPT_GOAL and found["token"] <= TOKEN_GOAL for found in by_hardware.values())
    return {"profiles": rows, "hardware": by_hardware, "left_out": left, "goals": {"prompt": PROMPT_GOAL, "token": TOKEN_GOAL, "met": met}}


def notes_of(summary: dict[str, Any]) -> list[str]:
    """What a reader of the profiles should know."""
    left = [
        f"left out, faster than a smaller batch: {p['model']} on {p['device']}, prompt {p['prompt_size']}, batch {p['batch_size']}, {p['rows']} rows"
        for p in summary["left_out"]
    ]
    return [*left, "errors are on configurations (prompt size, batch size) that the fit has not seen, one at a time"]


def show(summary: dict[str, Any]) -> None:
    """Prints the errors as tables."""
    from rich.table import Table

    from scenarios.commands.tables import output

    console = output()
    table = Table("model", "device", "points", "form", "prompt time", "token time", "other form", "worst prompt time at", box=None, pad_edge=False)
    for row in summary["profiles"]:
        mine = row["held_out"][row["form"]]
        other = next(f"{form} {percent(e['prompt'])} / {percent(e['token'])}" for form, e in row["held_out"].items() if form != row["form"])
        worst = row["worst_prompt"]
        where = f"{worst['prompt_size']} x {worst['batch_size']}: {percent(worst['error'])}"
        table.add_row(row["model"], row["device"], str(row["points"]), row["form"], percent(mine["prompt"]), percent(mine["token"]), other, where)
    console.print("mean absolute error on configurations held out, one at a time")
    console.print(table)
    for name, found in summary["hardware"].items():
        console.print(f"{name}: prompt time {percent(found['prompt'])}, token time {percent(found['token'])} over {found['configurations']} configurations")
    for note in notes_of(summary)[:-1]:
        console.print(note)


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %"
