"""Routes: shortest paths as next-hop tables.

The tie rule, the same in both implementations: among the links of a node the next hop towards t is one on a path of least weight
(relative 1e-12), among those one with the fewest hops left, among those the one declared first. Fewest hops makes tables free of
loops even where weights are zero: every hop lowers (weight left, hops left) in lexicographic order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush

import numpy as np

PLAIN = 200  # nodes up to which plain Python is used
CLOSE = 1e-12


def next_hops(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], down: Collection[int] = ()) -> list[list[int]]:
    """`table[u][t]`: index of the directed link to take at u towards t; -1 where u is t or there is no path.

    Links are numbered in the order of declaration; those in `down` are not used. Weights are >= 0.
    """
    links = [i for i in range(len(source)) if i not in down]
    if nodes <= PLAIN:
        return _plain(nodes, source, target, weight, links)
    return _sparse(nodes, source, target, weight, links)


def distances(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float]) -> np.ndarray:
    """Least weight from every node to every node, shape (nodes, nodes); inf where there is no path."""
    links = list(range(len(source)))
    if nodes <= PLAIN:
        into = _incoming(nodes, source, target, links)
        return np.array([_to(nodes, t, into, source, weight)[0] for t in range(nodes)]).T.reshape(nodes, nodes)
    return _matrix(nodes, source, target, weight, links)


def _incoming(nodes: int, source: Sequence[int], target: Sequence[int], links: list[int]) -> list[list[int]]:
    into: list[list[int]] = [[] for _ in range(nodes)]
    for i in links:
        into[target[i]].append(i)
    return into


def _to(nodes: int, end: int, into: list[list[int]], source: Sequence[int], weight: Sequence[float]) -> tuple[list[float], list[int]]:
    """(least weight, fewest hops among paths of least weight) from every node to `end`: Dijkstra on the reversed graph."""
    best = [float("inf")] * nodes
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
    hops = [nodes + 1] * nodes
    hops[end] = 0
    layer = [end]
    while layer:  # breadth first over links that lie on a path of least weight
        following = []
        for at in layer:
            for i in into[at]:
                near = source[i]
                if hops[near] > hops[at] + 1 and tight(best[near], weight[i] + best[at]):
                    hops[near] = hops[at] + 1
                    following.append(near)
        layer = following
    return best, hops


def tight(least: float, through: float) -> bool:
    """Whether a path of weight `through` is as short as the shortest."""
    return through <= least + CLOSE * max(least, 1e-300)


def _plain(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> list[list[int]]:
    into = _incoming(nodes, source, target, links)
    table = [[-1] * nodes for _ in range(nodes)]
    for end in range(nodes):
        best, hops = _to(nodes, end, into, source, weight)
        for i in reversed(links):  # the link declared first is written last
            near, far = source[i], target[i]
            if near != end and hops[near] == hops[far] + 1 and hops[far] <= nodes and tight(best[near], weight[i] + best[far]):
                table[near][end] = i
    return table


def _matrix(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> np.ndarray:
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    least: dict[tuple[int, int], float] = {}
    for i in links:  # parallel links: only the lightest matters for the distance
        pair = (source[i], target[i])
        least[pair] = min(weight[i], least.get(pair, float("inf")))
    data = np.array(list(least.values()))
    rows, columns = np.array(list(least)).T if least else (np.zeros(0, int), np.zeros(0, int))
    data = np.where(data == 0.0, 1e-300, data)  # scipy takes an explicit zero for "no edge"; this is lost in any sum
    return dijkstra(csr_matrix((data, (rows, columns)), shape=(nodes, nodes)))


def _sparse(nodes: int, source: Sequence[int], target: Sequence[int], weight: Sequence[float], links: list[int]) -> list[list[int]]:
    """The same table, vectorised over all ends at once."""
    best = _matrix(nodes, source, target, weight, links)
    best[best < 1e-200] = 0.0
    hops = np.full((nodes, nodes), nodes + 1)
    np.fill_diagonal(hops, 0)
    on_path = {}
    for i in links:
        through = weight[i] + best[target[i]]
        near = best[source[i]]
        on_path[i] = np.isfinite(through) & (through <= near + CLOSE * np.maximum(near, 1e-300))
    changed = True
    while changed:  # at most as many rounds as the longest of the shortest paths has hops
        changed = False
        for i in links:
            better = on_path[i] & (hops[target[i]] + 1 < hops[source[i]])
            if better.any():
                hops[source[i], better] = hops[target[i], better] + 1
                changed = True
    table = np.full((nodes, nodes), -1)
    for i in reversed(links):
        chosen = on_path[i] & (hops[source[i]] == hops[target[i]] + 1)
        chosen[source[i]] = False
        table[source[i], chosen] = i
    return table.tolist()
