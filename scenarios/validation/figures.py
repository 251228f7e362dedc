"""Figures that validation compares with theory: from one replication's trace, each with the place where `summary.json` holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.estimates import quantile
from analysis.invariants import invariants
from analysis.summary import QUANTILES, summarise


@dataclass(frozen=True)
class Figure:
    """A figure of a run, and where `summary.json` holds it ({first} is the first station's name, {link} the first link's)."""

    path: str
    of: Callable[[Run], float]


class Run:
    """What one replication of one run of a case shows: its trace and the latencies of counted, completed requests [s]."""

    def __init__(self, trace: Any):
        self.trace = trace
        self.counted = trace.counted
        self.latency = trace.latency[trace.counted & trace.completed]
        self.station = trace.stations[0]
        self.link = trace.links[0] if trace.links else None

    def names(self) -> dict[str, str]:
        """What {first}, {link} and {call} stand for."""
        vertex = self.trace.vertices[0]
        return {"first": self.station.name, "link": self.link.name if self.link is not None else "", "call": f"{vertex.application}.{vertex.call}"}

    def number(self, power: int) -> float:
        """Time average of the number at the first station, to a power."""
        share = self.station.time_at / self.station.window_s
        return float(np.arange(len(share)) ** power @ share)


def at(q: float) -> Figure:
    """A quantile of latency."""
    return Figure(f"latency_s.{name_of(q)}", lambda run: quantile(run.latency, q))


def wait_at(q: float) -> Figure:
    """A quantile of the first station's waits."""
    return Figure(f"stations.{{first}}.{name_of(q)}_wait_s", lambda run: run.station.waits.quantile(q))


def link_wait_at(q: float) -> Figure:
    """A quantile of the first link's waits."""
    return Figure(f"links.{{link}}.{name_of(q)}_wait_s", lambda run: run.link.waits.quantile(q))  # type: ignore[union-attr]


def name_of(q: float) -> str:
    """p99 for 0.99."""
    return next(name for name, value in QUANTILES.items() if value == q)


def busy_share(run: Run) -> float:
    if run.station.busy_s is not None:
        return run.station.busy_s / run.station.window_s / run.station.workers
    share = run.station.time_at / run.station.window_s
    return float(np.minimum(np.arange(len(share)), run.station.workers) @ share) / run.station.workers


def mean_of(index: int, name: str, work: float = 0.0) -> Figure:
    """Mean latency of one application, less the mean work: its mean wait where it has one call."""

    def figure(run: Run) -> float:
        trace = run.trace
        return float(trace.latency[trace.counted & (trace.application_of == index)].mean()) - work

    return Figure(f"applications.{name}.latency_s.mean", figure)


MEAN = Figure("latency_s.mean", lambda run: float(run.latency.mean()))
SD = Figure("latency_s.sd", lambda run: float(run.latency.std()))
WAIT = Figure("stations.{first}.mean_wait_s", lambda run: run.station.waits.mean())
LINK_WAIT = Figure("links.{link}.mean_wait_s", lambda run: run.link.waits.mean())  # type: ignore[union-attr]
TRANSIT = Figure("links.{link}.mean_transit_s", lambda run: run.link.transit_s / run.link.waits.count)  # type: ignore[union-attr]
PROB_WAIT = Figure("stations.{first}.prob_wait", lambda run: run.station.waits.fraction_positive())
IDLE = Figure("stations.{first}.prob_idle", lambda run: float(run.station.time_at[0] / run.station.window_s))
NUMBER = Figure("stations.{first}.mean_number", lambda run: run.number(1))
VARIANCE = Figure("stations.{first}.var_number", lambda run: run.number(2) - run.number(1) ** 2)
UTILISATION = Figure("stations.{first}.utilisation", busy_share)
COMPLETED = Figure("completed_fraction", lambda run: len(run.latency) / int(run.counted.sum()))
THROUGHPUT = Figure("throughput_per_s", lambda run: summarise([run.trace])["throughput_per_s"])
GOODPUT = Figure("goodput_per_s", lambda run: len(run.latency) / run.station.window_s)
BLOCKED_SHARE = Figure("stations.{first}.prob_blocked", lambda run: 1.0 - len(run.latency) / int(run.counted.sum()))
WAIT_ABOVE_200_MS = Figure("stations.{first}.wait_exceeds.200 ms", lambda run: run.station.waits.fraction_above(0.2))
ABOVE_500_MS = Figure("latency_s.exceeds.500 ms", lambda run: float((run.latency > 0.5).mean()))
SPIKED = Figure("prob_any_spiked", lambda run: float(run.trace.requests["spiked"][run.counted].mean()))


def attempt_figure(name: str) -> Figure:
    """A figure of the first call's attempts."""
    return Figure(f"calls.{{call}}.{name}", lambda run: next(iter(summarise([run.trace])["calls"].values()))[name])


def invariant(name: str) -> Figure:
    """An identity of the path."""
    return Figure(f"invariants.{name}", lambda run: invariants([run.trace])[name])
