"""Time-outs, retries, hedges, quorums, closed loops and placement over replicas against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.summary import summarise
from scenarios.validation import theory
from tests.helpers import one_station, run, scenario
from tests.theory.test_closed_forms import close, erlang_c, latencies


def unlimited(call: str, requests: int = 40_000, service: str = "{kind: exponential, mean: 40 ms}"):
    """Unlimited workers, exponential work of mean 40 ms: attempts are independent."""
    return scenario(f"""
name: attempts
requests: {requests}
record: {{spans: none}}
network: {{nodes: [{{name: n, workers: unlimited}}]}}
services: {{s: {{service_time: {service}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s, {call}}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: 100 /s}}}}]
""")


def within(sample: np.ndarray, expected: float) -> bool:
    """Whether the mean of an independent sample is within 4.5 standard errors of what it should be."""
    return abs(sample.mean() - expected) <= 4.5 * sample.std() / math.sqrt(len(sample))


def test_retries_after_time_outs():
    """A try of exponential length fails with p = exp(-timeout/mean); the k-th follows back-offs of 10, 20 ms."""
    trace = run(unlimited("timeout: 60 ms, retry: {retries: 2, back_off: 10 ms, factor: 2}"))
    p = math.exp(-60 / 40)
    done = trace.completed[trace.counted].astype(float)
    assert within(done, 1 - p**3)
    in_time = 0.04 - 0.06 * p / (1 - p)  # mean of an exponential below its time-out
    before = [0.0, 0.07, 0.15]  # the tries and back-offs before the k-th
    expected = sum(p**k * (1 - p) * (before[k] + in_time) for k in range(3)) / (1 - p**3)
    assert within(latencies(trace), expected)
    figures = summarise([trace])["calls"]["a.c"]
    assert figures["mean_attempts"] == pytest.approx(1 + p + p**2, rel=0.02)
    assert figures["given_up"] == pytest.approx(40_000 * p**3, rel=0.15)


def test_hedge():
    """min(X, 60 ms + Y): mean 40 (1 - e^-1.5) + 20 e^-1.5 ms; P(T > t) = exp(-(2 t - 60)/40) beyond 60 ms."""
    trace = run(unlimited("hedge: {after: 60 ms}"))
    sample = latencies(trace)
    assert within(sample, 0.04 * (1 - math.exp(-1.5)) + 0.02 * math.exp(-1.5))
    assert within((sample > 0.1).astype(float), math.exp(-140 / 40))
    assert summarise([trace])["calls"]["a.c"]["hedged_fraction"] == pytest.approx(math.exp(-1.5), rel=0.03)


def test_quorum():
    """The third of five exponentials: mean 40 (1/5 + 1/4 + 1/3) ms."""
    trace = run(unlimited("fan_out: 5, wait_for: 3"))
    assert within(latencies(trace), 0.04 * (1 / 5 + 1 / 4 + 1 / 3))


@pytest.mark.parametrize("cancel", ["true", "false"])
def test_a_quorum_that_cancels_frees_its_workers(cancel):
    """Five at work until the third answers: sum over i of 40 ms (5 - i) / (5 - i), three of them; else all five run for 40 ms."""
    trace = run(unlimited(f"fan_out: 5, wait_for: 3, cancel: {cancel}"))
    station = summarise([trace])["stations"]["n"]
    assert station["mean_number"] == pytest.approx(100 * 0.04 * (3 if cancel == "true" else 5), rel=0.03)


def test_lost_messages_are_sent_again():
    """Each of up to three tries loses its message with 20 %."""
    described = scenario("""
name: lossy
requests: 30000
record: {spans: none}
network:
  nodes: [{name: n}, {name: m, workers: unlimited}]
  links: [{between: [n, m], bandwidth: unlimited, propagation: 5 ms, loss: 20 %}]
services: {s: {service_time: 1 ms}}
deployments: [{service: s, nodes: [m]}]
applications: {a: {calls: [{name: c, service: s, payload: 1 kB, retry: {retries: 2}}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 100 /s}}]
""")
    trace = run(described)
    assert within(trace.completed[trace.counted].astype(float), 1 - 0.2**3)
    tries = np.rint((latencies(trace) - 0.001) / 0.005)
    assert within((tries == 2).astype(float), 0.8 * 0.2 / (1 - 0.2**3))


def test_closed_loop_is_the_machine_repairman():
    """20 users, exponential think times of 100 ms, one worker of 8 ms: mean value analysis (Reiser and Lavenberg 1980)."""
    users, think, work = 20, 0.1, 0.008
    number = 0.0
    for n in range(1, users + 1):
        response = work * (1 + number)
        throughput = n / (think + response)
        number = throughput * response
    described = one_station("{kind: exponential, mean: 8 ms}", "{kind: closed, users: 20, think: {kind: exponential, mean: 100 ms}}", requests=60_000)
    trace = run(described)
    figures = summarise([trace])
    assert figures["loop"] == "closed"
    assert figures["throughput_per_s"] == pytest.approx(throughput, rel=0.01)
    assert figures["latency_s"]["mean"]["value"] == pytest.approx(response, rel=0.03)
    assert figures["stations"]["n"]["utilisation"] == pytest.approx(throughput * work, rel=0.01)


POOL = "nodes: all, workers: 1, replicas: {n}, balancer: {balancer}"


def replicas(n: int, balancer: str, rate: float, requests: int = 60_000):
    """n single workers of mean 10 ms behind a balancer."""
    return scenario(f"""
name: replicas
requests: {requests}
warm_up: 10 %
record: {{spans: none}}
network: {{nodes: [{{name: n}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 10 ms}}}}}}
deployments: [{{service: s, {POOL.format(n=n, balancer=balancer)}}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: {rate} /s}}}}]
""")


def test_two_choices_over_a_hundred_replicas():
    """Mitzenmacher 2001: with d = 2 the mean time tends to the sum over i >= 1 of load^(2^i - 2), in mean services."""
    load = 0.9
    limit = 0.01 * sum(load ** (2**i - 2) for i in range(1, 12))
    found = latencies(run(replicas(100, "{kind: power_of_d, d: 2}", 100 * load * 100, 150_000))).mean()
    assert found == pytest.approx(limit, rel=0.04)  # n = 100 is a little above the limit


def test_random_choice_leaves_independent_queues():
    """Random splitting of a Poisson stream: each replica is an M/M/1 of load 0.7; weights split it in their proportion."""
    sample = latencies(run(replicas(10, "random", 700.0, 120_000)))
    assert sample.mean() == pytest.approx(0.01 / 0.3, rel=0.04)
    trace = run(replicas(2, "{kind: random, weights: [3, 1]}", 80.0, 60_000))
    stations = summarise([trace])["stations"]
    assert stations["n/s#0"]["mean_sojourn_s"] == pytest.approx(1 / (100 - 60), rel=0.05)
    assert stations["n/s#1"]["mean_sojourn_s"] == pytest.approx(1 / (100 - 20), rel=0.03)


def test_join_the_shortest_queue_stands_between_two_choices_and_one_line():
    shortest, two = (latencies(run(replicas(10, b, 900.0, 100_000))).mean() for b in ("join_shortest_queue", "{kind: power_of_d, d: 2}"))
    one_line = 0.01 + erlang_c(10, 9.0) / (1000 - 900)
    assert one_line < shortest < two


def nodes(count: int, policy: str, rate: float, requests: int = 60_000):
    """`count` nodes of one worker of mean 10 ms each, no links between ingress and them worth mentioning."""
    links = ", ".join(f"{{between: [in, s-{i}]}}" for i in range(count))
    return scenario(f"""
name: nodes
requests: {requests}
warm_up: 10 %
record: {{spans: none}}
network: {{nodes: [{{name: in}}, {{name: s, count: {count}, tier: cloud}}], links: [{links}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 10 ms}}}}}}
deployments: [{{service: s, nodes: {{tier: cloud}}}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: in, arrivals: {{kind: poisson, rate: {rate} /s}}}}]
control: {{policy: {policy}}}
""")


@pytest.mark.parametrize(
    ("policy", "balancer"),
    [("{kind: power-of-d, d: 3}", "{kind: power_of_d, d: 3}"), ("join-shortest-queue", "join_shortest_queue"), ("random", "random")],
)
def test_policies_place_as_balancers_do(policy, balancer):
    """The same rule as a policy over nodes and as a balancer over replicas gives the same law of latency."""
    ours, theirs = latencies(run(nodes(10, policy, 800.0))), latencies(run(replicas(10, balancer, 800.0)))
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.06)


def test_exclusive_probabilistic_routing_as_a_policy():
    """Weights by node: independent queues of load 0.6 and 0.2."""
    trace = run(nodes(2, "{kind: weighted, weights: {s-0: 3, s-1: 1}}", 80.0))
    stations = summarise([trace])["stations"]
    assert stations["s-0"]["mean_sojourn_s"] == pytest.approx(1 / 40, rel=0.05)
    assert stations["s-1"]["mean_sojourn_s"] == pytest.approx(1 / 80, rel=0.03)


def test_latency_counts_from_the_intended_arrival():
    """An overloaded loss-free station: the k-th of ten simultaneous requests waits for those before it."""
    described = replace(one_station("1 s", "{kind: times, at: [0 s, 0 s, 0 s]}"), requests=None, warm_up=0.0)
    np.testing.assert_allclose(run(described).latency, [1, 2, 3])


def test_wait_of_m_m_1_holds_beside_hedges_that_never_fire():
    """Rules that do not come into play change nothing, bit for bit."""
    plain = run(one_station("{kind: exponential, mean: 10 ms}", requests=5000))
    text = {"calls": replace(one_station("{kind: exponential, mean: 10 ms}", requests=5000).applications["a"].calls[0], timeout=1e6)}
    described = one_station("{kind: exponential, mean: 10 ms}", requests=5000)
    described = replace(described, applications={"a": replace(described.applications["a"], calls=(text["calls"],))})
    np.testing.assert_array_equal(run(described).latency, plain.latency)
    assert close(plain.latency.mean(), 1 / 30, 0.0086, 400_000, 5000)


def test_the_formula_of_an_interrupted_station_is_that_of_its_markov_chain():
    """Levels of jobs, phases up and down: the matrix-geometric solution gives the same mean as White and Christie's formula."""
    arrival, service, fails, returns = 40.0, 100.0, 2.0, 10.0
    change = np.array([[-fails, fails], [returns, -returns]])
    up, down = arrival * np.eye(2), np.diag([service, 0.0])
    inverse = np.linalg.inv(-(change - up - down))
    ratio = np.zeros((2, 2))
    for _ in range(20_000):
        ratio = (up + ratio @ ratio @ down) @ inverse
    rest = np.linalg.inv(np.eye(2) - ratio)
    boundary = change - up + ratio @ down
    empty = np.linalg.lstsq(np.vstack([boundary.T, rest.sum(axis=1)]), np.array([0.0, 0.0, 1.0]), rcond=None)[0]
    number = float((empty @ ratio @ rest @ rest).sum())
    assert number / arrival == pytest.approx(theory.interrupted_m_m_1_mean(arrival, service, 1 / fails, 1 / returns), rel=1e-9)


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing", "{kind: priority, preemptive: true}", "{kind: batch, size: 1}"])
def test_a_freeze_by_hand(discipline):
    """3 s of work from 0 at a node that stops during [1, 3) and again, overlapping, during [2, 4): ends at 6."""
    described = scenario(f"""
name: freeze
record: {{spans: all}}
network: {{nodes: [{{name: n, discipline: {discipline}}}]}}
services: {{s: {{service_time: 3 s}}}}
deployments: [{{service: s, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: times, at: [0 s]}}}}]
spikes: [{{name: pause, kind: freeze, nodes: all, at: [1 s, 2 s], for: 2 s}}]
""")
    trace = run(described)
    assert trace.requests["end"][0] == pytest.approx(6.0, rel=1e-12)
    spans = trace.tables()["spans"]
    excess = (spans["end_s"] - spans["start_s"])[spans["kind"].values() == "spike"]
    assert excess.sum() == pytest.approx(3.0)
