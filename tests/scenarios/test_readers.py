"""Real inputs where they are, and small ones of our own."""

import numpy as np
import pytest

from scenarios.readers import InputError
from scenarios.readers.topologies import Topology, TopologyNode, great_circle, propagation_from_length, read_topology
from scenarios.readers.traces import read_column, read_trace


def test_azure_code_trace(shared):
    trace = read_trace(shared / "data" / "requests" / "azure_llm_2023_code.csv", "azure-llm")
    assert len(trace.times) == 8819
    assert trace.times[0] == 0.0
    assert trace.times[1] == pytest.approx(0.052, abs=1e-12)
    assert trace.columns["prompt"][0] == 4808
    assert trace.columns["output"][0] == 10
    assert (np.diff(trace.times) >= 0).all()


def test_germany50(shared):
    data = read_topology(Topology(file="germany50.json", name_by="name"), shared / "data" / "topologies")
    assert (len(data.nodes), len(data.links)) == (50, 88)
    assert data.notes == ()
    assert "Frankfurt" in {node.name for node in data.nodes}


def test_zero_length_links_are_reported(shared):
    data = read_topology(Topology(file="BtEurope.json"), shared / "data" / "topologies")
    assert any("length 0" in note for note in data.notes)
    assert propagation_from_length(0.0, 1.3, 5e-5) == 5e-5


def test_topology_zoo_gml(shared):
    data = read_topology(Topology(file="Abilene_zoo.gml"), shared / "data" / "topologies")
    assert (len(data.nodes), len(data.links)) == (11, 14)
    assert {node.name for node in data.nodes} >= {"New York", "Chicago"}
    assert all(link.length and 1e5 < link.length < 5e6 for link in data.links)


def test_topohub_equals_the_file(shared):
    ours = read_topology(Topology(topohub="sndlib/germany50", name_by="name"), shared)
    theirs = read_topology(Topology(file="germany50.json", name_by="name"), shared / "data" / "topologies")
    assert ours.links == theirs.links


def test_duplicates_loops_and_parts_are_reported(tmp_path):
    (tmp_path / "x.json").write_text(
        '{"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}, {"id": 3}], "multigraph": true,'
        ' "edges": [{"source": 1, "target": 2, "dist": 3}, {"source": 1, "target": 2, "dist": 4}, {"source": 1, "target": 1}]}'
    )
    data = read_topology(Topology(file="x.json"), tmp_path)
    assert [node.name for node in data.nodes] == ["a", "a-2", "3"]
    assert [(link.source, link.target, link.length) for link in data.links] == [("a", "a-2", 3000.0)]
    assert len(data.notes) == 4


def test_graphml(tmp_path):
    import networkx as nx

    nx.write_graphml(nx.path_graph(4), tmp_path / "path.graphml")
    assert len(read_topology(Topology(file="path.graphml"), tmp_path).links) == 3


def test_great_circle():
    berlin, munich = TopologyNode("b", 52.52, 13.405), TopologyNode("m", 48.137, 11.575)
    assert great_circle(berlin, munich) == pytest.approx(504e3, rel=0.01)
    assert great_circle(berlin, TopologyNode("x")) is None


def test_columns(tmp_path):
    (tmp_path / "bare.csv").write_text("3\n4\n")
    np.testing.assert_array_equal(read_column(tmp_path / "bare.csv"), [3.0, 4.0])
    (tmp_path / "named.csv").write_text("a,b\n1,2\n3,4\n")
    np.testing.assert_array_equal(read_column(tmp_path / "named.csv", "b"), [2.0, 4.0])
    with pytest.raises(InputError, match="name one of a, b"):
        read_column(tmp_path / "named.csv")
