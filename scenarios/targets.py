"""Service levels (`--slo 'p99 < 2 s'`) and precision targets (`--precision 'p99=5 %'`) from the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from analysis.estimates import Estimate
from analysis.summary import QUANTILES, estimate_of
from simulator.units import parse

LATENCIES = ("mean", *QUANTILES)
SHARES = ("attainment", "completed", "utility")
SLO = re.compile(r"^\s*(\w[\w.]*)\s*(<=|>=|<|>)\s*(.+?)\s*$")


class TargetError(Exception):
    """Raised when a target on the command line cannot be read; the message says how to write it."""


@dataclass(frozen=True)
class Slo:
    """A bound on a figure of the summary."""

    text: str
    figure: str
    sign: str
    bound: float

    def judge(self, summary: dict[str, Any]) -> tuple[bool, str]:
        """(whether it is met, a sentence)."""
        if self.figure == "completed":
            found: float | None = summary["completed_fraction"]
            reason = "no request was generated"
        else:
            estimate: Estimate = estimate_of(summary, self.figure)
            found, reason = estimate.value, estimate.reason or ""
        if found is None:
            return False, f"{self.text}: cannot be judged, {reason}"
        met = {"<": found < self.bound, "<=": found <= self.bound, ">": found > self.bound, ">=": found >= self.bound}[self.sign]
        written = f"{found * 1000:.4g} ms" if self.figure in LATENCIES else f"{found:.4f}"
        return met, f"{self.text}: {'met' if met else 'MISSED'}, it is {written}"


def figure_name(name: str) -> str:
    """p99.9 is called p999 in the summary."""
    return "p999" if name in ("p99.9", "p999") else name


def read_slo(text: str) -> Slo:
    """A service level such as 'p99 < 2 s', 'attainment >= 99 %', 'utility > 0.7'."""
    match = SLO.match(text)
    figure = figure_name(match.group(1)) if match else ""
    if match is None or figure not in (*LATENCIES, *SHARES):
        raise TargetError(f"--slo {text!r}: expected a bound such as 'p99 < 2 s' on one of {', '.join((*LATENCIES, *SHARES))}")
    try:
        bound = parse(match.group(3), "time" if figure in LATENCIES else "share")
    except ValueError as error:
        raise TargetError(f"--slo {text!r}: {error}") from None
    return Slo(text, figure, match.group(2), bound)


def read_precision(text: str) -> tuple[str, float]:
    """('p99', 0.05) for 'p99=5 %'."""
    name, equals, share = text.partition("=")
    figure = figure_name(name.strip())
    if not equals or figure not in LATENCIES:
        raise TargetError(f"--precision {text!r}: expected a figure and a share such as 'p99=5 %'; figures are {', '.join(LATENCIES)}")
    try:
        wanted = parse(share.strip(), "share")
    except ValueError as error:
        raise TargetError(f"--precision {text!r}: {error}") from None
    if not wanted > 0:
        raise TargetError(f"--precision {text!r}: the share must be above 0")
    return figure, wanted


__all__ = ["Slo", "TargetError", "read_precision", "read_slo"]
