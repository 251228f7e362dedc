"""Routes: shortest, free of loops, and the same by both implementations, ties included."""

import random
import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.routes import _plain, _sparse, distances, next_hops


@st.composite
def maps(draw):
    n = draw(st.integers(1, 9))
    ends = st.integers(0, n - 1)
    links = draw(st.lists(st.tuples(ends, ends, st.sampled_from([0.0, 0.5, 1.0, 1.0, 2.0, 0.1, 0.2])), max_size=30))
    links = [(a, b, w) for a, b, w in links if a != b]
    return n, [a for a, _, _ in links], [b for _, b, _ in links], [w for _, _, w in links]


@given(maps())
def test_tables_are_equal_shortest_and_free_of_loops(drawn):
    n, source, target, weight = drawn
    table = _plain(n, source, target, weight, list(range(len(source))))
    assert table == _sparse(n, source, target, weight, list(range(len(source))))
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(zip(source, target, weight, strict=True))
    shortest = dict(nx.all_pairs_dijkstra_path_length(graph))
    matrix = distances(n, source, target, weight)
    for u in range(n):
        for t in range(n):
            assert matrix[u, t] == pytest.approx(shortest[u].get(t, float("inf")), abs=1e-12)
            at, hops, length = u, 0, 0.0
            while at != t and table[at][t] >= 0:
                link = table[at][t]
                assert source[link] == at
                at, hops, length = target[link], hops + 1, length + weight[link]
                assert hops < n
            assert (at == t) == (t in shortest[u])
            if at == t:
                assert length == pytest.approx(shortest[u][t], abs=1e-12)


def test_ties_go_to_fewer_hops_then_to_the_link_declared_first():
    source, target = [0, 0, 1, 2, 0], [1, 2, 3, 3, 3]
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 5.0])[0][3] == 0
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 2.0])[0][3] == 4
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 5.0], down={0})[0][3] == 1


def test_a_large_map_is_ready_in_seconds():
    graph = nx.connected_watts_strogatz_graph(1000, 6, 0.1, seed=1)
    draws = random.Random(0)
    source, target, weight = [], [], []
    for a, b in graph.edges:
        w = draws.choice([0.0, 1.0, 1.0, 2.0])
        source += [a, b]
        target += [b, a]
        weight += [w, w]
    begun = time.process_time()
    table = next_hops(1000, source, target, weight)
    assert time.process_time() - begun < 30  # about 2 s on the machines it was written on; a bound against quadratic mistakes
    assert (np.array(table) >= 0).sum() == 1000 * 999
