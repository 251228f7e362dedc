"""Figures of generative inference: time to the first token, time per output token, end to end; by call and by engine.

Time to first token and end to end count from when the call reached its engine, its wait there included. Time per output token is
that from the first to the last token over one less than their number, of calls with at least two. Calls of counted requests that were
served.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analysis.estimates import INSTANT, clean, mean_estimate, quantile_estimate
from simulator.inference.record import columns_of
from simulator.trace import Trace

LEVELS = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def time_figures(series: Sequence[np.ndarray]) -> dict[str, Any]:
    """mean and quantiles [s] with intervals, or the reason why not; one array a replication."""
    return {"mean": mean_estimate(series).as_dict(), **{name: quantile_estimate(series, q).as_dict() for name, q in LEVELS.items()}}


def token_figures(rows: Sequence[dict[str, np.ndarray]], window: float) -> dict[str, Any]:
    """The figures of some calls; `rows` by field, one mapping a replication, `window` [s] over all of them."""
    several = [row["output"] >= 2 for row in rows]
    spans = [(row["ended"] - row["first"])[two] / (row["output"][two] - 1.0) for row, two in zip(rows, several, strict=True)]
    prompts, outputs = (np.concatenate([row[name] for row in rows]) for name in ("prompt", "output"))
    return {
        "calls": len(outputs),
        "ttft_s": time_figures([row["first"] - row["reached"] for row in rows]),
        "tpot_s": time_figures(spans),
        "end_to_end_s": time_figures([row["ended"] - row["reached"] for row in rows]),
        "mean_prompt_tokens": clean(float(prompts.mean())) if len(prompts) else None,
        "mean_output_tokens": clean(float(outputs.mean())) if len(outputs) else None,
        "output_tokens_per_s": clean(float(outputs.sum()) / window) if window > INSTANT else None,
        "preemptions": int(sum(row["preemptions"].sum() for row in rows)),
    }


def inference_figures(traces: Sequence[Trace]) -> dict[str, Any]:
    """{"calls": {APPLICATION.CALL or APPLICATION.CALL.VARIANT: figures}, "stations": {name: figures}}."""
    first = traces[0]
    kept = [counted(trace) for trace in traces]
    window = sum(trace.window[1] - trace.window[0] for trace in traces)

    def by(names: Sequence[str], code: Callable[[dict[str, np.ndarray]], np.ndarray]) -> dict[str, Any]:
        codes = [code(rows).astype(np.int64) for rows in kept]
        there = sorted({int(c) for found in codes for c in np.unique(found)})
        grouped: dict[str, list[int]] = {}
        for c in there:
            grouped.setdefault(names[c], []).append(c)
        return {
            name: token_figures([{k: v[np.isin(c, members)] for k, v in rows.items()} for rows, c in zip(kept, codes, strict=True)], window)
            for name, members in grouped.items()
        }

    width = max(len(call.variants) for call in first.vertices)
    labels = [""] * (width * len(first.vertices))
    for i, call in enumerate(first.vertices):
        for j, variant in enumerate(call.variants):
            labels[i * width + j] = ".".join(filter(None, (call.application, call.call, variant)))
    return {
        "calls": by(labels, lambda rows: rows["vertex"] * width + rows["variant"]),
        "stations": by([station.name for station in first.stations], lambda rows: rows["station"]),
    }


def counted(trace: Trace) -> dict[str, np.ndarray]:
    """The rows of counted requests by field, in order of their arrival at the engines."""
    fields = columns_of(trace)
    mine = trace.counted[fields["request"].astype(np.int64)]
    order = np.argsort(fields["reached"][mine], kind="stable")
    return {name: values[mine][order] for name, values in fields.items()}
