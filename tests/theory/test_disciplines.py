"""Disciplines against theory: Cobham's priorities, preemptive resume, processor sharing's insensitivity, order that keeps the mean."""

import numpy as np
import pytest

from analysis.summary import summarise
from tests.helpers import one_station, run, scenario
from tests.theory.test_closed_forms import close, erlang_c, latencies

TWO_CLASSES = """
name: two-classes
requests: {n}
warm_up: 10 %
record: {{spans: none}}
network: {{nodes: [{{name: n, discipline: {{kind: priority, preemptive: {preemptive}}}}}]}}
services: {{h: {{service_time: {{kind: exponential, mean: 8 ms}}}}, l: {{service_time: {{kind: exponential, mean: 12 ms}}}}}}
deployments: [{{service: h, nodes: all}}, {{service: l, nodes: all}}]
applications: {{high: {{calls: [{{name: c, service: h, priority: 0}}]}}, low: {{calls: [{{name: c, service: l, priority: 5}}]}}}}
workload:
  - {{name: high, application: high, ingress: n, arrivals: {{kind: poisson, rate: 30 /s}}}}
  - {{name: low, application: low, ingress: n, arrivals: {{kind: poisson, rate: 40 /s}}}}
"""


def by_class(trace):
    return [trace.latency[trace.counted & (trace.application_of == i)].mean() for i in range(2)]


def test_cobham_non_preemptive():
    n = 60_000
    high, low = by_class(run(scenario(TWO_CLASSES.format(n=n, preemptive="false"))))
    residual = 30 * 0.008**2 + 40 * 0.012**2  # W0 = sum of rate * E[S^2] / 2
    assert close(high - 0.008, residual / (1 - 0.24), 0.00669, 400_000, n)
    assert close(low - 0.012, residual / ((1 - 0.24) * (1 - 0.72)), 0.0151, 400_000, n)


def test_preemptive_resume():
    """T1 = s1 / (1 - r1); T2 = (s2 (1 - r1 - r2) + R) / ((1 - r1)(1 - r1 - r2)), Kleinrock II (1976) 3.43."""
    n = 60_000
    trace = run(scenario(TWO_CLASSES.format(n=n, preemptive="true")))
    high, low = by_class(trace)
    residual = 30 * 0.008**2 + 40 * 0.012**2
    assert close(high, 0.008 / 0.76, 0.005, 400_000, n)
    assert close(low, (0.012 * 0.28 + residual) / (0.76 * 0.28), 0.0151, 400_000, n)
    station = summarise([trace])["stations"]["n"]
    assert close(station["utilisation"], 0.72, 0.00244, 400_000, n)


LAWS = {
    "exp": "{kind: exponential, mean: 10 ms}",
    "det": "10 ms",
    "h2": "{kind: hyperexponential, mean: 10 ms, cv: 2}",
}


@pytest.mark.parametrize(("law", "sd"), [("exp", 0.0114), ("det", 0.00738), ("h2", 0.0219)])
def test_processor_sharing_is_insensitive(law, sd):
    n = 60_000
    trace = run(one_station(LAWS[law], "{kind: poisson, rate: 75 /s}", "discipline: processor_sharing", n))
    assert close(latencies(trace).mean(), 0.04, sd, 400_000, n)
    assert close(summarise([trace])["stations"]["n"]["prob_idle"], 0.25, 0.00677, 400_000, n)
    if law == "exp":
        assert close(latencies(trace).std(), 0.0593296, 0.0192, 400_000, n)  # Coffman, Muntz and Trotter 1970


def test_processor_sharing_with_workers_is_m_m_c_in_the_mean():
    n = 60_000
    trace = run(one_station("{kind: exponential, mean: 20 ms}", "{kind: poisson, rate: 160 /s}", "workers: 4, discipline: processor_sharing", n))
    assert close(latencies(trace).mean(), 0.02 + erlang_c(4, 3.2) / 40, 0.0105, 400_000, n)


@pytest.mark.parametrize(("kind", "factor"), [("random", 2 / (2 - 0.7)), ("lifo", 1 / (1 - 0.7))])
def test_order_keeps_the_mean_and_raises_the_second_moment(kind, factor):
    """E[W^2] of M/M/1 by the order of service: random is FIFO's by 2 / (2 - r), LIFO by 1 / (1 - r) (Kingman 1962)."""
    n = 100_000
    squares, means = [], []
    for discipline in ("fifo", kind):
        trace = run(one_station("{kind: exponential, mean: 10 ms}", node=f"workers: 1, discipline: {discipline}", requests=n))
        waits = trace.stations[0].waits
        squares.append(waits.squares / waits.count)
        means.append(waits.mean())
    assert means[1] == pytest.approx(means[0], rel=0.03)
    assert squares[1] / squares[0] == pytest.approx(factor, rel=0.12)


def test_preemption_by_hand():
    """Low work 3 s from 0; high work 1 s at 1: high ends at 2, low at 4. A second high at the instant of an end waits for nobody."""
    trace = run(
        scenario("""
name: x
network: {nodes: [{name: n, discipline: {kind: priority, preemptive: true}}]}
services: {h: {service_time: 1 s}, l: {service_time: 3 s}}
deployments: [{service: h, nodes: all}, {service: l, nodes: all}]
applications: {high: {calls: [{name: c, service: h}]}, low: {calls: [{name: c, service: l, priority: 1}]}}
workload:
  - {name: low, application: low, ingress: n, arrivals: {kind: times, at: [0 s, 0.5 s]}}
  - {name: high, application: high, ingress: n, arrivals: {kind: times, at: [1 s, 2 s]}}
""")
    )
    ends = dict(zip(trace.requests["arrival"].tolist(), trace.requests["end"].tolist(), strict=True))
    assert ends == {0.0: 5.0, 0.5: 8.0, 1.0: 2.0, 2.0: 3.0}


def test_sharing_by_hand_with_a_slow_down():
    """Two jobs of 2 s from 0 and 1 on one shared worker, half speed in [2, 4).

    The first has 1 s by 1 and 1.5 s by 2; at half speed each gets a quarter: 2 s at 4, when it ends. The second has 1 s by then and
    ends at 5.
    """
    described = scenario("""
name: x
network: {nodes: [{name: n, discipline: processor_sharing}]}
services: {s: {service_time: 2 s}}
deployments: [{service: s, nodes: all}]
applications: {a: {calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: times, at: [0 s, 1 s]}}]
spikes: [{name: slow, kind: slow_down, nodes: all, factor: 2, at: [2 s], for: 2 s}]
""")
    np.testing.assert_allclose(run(described).requests["end"], [4.0, 5.0])
