"""Cascades: who is hit, when, how hard; bounded, keyed, and with the effect of their cause."""

import numpy as np
import pytest

from tests.helpers import run, scenario
from tests.test_invariants import check

LINE = """
name: cascade
horizon: 60 s
drain: stop
record: {spans: all}
network:
  nodes: [{name: a}, {name: b}, {name: c}, {name: d}]
  links: [{between: [a, b], propagation: 1 ms}, {between: [b, c], propagation: 1 ms}, {between: [c, d], propagation: 1 ms}]
services: {s: {service_time: {kind: exponential, mean: 10 ms}}}
deployments: [{service: s, nodes: all}]
applications: {x: {calls: [{name: c, service: s, payload: 1 kB}]}}
workload: [{name: w, application: x, ingress: all, arrivals: {kind: poisson, rate: 100 /s}}]
control: {policy: random}
spikes:
"""


def hits(*spikes: str, base: str = LINE):
    trace = run(scenario(base + "".join(f"  - {{{spike}}}\n" for spike in spikes)))
    check(trace)
    return trace, [(trace.spikes[entry], target, start, end, magnitude) for entry, target, start, end, magnitude in trace.episodes]


def test_it_goes_from_neighbour_to_neighbour_up_to_its_depth():
    cause = "name: first, kind: slow_down, nodes: [a], factor: 3, at: [10 s], for: 5 s"
    trace, found = hits("name: spread, kind: cascade, of: first, probability: 100 %, delay: 1 s, depth: 2, lasts: 2 s", cause)
    assert found == [("first", "a", 10.0, 15.0, 3.0), ("spread", "b", 11.0, 13.0, 3.0), ("spread", "c", 12.0, 14.0, 3.0)]
    spans = trace.tables()["spans"]
    mine = spans["spike"].values() == "spread"
    assert mine.any()
    assert set(spans["place"].values()[mine]) == {"b", "c"}
    assert set(spans["kind"].values()[mine]) == {"spike"}


def test_each_is_hit_once_by_what_follows_from_one_episode():
    """In the middle of the line: both sides, not back again."""
    _, found = hits("name: first, kind: freeze, nodes: [b], at: [10 s, 30 s], for: 1 s", "name: spread, kind: cascade, of: first, probability: 1, depth: 9")
    assert [(name, target) for name, target, *_ in found] == [("first", "b"), ("spread", "a"), ("spread", "c"), ("spread", "d")] * 2
    assert {end - start for _, _, start, end, _ in found} == {1.0}


def test_links_break_their_neighbours():
    cause = "name: first, kind: link, links: [a, b], fails: true, at: [10 s], for: 5 s"
    _, found = hits(cause, "name: spread, kind: cascade, of: first, probability: 1, delay: 1 s, depth: 2")
    assert [(name, target, start) for name, target, start, *_ in found] == [("first", "a -- b", 10), ("spread", "b -- c", 11), ("spread", "c -- d", 12)]


def test_an_outage_takes_links_along():
    cause = "name: first, kind: outage, nodes: [a], links: true, at: [10 s], for: 5 s"
    trace, found = hits(cause, "name: spread, kind: cascade, of: first, probability: 1, depth: 1")
    assert [target for _, target, *_ in found] == ["a", "b"]
    assert trace.outcome_counts(trace.counted)["unreachable"] > 0


def test_the_probability_is_that_of_a_step():
    cause = "name: first, kind: slow_down, nodes: [a], factor: 2, chain: {step: 10 ms, enter: 50 %, stay: 0 %}"
    base = LINE.replace("rate: 100", "rate: 1")
    _, found = hits(cause, "name: spread, kind: cascade, of: first, probability: 30 %, depth: 2", base=base)
    steps = {name: sum(target == name for _, target, *_ in found) for name in "abc"}
    assert abs(steps["b"] - 0.3 * steps["a"]) < 4 * np.sqrt(0.21 * steps["a"])
    assert abs(steps["c"] - 0.3 * steps["b"]) < 4 * np.sqrt(0.21 * steps["b"])
    assert steps["a"] > 1500


@pytest.mark.parametrize("more", ["kind: freeze, nodes: [d], at: [1 s], for: 1 s", "kind: cascade, of: first, probability: 50 %, depth: 3"])
def test_its_draws_are_its_own(more):
    cause = "name: first, kind: slow_down, nodes: {one_of: all}, factor: {kind: uniform, low: 1, high: 4}, up: 1 s, down: {kind: exponential, mean: 100 ms}"
    spread = "name: spread, kind: cascade, of: first, probability: 50 %, delay: {kind: exponential, mean: 1 s}, depth: 3, lasts: {kind: exponential, mean: 1 s}"
    _, one = hits(cause, spread)
    _, two = hits(f"name: other, {more}", cause, spread)
    assert sorted(hit for hit in one) == sorted(hit for hit in two if hit[0] != "other")
    assert len(one) > 60
