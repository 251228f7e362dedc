"""What made the tail of a stored run: reads its spans and prints where late requests lost their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLUMNS = ("replication", "request_id", "kind", "spike", "start_s", "end_s")


def of_folder(folder: Path) -> Any:
    """The attribution of a result folder, or in a sentence why there is none."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from analysis.attribution import attribute

    path = folder / "spans.parquet"
    if not path.exists():
        return "no spans were stored"
    chosen = (pc.field("outcome") == "completed") & pc.field("counted")
    requests = pq.read_table(folder / "requests.parquet", columns=["replication", "request_id", "latency_s"], filters=chosen)
    spans = pq.read_table(path, columns=list(COLUMNS), filters=pc.field("critical"))
    return attribute(*({name: table[name].to_numpy() for name in table.column_names} for table in (requests, spans)))


def show_attribution(console: Any, found: Any) -> None:
    """Prints it, the largest differences first."""
    from rich.table import Table

    from scenarios.commands.tables import seconds

    if isinstance(found, str):
        console.print(f"where the late requests lost their time is not given: {found}")
        return
    late, every = found.late, found.every
    console.print(
        f"where time went on the critical path: {late.traced:,} requests from p99 on ({seconds(found.bound_s)}; {seconds(late.mean_latency_s)} on average)"
        f" beside all {every.traced:,} with spans ({seconds(every.mean_latency_s)})"
    )
    table = Table("segment", "late: mean", "all: mean", "difference", "late: requests with it", "all", box=None, pad_edge=False)
    rows = [(f"{kind}", late.segments[kind], every.segments[kind]) for kind in late.segments if kind != "spike"]
    rows += [(f"spike {name}", late.spikes[name], every.spikes[name]) for name in late.spikes]
    for name, a, b in sorted(rows, key=lambda one: one[2].mean_s - one[1].mean_s):
        shares = (f"{100 * one.requests:.1f} %" for one in (a, b))
        table.add_row(name, seconds(a.mean_s), seconds(b.mean_s), seconds(a.mean_s - b.mean_s), *shares)
    console.print(table)
    if late.spikes:
        console.print("waits behind a call that a spike holds up are queue: a spike's own seconds are the least that it cost")
