"""Identities that every simulated path obeys to rounding, whatever is random in it.

Little's law on the path (Stidham 1974; El-Taha and Stidham 1999): the integral of the number present equals the sum of the stays.
Work conservation: busy worker time equals service received, wasted service included. Nothing is lost without being written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.record import CALL_FIELDS, HOP_FIELDS, PAUSE_FIELDS
from simulator.trace import Trace


def invariants(traces: Sequence[Trace]) -> dict[str, Any]:
    """The identities over the whole runs (not the counting window): ratios that are 1 and differences that are 0.

    `little_ratio` and `busy_ratio` need runs that end empty (`drain: stop`), `critical_path_ratio` needs completed requests whose
    spans were recorded; None where there is nothing to check.
    """
    counts = [trace.outcome_counts(np.ones(len(trace.latency), dtype=bool)) for trace in traces]
    stations = [station for trace in traces for station in trace.stations]
    links = [link for trace in traces for link in trace.links]
    present = sum(float(np.arange(len(s.run_time_at)) @ s.run_time_at) for s in stations)
    stays = sum(s.run_sojourn_s for s in stations)
    busy = sum(station.busy_time() for station in stations)
    received = sum(s.run_service_s for s in stations)
    bits_in = sum(link.run_bits["in"] for link in links)
    bits_out = sum(link.run_bits[name] for link in links for name in ("out", "dropped", "lost", "withdrawn", "under_way"))
    empty = sum(trace.left_behind for trace in traces) == 0
    return {
        "little_ratio": present / stays if empty and stays > 0 else None,
        "requests_unaccounted": sum(len(t.latency) for t in traces) - sum(sum(c.values()) for c in counts),
        "busy_ratio": busy / received if empty and received > 0 else None,
        "link_bits_unaccounted": (bits_in - bits_out) / bits_in if bits_in > 0 else 0.0,
        "critical_path_ratio": critical_path_ratio(traces),
    }


def critical_path_ratio(traces: Sequence[Trace]) -> float | None:
    """Sum of the segments on critical paths over the sum of latencies, of completed requests whose spans were recorded."""
    segments = latencies = 0.0
    for trace in traces:
        total, traced = critical_segments(trace)
        segments += float(total[traced].sum())
        latencies += float(trace.latency[traced].sum())
    return segments / latencies if latencies > 0 else None


def critical_segments(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """(sum of the critical path's segments by request [s], whether the request was traced and completed), both of shape (requests,)."""
    total = np.zeros(len(trace.latency))
    traced = np.zeros(len(trace.latency), dtype=bool)
    for rows, names, start, end in (
        (trace.calls, CALL_FIELDS, "reached", "finished"),
        (trace.hops, HOP_FIELDS, "reached", "arrived"),
        (trace.pauses, PAUSE_FIELDS, "since", "until"),
    ):
        column = dict(zip(names, rows.T, strict=True))
        request = column["request"].astype(int)
        np.add.at(total, request, (column[end] - column[start]) * column["critical"])
        traced[request] = True
    return total, traced & trace.completed
