"""Routes: shortest paths as next-hop tables.

The tie rule, the same in both implementations: among the links of a node the next hop towards t is one on a path of least weight
(relative 1e-12), among those one with the fewest hops left, among those the one declared first. A link whose head is as near as
that is called *tight*. Fewest hops makes tables free of loops even where weights are zero: every hop lowers the hops left by one.

Up to `PLAIN` nodes it is plain Python, which needs no import; beyond, scipy and numpy do the same for all targets at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from math import inf, isfinite

import numpy as np

PLAIN = 200  # nodes up to which plain Python is used
CLOSE = 1e-12


def next_hops(
    nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], down: Collection[int] = ()
) -> list[list[int]]:
    """`table[u][t]`: index of the directed link to take at u towards t; -1 where u is t or there is no path.

    Links are numbered in the order of declaration; those in `down`, or of infinite weight, are not used. Weights are >= 0.
    """
    failed = frozenset(down)
    links = [i for i in range(len(source)) if i not in failed and isfinite(weight[i])]
    if nodes <= PLAIN:
        return _plain(nodes, source, target, weight, links)
    return _sparse(nodes, source, target, weight, links)


def distances(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float]) -> np.ndarray:
    """Least weight from every node to every node, shape (nodes, nodes); inf where there is no path."""
    links = [i for i in range(len(source)) if isfinite(weight[i])]
    if nodes > PLAIN:
        return _matrix(nodes, source, target, weight, links)
    into = _incoming(nodes, target, links)
    return np.array([_least(nodes, end, into, source, weight) for end in range(nodes)], dtype=float).reshape(nodes, nodes).T


def hops(nodes: int, source: Sequence[int], target: Sequence[int]) -> np.ndarray:
    """Fewest links from every node to every node, whole numbers of shape (nodes, nodes).

    Where there is no path it is `nodes`, one more than any path has, so that `hops <= kappa` holds only within reach.
    """
    found = distances(nodes, source, target, [1.0] * len(source))
    return np.where(np.isfinite(found), found, nodes).astype(np.int64)


def tight(least: float, through: float) -> bool:
    """Whether a path of weight `through` is as short as the shortest, `least`."""
    return through <= least + CLOSE * least


def _incoming(nodes: int, target: Sequence[int], links: list[int]) -> list[list[int]]:
    into: list[list[int]] = [[] for _ in range(nodes)]
    for i in links:
        into[target[i]].append(i)
    return into


def _least(nodes: int, end: int, into: list[list[int]], source: Sequence[int], weight: Sequence[float]) -> list[float]:
    """Least weight from every node to `end`: Dijkstra on the reversed graph."""
    best = [inf] * nodes
    best[end] = 0.0
    queue = [(0.0, end)]
    while queue:
        so_far, at = heappop(queue)
        if so_far > best[at]:
            continue
        for i in into[at]:
            total = so_far + weight[i]
            if total < best[source[i]]:
                best[source[i]] = total
                heappush(queue, (total, source[i]))
    return best


def _fewest(nodes: int, end: int, into: list[list[int]], source: Sequence[int], weight: Sequence[float], best: list[float]) -> list[int]:
    """Fewest hops from every node to `end` over tight links, breadth first; -1 where there is no path."""
    count = [-1] * nodes
    count[end] = 0
    layer = [end]
    while layer:
        following = []
        for at in layer:
            for i in into[at]:
                near = source[i]
                if count[near] < 0 and tight(best[near], weight[i] + best[at]):
                    count[near] = count[at] + 1
                    following.append(near)
        layer = following
    return count


def _plain(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> list[list[int]]:
    into = _incoming(nodes, target, links)
    table = [[-1] * nodes for _ in range(nodes)]
    for end in range(nodes):
        best = _least(nodes, end, into, source, weight)
        count = _fewest(nodes, end, into, source, weight, best)
        for i in reversed(links):  # the link declared first is written last
            near, far = source[i], target[i]
            if count[far] >= 0 and count[near] == count[far] + 1 and tight(best[near], weight[i] + best[far]):
                table[near][end] = i
    return table


def _matrix(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> np.ndarray:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    least: dict[tuple[int, int], float] = {}
    for i in links:  # of parallel links only the lightest matters; scipy would add them up
        pair = (source[i], target[i])
        least[pair] = min(weight[i], least.get(pair, inf))
    ends = np.array(list(least), dtype=np.int64).reshape(-1, 2)
    data = np.array(list(least.values()), dtype=float)
    return dijkstra(csr_array((data, (ends[:, 0], ends[:, 1])), shape=(nodes, nodes)))  # a stored zero is a link of weight zero


def _tight_pairs(
    nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]
) -> tuple[np.ndarray, ...]:
    """(link, u * nodes + t, v * nodes + t) of every link u -> v that is tight towards t, in the order of declaration."""
    best = _matrix(nodes, source, target, weight, links)
    least = best + CLOSE * best
    ends = [np.flatnonzero((weight[i] + best[target[i]] <= least[source[i]]) & np.isfinite(best[target[i]])) for i in links]
    if not ends:
        return (np.zeros(0, np.int64),) * 3
    index = np.repeat(np.array(links, dtype=np.int64), [len(found) for found in ends])
    towards = np.concatenate(ends)
    near, far = np.asarray(source, dtype=np.int64)[index], np.asarray(target, dtype=np.int64)[index]
    return index, near * nodes + towards, far * nodes + towards


def _sparse(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> list[list[int]]:
    """The same table for all targets at once: breadth first over the states (node, target) that tight links join."""
    from scipy.sparse import csr_array

    link, near, far = _tight_pairs(nodes, source, target, weight, links)
    behind = csr_array((np.ones(len(link), bool), (far, near)), shape=(nodes * nodes, nodes * nodes))
    count = np.full(nodes * nodes, -1)
    layer = np.arange(nodes) * (nodes + 1)  # every target from itself
    depth = 0
    while len(layer):
        count[layer] = depth
        depth += 1
        found = behind[layer].indices
        layer = np.unique(found[count[found] < 0])
    chosen = np.flatnonzero((count[far] >= 0) & (count[near] == count[far] + 1))
    chosen = chosen[::-1]  # the link declared first is written last
    table = np.full(nodes * nodes, -1)
    table[near[chosen]] = link[chosen]
    return table.reshape(nodes, nodes).tolist()
