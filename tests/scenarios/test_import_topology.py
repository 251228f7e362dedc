"""Topologies from outside: sites, users, demands; what enters where; and that offered loads know who may serve whom."""

import json

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.imports import import_topology, write_scenario
from scenarios.loads import offered_loads
from scenarios.readers import InputError
from scenarios.readers.geography import haversine
from scenarios.readers.sites import distances, neighbour_links, read_positions, read_sites, users_by_site
from scenarios.reading import load
from tests.helpers import finished, run, scenario

SITES = "SITE_ID,LATITUDE,LONGITUDE\n1,-37.800,144.900\n2,-37.800,144.910\n3,-37.800,144.930\n"
USERS = "Latitude,Longitude\n-37.8001,144.9001\n-37.8001,144.9002\n-37.801,144.929\n-37.9,144.9\n"


def imported(path, out, **options):
    write_scenario(import_topology(path, out, **options), out)
    return load(out)


def short(loaded, requests=300):
    """A run of a few requests."""
    text = loaded.path.read_text().splitlines()
    changed = [line if not line.startswith("horizon") else f"requests: {requests}" for line in text]
    short_one = loaded.path.with_name("short.yaml")
    short_one.write_text("\n".join(changed) + "\n")
    return run(load(short_one).scenario)


@pytest.fixture
def city(tmp_path):
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "users.csv").write_text(USERS)
    return tmp_path


def test_sites_and_users(city):
    loaded = imported(city / "sites.csv", city / "city.yaml", users=city / "users.csv", neighbours=1)
    entry = loaded.scenario.workload[0]
    assert entry.ingress.weights == {"site-1": 2, "site-3": 1}
    assert [link.between for link in loaded.scenario.network.links] == [("site-1", "site-2"), ("site-2", "site-3")]
    assert "4 users of users.csv: 3 have a site within reach, 1 have none" in loaded.text
    far = haversine(-37.8, 144.91, -37.8, 144.93)
    assert f"# {far:,.0f} m" in loaded.text
    trace = short(loaded)
    names = [node.name for node in loaded.build().nodes]
    entered = np.bincount(np.asarray(trace.requests["ingress"]), minlength=3)
    assert names == ["site-1", "site-2", "site-3"]
    share = entered[0] / entered.sum()
    assert entered[1] == 0 and abs(share - 2 / 3) < 4 * np.sqrt(2 / 9 / entered.sum())


def test_without_users_all_sites_are_alike(city):
    loaded = imported(city / "sites.csv", city / "city.yaml")
    assert loaded.scenario.workload[0].ingress.weights == "uniform" and "no users were given" in loaded.text
    named = read_sites(city / "sites.csv", "LONGITUDE")
    assert named.names == ("144.900", "144.910", "144.930")


@pytest.mark.parametrize(
    "sites, users, message",
    [
        ("SITE_ID,LAT\n1,2\n", USERS, r"sites\.csv:1: expected a column 'longitude'"),
        ("SITE_ID,LATITUDE,LONGITUDE\n1,91,2\n", USERS, r"sites\.csv:2: LATITUDE: expected degrees from -90 to 90, got '91'"),
        ("SITE_ID,LATITUDE,LONGITUDE\n1,9,2\n1,9,3\n", USERS, r"sites\.csv:3: the site '1' stands twice \(first in line 2\)"),
        ("SITE_ID,LATITUDE,LONGITUDE\n1,9\n", USERS, r"sites\.csv:2: expected 3 fields, found 2"),
        ("SITE_ID,LATITUDE,LONGITUDE\n", USERS, "a header but no row"),
        (SITES, "Latitude,Longitude\n0,0\n", r"users\.csv: no user has a site within 500 m"),
        (SITES, "Latitude,Longitude\nx,0\n", r"users\.csv:2: Latitude: expected degrees"),
    ],
)
def test_bad_sites(city, sites, users, message):
    (city / "sites.csv").write_text(sites)
    (city / "users.csv").write_text(users)
    with pytest.raises(InputError, match=message):
        import_topology(city / "sites.csv", city / "city.yaml", users=city / "users.csv")


@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 1000))
def test_links_join_everything_and_reach_the_nearest(count, neighbours, seed):
    generator = np.random.default_rng(seed)
    sites = generator.uniform(-1, 1, (count, 2))
    if count > 3:
        sites[2] = sites[1]  # two sites in one place
    links = neighbour_links(sites, neighbours)
    graph = networkx.Graph([(a, b) for a, b, _ in links])
    graph.add_nodes_from(range(count))
    assert networkx.is_connected(graph)
    whole = networkx.Graph()
    whole.add_nodes_from(range(count))
    for a in range(count):
        far = distances(sites[a], sites)
        assert far[a] == 0.0 and all(far[b] == pytest.approx(haversine(*sites[a], *sites[b])) for b in range(count))
        others = sorted((far[b], b) for b in range(count) if b != a)
        for distance, b in others[:neighbours]:
            assert graph.has_edge(a, b) or distance == others[neighbours - 1][0]
        whole.add_weighted_edges_from((a, int(b), d) for d, b in others)
    length = networkx.minimum_spanning_tree(whole).size("weight")
    kept = networkx.Graph()
    kept.add_nodes_from(range(count))
    kept.add_weighted_edges_from(links)
    assert networkx.minimum_spanning_tree(kept).size("weight") == pytest.approx(length)


def test_users_go_to_the_nearest_site_in_reach():
    sites = np.array([[0.0, 0.0], [0.0, 0.01]])
    users = np.array([[0.0, 0.002], [0.0, 0.0049], [0.0, 0.0051], [0.0, 0.02]])
    assert users_by_site(sites, users, 2000.0).tolist() == [2, 2]
    assert users_by_site(sites, users, 600.0).tolist() == [2, 1]
    assert users_by_site(sites, users, 100.0).tolist() == [0, 0]


def node_link(**graph):
    nodes = [{"id": i, "name": name, "pos": [float(i), 50.0]} for i, name in enumerate("abc")]
    return {"nodes": nodes, "edges": [{"source": 0, "target": 1, "dist": 70.0}, {"source": 1, "target": 2, "dist": 70.0}], "graph": graph}


def test_demands_are_weights(tmp_path):
    (tmp_path / "net.json").write_text(json.dumps(node_link(demands={"0": {"1": 5.0, "2": 1}, "2": {"0": 0.5}})))
    loaded = imported(tmp_path / "net.json", tmp_path / "net.yaml")
    assert loaded.scenario.workload[0].ingress.weights == {"a": 6.5, "b": 5, "c": 1.5}
    assert loaded.scenario.network.topology.file == str(tmp_path / "net.json") and "file: net.json" in loaded.text
    assert finished(short(loaded))
    (tmp_path / "net.json").write_text(json.dumps(node_link(demands={})))
    assert imported(tmp_path / "net.json", tmp_path / "even.yaml").scenario.workload[0].ingress.weights == "uniform"


@pytest.mark.parametrize("demands, message", [({"9": {"0": 1}}, "names the node '9'"), ({"0": 3}, "expected"), ({"0": {"1": -2}}, "an amount from 0 on")])
def test_bad_demands(tmp_path, demands, message):
    (tmp_path / "net.json").write_text(json.dumps(node_link(demands=demands)))
    with pytest.raises(InputError, match=r"graph\.demands: .*" + message):
        import_topology(tmp_path / "net.json", tmp_path / "net.yaml")


def test_graphml_and_gml(tmp_path):
    graph = networkx.cycle_graph(5)
    for node in graph:
        graph.nodes[node].update(Latitude=float(node), Longitude=1.0)
    networkx.write_graphml(graph, tmp_path / "ring.graphml")
    networkx.write_gml(graph, tmp_path / "ring.gml")
    for name in ("ring.graphml", "ring.gml"):
        assert finished(short(imported(tmp_path / name, tmp_path / f"{name}.yaml")))
    with pytest.raises(InputError, match="users go with a"):
        import_topology(tmp_path / "ring.gml", tmp_path / "x.yaml", users=tmp_path / "u.csv")


LINE = """
name: line
horizon: 10 s
network:
  nodes: [{name: a}, {name: b, workers: 3}, {name: c}, {name: far, workers: 100}]
  links: [{between: [a, b], bandwidth: 1 Mbit/s}, {between: [b, c], bandwidth: 1 Mbit/s}, {between: [c, far], bandwidth: 1 Mbit/s}]
services: {s: {service_time: 10 ms}, t: {service_time: 10 ms}}
deployments: [{service: s, nodes: all}, {service: t, nodes: [a, b, c]}]
applications: {x: {calls: [{name: s, service: s, payload: 1 kB}, {name: t, service: t, after: {s: 1 kB}}]}}
workload: [{name: w, application: x, ingress: {nodes: [a, b], weights: {a: 3, b: 1}}, arrivals: {kind: poisson, rate: 10 /s}}]
control: {policy: random, hops: %s}
"""


def test_offered_loads_stay_within_hops(tmp_path):
    near = offered_loads(scenario(LINE % 1), tmp_path)
    # s: of a's share 1/4 stays, 3/4 go to b; of b's 1/5 go to a, 3/5 stay, 1/5 go to c. Then t the same way from where s ran.
    s = {"a": 0.75 / 4 + 0.25 / 5, "b": 0.75 * 3 / 4 + 0.25 * 3 / 5, "c": 0.25 / 5}
    t = {"a": s["a"] / 4 + s["b"] / 5, "b": 3 / 4 * s["a"] + 3 / 5 * s["b"] + 3 / 4 * s["c"], "c": s["b"] / 5 + s["c"] / 4}
    for node, workers in (("a", 1), ("b", 3), ("c", 1)):
        assert near["stations"][node] == pytest.approx(10 * 0.010 * (s[node] + t[node]) / workers)
    assert near["stations"]["far"] == 0.0 and "c -> far" not in near["links"]
    anywhere = offered_loads(scenario(LINE % "all"), tmp_path)
    assert anywhere["stations"]["far"] == pytest.approx(10 * 0.010 * 100 / 105 / 100)


def test_melbourne(shared, tmp_path):
    folder = shared / "data" / "topologies"
    loaded = imported(folder / "eua_melbourne_cbd_servers.csv", tmp_path / "m.yaml", users=folder / "eua_melbourne_cbd_users.csv")
    weights = loaded.scenario.workload[0].ingress.weights
    assert len(loaded.scenario.network.nodes) == 125 and sum(weights.values()) == 816
    sites, users = read_sites(folder / "eua_melbourne_cbd_servers.csv"), read_positions(folder / "eua_melbourne_cbd_users.csv")
    nearest = [min((haversine(*user, *site), name) for name, site in zip(sites.names, sites.positions, strict=True))[1] for user in users]
    assert weights == {f"site-{name}": nearest.count(name) for name in set(nearest)}
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.2
    assert finished(short(loaded))


@pytest.mark.parametrize("name", ["germany50.json", "polska.json", "Abilene.json", "BtEurope.json", "Abilene_zoo.gml"])
def test_real_topologies(shared, tmp_path, name):
    loaded = imported(shared / "data" / "topologies" / name, tmp_path / "t.yaml")
    weights = loaded.scenario.workload[0].ingress.weights
    if name in ("germany50.json", "polska.json"):
        data = json.loads((shared / "data" / "topologies" / name).read_text())
        total = sum(amount for row in data["graph"]["demands"].values() for amount in row.values())
        assert sum(weights.values()) == pytest.approx(2 * total)
    else:
        assert weights == "uniform"
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.0
    assert finished(short(loaded))
