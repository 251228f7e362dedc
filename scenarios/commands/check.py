"""`vamappo check`: what a scenario asks of its stations and links, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scenarios.commands.run import Overrides, ScenarioName, Spikes


def check(
    scenario: ScenarioName,
    set_: Overrides = None,
    spike: Spikes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Offered load of stations and links, the bottleneck and the load at which it saturates, traces, infinite moments."""
    from scenarios.idle_settings import left_out
    from scenarios.inputs import inputs_of, traces_of
    from scenarios.loads import offered_loads
    from scenarios.reading import load

    loaded = load(scenario, list(set_ or []), spike or [])
    loads = offered_loads(loaded.scenario, loaded.path.parent)
    if as_json:
        inputs = inputs_of(loaded.scenario, loaded.path.parent)
        more = {"left_out": left_out(loaded.scenario), "inputs": inputs, "warnings": list(loaded.warnings)}
        print(json.dumps({"scenario": loaded.scenario.name, **loads, **more}, indent=1, allow_nan=False))
        return
    from rich.table import Table

    from scenarios.commands.tables import output

    console = output()
    rate = f"{loads['requests_per_s']:.4g} requests/s offered" if loads["requests_per_s"] else "no rate of its own is offered"
    console.print(f"{loaded.scenario.name}: {rate}; calls are assumed to spread evenly by capacity")
    if (without := left_out(loaded.scenario)) is not None:
        console.print(without)
    for kind in ("stations", "links"):
        table = Table(kind.removesuffix("s"), "offered load", box=None, pad_edge=False)
        ordered = sorted(loads[kind].items(), key=lambda item: -item[1])
        for name, load_ in ordered[:12]:
            table.add_row(name, f"{100 * load_:.1f} %")
        if ordered:
            console.print(table)
            if len(ordered) > 12:
                console.print(f"and {len(ordered) - 12} less loaded ones")
    if loads["bottleneck"] is not None:
        console.print(f"bottleneck: {loads['bottleneck']}; it saturates at {loads['saturates_at']:.3g} times the present load")
        if loads["saturates_at"] <= 1.0:
            console.print("spread evenly by capacity, the offered load cannot be served: queues would grow without bound; a policy may spread it better")
    for name, trace, account in traces_of(loaded.scenario, loaded.path.parent):
        faster = f", {trace.speed_up:g} times as fast" if trace.speed_up != 1.0 else ""
        table = Table("trace", f"{Path(trace.file).name} (workload {name}{faster})", box=None, pad_edge=False)
        for what, value in account.table():
            table.add_row(what, value)
        console.print(table)
    for warning in loaded.warnings:
        console.print(f"note: {warning}")
