"""Links that follow recorded round-trip times."""

import numpy as np
import pytest

from scenarios.problems import ScenarioError
from scenarios.readers.rtt import matching, read_matrices
from scenarios.reading import dump_yaml, parse
from simulator.spikes.rtt_recording import added_propagation
from tests.helpers import run
from tests.test_invariants import check

TEXT = """
name: recorded
record: {spans: all}
drain: stop
network: {nodes: [{name: a, workers: unlimited}, {name: b, workers: unlimited}], links: [{between: [a, b], propagation: 5 ms}]}
services: {s: {service_time: 0 s}}
deployments: [{service: s, nodes: [b]}]
applications: {x: {response: 0 B, calls: [{name: c, service: s, payload: 0 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [500 ms, 1.5 s, 2.5 s, 3.5 s, 4.5 s]}}]
spikes: [{name: wild, kind: rtt_recording, links: [a, b], file: rtt_*, unit: ms, interval: 1 s, SPIKE}]
"""
# From node 0 to 1: 20, 60, not measured, 30 ms; back: 20, 20, 40, 20 ms.
MATRICES = [(20, 20), (60, 20), (0, 40), (30, 20)]


@pytest.fixture
def folder(tmp_path):
    for k, (there, back) in enumerate(MATRICES):
        (tmp_path / f"rtt_{k + 8}").write_text(f"0\t{there}\t1\n{back}\t0\t1\n1\t1\t0\n")
    return tmp_path


def loaded(folder, spike: str):
    return parse(TEXT.replace("SPIKE", spike), folder / "scenario.yaml")


def test_files_are_in_the_order_of_their_numbers(folder):
    assert [path.name for path in matching(folder / "rtt_*")] == ["rtt_8", "rtt_9", "rtt_10", "rtt_11"]
    matrices = read_matrices(folder / "rtt_*", "ms")
    assert matrices.shape == (4, 3, 3)
    np.testing.assert_allclose(matrices[:, 1, 0], [0.02, 0.02, 0.04, 0.02])
    assert np.isnan(matrices[2, 0, 1])


def test_the_excess_over_the_reference_is_halved():
    rtts = np.array([np.nan, 20, 60, np.nan, 30])
    np.testing.assert_allclose(added_propagation(rtts, "minimum"), [0, 0, 20, 20, 5])
    np.testing.assert_allclose(added_propagation(rtts, "median"), [0, 0, 15, 15, 0])
    np.testing.assert_array_equal(added_propagation(np.full(2, np.nan), "median"), [0, 0])


@pytest.mark.parametrize(
    ("spike", "extra"),
    [
        ("rows: {a: 0, b: 1}, reference: minimum", [0, 20, 20 + 10, 5, 0]),
        ("rows: {a: 1, b: 0}, reference: minimum", [0, 20, 10 + 20, 5, 0]),
        ("pair: [0, 1], reference: minimum", [0, 40, 40, 10, 0]),  # both directions follow the one pair
        ("pair: [0, 1]", [0, 30, 30, 0, 0]),
        ("pair: [0, 1], reference: minimum, repeat: true", [0, 40, 40, 10, 0]),
    ],
)
def test_latencies_follow_the_recording(folder, spike, extra):
    trace = run(loaded(folder, spike).scenario)
    check(trace)
    np.testing.assert_allclose(trace.latency, (10 + np.array(extra)) / 1000, atol=1e-12)
    spans = trace.tables()["spans"]
    mine = spans["kind"].values() == "spike"
    assert set(spans["spike"].values()[mine]) == {"wild"}
    assert (spans["end_s"] - spans["start_s"])[mine].sum() == pytest.approx(sum(extra) / 1000)


def test_its_episodes_are_recorded(folder):
    trace = run(loaded(folder, "rows: {a: 0, b: 1}, reference: minimum").scenario)
    found = [(target, start, end, pytest.approx(magnitude)) for _, target, start, end, magnitude in trace.episodes]
    assert found == [("a -> b", 1, 2, 0.02), ("a -> b", 2, 3, 0.02), ("b -> a", 2, 3, 0.01), ("a -> b", 3, 4, 0.005)]


def test_the_resolved_scenario_knows_its_files(folder):
    scenario = loaded(folder, "pair: [0, 1]").scenario
    again = parse(dump_yaml(scenario), folder / "elsewhere" / "scenario.yaml").scenario
    assert again == scenario
    (folder / "rtt_9").write_text("0\t1\t1\n1\t0\t1\n1\t1\t0\n")
    with pytest.raises(ScenarioError, match="is not what this scenario was made with"):
        parse(dump_yaml(scenario), folder / "scenario.yaml")


@pytest.mark.parametrize(
    ("spike", "said"),
    [
        ("pair: [0, 3]", "spikes[0].pair[1]: expected a row from 0 to 2, got 3"),
        ("pair: [1, 1]", "spikes[0].pair: must be two different rows, they are [1, 1]"),
        ("rows: {a: 0}", "spikes[0].rows: the link a -- b ends at 'b', which has no row"),
        ("rows: {a: 0, b: 0}", "spikes[0].rows: the nodes 'a' and 'b', which share a link, have the same row"),
        ("interval: 1 s", "spikes[0]: give either 'pair' (a row and a column for all links, counted from 0) or 'rows' (the row of each node)"),
    ],
)
def test_mistakes(folder, spike, said):
    text = TEXT.replace(", interval: 1 s, SPIKE", ", SPIKE") if spike.startswith("interval") else TEXT
    with pytest.raises(ScenarioError) as caught:
        parse(text.replace("SPIKE", spike), folder / "scenario.yaml")
    assert said.split(", they are")[0] in str(caught.value)


def test_files_that_are_no_matrices(folder):
    (folder / "rtt_12").write_text("0\t1\n1\t0\n")
    with pytest.raises(ScenarioError, match="rtt_12: expected 3 rows as in rtt_8, found 2"):
        loaded(folder, "pair: [0, 1]")
    (folder / "rtt_12").write_text("0\tx\n1\t0\n")
    with pytest.raises(ScenarioError, match="rtt_12: expected a matrix of numbers"):
        loaded(folder, "pair: [0, 1]")
