"""`--spike`: spikes from outside a scenario's file."""

import pytest

import scenarios
from analysis.summary import summarise
from scenarios.problems import ScenarioError
from scenarios.reading import load
from tests.helpers import run


def test_a_spike_is_added_to_those_of_the_file():
    before = load("edge-chat").scenario
    spike = "kind=slow_down,nodes=edge-a,factor={kind: pareto, minimum: 3, shape: 2},at=60 s,for=5 s"
    after = load("edge-chat", spikes=[spike, "kind=freeze,nodes=[edge-a, edge-b],up=10 s,down=1 s,name=pause"]).scenario
    assert after.spikes[: len(before.spikes)] == before.spikes
    added = after.spikes[len(before.spikes) :]
    assert [(s.kind, s.name) for s in added] == [("slow_down", "slow_down-1"), ("freeze", "pause")]
    assert added[0].at == (60.0,)
    assert added[0].duration == 5.0
    assert added[0].factor.shape == 2


def test_it_is_the_same_as_in_the_file():
    written = load("m-m-1", ["spikes=[{name: freeze-1, kind: freeze, nodes: all, at: [5 s], for: 2 s}]", "requests=2000"])
    injected = load("m-m-1", ["requests=2000"], ["kind=freeze,nodes=all,at=5 s,for=2 s"])
    assert written.scenario == injected.scenario
    plain = summarise([run(load("m-m-1", ["requests=2000"]).scenario)])
    hit = summarise([run(injected.scenario)])
    assert hit["latency_s"]["mean"]["value"] > 1.5 * plain["latency_s"]["mean"]["value"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind=slow_down,nodes=edge-a,factor=8", "--spike: spikes.slow_down-1: a schedule is missing: give 'at' and 'for', 'up' and 'down' laws, or a 'chain'"),
        ("kind=slow_down,nodes=edge-q,factor=8,at=1 s,for=1 s", "--spike: spikes.slow_down-1.nodes[0]: unknown node 'edge-q' (did you mean 'edge-c'?)"),
        ("kind=slowdown,nodes=edge-a", "--spike: spikes.slowdown-1.kind: unknown spike 'slowdown' (did you mean 'slow_down'?)"),
        ("kind=freeze,nodes=edge-a,at=1,for=1 s", "--spike: spikes.freeze-1.at[0]: expected a time such as '15 ms' (the unit is missing), got 1"),
        ("freeze", "--spike: expected key=value, with commas between, such as 'kind=slow_down,nodes=edge-a,factor=8,at=60 s,for=5 s', got 'freeze'"),
        ("kind=freeze,kind=outage", "--spike: the key 'kind' stands twice"),
        ("", "--spike: expected key=value, with commas between, such as 'kind=slow_down,nodes=edge-a,factor=8,at=60 s,for=5 s', got ''"),
    ],
)
def test_mistakes(text, said):
    with pytest.raises(ScenarioError) as caught:
        load("edge-chat", spikes=[text])
    assert str(caught.value) == said


def test_from_python_it_is_the_same_as_on_the_command_line():
    text = "kind=slow_down,nodes=edge-a,factor=8,at=60 s,for=5 s"
    keys = {"kind": "slow_down", "nodes": "edge-a", "factor": 8, "at": "60 s", "for": "5 s"}
    expected = load("edge-chat", ["seed=3"], [text]).scenario
    assert scenarios.load("edge-chat").with_values("seed=3").with_spikes(keys).scenario == expected
    assert scenarios.load("edge-chat", ["seed=3"], [keys]).scenario == expected
    assert keys["nodes"] == "edge-a"  # what was given is left as it was


def test_changes_follow_each_other():
    plain = scenarios.load("edge-chat")
    assert plain.without_spikes().scenario.spikes == ()
    again = plain.without_spikes("edge-slow").with_spikes("name=edge-slow,kind=freeze,nodes=edge-a,at=1 s,for=1 s")
    assert [(spike.name, spike.kind) for spike in again.scenario.spikes] == [("stragglers", "call_spike"), ("edge-slow", "freeze")]
    assert again.with_values("spikes.edge-slow.for=2 s").scenario.spikes[1].duration == 2.0
    assert plain.scenario == scenarios.load("edge-chat").scenario
    with pytest.raises(ScenarioError, match="there is no spike 'edge-slow'"):
        plain.without_spikes("edge-slow").without_spikes("edge-slow")
