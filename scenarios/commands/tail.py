"""`vamappo tail`: quantiles with intervals and the shape of the tail, of result folders or of a user's own latencies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.units import count_of

LEVELS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}


def tail(
    folders: Annotated[list[Path] | None, typer.Argument(metavar="DIR...", help="Result folders of 'vamappo run'.")] = None,
    csv: Annotated[Path | None, typer.Option(help="A CSV file of latencies instead, in order of time.")] = None,
    column: Annotated[str | None, typer.Option(help="The column of --csv.")] = None,
    unit: Annotated[str, typer.Option(help="The unit of --csv: us, ms or s.")] = "s",
    out: Annotated[Path | None, typer.Option(help="Folder for figures: CCDF, percentiles, Hill plot.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Quantiles with intervals, effective sample sizes, tail index, and what late requests met; refused where the sample cannot carry them."""
    from scenarios.commands import fail
    from scenarios.commands.attribution_tables import of_folder, show_attribution
    from scenarios.commands.tables import output

    if (csv is None) == (not folders):
        raise fail("name result folders, or a file of latencies with --csv")
    series = read_csv(csv, column, unit) if csv is not None else {str(folder): read_folder(folder) for folder in folders or []}
    figures = {label: describe(values) for label, values in series.items()}
    causes = {str(folder): of_folder(folder) for folder in folders or []}
    for label, cause in causes.items():
        figures[label]["attribution"] = {"value": None, "reason": cause} if isinstance(cause, str) else cause.as_dict()
    if as_json:
        print(json.dumps(figures, indent=1, allow_nan=False))
    else:
        for label, found in figures.items():
            show(label, found)
            if label in causes:
                show_attribution(output(), causes[label])
    if out is not None:
        for path in draw(series, out):
            print(f"figure: {path}", file=sys.stderr)


def read_csv(path: Path, column: str | None, unit: str) -> dict[str, list[Any]]:
    """One series of a user's own latencies [s]."""
    from scenarios.commands import fail
    from scenarios.readers.traces import read_column

    factors = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    if unit not in factors:
        raise fail(f"--unit {unit!r}: expected us, ms or s")
    return {path.name: [read_column(path, column) * factors[unit]]}


def read_folder(folder: Path) -> list[Any]:
    """Latencies [s] of counted, completed requests, one array a replication, in order of arrival."""
    import numpy as np

    from scenarios.results import read_requests

    table = read_requests(folder)
    chosen = table["counted"] & (table["outcome"] == "completed")
    return [table["latency_s"][chosen & (table["replication"] == r)] for r in np.unique(table["replication"])]


def describe(series: list[Any]) -> dict[str, Any]:
    """Quantiles, effective sample size, and the tail panel of one series by replication."""
    import numpy as np

    from analysis.estimates import effective_sample_size, mean_estimate, quantile_estimate
    from analysis.tails import tail_panel

    pooled = np.concatenate(series) if series else np.zeros(0)
    found: dict[str, Any] = {"n": len(pooled), "replications": len(series), "effective_n": sum(effective_sample_size(values) for values in series)}
    found["mean"] = mean_estimate(series).as_dict()
    found |= {name: quantile_estimate(series, q).as_dict() for name, q in LEVELS.items()}
    if len(pooled) >= 1000:
        panel = tail_panel(pooled)
        found["tail"] = {
            "hill": {f"{100 * share:g} %": index for share, index in panel.hill.items()},
            "moment": {f"{100 * share:g} %": index if np.isfinite(index) else None for share, index in panel.moment.items()},
            "peaks_over_threshold": [{"threshold_s": e.threshold, "beyond": e.beyond, "xi": e.xi} for e in panel.excesses],
            "caution": panel.caution,
        }
    return found


def show(label: str, found: dict[str, Any]) -> None:
    """Prints one series."""
    from rich.table import Table

    from scenarios.commands.tables import interval, output, seconds

    console = output()
    worth = f"worth {found['effective_n']:,.0f} independent ones for the mean"
    console.print(f"{label}: {found['n']:,} latencies in {count_of(found['replications'], 'replication')}, {worth}")
    table = Table("figure", "value  [95 % interval]", box=None, pad_edge=False)
    for name in ("mean", *LEVELS):
        table.add_row(name, interval(found[name]))
    console.print(table)
    if "tail" in found:
        tail_ = found["tail"]
        console.print("tail index by Hill: " + ", ".join(f"{index:.2f} (top {share})" for share, index in tail_["hill"].items()))
        console.print("by moments: " + ", ".join(f"{'light' if index is None else f'{index:.2f}'} (top {share})" for share, index in tail_["moment"].items()))
        console.print("xi beyond thresholds: " + ", ".join(f"{e['xi']:.2f} (beyond {seconds(e['threshold_s'])})" for e in tail_["peaks_over_threshold"]))
        console.print(f"caution: {tail_['caution']}")


def draw(series: dict[str, list[Any]], out: Path) -> list[Path]:
    """Writes the figures; returns their paths."""
    import numpy as np

    from analysis.plots import figure, plot_ccdf, plot_hill, plot_percentiles, save

    out.mkdir(parents=True, exist_ok=True)
    pooled = {label: np.concatenate(values) for label, values in series.items()}
    paths = []
    for name, plot in (("ccdf", plot_ccdf), ("percentiles", plot_percentiles)):
        made, (axes,) = figure()
        plot(axes, pooled)
        save(made, out / f"{name}.png")
        paths.append(out / f"{name}.png")
    for i, values in enumerate(pooled.values()):
        made, (axes,) = figure()
        plot_hill(axes, values)
        path = out / ("hill.png" if len(pooled) == 1 else f"hill-{i}.png")
        save(made, path)
        paths.append(path)
    return paths
