"""Energy and cost over the counting window, by node, by application, and a completed request.

A node draws its idle power all the time and the difference to its busy power in proportion to its busy workers, so its dynamic
energy is (busy - idle) * busy worker time / workers, and its price is paid all the time. To an application goes, on each node, the
part of all three (dynamic and idle energy, price) that its calls have in the busy time of that node; a node at which nothing
was served is nobody's. What is attributed and what is not add up to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.estimates import INSTANT
from simulator.record import CALL_FIELDS
from simulator.trace import Trace

TAIL_ONLY = "the spans kept are of the slowest requests only, no fair sample (see record.spans)"
NOTHING = "no call was traced (see record.spans)"


def energy_figures(traces: Sequence[Trace], goodput: float | None) -> dict[str, Any]:
    """`energy` of the summary, or nothing where no node has a power or a price; `goodput` [1/s] is that of the summary."""
    first = traces[0]
    if all(power is None and price == 0.0 for power, price in first.power):
        return {}
    idle, dynamic, cost = totals(traces)
    window = sum(trace.window[1] - trace.window[0] for trace in traces)
    completed = np.sum([completed_in_window(trace) for trace in traces], axis=0)
    joules = float(idle.sum() + dynamic.sum())
    figures: dict[str, Any] = {
        "energy_j": joules,
        "mean_power_w": joules / window if window > INSTANT else None,
        "cost": float(cost.sum()),
        **a_request(joules, float(cost.sum()), int(completed.sum())),
        "goodput_per_joule": goodput * window / joules if goodput is not None and joules > 0 else None,
        "nodes": {
            name: {
                "energy_j": float(idle[i] + dynamic[i]),
                "dynamic_j": float(dynamic[i]),
                "mean_power_w": float(idle[i] + dynamic[i]) / window if window > INSTANT else None,
                "cost": float(cost[i]),
            }
            for i, name in enumerate(first.nodes)
            if first.power[i][0] is not None or first.power[i][1] > 0.0
        },
    }
    return figures | by_application(traces, idle + dynamic, cost, completed)


def totals(traces: Sequence[Trace]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(idle energy [J], dynamic energy [J], cost) by node over the windows of all replications; each of shape (nodes,)."""
    idle, dynamic, cost = np.zeros((3, len(traces[0].nodes)))
    for trace in traces:
        window, busy = trace.window[1] - trace.window[0], busy_by_node(trace)
        for i, (power, price) in enumerate(trace.power):
            cost[i] += price * window
            if power is not None:
                workers = sum(station.workers for station in trace.stations if station.node == trace.nodes[i])
                spent = power.energy(float(busy[i]), workers, window)
                idle[i] += spent[0]
                dynamic[i] += spent[1]
    return idle, dynamic, cost


def busy_by_node(trace: Trace) -> np.ndarray:
    """Worker time within the window [s], by node; shape (nodes,)."""
    busy = np.zeros(len(trace.nodes))
    for station in trace.stations:
        busy[trace.nodes.index(station.node)] += station.window_busy_time()
    return busy


def a_request(joules: float, cost: float, completed: int) -> dict[str, Any]:
    """Energy and cost for each request that completed in the window; what failed ones took is borne by these."""
    return {"energy_per_request_j": joules / completed if completed else None, "cost_per_request": cost / completed if completed else None}


def completed_in_window(trace: Trace) -> np.ndarray:
    """Requests that completed within the window, counted or not, by application; shape (applications,)."""
    end = trace.requests["end"]
    there = trace.completed & (end >= trace.window[0]) & (end < trace.window[1])
    return np.bincount(trace.application_of[there], minlength=len(trace.applications))


def by_application(traces: Sequence[Trace], joules: np.ndarray, cost: np.ndarray, completed: np.ndarray) -> dict[str, Any]:
    """`applications` and `unattributed`; from traced requests, so only where these are a fair sample, or where there is one application."""
    names = traces[0].applications
    if len(names) == 1:
        busy = np.sum([busy_by_node(trace) for trace in traces], axis=0)[None, :]
    elif traces[0].slowest_only:
        return {"applications": None, "reason": TAIL_ONLY}
    else:
        busy = np.sum([busy_by_application(trace) for trace in traces], axis=0)
        if not busy.any():
            return {"applications": None, "reason": NOTHING}
    share = np.divide(busy, busy.sum(axis=0), out=np.zeros_like(busy), where=busy.sum(axis=0) > 0)
    figures: dict[str, Any] = {}
    for a, name in enumerate(names):
        spent, paid = float(share[a] @ joules), float(share[a] @ cost)
        figures[name] = {"energy_j": spent, "cost": paid, **a_request(spent, paid, int(completed[a]))}
    nobody = 1.0 - share.sum(axis=0)
    return {"applications": figures, "unattributed": {"energy_j": float(nobody @ joules), "cost": float(nobody @ cost)}}


def busy_by_application(trace: Trace) -> np.ndarray:
    """Worker time within the window that traced calls had [s], those given up included; shape (applications, nodes).

    Jobs that were served together in a batch have equal parts of it.
    """
    call = dict(zip(CALL_FIELDS, trace.calls.T, strict=True))
    names = {name: i for i, name in enumerate(trace.applications)}
    nodes = {name: i for i, name in enumerate(trace.nodes)}
    application = np.array([names[vertex.application] for vertex in trace.vertices], dtype=np.int64)[call["vertex"].astype(np.int64)]
    station = call["station"].astype(np.int64)
    node = np.array([nodes[record.node] for record in trace.stations], dtype=np.int64)[station]
    worker = np.clip(call["finished"], *trace.window) - np.clip(call["started"], *trace.window)
    batches = np.array([record.busy_s is not None for record in trace.stations])[station]
    if batches.any():
        rows = np.column_stack([call["station"], call["started"], call["finished"]])[batches]
        _, inverse, members = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        worker[batches] /= members[inverse.ravel()]
    busy = np.zeros((len(trace.applications), len(trace.nodes)))
    np.add.at(busy, (application, node), worker)
    return busy
