"""The simulator against queueing theory at reduced size; tolerances scale those of the full-size cases by sqrt(n).

Each figure's relative standard deviation at the full size was found with independent simulators; a test here allows 4.5 of them
at its own size, so a correct simulator fails about once in 150,000 draws, and the seeds are fixed.
"""

from math import exp, log, sqrt

import numpy as np
import pytest

from analysis.estimates import quantile
from analysis.summary import summarise
from tests.helpers import one_station, run, scenario


def close(found: float, expected: float, sd_at_full: float, full: int, n: int) -> bool:
    return abs(found - expected) <= 4.5 * sd_at_full * sqrt(full / n) * expected


def latencies(trace):
    return trace.latency[trace.counted & trace.completed]


def test_m_m_1():
    n = 60_000
    trace = run(one_station("{kind: exponential, mean: 10 ms}", requests=n))
    station = summarise([trace])["stations"]["n"]
    sojourn = latencies(trace)
    assert close(sojourn.mean(), 1 / 30, 0.0086, 400_000, n)
    assert close(quantile(sojourn, 0.5), log(2) / 30, 0.00797, 400_000, n)
    assert close(quantile(sojourn, 0.99), log(100) / 30, 0.0189, 400_000, n)
    assert close(station["mean_number"], 0.7 / 0.3, 0.00947, 400_000, n)
    assert close(station["utilisation"], 0.7, 0.00244, 400_000, n)
    assert close(station["prob_wait"], 0.7, 0.00244, 400_000, n)


def erlang_c(c: int, a: float) -> float:
    terms = [1.0]
    for k in range(1, c + 1):
        terms.append(terms[-1] * a / k)
    last = terms[c] * c / (c - a)
    return last / (sum(terms[:c]) + last)


def test_m_m_c():
    n = 60_000
    trace = run(one_station("{kind: exponential, mean: 20 ms}", "{kind: poisson, rate: 160 /s}", "workers: 4", n))
    station = summarise([trace])["stations"]["n"]
    c = erlang_c(4, 3.2)
    assert close(station["prob_wait"], c, 0.00622, 400_000, n)
    assert close(station["mean_wait_s"], c / 40, 0.0234, 400_000, n)
    assert close(latencies(trace).mean(), 0.02 + c / 40, 0.0105, 400_000, n)
    assert close(station["utilisation"], 0.8, 0.00244, 400_000, n)


def test_m_m_1_k():
    n = 60_000
    trace = run(one_station("{kind: exponential, mean: 10 ms}", "{kind: poisson, rate: 90 /s}", "workers: 1, discipline: {kind: fifo, capacity: 5}", n))
    figures = summarise([trace])
    rho = 0.9
    blocked = (1 - rho) * rho**5 / (1 - rho**6)
    number = sum(k * rho**k for k in range(6)) / sum(rho**k for k in range(6))
    assert close(figures["requests"]["rejected"] / n, blocked, 0.00725, 400_000, n)
    assert close(figures["goodput_per_s"], 90 * (1 - blocked), 0.000988, 400_000, n)
    assert close(latencies(trace).mean(), number / (90 * (1 - blocked)), 0.00349, 400_000, n)
    assert close(figures["stations"]["n"]["mean_number"], number, 0.00346, 400_000, n)


def test_m_g_1_lognormal():
    n = 100_000
    trace = run(one_station("{kind: lognormal, mean: 10 ms, cv: 1.4142135623730951}", "{kind: poisson, rate: 60 /s}", requests=n))
    station = summarise([trace])["stations"]["n"]
    assert close(station["prob_wait"], 0.6, 0.00206, 1_000_000, n)
    assert close(station["mean_wait_s"], 0.0225, 0.0114, 1_000_000, n)  # Pollaczek-Khinchine
    assert close(latencies(trace).mean(), 0.0325, 0.00813, 1_000_000, n)


def test_m_g_1_pareto_quantiles():
    n = 100_000
    trace = run(one_station("{kind: pareto, minimum: 9 ms, shape: 2.5}", "{kind: poisson, rate: 25 /s}", requests=n))
    station = summarise([trace])["stations"]["n"]
    assert close(station["prob_wait"], 0.375, 0.0017, 1_000_000, n)
    assert close(station["p99_wait_s"], 0.08989912, 0.0179, 1_000_000, n)  # exact by inversion of the Pollaczek-Khinchine transform


def test_m_g_infinity():
    n = 60_000
    trace = run(one_station("{kind: lognormal, mean: 40 ms, cv: 2}", "{kind: poisson, rate: 500 /s}", "workers: unlimited", n))
    station = summarise([trace])["stations"]["n"]
    assert close(station["mean_number"], 20.0, 0.00346, 400_000, n)
    assert close(station["var_number"], 20.0, 0.0147, 400_000, n)
    assert close(quantile(latencies(trace), 0.99), 0.3422186, 0.00722, 400_000, n)
    assert station["prob_wait"] == 0.0


LINK = """
name: link
requests: 60000
warm_up: 10 %
record: {spans: none}
network:
  nodes: [{name: a, workers: unlimited}, {name: b, workers: unlimited}]
  links: [{between: [a, b], bandwidth: 10 Mbit/s, propagation: 5 ms}]
services: {s: {service_time: 0 s}}
deployments: [{service: s, nodes: [b]}]
applications: {x: {calls: [{name: c, service: s, payload: 1000 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: poisson, rate: 875 /s}}]
"""


def m_d_1_wait_quantile(rate: float, service: float, q: float) -> float:
    """Root of Erlang's formula for P(W <= t) in M/D/1."""
    from math import factorial

    def at_most(t: float) -> float:
        return (1 - rate * service) * sum(
            (-rate * (t - k * service)) ** k / factorial(k) * exp(rate * (t - k * service)) for k in range(int(t / service) + 1)
        )

    low, high = 0.0, 20 * service
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) < q else (low, middle)
    return low


def test_a_link_is_m_d_1():
    n = 60_000
    figures = summarise([run(scenario(LINK))])
    link = figures["links"]["a -> b"]
    assert close(link["mean_wait_s"], 0.7 * 0.0008 / (2 * 0.3), 0.0084, 400_000, n)
    assert close(link["mean_transit_s"], 0.7 * 0.0008 / 0.6 + 0.0058, 0.00116, 400_000, n)
    assert close(link["p99_wait_s"], m_d_1_wait_quantile(875, 0.0008, 0.99), 0.0144, 400_000, n)
    assert close(link["utilisation"], 0.7, 0.00244, 400_000, n)
    assert figures["links"]["b -> a"]["messages"] == 0


TANDEM = """
name: tandem
requests: 60000
warm_up: 10 %
record: {spans: none}
network:
  nodes: [{name: a}, {name: b}, {name: c}]
  links: [{between: [a, b]}, {between: [b, c]}]
services:
  x: {service_time: {kind: exponential, mean: 10 ms}}
  y: {service_time: {kind: exponential, mean: 12.5 ms}}
  z: {service_time: {kind: exponential, mean: 8 ms}}
deployments: [{service: x, nodes: [a]}, {service: y, nodes: [b]}, {service: z, nodes: [c]}]
applications: {t: {calls: [{name: x, service: x}, {name: y, service: y, after: [x]}, {name: z, service: z, after: [y]}]}}
workload: [{name: w, application: t, ingress: a, arrivals: {kind: poisson, rate: 50 /s}}]
"""


def test_tandem():
    n = 60_000
    sojourn = latencies(run(scenario(TANDEM)))
    assert close(sojourn.mean(), 1 / 50 + 1 / 30 + 1 / 75, 0.00331, 400_000, n)  # Burke 1956: independent exponential sojourns
    assert close(quantile(sojourn, 0.99), 0.20041715, 0.0093, 400_000, n)


FORK = """
name: fork
requests: 60000
warm_up: 10 %
record: {spans: none}
network:
  nodes: [{name: g, workers: unlimited}, {name: a}, {name: b}]
  links: [{between: [g, a]}, {between: [g, b]}]
services:
  gate: {service_time: 0 s}
  left: {service_time: {kind: exponential, mean: 10 ms}}
  right: {service_time: {kind: exponential, mean: 10 ms}}
deployments: [{service: gate, nodes: [g]}, {service: left, nodes: [a]}, {service: right, nodes: [b]}]
applications:
  f:
    calls:
      - {name: gate, service: gate}
      - {name: left, service: left, after: [gate]}
      - {name: right, service: right, after: [gate]}
      - {name: join, service: gate, after: [left, right]}
workload: [{name: w, application: f, ingress: g, arrivals: {kind: poisson, rate: 70 /s}}]
"""


def test_fork_join_of_two():
    sojourn = latencies(run(scenario(FORK)))
    assert close(sojourn.mean(), (12 - 0.7) / 8 / 30, 0.00647, 400_000, 60_000)  # Flatto and Hahn 1984


def fan_out(law: str, requests: int = 4000):
    return scenario(f"""
name: fan-out
requests: {requests}
record: {{spans: none}}
network: {{nodes: [{{name: n, workers: unlimited}}]}}
services: {{root: {{service_time: 0 s}}, leaf: {{service_time: {law}}}}}
deployments: [{{service: root, nodes: all}}, {{service: leaf, nodes: all}}]
applications: {{a: {{calls: [{{name: root, service: root}}, {{name: leaf, service: leaf, after: [root], fan_out: 100}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: poisson, rate: 10 /s}}}}]
""")


def test_tail_at_scale_exponential():
    worst = latencies(run(fan_out("{kind: exponential, mean: 10 ms}")))
    harmonic = sum(1 / k for k in range(1, 101))
    assert close(worst.mean(), 0.01 * harmonic, 0.00134, 40_000, 4000)
    assert close(quantile(worst, 0.5), -0.01 * log(1 - 0.5 ** (1 / 100)), 0.00132, 40_000, 4000)


def test_tail_at_scale_rare_slow_leaf():
    worst = latencies(run(fan_out("{kind: discrete, values: [10 ms, 1 s], probabilities: [0.99, 0.01]}")))
    assert close((worst > 0.5).mean(), 1 - 0.99**100, 0.00384, 40_000, 4000)  # 63 %: Dean and Barroso 2013


def path(mtu: str) -> float:
    trace = run(
        scenario(f"""
name: path
network:
  nodes: [{{name: a}}, {{name: b}}, {{name: c}}, {{name: d}}]
  links:
    - {{between: [a, b], bandwidth: 100 Mbit/s, propagation: 2 ms}}
    - {{between: [b, c], bandwidth: 10 Mbit/s, propagation: 10 ms}}
    - {{between: [c, d], bandwidth: 50 Mbit/s, propagation: 1 ms}}
  {mtu}
services: {{s: {{service_time: 3 ms}}}}
deployments: [{{service: s, nodes: [d]}}]
applications: {{x: {{calls: [{{name: c, service: s, payload: 15000 B}}]}}}}
workload: [{{name: w, application: x, ingress: a, arrivals: {{kind: times, at: [1 s]}}}}]
""")
    )
    return float(trace.latency[0])


def test_store_and_forward():
    assert path("") == pytest.approx(0.0316, rel=1e-9)
    assert path("mtu: 1500 B") == pytest.approx(0.02836, rel=1e-9)  # pipelined, Kurose and Ross ch. 1


def test_spike_mixture_static():
    n = 60_000
    law = "{kind: mixture, of: [{kind: exponential, mean: 5 ms}, {kind: exponential, mean: 200 ms}], weights: [0.98, 0.02]}"
    sojourn = latencies(run(one_station(law, "{kind: poisson, rate: 100 /s}", "workers: unlimited", n)))
    assert close(sojourn.mean(), 0.0089, 0.00817, 400_000, n)
    assert close(quantile(sojourn, 0.5), 0.003565152896, 0.00227, 400_000, n)
    assert close(quantile(sojourn, 0.99), 0.138629436, 0.0266, 400_000, n)


def test_spike_on_off():
    n = 60_000
    spikes = """
spikes:
  - {name: s, kind: slow_down, nodes: all, factor: 20, applies: at_start, up: {kind: exponential, mean: 380 ms}, down: {kind: exponential, mean: 20 ms}}
"""
    trace = run(one_station("{kind: exponential, mean: 5 ms}", "{kind: poisson, rate: 100 /s}", "workers: unlimited", n, spikes))
    sojourn = latencies(trace)
    assert close(trace.requests["spiked"][trace.counted].mean(), 0.05, 0.0163, 400_000, n)  # PASTA
    assert close(sojourn.mean(), 0.00975, 0.00917, 400_000, n)
    assert close(quantile(sojourn, 0.99), 0.1609437912, 0.0139, 400_000, n)


def test_speed_and_workers_scale_time():
    """Twice the speed of everything halves every latency, draw by draw."""
    slow = latencies(run(one_station("{kind: exponential, mean: 10 ms}", "{kind: renewal, interval: {kind: exponential, mean: 14 ms}}", requests=2000)))
    arrivals = "{kind: renewal, interval: {kind: exponential, mean: 7 ms}}"
    fast = latencies(run(one_station("{kind: exponential, mean: 10 ms}", arrivals, "workers: 1, speed: 2", requests=2000)))
    np.testing.assert_allclose(fast, slow / 2, rtol=1e-6)
