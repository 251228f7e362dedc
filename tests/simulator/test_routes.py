"""Next-hop tables: shortest, free of loops, with one tie rule in both implementations."""

import math
import random
import time

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import routes
from simulator.routes import _plain, _sparse, distances, hops, next_hops

SMALL = {"one way": [1, 1, 1], "ties": [1.0, 1.0, 2.0], "zeros": [0.0, 0.0, 1.0], "decimals": [0.1, 0.2, 0.3], "apart": [1e-9, 1.0, 1e6]}


@st.composite
def graphs(draw):
    """(nodes, source, target, weight): few nodes, so that ties, zero weights, parallel and one-way links and lone parts are common."""
    nodes = draw(st.integers(1, 9))
    palette = draw(st.sampled_from(list(SMALL.values())))
    end = st.integers(0, nodes - 1)
    links = draw(st.lists(st.tuples(end, end, st.sampled_from(palette)).filter(lambda link: link[0] != link[1]), max_size=30))
    return nodes, [a for a, _, _ in links], [b for _, b, _ in links], [w for _, _, w in links]


def least_by_relaxation(nodes, source, target, weight):
    """Bellman and Ford, an algorithm the module does not use."""
    best = np.full((nodes, nodes), math.inf)
    np.fill_diagonal(best, 0.0)
    for _ in range(nodes):
        for a, b, w in zip(source, target, weight, strict=True):
            best[a] = np.minimum(best[a], w + best[b])
    return best


def walk(table, source, target, weight, at, end):
    """(links taken, their weight) when the table is followed; fails when it leads in a circle."""
    taken, total = [], 0.0
    while at != end:
        link = table[at][end]
        assert link >= 0 and source[link] == at
        assert len(taken) < len(table) - 1, "more hops than a path without a circle can have"
        taken.append(link)
        total += weight[link]
        at = target[link]
    return taken, total


@pytest.mark.parametrize("find", [_plain, _sparse])
@given(graph=graphs())
def test_a_table_leads_to_every_target_by_a_shortest_path(find, graph):
    nodes, source, target, weight = graph
    table = find(nodes, source, target, weight, list(range(len(source))))
    least = least_by_relaxation(nodes, source, target, weight)
    for u in range(nodes):
        for t in range(nodes):
            if u == t or math.isinf(least[u, t]):
                assert table[u][t] == -1
            else:
                assert walk(table, source, target, weight, u, t)[1] == pytest.approx(least[u, t], rel=1e-11, abs=0)


@given(graph=graphs())
def test_ties_go_to_fewer_hops_and_then_to_the_link_declared_first(graph):
    nodes, source, target, weight = graph
    table = next_hops(nodes, source, target, weight)
    network = networkx.MultiDiGraph()
    network.add_nodes_from(range(nodes))
    for i, (a, b) in enumerate(zip(source, target, strict=True)):
        network.add_edge(a, b, key=i)
    for u in range(nodes):
        for t in range(nodes):
            paths = [[key for _, _, key in path] for path in networkx.all_simple_edge_paths(network, u, t)] if u != t else []
            if len(paths) > 300:
                continue
            if paths:
                weights = [sum(weight[i] for i in path) for path in paths]
                lightest = [path for path, total in zip(paths, weights, strict=True) if total <= min(weights) * (1 + 1e-11)]
                fewest = min(map(len, lightest))
                assert table[u][t] == min(path[0] for path in lightest if len(path) == fewest)


@given(graph=graphs(), data=st.data())
def test_both_implementations_agree(graph, data):
    nodes, source, target, weight = graph
    links = [i for i in range(len(source)) if data.draw(st.booleans(), label=f"link {i} up")]
    assert _plain(nodes, source, target, weight, links) == _sparse(nodes, source, target, weight, links)


@pytest.mark.parametrize("palette", SMALL.values(), ids=SMALL)
def test_both_implementations_agree_on_larger_graphs(palette):
    generator = np.random.default_rng(len(palette) + int(palette[0]))
    source, target = generator.integers(0, 60, 240).tolist(), generator.integers(0, 60, 240).tolist()
    weight = generator.choice(palette, 240).tolist()
    links = [i for i in range(240) if source[i] != target[i]]
    assert _plain(60, source, target, weight, links) == _sparse(60, source, target, weight, links)


@given(graph=graphs(), data=st.data())
def test_links_that_are_down_or_infinite_are_as_if_absent(graph, data):
    nodes, source, target, weight = graph
    down = [i for i in range(len(source)) if data.draw(st.booleans(), label=f"link {i} down")]
    kept = [i for i in range(len(source)) if i not in set(down)]
    alone = next_hops(nodes, [source[i] for i in kept], [target[i] for i in kept], [weight[i] for i in kept])
    renumbered = [[kept[link] if link >= 0 else -1 for link in row] for row in alone]
    assert next_hops(nodes, source, target, weight, down) == renumbered
    infinite = [math.inf if i in set(down) else w for i, w in enumerate(weight)]
    assert next_hops(nodes, source, target, infinite) == renumbered


@pytest.mark.parametrize("plain", [200, 0])
@given(graph=graphs())
def test_distances_and_hops(plain, graph):
    nodes, source, target, weight = graph
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "PLAIN", plain)
        least = least_by_relaxation(nodes, source, target, weight)
        assert distances(nodes, source, target, weight) == pytest.approx(least, rel=1e-12, abs=0)
        fewest = least_by_relaxation(nodes, source, target, [1] * len(source))
        assert hops(nodes, source, target).dtype == np.int64
        assert np.array_equal(hops(nodes, source, target), np.where(np.isinf(fewest), nodes, fewest))


def test_parallel_links_take_the_lighter_and_among_equals_the_first():
    assert next_hops(2, [0, 0, 0], [1, 1, 1], [2.0, 1.0, 1.0])[0][1] == 1


def test_a_circle_of_zero_weights_is_left_by_fewest_hops():
    source, target = [0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]
    table = next_hops(3, source, target, [0.0] * 6)
    assert table == [[-1, 0, 5], [1, -1, 2], [4, 3, -1]]


def test_decimal_sums_that_differ_in_the_last_bit_are_ties():
    # 0.1 + 0.2 is not 0.3 in floating point; by the rule both ways from 0 to 2 weigh the same and the single hop wins
    assert 0.1 + 0.2 > 0.3
    assert next_hops(3, [0, 1, 0], [1, 2, 2], [0.1, 0.2, 0.1 + 0.2])[0][2] == 2
    assert next_hops(3, [0, 1, 0], [1, 2, 2], [0.1, 0.2, 0.3])[0][2] == 2


def test_empty_networks():
    assert next_hops(0, [], [], []) == [] and next_hops(1, [], [], []) == [[-1]]
    assert _sparse(3, [], [], [], []) == [[-1] * 3] * 3
    assert distances(0, [], [], []).shape == (0, 0) and hops(0, [], []).shape == (0, 0)


def test_the_size_decides_which_implementation_runs_and_nothing_else(monkeypatch):
    graph = networkx.gnm_random_graph(250, 600, seed=3)
    source = [a for edge in graph.edges() for a in edge]
    target = [b for a, b in graph.edges() for b in (b, a)]
    weight = [float((a * b) % 3) for a, b in zip(source, target, strict=True)]
    sparse = next_hops(250, source, target, weight)
    monkeypatch.setattr(routes, "PLAIN", 1000)
    assert next_hops(250, source, target, weight) == sparse


def test_ties_worked_by_hand():
    source, target = [0, 0, 1, 2, 0], [1, 2, 3, 3, 3]
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 5.0])[0][3] == 0
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 2.0])[0][3] == 4
    assert next_hops(4, source, target, [1.0, 1.0, 1.0, 1.0, 5.0], down={0})[0][3] == 1


def test_a_large_map_is_ready_in_seconds():
    graph = networkx.connected_watts_strogatz_graph(1000, 6, 0.1, seed=1)
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
