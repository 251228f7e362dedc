"""`vamappo import`: a scenario from a call graph, a topology or a trace of arrivals that others measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Source = Annotated[Path, typer.Argument(metavar="FILE", help="The data file.")]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="SCENARIO", help="The scenario to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing scenario.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was measured and assumed as JSON.")]

app = typer.Typer(no_args_is_help=True, help="A scenario from a call graph, a topology or a trace of arrivals; it runs as it is written.")


@app.command(epilog="Example: vamappo import calls spans.csv -o shop.yaml --by entry; vamappo import calls graph.json -o graph.yaml")
def calls(
    file: Source,
    out: Out,
    by: Annotated[str, typer.Option(help="Of spans: an application for each 'root' operation, or for each first 'entry' called by the root.")] = "root",
    level: Annotated[str, typer.Option(help="Of spans: a call for each visit of a 'service', or for each 'operation' (span).")] = "service",
    shared: Annotated[str | None, typer.Option(help="Of dependencies: a service with several callers is called by 'each', or 'once'.")] = None,
    weights: Annotated[str, typer.Option(help="Of dependencies: weights are numbers of 'calls', or to 'ignore'.")] = "calls",
    nodes: Annotated[int | None, typer.Option(min=1, help="This many equal nodes with every service on all, instead of those of the file.")] = None,
    payload: Annotated[str, typer.Option(help="The size of every call's input, which no such file tells.")] = "2 kB",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Spans (CSV), dependencies (CSV of Source, Target, Weight) or a graph (JSON of nodes and edges): applications and services."""
    from scenarios.imports import import_calls
    from simulator.units import parse

    one_of("--by", by, ("root", "entry"))
    one_of("--level", level, ("service", "operation"))
    one_of("--shared", shared, ("each", "once", None))
    one_of("--weights", weights, ("calls", "ignore"))
    try:
        parse(payload, "size")
    except ValueError as error:
        raise wrong(f"--payload: {error}, got {payload!r}") from None
    write(lambda: import_calls(file, out, by=by, level=level, nodes=nodes, payload=payload, shared=shared, weights=weights), out, force, as_json)


@app.command(epilog="Example: vamappo import topology sites.csv --users users.csv -o city.yaml; vamappo import topology germany50.json -o germany.yaml")
def topology(
    file: Source,
    out: Out,
    users: Annotated[Path | None, typer.Option(help="A CSV of users' latitudes and longitudes, for a CSV of sites.")] = None,
    reach: Annotated[str, typer.Option("--range", help="How far a site reaches its users.")] = "500 m",
    neighbours: Annotated[int, typer.Option(min=1, help="Links of each site of a CSV, to its nearest ones.")] = 3,
    name_by: Annotated[str | None, typer.Option(help="The column or attribute that names a node.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Sites (CSV in degrees) with users, node-link JSON (topohub), GraphML or GML: nodes, links, and where requests enter."""
    from scenarios.imports import import_topology
    from simulator.units import parse

    try:
        metres = parse(reach, "length")
    except ValueError as error:
        raise wrong(f"--range: {error}, got {reach!r}") from None
    write(lambda: import_topology(file, out, users=users, reach=metres, neighbours=neighbours, name_by=name_by), out, force, as_json)


@app.command(epilog="Example: vamappo import trace azure.csv -o replay.yaml")
def trace(
    file: Source,
    out: Out,
    format: Annotated[str | None, typer.Option(help="The trace's format; told from the file when absent.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """A trace of arrivals with prompt and output tokens: its replay, with rate, cv and index of dispersion."""
    from scenarios.imports import import_trace

    write(lambda: import_trace(file, out, format=format), out, force, as_json)


def one_of(option: str, value: str | None, known: tuple[str | None, ...]) -> None:
    """Refuses an option's value that means nothing."""
    if value not in known:
        raise wrong(f"{option} {value!r}: expected {' or '.join(repr(name) for name in known if name)}")


def wrong(message: str) -> typer.Exit:
    """Says what is wrong; raise what it returns."""
    from scenarios.commands import fail

    return fail(message)


def write(make: Any, out: Path, force: bool, as_json: bool) -> None:
    """Makes the scenario, writes it and says what it rests on."""
    from scenarios.imports.writing import check_out, write_scenario

    check_out(out, force)
    imported = make()
    warnings = write_scenario(imported, out, force)
    if as_json:
        print(json.dumps({"scenario": str(out), "measured": imported.measured, "assumed": imported.assumed, "warnings": warnings}, indent=1))
        return
    print(f"{out}: try 'vamappo check {out}' and 'vamappo run {out}'")
    for title, points in (("measured", imported.measured), ("assumed", imported.assumed), ("note", warnings)):
        for point in points:
            print(f"{title}: {point}", file=sys.stderr)
