"""How often spikes came in the counted window: precision depends on the number of episodes, and a spike without any can do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulator.trace import Trace

if TYPE_CHECKING:
    from analysis.evaluation import Sample


def episodes_in_window(trace: Trace) -> dict[str, int]:
    """Episodes that touch the counted window by spike; one that hits several targets at once is one. Call spikes have none and are left out."""
    opened, closed = trace.window
    touched = {(entry, start) for entry, _, start, end, _ in trace.episodes if start <= closed and end >= opened}
    return {name: sum(1 for entry, _ in touched if trace.spikes[entry] == name) for name in trace.scheduled}


def totals_of(by_replication: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Episodes by spike over all replications."""
    names = dict.fromkeys(name for found in by_replication for name in found)
    return {name: sum(found.get(name, 0) for found in by_replication) for name in names}


def never_came(totals: Mapping[str, int], replications: int) -> list[str]:
    """A sentence on every spike that had no episode."""
    where = "" if replications == 1 else f" of any of {replications} replications"
    return [f"{name} had no episode in the counted window{where}: nothing can be said of it" for name, count in totals.items() if count == 0]


def said_of(totals: Mapping[str, int]) -> str:
    """The episodes by spike in words."""
    return ", ".join(f"{name} {count:,}" for name, count in totals.items())


def same_results(samples: Sequence[Sample], others: Sequence[Sample]) -> bool:
    """Whether every counted request of every replication ended alike: the same latency, quality and utility."""
    if len(samples) != len(others):
        return False
    pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(samples, others, strict=True) for name in ("latency", "quality", "utility")]
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)
