"""The 99th percentile of every bundled scenario with its spikes on and off, on common random numbers.

    python -m benchmarks.spikes                                  # prints the table
    python -m benchmarks.spikes --write docs/scenarios.md        # and writes the page, a row at a time
    python -m benchmarks.spikes --write docs/scenarios.md --only cold-start         # measures one anew

Replication r meets the same arrivals, work and healthy network with and without the spikes; the difference is theirs. A request that
did not complete counts as infinitely slow. Intervals are of the mean over replications, 95 % (analysis.comparison). The last column
says how many requests a CPU minute simulates with the spans of every request on.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from analysis.comparison import bootstrap_interval, paired_difference
from scenarios.execute import Factory
from scenarios.reading import bundled, load
from scenarios.schema import Scenario

PAGE = """# The bundled scenarios, with their spikes on and off

Written by `python -m benchmarks.spikes --write docs/scenarios.md`; do not edit. `vamappo list scenarios`
says what each is about, and the comments of its file where its numbers come from.

p99 is the 99th percentile of latency over counted requests, the mean over the replications under "runs" with its 95 % interval; requests
that did not complete count as infinitely slow (`inf`: more than 1 % of them in some replication). "With" and "without" meet the same
arrivals and the same work (common random numbers), so the paired difference is what the spikes do; `variance` says how many times
smaller its variance is than that of independent runs. "Completed" is with spikes. "Simulated" is requests in a CPU minute with the spans
of all requests on, spikes included, on the machine that wrote the page.

{table}
"""
HEAD = ("scenario", "policy", "runs", "p99 without", "p99 with", "difference", "variance", "completed", "simulated /min")


def p99(trace: Any) -> float:
    """The 99th percentile over counted requests [s], those that did not complete as infinite."""
    latency = np.where(trace.completed, trace.latency, math.inf)[trace.counted]
    return float(np.quantile(latency, 0.99, method="inverted_cdf"))


def runs(name: str, replications: int, overrides: list[str]) -> tuple[np.ndarray, float, float]:
    """(p99 by replication [s], completed fraction, requests simulated a CPU second)."""
    loaded = load(name, ["record.spans=all", *overrides])
    factory = Factory(loaded.scenario, loaded.path.parent, loaded.scenario.seed)
    found, completed, counted, requests = [], 0, 0, 0
    begun = time.process_time()
    for replication in range(replications):
        trace = factory.run(replication)
        found.append(p99(trace))
        completed += int(trace.completed[trace.counted].sum())
        counted += int(trace.counted.sum())
        requests += len(trace.latency)
    return np.array(found), completed / counted, requests / (time.process_time() - begun)


def seconds(value: float | None) -> str:
    """A time for people."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "inf"
    return f"{value * 1e3:.3g} ms" if abs(value) < 1.0 else f"{value:.3g} s"


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """A figure and its interval."""
    return f"{seconds(value)} ({seconds(low)} to {seconds(high)})" if low is not None else seconds(value)


def length(scenario: Scenario) -> str:
    """How long a replication is."""
    return f"{scenario.horizon:g} s" if scenario.horizon is not None else f"{scenario.requests:,} requests"


def row(name: str, replications: int, overrides: list[str]) -> tuple[str, ...]:
    """One line of the table."""
    on, completed, speed = runs(name, replications, overrides)
    off, _, _ = runs(name, replications, [*overrides, "spikes=[]"])
    difference = paired_difference(on, off)
    figures = [with_interval(float(x.mean()), *(bootstrap_interval([x]) if np.isfinite(x).all() else (None, None))) for x in (off, on)]
    reduction = difference.variance_reduction
    scenario = load(name, overrides).scenario
    named = (name, scenario.control.policy.kind, f"{replications} x {length(scenario)}")
    between = with_interval(difference.value, difference.low, difference.high)
    return *named, *figures, between, "-" if reduction is None else f"{reduction:.1f}", f"{completed:.2%}", f"{60.0 * speed:,.0f}"


def table(rows: list[tuple[str, ...]]) -> str:
    """The rows as a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (HEAD, ("---",) * len(HEAD), *rows))


def rows_of(page: Path | None) -> dict[str, tuple[str, ...]]:
    """The rows that stand on the page already, by scenario: `--only` replaces some and leaves the others."""
    if page is None or not page.exists():
        return {}
    lines = [line.strip("| \n").split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return {line[0]: tuple(line) for line in lines if line[0] in bundled()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=10)
    parser.add_argument("--only", nargs="*", help="names of scenarios; all that have spikes unless given")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="as of vamappo run, for every scenario")
    parser.add_argument("--write", type=Path, help="the page to write")
    arguments = parser.parse_args()
    rows = rows_of(arguments.write)
    for name in arguments.only or [name for name in bundled() if load(name).scenario.spikes]:
        rows[name] = row(name, arguments.replications, arguments.set)
        print(" | ".join(rows[name]), flush=True)
        if arguments.write is not None:
            lines = [rows[name] for name in sorted(rows)]
            arguments.write.write_text(PAGE.format(table=table(lines)), encoding="utf-8")


if __name__ == "__main__":
    main()
