"""Energy and cost, worked by hand: jobs at known times with known work."""

import math

import pytest

from analysis.summary import summarise
from tests.helpers import run, scenario

NODES = "[{name: n, workers: 2, power: {idle: 50 W, busy: 250 W}, price: 0.5 /s}, {name: spare, power: {idle: 10 W, busy: 20 W}, price: 3.6 /h}]"
TEXT = """
name: hand
horizon: 10 s
record: {{spans: {spans}}}
network: {{nodes: {nodes}}}
services: {{short: {{service_time: 1 s}}, long: {{service_time: 3 s}}}}
deployments: [{{service: short, nodes: [n]{own}}}, {{service: long, nodes: [n]}}]
applications:
  a: {{objective: 10 s, calls: [{{name: c, service: short}}]}}
  b: {{objective: 10 s, calls: [{{name: c, service: long}}]}}
workload:
  - {{name: wa, application: a, ingress: n, arrivals: {{kind: times, at: [0 s, 4 s]}}}}
  - {{name: wb, application: b, ingress: n, arrivals: {{kind: times, at: [0 s, 8 s]}}}}
{more}
"""


def energy(nodes=NODES, own="", spans="all", more=""):
    return summarise([run(scenario(TEXT.format(nodes=nodes, own=own, spans=spans, more=more)))])


def test_two_workers_by_hand():
    # busy worker time in [0, 10): a 1 + 1, b 3 + 2 (the last one runs to 11): 7 of 20 worker seconds
    summary = energy()
    found = summary["energy"]
    n, spare = found["nodes"]["n"], found["nodes"]["spare"]
    assert n["dynamic_j"] == pytest.approx(200.0 * 7.0 / 2.0)
    assert n["energy_j"] == pytest.approx(50.0 * 10.0 + 700.0) and n["mean_power_w"] == pytest.approx(120.0)
    assert n["cost"] == pytest.approx(5.0)
    assert spare == {"energy_j": pytest.approx(100.0), "dynamic_j": 0.0, "mean_power_w": pytest.approx(10.0), "cost": pytest.approx(0.01)}
    assert found["energy_j"] == pytest.approx(1300.0) and found["cost"] == pytest.approx(5.01)
    # completed within [0, 10): both of a, the first of b
    assert found["energy_per_request_j"] == pytest.approx(1300.0 / 3.0) and found["cost_per_request"] == pytest.approx(5.01 / 3.0)
    assert found["goodput_per_joule"] == pytest.approx(summary["goodput_per_s"] * 10.0 / 1300.0) == pytest.approx(4.0 / 1300.0)
    # a has 2 of the 7 busy seconds of n; the spare node is nobody's
    a, b = found["applications"]["a"], found["applications"]["b"]
    assert a["energy_j"] == pytest.approx(1200.0 * 2.0 / 7.0) and a["energy_per_request_j"] == pytest.approx(600.0 * 2.0 / 7.0)
    assert b["cost"] == pytest.approx(5.0 * 5.0 / 7.0) and b["cost_per_request"] == pytest.approx(5.0 * 5.0 / 7.0)
    assert found["unattributed"] == {"energy_j": pytest.approx(100.0), "cost": pytest.approx(0.01)}


def test_a_station_of_its_own_adds_workers():
    # short jobs on two workers of their own: four workers in all, the same 7 busy worker seconds
    assert energy(own=", workers: 2")["energy"]["nodes"]["n"]["dynamic_j"] == pytest.approx(200.0 * 7.0 / 4.0)


@pytest.mark.parametrize(
    ("discipline", "busy", "share_of_a"),
    [
        # one worker: a 0-1, b 1-4, a 4-5, b 8-10(11): fifo
        ("fifo", 7.0, 2.0 / 7.0),
        # 0-2 shared (a ends at 2 with 1 s of worker time, b has 1), b alone 2-4, a 4-5, b 8-
        ("processor_sharing", 7.0, 2.0 / 7.0),
        # size 2, both types in one batch that lasts as long as the longest: 0-3 with a and b, then a alone from 4 on at once after its wait, b 8-
        ("{kind: batch, size: 2, wait: 0 s, duration: max}", 3.0 + 1.0 + 2.0, (1.5 + 1.0) / 6.0),
        # the sum: 0-4, at 4 the second job of a 4-5, b 8-10
        ("{kind: batch, size: 2, wait: 0 s, duration: sum}", 4.0 + 1.0 + 2.0, (2.0 + 1.0) / 7.0),
    ],
)
def test_disciplines_by_hand(discipline, busy, share_of_a):
    found = energy(f"[{{name: n, power: {{idle: 0 W, busy: 1 W}}, discipline: {discipline}}}]")["energy"]
    assert found["energy_j"] == pytest.approx(busy)
    assert found["applications"]["a"]["energy_j"] == pytest.approx(busy * share_of_a)
    assert found["unattributed"]["energy_j"] == pytest.approx(0.0, abs=1e-12)


def test_a_freeze_keeps_the_worker_busy_and_an_outage_frees_it():
    frozen = energy("[{name: n, power: {idle: 0 W, busy: 1 W}}]", more="spikes: [{name: f, kind: freeze, nodes: [n], at: [4 s], for: 2 s}]")
    assert frozen["energy"]["energy_j"] == pytest.approx(4.0 + 3.0 + 2.0)  # the job of 4-5 stays until 7
    down = energy("[{name: n, power: {idle: 0 W, busy: 1 W}}]", more="spikes: [{name: o, kind: outage, nodes: [n], at: [3 s], for: 2 s}]")
    assert down["energy"]["energy_j"] == pytest.approx(3.0 + 0.0 + 2.0)  # lost at 3; the one of 4 is turned away


def test_attribution_is_refused_where_spans_are_no_fair_sample():
    for spans, word in (("tail", "slowest"), ("none", "no call was traced")):
        found = energy(spans=spans)["energy"]
        assert found["applications"] is None and word in found["reason"] and found["energy_j"] == pytest.approx(1300.0)


def test_nothing_is_said_where_nothing_is_declared():
    assert "energy" not in energy("[{name: n, workers: 2}]")
    assert energy("[{name: n, price: 1 /s}]")["energy"]["goodput_per_joule"] is None


def test_every_replication_counts_alike():
    described = scenario(TEXT.format(nodes=NODES, own="", spans="all", more="").replace("{kind: times, at: [0 s, 4 s]}", "{kind: poisson, rate: 0.4 /s}"))
    traces = [run(described, replication=r) for r in range(3)]
    together = summarise(traces)["energy"]
    alone = [summarise([trace])["energy"] for trace in traces]
    assert together["energy_j"] == pytest.approx(sum(found["energy_j"] for found in alone))
    assert together["mean_power_w"] == pytest.approx(sum(found["mean_power_w"] for found in alone) / 3.0)
    assert math.isclose(sum(a["energy_j"] for a in together["applications"].values()) + together["unattributed"]["energy_j"], together["energy_j"])


def test_units():
    described = scenario(TEXT.format(nodes="[{name: n, power: {idle: 500 mW, busy: 0.3 kW}, price: 1.8 /h}]", own="", spans="all", more=""))
    node = described.network.nodes[0]
    assert (node.power.idle, node.power.busy, node.price) == (0.5, 300.0, 0.0005)


def test_the_nodes_of_a_topology_and_counted_nodes_have_it_too():
    ring = "topology: {generate: cycle_graph, nodes: 3}, node_defaults: {power: {idle: 10 W, busy: 10 W}, price: 1 /s}"
    counted = "nodes: [{name: n, count: 3, power: {idle: 10 W, busy: 10 W}, price: 1 /s}]"
    for network in (ring, counted):
        text = TEXT.format(nodes="[]", own="", spans="all", more="").replace("{nodes: []}", f"{{{network}}}")
        found = summarise([run(scenario(text.replace("[n]", "all").replace("ingress: n", "ingress: n-0")))])["energy"]
        assert len(found["nodes"]) == 3 and found["energy_j"] == pytest.approx(300.0) and found["cost"] == pytest.approx(30.0)
