"""What made the tail: where, on their critical paths, the late requests of a run spent their time, beside all requests.

The critical path is that of `simulator.record`: its segments add up to the latency. What a spike adds to a call is a segment of its own kind; what others
wait meanwhile behind that call is queueing. So a spike's own seconds are the least that it cost, and its share of the requests says how many it hit itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.estimates import quantile

LATE = 0.99
ENOUGH = 10  # late requests with spans, for means that say something


@dataclass(frozen=True)
class Share:
    """Of some requests: mean seconds on the critical path, and the share of requests that have any."""

    mean_s: float
    requests: float


@dataclass(frozen=True)
class Group:
    """Some requests: how many have spans, their mean latency [s], and its parts by kind of segment and by spike."""

    traced: int
    mean_latency_s: float
    segments: dict[str, Share]
    spikes: dict[str, Share]


@dataclass(frozen=True)
class Attribution:
    """The requests from `bound_s` on (the 99th percentile of those that completed), and all that completed."""

    bound_s: float
    late: Group
    every: Group

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def attribute(requests: Mapping[str, np.ndarray], spans: Mapping[str, np.ndarray]) -> Attribution | str:
    """The attribution, or in a sentence why there is none.

    `requests` holds replication, request_id and latency_s of the counted requests that completed; `spans` replication, request_id, kind,
    spike ("" for none), start_s, end_s of the segments on critical paths.
    """
    latency = requests["latency_s"]
    if not len(latency):
        return "no counted request completed"
    bound = quantile(latency, LATE)
    many = int(max(requests["request_id"].max(), spans["request_id"].max(initial=0))) + 1
    keys = requests["replication"].astype(np.int64) * many + requests["request_id"]
    of = spans["replication"].astype(np.int64) * many + spans["request_id"]
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys, of, sorter=order), len(keys) - 1)
    row = order[at]
    mine = keys[row] == of  # spans of requests that are counted and completed
    row, length = row[mine], (spans["end_s"] - spans["start_s"])[mine]
    kind, spike = spans["kind"][mine], spans["spike"][mine]
    traced = np.zeros(len(latency), dtype=bool)
    traced[row] = True
    late = traced & (latency >= bound)
    if late.sum() < ENOUGH:
        few = f"only {int(late.sum())} of the requests beyond p99 have spans, {ENOUGH} are needed"
        return f"{few}: run longer, with more replications, or with record.spans=all"

    def group(chosen: np.ndarray) -> Group:
        n = int(chosen.sum())

        def share(which: np.ndarray) -> Share:
            hit = which & chosen[row]
            return Share(float(length[hit].sum()) / n, len(np.unique(row[hit & (length > 0.0)])) / n)

        segments = {str(name): share(kind == name) for name in np.unique(kind)}
        spikes = {str(name): share((kind == "spike") & (spike == name)) for name in np.unique(spike) if name}
        return Group(n, float(latency[chosen].mean()), segments, spikes)

    return Attribution(bound, group(late), group(traced))
