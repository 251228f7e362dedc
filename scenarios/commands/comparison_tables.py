"""How evaluations and comparisons are written: figures with their intervals, differences with their verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.comparison import Difference
from analysis.estimates import Estimate
from analysis.evaluation import Evaluation, Figure
from scenarios.commands.tables import output, seconds
from simulator.units import count_of

MAIN = ("utility", "attainment", "p99")  # whose differences are printed where several systems are compared


def writer(unit: str) -> Callable[[float], str]:
    """How a value of that unit is written."""
    if unit == "s":
        return seconds
    if unit == "share":
        return lambda value: f"{round(100 * value, 2) + 0.0:.2f} %"  # no negative zero
    return (lambda value: f"{round(value, 4) + 0.0:.4f}") if not unit else lambda value: f"{value:.4g} {unit}"


def missing_text(found: Estimate) -> str:
    """Why there is no value, in a few words."""
    reason = found.reason or ""
    return reason if reason.startswith("not reached") else "sample too small" if reason.startswith("worth") else "-"


def estimate_text(found: Estimate, unit: str) -> str:
    """`0.7312 [0.7290, 0.7334]`, `33.3 ms [31.0 ms, 35.5 ms]`, or the reason why there is none."""
    write = writer(unit)
    if found.value is None:
        return missing_text(found)
    if found.low is None or found.high is None:
        return write(found.value)
    return f"{write(found.value)} [{write(found.low).removesuffix(' %')}, {write(found.high).removesuffix(' %')}]"


def short_text(found: Estimate, unit: str) -> str:
    """`0.7312 ± 0.0022`, `33.3 ± 2.2 ms`: the value and half of the interval's width; the interval itself where it ends at a bound."""
    if found.value is None:
        return missing_text(found)
    if found.low is None or found.high is None:
        return writer(unit)(found.value)
    half = found.high - found.value
    if unit == "share" and not 0.0 <= found.value - half <= found.value + half <= 1.0:
        return estimate_text(replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0)), unit)
    if not math.isclose(half, found.value - found.low, rel_tol=1e-6, abs_tol=1e-12):
        return estimate_text(found, unit)
    if unit != "s":
        factor, sign, digits = (100.0, " %", "2f") if unit == "share" else (1.0, f" {unit}".rstrip(), "4f" if not unit else "4g")
        return f"{factor * found.value:.{digits}} ± {factor * half:.{'2g' if digits == '4g' else digits}}{sign}"
    factor, sign = (1.0, "s") if found.value >= 1.0 else (1e3, "ms")
    width = f"{factor * half:.0f}" if factor * half >= 100.0 else f"{factor * half:.2g}"
    return f"{factor * found.value:.4g} ± {width} {sign}"


def difference_text(found: Difference, unit: str) -> str:
    """`+0.0120 [+0.0050, +0.0190]`, or why there is none; shares in percentage points."""
    if math.isnan(found.value):
        return found.note or "-"
    write = writer(unit)

    def signed(value: float) -> str:
        if math.isinf(value):
            return "not reached" if value > 0 else "not reached by the reference"
        return f"{'+' if value > 0 else ''}{write(value).replace(' %', ' pp')}"

    if found.low is None or found.high is None:
        return f"{signed(found.value)} ({found.note})" if found.note else signed(found.value)
    return f"{signed(found.value)} [{signed(found.low)}, {signed(found.high)}]{f' ({found.note})' if found.note else ''}"


def heading(facts: Mapping[str, Any]) -> str:
    """What stands above every table: the scenario, the replications, and what the policies were told."""
    common = facts.get("common") or ("the same arrivals, work and spikes" if facts["loop"] == "open" else "a closed loop: only work is common")
    return f"{facts['scenario']}, seed {facts['seed']}, {count_of(facts['replications_done'], 'replication')}, {common}; telemetry {facts['telemetry']}"


def print_evaluation(facts: Mapping[str, Any], found: Evaluation, target: Path | None) -> None:
    """Prints the figures of every policy and the differences to the reference."""
    from rich.table import Table

    console = output()
    console.print(heading(facts))
    console.print("figures ± half of the 95 % interval; requests that did not complete count as infinite latency")
    named = facts["labels"]
    for times in (False, True):
        columns = [figure for figure in found.shown if (figure.unit == "s") == times]
        table = Table("policy", *(figure.title for figure in columns), box=None, pad_edge=False)
        for label, figures in found.figures.items():
            table.add_row(named[label], *(short_text(figures[figure.name], figure.unit) for figure in columns))
        console.print(table)
        console.print()
    print_differences(console, found, named, [f for f in found.shown if len(found.differences) == 1 or f.name in MAIN])
    for note in found.notes:
        console.print(f"note: {note}")
    if target is not None:
        console.print(f"stored in {target}")


def print_differences(console: Any, found: Evaluation, named: Mapping[str, str], figures: Sequence[Figure]) -> None:
    """Prints the differences to the reference in some figures."""
    from rich.table import Table

    if not found.differences:
        return
    console.print(f"differences to {named[found.reference]}; p by Wilcoxon (paired) or Mann-Whitney, after Holm over the policies of a figure;")
    console.print("variance: how many times smaller the paired difference's variance is than an unpaired one's")
    table = Table("figure", "policy", "difference [95 % interval]", "p", "variance", "verdict", box=None, pad_edge=False)
    for figure in figures:
        for label, by in found.differences.items():
            difference = by[figure.name]
            saved = f"{difference.variance_reduction:.1f}" if difference.variance_reduction is not None else "-"
            how = "" if difference.paired else " (not paired)"
            table.add_row(figure.title, named[label], difference_text(difference, figure.unit), f"{difference.p_adjusted:.2g}", saved, difference.verdict + how)
    console.print(table)


def latex(facts: Mapping[str, Any], found: Evaluation) -> str:
    """The figures as a LaTeX table (booktabs), marked by their verdicts against the reference."""
    named = facts["labels"]
    columns = found.shown
    lines = [
        f"% {heading(facts)}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(heading(facts))}. Brackets: 95\,\% intervals. Verdicts against {escaped(named[found.reference])}: "
        r"$^{+}$ better, $^{-}$ worse (Wilcoxon, Holm). Requests that did not complete count as infinite latency.}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        " & ".join(["policy", *(escaped(figure.title) for figure in columns)]) + r" \\",
        r"\midrule",
    ]
    for label, figures in found.figures.items():
        cells = [escaped(named[label])]
        for figure in columns:
            verdict = found.differences[label][figure.name].verdict if label in found.differences else ""
            mark = {"better": "$^{+}$", "worse": "$^{-}$"}.get(verdict, "")
            cells.append(escaped(estimate_text(figures[figure.name], figure.unit)) + mark)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def escaped(text: str) -> str:
    """Text for LaTeX."""
    for letter in "\\&%$#_{}":
        text = text.replace(letter, r"\textbackslash{}" if letter == "\\" else f"\\{letter}")
    return text
