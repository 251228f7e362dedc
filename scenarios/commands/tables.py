"""What a run shows: a progress line while it lasts and a table at its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from analysis.episodes import never_came, said_of
from analysis.estimates import Estimate, more_needed
from analysis.summary import estimate_of
from simulator.units import count_of

LOOPS = {
    "closed": "closed loop: users wait for their requests, so a slow system gets fewer; these are not the latencies of an open stream",
    "mixed": "partly a closed loop: some users wait for their requests, so a slow system gets fewer; read the applications apart",
}


class Progress:
    """A progress bar on standard error: simulated time, requests, and requests a second; silent when `show` is false."""

    def __init__(self, scenario: Any, replications: int, show: bool):
        self.scenario = scenario
        self.replications = replications
        self.ended = 0
        self.show = show
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Progress:
        if self.show:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.scenario.name, total=float(self.replications), state="")
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def expect(self, replications: int) -> None:
        """There will be this many replications in all."""
        self.replications = replications
        if self.bar is not None:
            self.bar.update(self.task, total=float(replications))

    def update(self, replication: int, now: float, requests: int, seconds: float) -> None:
        """A replication has got as far as `now` [s simulated]."""
        if self.bar is None:
            return
        scenario = self.scenario
        part = now / scenario.horizon if scenario.horizon else requests / scenario.requests if scenario.requests else 0.0
        rate = requests / seconds if seconds > 0 else 0.0
        self.bar.update(self.task, completed=self.ended + min(part, 1.0), state=f"{now:,.1f} s simulated, {requests:,} requests, {rate:,.0f} /s")

    def finished(self, replication: int) -> None:
        """A replication is done."""
        self.ended += 1
        if self.bar is not None:
            self.bar.update(self.task, completed=self.ended, state=f"{self.ended} of {count_of(self.replications, 'replication')}")


def output() -> Any:
    """Where results are printed: standard output, wide enough for tables where it is no terminal."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)


def seconds(value: float | None) -> str:
    """A time for people: 33.3 ms, 1.53 s."""
    if value is None:
        return "-"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if abs(value) * factor >= 1.0:
            return f"{value * factor:.4g} {unit}"
    return f"{value:.3g} s"


def interval(found: dict[str, Any], write: Any = seconds) -> str:
    """`33.3 ms  [31.0 ms, 35.5 ms]`, or the reason why there is none."""
    if found["value"] is None:
        return f"not given: {found['reason']}"
    if found.get("low") is None:
        return write(found["value"])
    return f"{write(found['value'])}  [{write(found['low'])}, {write(found['high'])}]"


def judged(levels: list[Any], summary: dict[str, Any]) -> list[tuple[bool, str]]:
    """(met, sentence) for every service level."""
    return [level.judge(summary) for level in levels]


def cautions(summary: dict[str, Any]) -> list[str]:
    """What makes figures of a run mean less than they seem to."""
    said = []
    if summary["requests"]["generated"] == 0:
        said.append("no request arrived in the counting window: all came during the warm-up, or none came; see warm_up, requests and horizon")
    full = [name for name, figures in summary["stations"].items() if (figures["utilisation"] or 0.0) >= BUSY] if summary["loop"] == "open" else []
    if full:
        names = ", ".join(full[:3]) + (" and others" if len(full) > 3 else "")
        said.append(f"{names} had no idle moment: queues grow for as long as the run lasts, and latencies with them (vamappo check shows the offered load)")
    return [*said, *never_came(summary.get("episodes_in_window", {}), summary["replications"])]


BUSY = 0.9995  # a utilisation that says overload


def end_table(summary: dict[str, Any], facts: dict[str, Any], target: Path | None) -> None:
    """Prints the run's figures."""
    from rich.table import Table

    console = output()
    counts, runs = summary["requests"], summary["replications"]
    settings = f"policy {summary['policy']}, telemetry {summary['telemetry']}, seed {summary['seed']}"
    console.print(f"{summary['scenario']}, {settings}, {count_of(runs, 'replication')}")
    if summary["loop"] != "open":
        console.print(LOOPS[summary["loop"]])
    outcomes = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count and name not in ("generated",))
    console.print(f"{counts['generated']:,} counted requests: {outcomes}")
    table = Table("figure", "value  [95 % interval]", box=None, pad_edge=False)
    for name in ("mean", "p50", "p90", "p95", "p99", "p999"):
        label = "p99.9" if name == "p999" else name
        table.add_row(f"latency {label}", interval(summary["latency_s"][name]))
    table.add_row("throughput", f"{summary['throughput_per_s']:.4g} /s" if summary["throughput_per_s"] is not None else "-")
    for name, found in (("attainment", summary["attainment"]), ("utility", summary["utility"]["mean"])):
        if found["value"] is not None:
            table.add_row(name, interval(found, lambda value: f"{value:.4f}"))
    console.print(table)
    console.print(busiest(summary))
    for line in [*memory_lines(summary), *inference_lines(summary)]:
        console.print(line)
    if came := summary.get("episodes_in_window"):
        console.print(f"episodes in the window: {said_of(came)}; precision depends on their number")
    if "energy" in summary:
        console.print(energy(summary["energy"]))
    console.print(advice(summary))
    console.print(f"{facts['requests']:,} requests and {facts['events']:,} events in {facts['wall_s']:.1f} s ({facts['cpu_s']:.1f} s of CPU in this process)")
    if target is not None:
        console.print(f"stored in {target}")


def busiest(summary: dict[str, Any]) -> str:
    """The busiest station and link."""
    parts = []
    for kind in ("stations", "links"):
        busy = {name: figures["utilisation"] for name, figures in summary[kind].items() if figures["utilisation"]}
        if busy:
            name = max(busy, key=lambda key: busy[key])
            parts.append(f"busiest {kind.removesuffix('s')}: {name}, {100 * busy[name]:.1f} % used")
    return "; ".join(parts)


def memory_lines(summary: dict[str, Any]) -> list[str]:
    """Cold loads at the node with most of them, where models are in memory."""
    loads = {name: found for name, found in summary["memory"].items() if found["loads"]}
    if not loads:
        return []
    name = max(loads, key=lambda key: loads[key]["loads"])
    found = loads[name]
    hits = f", {100 * found['hit_fraction']:.1f} % of calls found their model there" if found["hit_fraction"] is not None else ""
    load = f"{found['loads']:,} loads of {seconds(found['mean_load_s'])} on average, {count_of(found['evictions'], 'eviction')}"
    return [f"memory with most loads: {name}, {load}{hits}"]


def inference_lines(summary: dict[str, Any]) -> list[str]:
    """Time to first token and per output token of every call that generates."""
    found = []
    for name, figures in summary.get("inference", {}).get("calls", {}).items():
        times = [f"{label} {level} {interval(figures[key][level])}" for key, label in (("ttft_s", "first token"), ("tpot_s", "each further token"))
                 for level in ("p50", "p99")]  # fmt: skip
        found.append(f"{name}: {', '.join(times)}")
    return found


def energy(found: dict[str, Any]) -> str:
    """Energy and cost in the window."""
    each = [f"{found[key]:.4g}{unit}" for key, unit in (("energy_per_request_j", " J"), ("cost_per_request", " of cost")) if found[key] is not None]
    power = f"{found['energy_j']:.4g} J, {found['mean_power_w'] or 0.0:.4g} W on average"
    return f"energy {power}; cost {found['cost']:.4g}" + (f"; a completed request {', '.join(each)}" if each else "")


def advice(summary: dict[str, Any]) -> str:
    """What would bring p99 to 5 %."""
    found: Estimate = estimate_of(summary, "p99")
    if found.value is None:
        return f"p99 is not given: {found.reason}"
    replications = summary["replications"]
    have, what = (replications, "replications") if replications > 1 else (summary["requests"]["generated"], "requests")
    need = more_needed(found, 0.05, have)
    if need is None:
        return "p99 has no interval: use --replications 10"
    now = f"p99 is known to +/- {100 * found.half_width_share:.1f} %"
    return f"{now}; 5 % is reached" if need <= have else f"{now}; about {need:,} {what} would bring it to 5 % (now {have:,})"
