"""How work is routed as episodes begin and end: the share of placements on the node that is hit, aligned to the episodes.

A placement counts where it could have gone to the node that is hit. Before an episode's begin and after its end only times count at which
no other episode hits the same node; between them, only this one. Shares are taken in each replication over all of its episodes,
and then averaged over replications with Student's t: within a run decisions depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.estimates import Estimate, t_estimate

PHASES = ("before", "during", "after")


@dataclass(frozen=True)
class Placements:
    """Decisions of one replication, in order of time: time [D] s, node [D] to which each went, possible [D, N] where it could have gone."""

    time: np.ndarray
    node: np.ndarray
    possible: np.ndarray


@dataclass(frozen=True)
class Hit:
    """An episode that hit a node; times in seconds."""

    node: int
    start: float
    end: float


@dataclass(frozen=True)
class Routing:
    """What `routing` finds: `around` by "begin" and "end", an estimate for each bin; `shares` by phase, an estimate for each node."""

    edges: np.ndarray  # of the bins, relative to the begin or end [s]
    around: dict[str, list[Estimate]]
    hit: dict[str, Estimate]  # share on the node that is hit, by phase
    target: int  # the node that is hit most often
    shares: dict[str, list[Estimate]]  # by phase of episodes that hit the target
    episodes: int


def reach_of(hits: Sequence[Sequence[Hit]]) -> float:
    """How far around begins and ends to look [s]: the median episode, at least 0.1 s."""
    lengths = [hit.end - hit.start for of in hits for hit in of if hit.end > hit.start]
    return max(float(np.median(lengths)), 0.1) if lengths else 1.0


def routing(runs: Sequence[Placements], hits: Sequence[Sequence[Hit]], bins: int = 12, reach: float | None = None) -> Routing | None:
    """Routing over replications (`runs` and their `hits`); None where no node was hit."""
    if not any(hits):
        return None
    reach = reach_of(hits) if reach is None else reach
    edges = np.linspace(-reach, reach, 2 * bins + 1)
    nodes = runs[0].possible.shape[1]
    often = np.bincount([hit.node for of in hits for hit in of], minlength=nodes)
    target = int(often.argmax())
    curves: dict[str, list[np.ndarray]] = {"begin": [], "end": []}
    by_phase: dict[str, list[float]] = {phase: [] for phase in PHASES}
    by_node: dict[str, list[np.ndarray]] = {phase: [] for phase in PHASES}
    for run, of in zip(runs, hits, strict=True):
        counts = {name: np.zeros((2, len(edges) - 1)) for name in curves}
        total = {phase: np.zeros(2) for phase in PHASES}
        spread = {phase: np.zeros(nodes) for phase in PHASES}
        for hit in of:
            quiet = run.possible[:, hit.node] & ~within(run.time, [other for other in of if other.node == hit.node])
            alone = run.possible[:, hit.node] & within(run.time, [hit])
            alone &= ~within(run.time, [other for other in of if other.node == hit.node and other != hit])
            went = run.node == hit.node
            before = quiet & (run.time >= hit.start - reach) & (run.time < hit.start)
            after = quiet & (run.time >= hit.end) & (run.time < hit.end + reach)
            for name, at, rows in (("begin", hit.start, before | alone), ("end", hit.end, alone | after)):
                lag = run.time - at
                counts[name] += [np.histogram(lag[rows & went], edges)[0], np.histogram(lag[rows], edges)[0]]
            for phase, rows in zip(PHASES, (before, alone, after), strict=True):
                total[phase] += [np.count_nonzero(rows & went), np.count_nonzero(rows)]
                if hit.node == target:
                    spread[phase] += np.bincount(run.node[rows], minlength=nodes)
        for name, (part, whole) in counts.items():
            curves[name].append(ratio(part, whole))
        for phase in PHASES:
            by_phase[phase].append(float(ratio(*total[phase])))
            by_node[phase].append(ratio(spread[phase], spread[phase].sum()))
    return Routing(
        edges,
        {name: [over(values) for values in np.array(rows).T] for name, rows in curves.items()},
        {phase: over(np.array(values)) for phase, values in by_phase.items()},
        target,
        {phase: [over(values) for values in np.array(rows).T] for phase, rows in by_node.items()},
        int(sum(map(len, hits))),
    )


def within(time: np.ndarray, hits: Sequence[Hit]) -> np.ndarray:
    """Whether each time lies in one of the episodes."""
    found = np.zeros(len(time), dtype=bool)
    for hit in hits:
        found |= (time >= hit.start) & (time < hit.end)
    return found


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where there is nothing."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=np.asarray(whole) > 0)


def over(values: np.ndarray) -> Estimate:
    """Mean over the replications that have a value, with Student's t."""
    known = values[~np.isnan(values)]
    return t_estimate(known.tolist())
