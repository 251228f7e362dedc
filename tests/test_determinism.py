"""The same seed gives the same bytes, and a draw belongs to its key: other policies, nodes and entries change nobody else's."""

from pathlib import Path

import numpy as np
import pytest

from agents.baselines import BASELINES, LeastLoaded, Random
from scenarios.execute import Factory, run_replications
from scenarios.reading import load
from scenarios.results import digest_of
from simulator.record import CALL_FIELDS
from tests.helpers import run, scenario

BASE = """
name: base
horizon: 20 s
drain: stop
record: {spans: all}
network:
  nodes: [{name: a, workers: 2}, {name: b, workers: 2}{more_nodes}]
  links: [{between: [a, b], bandwidth: 100 Mbit/s, propagation: 1 ms, jitter: {kind: exponential, mean: 1 ms}, loss: 1 %}{more_links}]
services: {s: {service_time: {kind: exponential, mean: 10 ms}}, t: {service_time: {kind: lognormal, mean: 8 ms, cv: 1}}}
deployments: [{service: s, nodes: [a, b]}, {service: t, nodes: [a, b]}]
applications:
  x: {calls: [{name: one, service: s, payload: 9 kB}, {name: two, service: t, after: {one: {kind: exponential, mean: 5 kB}}}]}
workload:
  - {name: w, application: x, ingress: a, arrivals: {kind: poisson, rate: 90 /s}}
{more_work}
spikes:
  - {name: calls, kind: call_spike, services: all, probability: 3 %, factor: {kind: pareto, minimum: 2, shape: 1.8}}
  - {name: slow, kind: slow_down, nodes: {one_of: [a, b]}, factor: 3, up: {kind: exponential, mean: 2 s}, down: {kind: exponential, mean: 500 ms}}
{more_spikes}
control: {policy: least-loaded}
"""


def text(**more: str) -> str:
    filled = BASE
    for key in ("more_nodes", "more_links", "more_work", "more_spikes"):
        filled = filled.replace("{" + key + "}", more.get(key, ""))
    return filled


def work_of(trace, entry: int = 0):
    """(arrivals, reference work by (number within the entry, vertex)) of one workload entry."""
    mine = trace.requests["entry"] == entry
    arrivals = trace.requests["arrival"][mine]
    numbers = np.cumsum(mine) - 1
    rows = trace.calls[mine[trace.calls[:, 0].astype(int)]]
    field = dict(zip(CALL_FIELDS, rows.T, strict=True))
    keys = zip(numbers[field["request"].astype(int)].tolist(), field["vertex"].tolist(), strict=True)
    return arrivals, dict(zip(keys, field["work_s"].tolist(), strict=True))


def test_same_seed_same_bytes_twice():
    described = scenario(text())
    assert digest_of(run(described)) == digest_of(run(described))
    assert digest_of(run(described))["requests"] != digest_of(run(described, seed=1))["requests"]


def test_serial_and_parallel_are_identical():
    loaded = load("demo", ["horizon=30 s"])
    factory = Factory(loaded.scenario, loaded.path.parent, loaded.scenario.seed)
    serial = [digest_of(trace) for trace in run_replications(factory, range(3), 1)]
    parallel = [digest_of(trace) for trace in run_replications(factory, range(3), 2)]
    assert serial == parallel
    assert len({digest["requests"] for digest in serial}) == 3, "replications differ from each other"


def same_world(a, b, entry_b: int = 0):
    arrivals_a, work_a = work_of(a)
    arrivals_b, work_b = work_of(b, entry_b)
    np.testing.assert_array_equal(arrivals_a, arrivals_b)
    both = work_a.keys() & work_b.keys()
    assert len(both) > 1000
    assert all(work_a[key] == work_b[key] for key in both)
    assert [episode for episode in a.episodes if episode[0] == 1] == [episode for episode in b.episodes if episode[0] == 1]


@pytest.mark.parametrize("policy", [cls() for cls in BASELINES if cls is not LeastLoaded], ids=lambda p: p.kind)
def test_another_policy_meets_the_same_world(policy):
    described = scenario(text())
    first, second = run(described), run(described, policy=policy)
    same_world(first, second)
    if policy.kind != "join-shortest-queue":  # which with equal workers chooses as least-loaded does
        assert (first.latency != second.latency).any(), "the policies differ"


RETRIES = """
name: retries
requests: 2000
record: {{spans: all}}
network: {{nodes: [{{name: a, workers: unlimited}}, {{name: b, workers: unlimited}}], links: [{{between: [a, b]}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 40 ms}}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{x: {{calls: [{{name: c, service: s, timeout: 50 ms, retry: {{retries: 3, back_off: 5 ms, jitter: 50 %}}, hedge: {{after: 20 ms}}}}]}}}}
workload:
  - {{name: w, application: x, ingress: a, arrivals: {{kind: poisson, rate: 50 /s}}}}
  {more}
{spikes}
control: {{policy: {policy}}}
"""


@pytest.mark.parametrize(
    "change",
    [
        {"policy": "round-robin"},
        {"more": "- {name: v, application: x, ingress: b, arrivals: {kind: poisson, rate: 20 /s}}"},
        {"spikes": "spikes: [{name: never, kind: call_spike, services: [s], probability: 0 %, add: 1 s}]"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_later_attempts_and_copies_draw_the_same_whoever_places_them(change):
    """On unlimited equal workers latencies depend on draws alone, those of retries, their jitter, and hedges included."""
    plain = {"policy": "random", "more": "", "spikes": ""}
    first, second = (run(scenario(RETRIES.format(**(plain | c)))) for c in ({}, change))
    mine = second.requests["entry"] == 0
    n = min(len(first.latency), int(mine.sum()))
    assert n > 1000
    np.testing.assert_array_equal(first.latency[:n], second.latency[mine][:n])
    assert first.attempts["x", "c"][1] > 50
    assert first.attempts["x", "c"][2] > 500


def test_a_node_more_changes_no_draw():
    more = scenario(text(more_nodes=", {name: c, workers: 2}", more_links=", {between: [b, c], propagation: 1 ms, loss: 2 %}"))
    first, second = run(scenario(text())), run(more)
    same_world(first, second)
    np.testing.assert_array_equal(first.latency, second.latency)


def test_a_workload_entry_more_changes_no_draw():
    more = "  - {name: v, application: x, ingress: b, arrivals: {kind: poisson, rate: 20 /s}}"
    same_world(run(scenario(text())), run(scenario(text(more_work=more))))


def test_a_spike_more_changes_no_draw():
    more = "  - {name: pauses, kind: call_spike, services: [t], probability: 1 %, add: 50 ms}"
    same_world(run(scenario(text())), run(scenario(text(more_spikes=more))))


def test_random_policy_draws_belong_to_the_decision():
    described = scenario(text())
    first = run(described, policy=Random())
    more = "  - {name: v, application: x, ingress: b, arrivals: {kind: poisson, rate: 20 /s}}"
    second = run(scenario(text(more_work=more)), policy=Random())
    mine = second.requests["entry"] == 0
    places_first = first.calls[np.lexsort((first.calls[:, 1], first.calls[:, 0]))][:, CALL_FIELDS.index("station")]
    rows = second.calls[mine[second.calls[:, 0].astype(int)]]
    places_second = rows[np.lexsort((rows[:, 1], rows[:, 0]))][:, CALL_FIELDS.index("station")]
    if len(places_first) == len(places_second):
        np.testing.assert_array_equal(places_first, places_second)
    else:  # losses end some requests early in one of the two; then the first calls still agree
        assert abs(len(places_first) - len(places_second)) < 0.1 * len(places_first)


MODELS = """
name: models
horizon: 200 s
record: {{spans: all}}
network: {{nodes: [{{name: a, workers: unlimited, memory: 2 GB, disk: 1 GB/s}}{more_nodes}]}}
services:
  s: {{service_time: {{kind: exponential, mean: 500 ms}}, memory: 1 GB, load: {{stall: {{kind: lognormal, mean: 1 s, cv: 2}}}}}}
  t: {{service_time: {{kind: exponential, mean: 500 ms}}, memory: 1 GB, load: {{time: {{kind: exponential, mean: 2 s}}}}}}
  u: {{service_time: 100 ms, memory: 1 GB}}
deployments: [{{service: s, nodes: [a]}}, {{service: t, nodes: [a]}}, {{service: u, nodes: all}}]
applications: {{s: {{calls: [{{name: c, service: s}}]}}, t: {{calls: [{{name: c, service: t}}]}}, u: {{calls: [{{name: c, service: u}}]}}}}
workload:
  - {{name: s, application: s, ingress: a, arrivals: {{kind: poisson, rate: 0.2 /s}}}}
  - {{name: t, application: t, ingress: a, arrivals: {{kind: poisson, rate: 0.2 /s}}}}
  - {{name: u, application: u, ingress: a, arrivals: {{kind: poisson, rate: 0.2 /s}}}}
{more}
control: {{policy: local-first}}
"""


def loads_of(trace, service: str) -> list[float]:
    """How long each load of a service's model took beyond the disk's wait, in order."""
    record = trace.memories[0]
    return [end - begun for number, _, begun, end, *_ in record.loads.tolist() if record.models[int(number)] == service]


@pytest.mark.parametrize(
    "more",
    [
        {"more": "spikes: [{name: e, kind: evict, nodes: [a], up: {kind: exponential, mean: 10 s}}]"},
        {"more": "  - {name: v, application: u, ingress: a, arrivals: {kind: poisson, rate: 0.3 /s}}"},
        {"more_nodes": ", {name: b, memory: 2 GB}"},
    ],
    ids=["an eviction", "an entry", "a node"],
)
def test_loads_draw_the_same_whatever_else_there_is(more):
    """The n-th load of a model takes the same drawn time whenever it comes; arrivals and work stay as they are."""
    plain = {"more": "", "more_nodes": ""}
    first, second = run(scenario(MODELS.format(**plain))), run(scenario(MODELS.format(**(plain | more))))
    drawn, again = loads_of(first, "t"), loads_of(second, "t")
    both = min(len(drawn), len(again))
    assert both > 5
    np.testing.assert_allclose(drawn[:both], again[:both], rtol=1e-9)
    arrivals_a, work_a = work_of(first, 0)
    arrivals_b, work_b = work_of(second, 0)
    both = min(len(arrivals_a), len(arrivals_b))
    np.testing.assert_array_equal(arrivals_a[:both], arrivals_b[:both])
    shared = work_a.keys() & work_b.keys()
    assert len(shared) > 30
    assert all(work_a[key] == work_b[key] for key in shared)


def test_bundled_scenarios_resolve_to_themselves():
    from scenarios.reading import bundled, dump_yaml, parse

    for name in bundled():
        loaded = load(name)
        assert parse(dump_yaml(loaded.scenario), Path("resolved.yaml")).scenario == loaded.scenario, name
