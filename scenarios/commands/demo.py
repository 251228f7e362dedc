"""`vamappo demo`: two baselines on the bundled scenario under spikes, side by side, with a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def demo(
    small: Annotated[bool, typer.Option("--small", help="A shorter run, for trying things out.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("results/demo"),
) -> None:
    """Simulate the bundled edge scenario under two policies and write a report."""
    from scenarios.commands.tables import Progress, interval
    from scenarios.execute import Factory, run_replications
    from scenarios.reading import load
    from scenarios.results import ResultsError

    if out.exists() and any(out.iterdir()) and not (out / "report.html").exists():
        raise ResultsError(f"{out} is not a demo's folder (it has no report.html) and is left alone; name another with --out")
    runs: dict[str, list[Any]] = {}
    for policy in ("least-loaded", "shortest-expected-delay"):
        loaded = load("demo", [f"control.policy={policy}", *(["horizon=2 min"] if small else [])])
        factory = Factory(loaded.scenario, loaded.path.parent, loaded.scenario.seed)
        replications = 3 if small else 5
        print(f"demo: {policy}, {replications} replications", file=sys.stderr)
        with Progress(loaded.scenario, replications, sys.stderr.isatty()) as progress:
            runs[policy] = list(run_replications(factory, range(replications), 1, progress))
    from scenarios.report import write_demo

    page, figures = write_demo(out, runs)
    for policy, found in figures.items():
        print(f"{policy}: p50 {interval(found['latency_s']['p50'])}, p99 {interval(found['latency_s']['p99'])}")
    print(f"report: {page}")
