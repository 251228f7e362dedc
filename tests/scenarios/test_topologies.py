"""Topologies from outside: what is read from each format, what is repaired and said, what is refused."""

import json
import math

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.readers import InputError
from scenarios.readers.geography import EARTH, haversine
from scenarios.readers.graphs import KNOWN, Graph
from scenarios.readers.topologies import Attribute, Topology, of_graph, propagation_from_length, read_topology
from simulator.descriptions import adapter
from tests.conftest import ROOT

DATA = ROOT / "tests" / "data" / "topologies"
DEGREE = math.pi / 180 * EARTH  # m along a meridian, or along the equator


def read(base=DATA, **fields):
    return read_topology(Topology(**fields), base)


def said(data, *words):
    return [note for note in data.notes if all(word in note for word in words)]


def test_node_link_json():
    data = read(file="campus.json")
    assert [node.name for node in data.nodes] == ["Hall", "Hall-2", "Library", "Hall-2-2"]
    assert (data.nodes[1].latitude, data.nodes[1].longitude) == (0.0, 1.0)
    assert data.nodes[3].latitude is None and data.nodes[3].attributes["code"] == "x"
    assert [(link.source, link.target) for link in data.links] == [("Hall", "Hall-2"), ("Hall-2", "Library")]
    assert data.links[0].length == pytest.approx(DEGREE) and data.links[0].weight == 3.0
    assert data.links[1].length == 0.0 and data.links[1].bandwidth is None and data.links[1].propagation is None


def test_repairs_are_said():
    data = read(file="campus.json")
    assert said(data, "'Hall' stands twice", "Hall-2")
    assert said(data, "2 parallel links were merged")
    assert said(data, "1 links from a node to itself were dropped")
    assert said(data, "1 links have length 0")
    assert said(data, "1 nodes have no coordinates", "Hall-2-2")
    assert said(data, "2 parts")
    assert all("campus.json" in note for note in data.notes) and len(data.notes) == 7


def test_what_an_option_reads():
    data = read(
        file="campus.json",
        name_by="code",
        propagation_by=Attribute("latency", "ms"),
        bandwidth_by=Attribute("capacity"),
        length_by=Attribute("dist", "m"),
    )
    assert [node.name for node in data.nodes] == ["h", "g", "l", "x"]
    assert [link.propagation for link in data.links] == [0.0015, 0.002]
    assert [link.bandwidth for link in data.links] == [1e10, 1e9]
    assert not said(data, "length 0"), "a link with a propagation of its own needs no length"


def test_a_number_without_unit_is_refused():
    with pytest.raises(InputError, match=r"link Hall - Hall-2: attribute 'latency': expected a time such as '15 ms'.*got 1.5"):
        read(file="campus.json", propagation_by=Attribute("latency"))


def test_graphml_and_directed_links():
    data = read(file="streets.graphml")
    assert [node.name for node in data.nodes] == ["Mühle", "Brücke", "Markt"]
    assert [(link.source, link.target, link.bandwidth) for link in data.links] == [("Mühle", "Brücke", 1e9), ("Brücke", "Markt", None)]
    assert data.links[0].length == pytest.approx(DEGREE) and data.links[1].length is None
    assert said(data, "1 links of this directed graph have no opposite") and not said(data, "parallel")
    assert said(data, "1 links have neither length nor propagation")


def test_gml_of_the_topology_zoo():
    data = read(file="valley.gml")
    assert [node.name for node in data.nodes] == ["None", "None-2", "Source"]
    assert [link.bandwidth for link in data.links] == [155e6, None]
    assert said(data, "1 parallel links were merged")
    assert data.links[0].length == pytest.approx(DEGREE * math.cos(math.radians(10)), rel=1e-4)


def test_topohub():
    by_place = read(topohub="sndlib/germany50", name_by="name")
    assert len(by_place.nodes) == 50 and len(by_place.links) == 88
    assert "Berlin" in {node.name for node in by_place.nodes}
    assert all(node.latitude is not None and 47 < node.latitude < 55.1 for node in by_place.nodes)


@pytest.mark.parametrize(
    ("name", "near"), [("topozoo/abilene", "topozoo/Abilene"), ("germany50", "sndlib/germany50"), ("sndlib/germny50", "sndlib/germany50")]
)
def test_an_unknown_topohub_name_brings_the_nearest(name, near):
    with pytest.raises(InputError, match=f"no topology '{name}'; did you mean .*'{near}'"):
        read(topohub=name)


@pytest.mark.parametrize("name", ["nowhere/Atlantis", "../__init__", "", "sndlib"])
def test_an_unknown_topohub_name_without_a_near_one(name):
    with pytest.raises(InputError, match="topohub has no topology"):
        read(topohub=name)


@pytest.mark.parametrize("name", KNOWN)
def test_generators(name):
    data = read(generate=name, nodes=16, seed=5)
    assert len(data.nodes) == 16 and data.nodes[3].name == "n-3" and data.links
    assert read(generate=name, nodes=16, seed=5) == data


def test_a_generator_follows_its_seed_and_parameters():
    links = [read(generate="erdos_renyi", nodes=30, probability=0.3, seed=seed).links for seed in (1, 2)]
    assert links[0] != links[1]
    assert len(read(generate="barabasi_albert", nodes=30, degree=3).links) == 27 * 3
    assert len(read(generate="random_regular", nodes=30, degree=4).links) == 60
    assert len(read(generate="watts_strogatz", nodes=30, degree=6).links) == 90
    assert said(read(generate="grid", nodes=7), "the generator makes 9 nodes, not 7")


def test_any_other_generator_of_networkx():
    assert len(read(generate="balanced_tree", parameters=(("r", 2), ("h", 3))).nodes) == 15
    assert len(read(generate="petersen").links) == 15
    one = read(generate="powerlaw_cluster_graph", nodes=20, parameters=(("m", 2), ("p", 0.5)), seed=1)
    assert len(one.nodes) == 20 and one == read(generate="powerlaw_cluster", nodes=20, parameters=(("m", 2), ("p", 0.5)), seed=1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"generate": "watz_strogatz", "nodes": 5}, "did you mean 'watts_strogatz'"),
        ({"generate": "read_gml", "nodes": 5}, "unknown generator"),
        ({"generate": "random_regular", "nodes": 5, "degree": 3}, "generate random_regular: "),
        ({"generate": "cycle"}, "missing 'nodes'"),
        ({"generate": "cycle", "nodes": 5, "degree": 2}, "takes no 'k'"),
        ({"generate": "balanced_tree", "parameters": (("r", "x"), ("h", 2))}, "generate balanced_tree: "),
        ({"generate": "balanced_tree", "parameters": (("r", 2), ("create_using", 2))}, "takes no 'create_using'"),
    ],
)
def test_generators_that_cannot_be(fields, message):
    with pytest.raises(InputError, match=message):
        read(**fields)


def node_link(**changes):
    return json.dumps({"nodes": [{"id": "a"}, {"id": "b"}], "edges": [{"source": "a", "target": "b"}], **changes})


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected"><node id="a"/>{}</graph></graphml>'
BROKEN = {
    "bad.json": [
        ("", "bad.json:1: not JSON"),
        ('{"nodes": [],\n "edges": [}', "bad.json:2: not JSON"),
        ("[]", "expected node-link JSON"),
        ("3", "expected node-link JSON"),
        ('{"nodes": {}, "edges": []}', "expected node-link JSON"),
        ("[" * 100_000, "nested|not JSON"),
        (node_link(nodes=[], edges=[]), "no nodes"),
        (node_link(nodes=["a", "b"]), r"nodes\[0\]: expected an object"),
        (node_link(nodes=[{"id": ["a"]}]), r"nodes\[0\]: expected an object"),
        (node_link(nodes=[{"id": "a"}, {"id": "a"}]), r"nodes\[1\]: the id 'a' stands twice"),
        (node_link(edges=[{"source": "a", "target": "z"}]), "names the node 'z', which is not among"),
        (node_link(edges=[{"source": "a", "target": {}}]), "which is not among"),
        (node_link(edges=[{"source": "a"}]), "needs 'source' and 'target'"),
        (node_link(edges=["a-b"]), "needs 'source' and 'target'"),
        (node_link(edges=[{"source": "a", "target": "b", "dist": "far"}]), "link a - b: attribute 'dist': expected a length .*got 'far'"),
        (node_link(edges=[{"source": "a", "target": "b", "dist": -1}]), "not a negative one"),
        (node_link(edges=[{"source": "a", "target": "b", "dist": [1]}]), "attribute 'dist': expected a length"),
    ],
    "bad.graphml": [
        ("", "bad.graphml:1: not XML"),
        ("<graphml>\n<graph>", "bad.graphml:2: not XML"),
        ("<html></html>", "expected GraphML, found XML whose root is <html>"),
        ("<graphml></graphml>", "cannot be read as GraphML"),
        (GRAPHML.format('<edge source="a" target="z"/>'), "names the node 'z', which is not among"),
        (GRAPHML.format('<edge source="a"/>'), "names the node None"),
        (GRAPHML.format('<node id="b"><data key="d9">1</data></node>'), "cannot be read as GraphML"),
        (GRAPHML.replace('<node id="a"/>', "").format(""), "no nodes"),
    ],
    "bad.gml": [
        ("", "expected GML"),
        ("digraph { a -> b }", "expected GML"),
        ("graph [ node [ id 0 ]", "cannot be read as GML"),
        ("graph [ node [ label 0 ] ]", "cannot be read as GML"),
        ("graph [ node [ id 0 ] edge [ source 0 target 9 ] ]", "cannot be read as GML .*9"),
        ("graph [ ]", "no nodes"),
    ],
    "bad.csv": [("a,b", "expected a file ending in")],
}


@pytest.mark.parametrize(("name", "text", "message"), [(name, *case) for name, cases in BROKEN.items() for case in cases])
def test_broken_files_bring_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, file=name)
    assert "\n" not in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize("name", ["bad.json", "bad.graphml", "bad.gml"])
@given(text=st.text(max_size=60) | st.sampled_from(["graph [ %s ]", "<graphml>%s</graphml>", '{"nodes": [%s], "edges": []}']).flatmap(
    lambda form: st.text('[]{}<>/"0a: id', max_size=20).map(lambda inside: form.replace("%s", inside))))  # fmt: skip
def test_no_text_brings_a_traceback(tmp_path_factory, name, text):
    path = tmp_path_factory.mktemp("any") / name
    path.write_text(text, encoding="utf-8")
    try:
        assert read(path.parent, file=name).nodes
    except InputError as error:
        assert "\n" not in str(error)


def test_files_that_are_missing_folders_or_other_bytes(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read(tmp_path, file="nowhere.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path, file="folder.json")
    (tmp_path / "bytes.gml").write_bytes(b"\xff\xfe\x00graph")
    with pytest.raises(InputError, match="UTF-8"):
        read(tmp_path, file="bytes.gml")


def test_a_file_with_another_digest_is_refused():
    with pytest.raises(InputError, match="sha256 differs"):
        read(file="campus.json", sha256="0" * 64)


@pytest.mark.parametrize("name_by", ["city", "pos"])
def test_name_by_must_be_on_every_node(name_by):
    with pytest.raises(InputError, match=rf"node \d has no attribute '{name_by}' \(it has "):
        read(file="campus.json", name_by=name_by)


@given(names=st.lists(st.sampled_from(["a", "a-2", "a-2-2", "", " a "]), min_size=1, max_size=8))
def test_names_stand_once_and_do_not_change_from_run_to_run(names):
    graph = Graph(tuple((i, {"name": name}) for i, name in enumerate(names)), ())
    found = [node.name for node in of_graph(graph, "here", Topology(file="x.json")).nodes]
    assert len(set(found)) == len(names) and all(name == name.strip() != "" for name in found)
    assert found == [node.name for node in of_graph(graph, "here", Topology(file="x.json")).nodes]


def test_great_circles():
    assert haversine(0, 0, 0, 180) == pytest.approx(math.pi * EARTH)
    assert haversine(90, 0, -90, 77) == pytest.approx(math.pi * EARTH)
    assert haversine(12, 34, 12, 34) == 0.0
    assert haversine(52.52, 13.40, 48.14, 11.58) == pytest.approx(504e3, rel=0.01)  # Berlin and Munich


def test_propagation_is_that_of_light_in_fibre():
    assert propagation_from_length(1000e3, 1.0, 0.0) == pytest.approx(5.0e-3, rel=1e-3)
    assert propagation_from_length(1000e3, 1.5, 0.0) == pytest.approx(1.5 * propagation_from_length(1000e3))
    assert propagation_from_length(0.0, 1.3, 50e-6) == 50e-6


@pytest.mark.parametrize(
    "value",
    [
        {"topohub": "topozoo/Abilene"},
        {"file": "x.json", "propagation_by": {"attribute": "latency", "unit": "ms"}},
        {"generate": "balanced_tree", "parameters": {"r": 2, "h": 3}},
    ],
)
def test_the_description_is_read_from_a_file_and_written_back(value):
    described = adapter(Topology).validate_python(value)
    assert hash(described) == hash(adapter(Topology).validate_python(value))
    written = adapter(Topology).dump_python(described, mode="json")
    assert written.get("parameters", {}) == value.get("parameters", {}), "pairs in memory, a mapping in the file"
    assert adapter(Topology).validate_python(written) == described


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "exactly one of"),
        ({"topohub": "a/b", "file": "c.json"}, "exactly one of"),
        ({"generate": "cycle", "nodes": 0}, "at least 1"),
        ({"file": "c.json", "length_by": {"attribute": "d", "unit": "miles"}}, "unknown unit 'miles'"),
        ({"generate": "cycle", "parameters": [1]}, "keywords"),
        ({"generate": "cycle", "parameters": {"n": [1]}}, "keywords"),
        ({"generate": "cycle", "nodez": 3}, "nodez"),
    ],
)
def test_descriptions_that_cannot_be(value, message):
    with pytest.raises(ValueError, match=message):
        adapter(Topology).validate_python(value)


def test_real_maps(shared):
    base = shared / "data" / "topologies"
    germany = read(base, file="germany50.json", name_by="name")
    assert len(germany.nodes) == 50 and len(germany.links) == 88 and not germany.notes
    assert len(read(base, file="Abilene.json").links) == 14 and len(read(base, file="polska.json").nodes) == 12
    europe = read(base, file="BtEurope.json")
    assert sum(link.length == 0.0 for link in europe.links) > 0 and said(europe, "have length 0")


def test_the_zoo_file_and_the_topohub_file_of_one_network_agree(shared):
    zoo = read(shared / "data" / "topologies", file="Abilene_zoo.gml")
    hub = read(shared / "data" / "topologies", file="Abilene.json")
    assert {node.name for node in zoo.nodes} == {node.name for node in hub.nodes}
    lengths = {frozenset((link.source, link.target)): link.length for link in hub.links}
    assert lengths.keys() == {frozenset((link.source, link.target)) for link in zoo.links}
    for link in zoo.links:
        assert link.length == pytest.approx(lengths[frozenset((link.source, link.target))], rel=0.01)
    assert all(link.bandwidth is None for link in zoo.links), "this file names kinds of links (OC-192) and no speeds"


def test_networkx_files_come_back(tmp_path):
    graph = networkx.barbell_graph(3, 1)
    networkx.write_graphml(graph, tmp_path / "x.graphml")
    networkx.write_gml(graph, tmp_path / "x.gml")
    for edges in ("links", "edges"):
        (tmp_path / f"{edges}.json").write_text(json.dumps(networkx.node_link_data(graph, edges=edges)))
    names = ("x.graphml", "x.gml", "links.json", "edges.json")
    found = [{(link.source, link.target) for link in read(tmp_path, file=name).links} for name in names]
    assert found == [{(str(a), str(b)) for a, b in graph.edges()}] * 4


def test_a_scenario_uses_what_the_file_says():
    from scenarios.build_network import network_parts
    from scenarios.schema import LinkDefaults, Network

    topology = Topology(file="campus.json", name_by="code", propagation_by=Attribute("latency", "ms"), bandwidth_by=Attribute("capacity"))
    links = network_parts(Network(topology=topology, link_defaults=LinkDefaults(propagation=1.0)), DATA)[1]
    assert [(link.between, link.propagation, link.bandwidth, link.weight) for link in links] == [
        (("h", "g"), 0.0015, 1e10, 3.0),
        (("g", "l"), 0.002, 1e9, None),
    ]
