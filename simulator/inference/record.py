"""The record of what inference engines served: a row a call, with its tokens and when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.inference.engine import TOKEN_FIELDS
from simulator.record import LANES

if TYPE_CHECKING:
    from simulator.trace import Trace

FIELDS = ("station", *TOKEN_FIELDS)


def token_rows(stations: list[Any]) -> np.ndarray:
    """The rows of every engine among the stations, shape (rows, len(FIELDS)), by station in order of their ends."""
    parts = [np.zeros((0, len(FIELDS)))]
    for station in stations:
        tokens = getattr(station, "tokens", None)
        if tokens:
            rows = np.array(tokens).reshape(-1, len(TOKEN_FIELDS))
            parts.append(np.column_stack([np.full(len(rows), float(station.index)), rows]))
    return np.concatenate(parts)


def columns_of(trace: Trace) -> dict[str, np.ndarray]:
    """The rows of a trace by field, each of shape (rows,)."""
    return dict(zip(FIELDS, trace.tokens.T, strict=True))


def tokens_table(trace: Trace) -> dict[str, Any]:
    """The columns of `tokens.parquet`."""
    from simulator.trace import Names

    field = columns_of(trace)
    vertex, lane = field["vertex"].astype(np.int64), field["lane"].astype(np.int64) % LANES
    calls = trace.vertices
    variants = [name or "" for call in calls for name in call.variants]
    first = np.cumsum([0, *(len(call.variants) for call in calls)])
    copy = np.array([call.copy for call in calls])[vertex] + lane % 2 * np.array([call.copies for call in calls])[vertex]
    return {
        "replication": np.full(len(vertex), trace.replication, dtype=np.int32),
        "request_id": field["request"].astype(np.int64),
        "call": Names(vertex, np.array([call.call for call in calls], dtype=object)),
        "copy": copy.astype(np.int32),
        "attempt": (lane // 2).astype(np.int32),
        "variant": Names(first[vertex] + field["variant"].astype(np.int64), np.array(variants, dtype=object)),
        "place": Names(field["station"].astype(np.int64), np.array([station.name for station in trace.stations], dtype=object)),
        "prompt_tokens": field["prompt"].astype(np.int64),
        "output_tokens": field["output"].astype(np.int64),
        "reached_s": field["reached"],
        "started_s": field["started"],
        "first_token_s": field["first"],
        "end_s": field["ended"],
        "preemptions": field["preemptions"].astype(np.int32),
    }
