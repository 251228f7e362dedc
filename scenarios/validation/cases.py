"""The cases: a scenario each (some have several runs), and what theory says of its figures.

`sd` is a statistic's relative standard deviation at the case's full number of requests after a warm-up of 10 %, found with independent
simulators; it scales with 1 / sqrt(requests * replications). `limit` marks closed forms that hold for n to infinity only: the allowed
relative difference is then that number. `gate` is false where a variance is infinite: reported, not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from analysis.estimates import quantile
from scenarios.validation import theory

Figure = Callable[["Run"], float]


class Run:
    """What one replication of one run of a case shows: its trace and the latencies of counted, completed requests [s]."""

    def __init__(self, trace: Any):
        self.trace = trace
        self.counted = trace.counted
        self.latency = trace.latency[trace.counted & trace.completed]
        self.station = trace.stations[0]
        self.link = trace.links[0] if trace.links else None

    def number(self, power: int) -> float:
        """Time average of the number at the first station, to a power."""
        share = self.station.time_at / self.station.window_s
        return float(np.arange(len(share)) ** power @ share)


@dataclass(frozen=True)
class Statistic:
    """A figure with the value theory gives it."""

    id: str
    name: str
    expected: float
    figure: Figure
    sd: float | None = None
    gate: bool = True
    limit: float | None = None
    run: str = ""


@dataclass(frozen=True)
class Case:
    """A model: its scenario texts by run (with {n} for the number of requests), its full size, its statistics, its sources."""

    id: str
    model: str
    source: str
    requests: int
    runs: dict[str, str]
    statistics: tuple[Statistic, ...]
    exact: bool = False  # one request decides; nothing is random


def single(service: str, rate: float, node: str = "workers: 1", more: str = "") -> str:
    """One node, one service, Poisson arrivals."""
    return f"""
name: validation
requests: {{n}}
warm_up: 10 %
record: {{{{spans: none}}}}
network: {{{{nodes: [{{{{name: n, {node}}}}}]}}}}
services: {{{{s: {{{{service_time: {service}}}}}}}}}
deployments: [{{{{service: s, nodes: all}}}}]
applications: {{{{a: {{{{calls: [{{{{name: c, service: s}}}}]}}}}}}}}
workload: [{{{{name: w, application: a, ingress: n, arrivals: {{{{kind: poisson, rate: {rate} /s}}}}}}}}]
{more}
"""


def braces(text: str) -> str:
    """Braces doubled, so that only {n} is filled in later."""
    return text.replace("{", "{{").replace("}", "}}").replace("{{n}}", "{n}")


def mean(run: Run) -> float:
    return float(run.latency.mean())


def at(q: float) -> Figure:
    return lambda run: quantile(run.latency, q)


def wait_mean(run: Run) -> float:
    return run.station.waits.mean()


def wait_at(q: float) -> Figure:
    return lambda run: run.station.waits.quantile(q)


def prob_wait(run: Run) -> float:
    return run.station.waits.fraction_positive()


def utilisation(run: Run) -> float:
    share = run.station.time_at / run.station.window_s
    return float(np.minimum(np.arange(len(share)), run.station.workers) @ share) / run.station.workers


def of_application(index: int) -> Figure:
    def figure(run: Run) -> float:
        trace = run.trace
        return float(trace.latency[trace.counted & (trace.application_of == index)].mean())

    return figure


EXP10 = "{{kind: exponential, mean: 10 ms}}"
RHO5 = [0.9**k for k in range(6)]
N5 = sum(k * p for k, p in enumerate(RHO5)) / sum(RHO5)
BLOCKED = RHO5[5] / sum(RHO5)
WAIT4 = theory.erlang_c(4, 3.2)

NETWORKS = {
    "link": """
name: validation
requests: {n}
warm_up: 10 %
record: {spans: none}
network:
  nodes: [{name: a, workers: unlimited}, {name: b, workers: unlimited}]
  links: [{between: [a, b], bandwidth: 10 Mbit/s, propagation: 5 ms}]
services: {s: {service_time: 0 s}}
deployments: [{service: s, nodes: [b]}]
applications: {x: {calls: [{name: c, service: s, payload: 1000 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: poisson, rate: 875 /s}}]
""",
    "priority": """
name: validation
requests: {n}
warm_up: 10 %
record: {spans: none}
network: {nodes: [{name: n, discipline: priority}]}
services: {h: {service_time: {kind: exponential, mean: 8 ms}}, l: {service_time: {kind: exponential, mean: 12 ms}}}
deployments: [{service: h, nodes: all}, {service: l, nodes: all}]
applications: {high: {calls: [{name: c, service: h, priority: 0}]}, low: {calls: [{name: c, service: l, priority: 1}]}}
workload:
  - {name: high, application: high, ingress: n, arrivals: {kind: poisson, rate: 30 /s}}
  - {name: low, application: low, ingress: n, arrivals: {kind: poisson, rate: 40 /s}}
""",
    "tandem": """
name: validation
requests: {n}
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
""",
    "fork": """
name: validation
requests: {n}
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
""",
    "leaves": """
name: validation
requests: {n}
warm_up: 10 %
record: {spans: none}
network: {nodes: [{name: n, workers: unlimited}]}
services: {root: {service_time: 0 s}, leaf: {service_time: LAW}}
deployments: [{service: root, nodes: all}, {service: leaf, nodes: all}]
applications: {a: {calls: [{name: root, service: root}, {name: leaf, service: leaf, after: [root], fan_out: 100}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 10 /s}}]
""",
    "path": """
name: validation
network:
  nodes: [{name: a}, {name: b}, {name: c}, {name: d}]
  links:
    - {between: [a, b], bandwidth: 100 Mbit/s, propagation: 2 ms}
    - {between: [b, c], bandwidth: 10 Mbit/s, propagation: 10 ms}
    - {between: [c, d], bandwidth: 50 Mbit/s, propagation: 1 ms}
  MTU
services: {s: {service_time: 3 ms}}
deployments: [{service: s, nodes: [d]}]
applications: {x: {calls: [{name: c, service: s, payload: 15000 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s]}}]
""",
}
ON_OFF = (
    "spikes: [{{name: s, kind: slow_down, nodes: all, factor: 20, applies: at_start, "
    "up: {{kind: exponential, mean: 380 ms}}, down: {{kind: exponential, mean: 20 ms}}}}]"
)
SLOW_LEAF = "{kind: discrete, values: [10 ms, 1 s], probabilities: [0.99, 0.01]}"
MIXTURE = "{{kind: mixture, of: [{{kind: exponential, mean: 5 ms}}, {{kind: exponential, mean: 200 ms}}], weights: [0.98, 0.02]}}"
W0 = 30 * 0.008**2 + 40 * 0.012**2
HARMONIC = sum(1 / k for k in range(1, 101))


def link_wait(q: float) -> Figure:
    return lambda run: run.link.waits.quantile(q)  # type: ignore[union-attr]


def statistics(case: str, *rows: tuple) -> tuple[Statistic, ...]:
    """Statistics numbered within their case: (name, expected, figure, sd, and what else they need)."""
    found = []
    for number, (name, expected, figure, sd, *more) in enumerate(rows, 1):
        options: dict[str, Any] = more[0] if more else {}
        found.append(Statistic(f"{case}.{number}", name, expected, figure, sd, **options))
    return tuple(found)


CASES = (
    Case("O01", "M/M/1", "T ~ Exp(mu - lambda), Kleinrock I (1975) ch. 3", 400_000, {"": single(EXP10, 70)}, statistics(
        "O01", ("mean sojourn", 1 / 30, mean, 0.0086), ("p50 sojourn", log(2) / 30, at(0.5), 0.00797), ("p99 sojourn", log(100) / 30, at(0.99), 0.0189),
        ("p99.9 sojourn", log(1000) / 30, at(0.999), 0.0397), ("mean number", 7 / 3, lambda run: run.number(1), 0.00947),
        ("utilisation", 0.7, utilisation, 0.00244))),
    Case("O02", "M/M/4", "Erlang C", 400_000, {"": single("{{kind: exponential, mean: 20 ms}}", 160, "workers: 4")}, statistics(
        "O02", ("probability of waiting", WAIT4, prob_wait, 0.00622), ("mean wait", WAIT4 / 40, wait_mean, 0.0234),
        ("p99 wait", log(WAIT4 / 0.01) / 40, wait_at(0.99), 0.0366), ("mean sojourn", 0.02 + WAIT4 / 40, mean, 0.0105),
        ("p99 sojourn", theory.mmc_sojourn_quantile(4, 160, 50, 0.99), at(0.99), 0.022))),
    Case("O03", "M/M/1/5", "truncated geometric, Little on the accepted", 400_000, {
        "": single(EXP10, 90, "workers: 1, discipline: {{kind: fifo, capacity: 5}}")}, statistics(
        "O03", ("probability of blocking", BLOCKED, lambda run: 1 - len(run.latency) / run.counted.sum(), 0.00725),
        ("goodput a second", 90 * (1 - BLOCKED), lambda run: len(run.latency) / run.station.window_s, 0.000988),
        ("mean sojourn of the accepted", N5 / (90 * (1 - BLOCKED)), mean, 0.00349), ("mean number", N5, lambda run: run.number(1), 0.00346))),
    Case("O04", "link as M/D/1", "Pollaczek-Khinchine; Erlang, Crommelin", 400_000, {"": braces(NETWORKS["link"])}, statistics(
        "O04", ("mean wait", 0.7 * 0.0008 / 0.6, lambda run: run.link.waits.mean(), 0.0084),  # type: ignore[union-attr]
        ("mean transit", 0.7 * 0.0008 / 0.6 + 0.0058, lambda run: run.link.transit_s / run.link.waits.count, 0.00116),  # type: ignore[union-attr]
        ("p99 wait", theory.md1_wait_quantile(875, 0.0008, 0.99), link_wait(0.99), 0.0144),
        ("p99.9 wait", theory.md1_wait_quantile(875, 0.0008, 0.999), link_wait(0.999), 0.0283))),
    Case("O05", "M/G/1, lognormal", "Pollaczek-Khinchine; p99 by inversion of its transform", 1_000_000, {
        "": single("{{kind: lognormal, mean: 10 ms, cv: 1.4142135623730951}}", 60)}, statistics(
        "O05", ("probability of waiting", 0.6, prob_wait, 0.00206), ("mean wait", 0.0225, wait_mean, 0.0114), ("mean sojourn", 0.0325, mean, 0.00813),
        ("p99 wait", 0.1986995364, wait_at(0.99), 0.0181))),
    Case("O06", "M/G/1, Pareto", "inversion of the Pollaczek-Khinchine transform", 1_000_000, {
        "": single("{{kind: pareto, minimum: 9 ms, shape: 2.5}}", 25)}, statistics(
        "O06", ("probability of waiting", 0.375, prob_wait, 0.0017), ("p90 wait", 0.0204054501, wait_at(0.9), 0.00507),
        ("p99 wait", 0.0898991201, wait_at(0.99), 0.0179),
        ("P(wait > 200 ms)", 0.002600541828, lambda run: share_above(run.station.waits, 0.2), 0.0968, {"gate": False}),
        ("mean wait", 0.0081, wait_mean, 0.0309, {"gate": False}))),
    Case("O07", "M/G/infinity", "N ~ Poisson(lambda E[S]) for any law", 400_000, {
        "": single("{{kind: lognormal, mean: 40 ms, cv: 2}}", 500, "workers: unlimited")}, statistics(
        "O07", ("mean number", 20.0, lambda run: run.number(1), 0.00346),
        ("variance of the number", 20.0, lambda run: run.number(2) - run.number(1) ** 2, 0.0147),
        ("p99 sojourn", theory.lognormal_quantile(0.04, 4, 0.99), at(0.99), 0.00722),
        ("p99.9 sojourn", theory.lognormal_quantile(0.04, 4, 0.999), at(0.999), 0.0195))),
    Case("O08", "M/G/1, processor sharing", "E[T] = E[S]/(1 - rho) for any law, Sakata 1971; Coffman, Muntz and Trotter 1970", 400_000, {
        "exp": single(EXP10, 75, "discipline: processor_sharing"), "det": single("10 ms", 75, "discipline: processor_sharing"),
        "h2": single("{{kind: hyperexponential, mean: 10 ms, cv: 2}}", 75, "discipline: processor_sharing")}, statistics(
        "O08", ("mean sojourn, exponential", 0.04, mean, 0.0114, {"run": "exp"}), ("mean sojourn, constant", 0.04, mean, 0.00738, {"run": "det"}),
        ("mean sojourn, hyperexponential", 0.04, mean, 0.0219, {"run": "h2"}),
        ("sd of the sojourn, exponential", ((2 + 0.75) / (0.25**2 * 1.25)) ** 0.5 * 0.01, lambda run: float(run.latency.std()), 0.0192, {"run": "exp"}),
        ("probability of being idle", 0.25, lambda run: float(run.station.time_at[0] / run.station.window_s), 0.00677, {"run": "exp"}))),
    Case("O09", "priorities, not preemptive", "Cobham 1954", 400_000, {"": braces(NETWORKS["priority"])}, statistics(
        "O09", ("mean wait, high", W0 / 0.76, lambda run: of_application(0)(run) - 0.008, 0.00669),
        ("mean wait, low", W0 / (0.76 * 0.28), lambda run: of_application(1)(run) - 0.012, 0.0151))),
    Case("O10", "tandem", "independent exponential sojourns, Burke 1956, Reich 1957", 400_000, {"": braces(NETWORKS["tandem"])}, statistics(
        "O10", ("mean", 1 / 50 + 1 / 30 + 1 / 75, mean, 0.00331), ("p50", theory.hypoexponential_quantile([50, 30, 75], 0.5), at(0.5), 0.00337),
        ("p99", theory.hypoexponential_quantile([50, 30, 75], 0.99), at(0.99), 0.0093),
        ("p99.9", theory.hypoexponential_quantile([50, 30, 75], 0.999), at(0.999), 0.0243))),
    Case("O11", "fork-join of two", "(12 - rho)/8 of an M/M/1, Flatto and Hahn 1984", 400_000, {"": braces(NETWORKS["fork"])}, statistics(
        "O11", ("mean", (12 - 0.7) / 8 / 30, mean, 0.00647))),
    Case("O12", "fan-out of 100", "order statistics; Dean and Barroso 2013", 40_000, {
        "exp": braces(NETWORKS["leaves"].replace("LAW", "{kind: exponential, mean: 10 ms}")),
        "slow": braces(NETWORKS["leaves"].replace("LAW", SLOW_LEAF))}, statistics(
        "O12", ("mean of the largest", 0.01 * HARMONIC, mean, 0.00134, {"run": "exp"}),
        ("p50 of the largest", -0.01 * log(1 - 0.5**0.01), at(0.5), 0.00132, {"run": "exp"}),
        ("p99 of the largest", -0.01 * log(1 - 0.99**0.01), at(0.99), 0.005, {"run": "exp"}),
        ("probability of any slow leaf", 1 - 0.99**100, lambda run: float((run.latency > 0.5).mean()), 0.00384, {"run": "slow"}))),
    Case("O13", "store and forward", "Kurose and Ross ch. 1", 1, {
        "whole": braces(NETWORKS["path"].replace("MTU", "")), "packets": braces(NETWORKS["path"].replace("MTU", "mtu: 1500 B"))}, statistics(
        "O13", ("whole message", 0.0316, mean, None, {"run": "whole", "limit": 1e-9}),
        ("ten packets", 0.02836, mean, None, {"run": "packets", "limit": 1e-9})), exact=True),
    Case("O14", "latency spikes, static and on/off", "mixtures of exponentials; PASTA", 400_000, {
        "static": single(MIXTURE, 100, "workers: unlimited"),
        "onoff": single("{{kind: exponential, mean: 5 ms}}", 100, "workers: unlimited", ON_OFF)}, statistics(
        "O14", ("mean, static", 0.98 * 0.005 + 0.02 * 0.2, mean, 0.00817, {"run": "static"}),
        ("p50, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.5), at(0.5), 0.00227, {"run": "static"}),
        ("p99, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.99), at(0.99), 0.0266, {"run": "static"}),
        ("p99.9, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.999), at(0.999), 0.0154, {"run": "static"}),
        ("share spiked, on/off", 0.05, lambda run: float(run.trace.requests["spiked"][run.counted].mean()), 0.0163, {"run": "onoff"}),
        ("mean, on/off", 0.95 * 0.005 + 0.05 * 0.1, mean, 0.00917, {"run": "onoff"}),
        ("p95, on/off", theory.exponential_mixture_quantile([0.95, 0.05], [0.005, 0.1], 0.95), at(0.95), 0.013, {"run": "onoff"}),
        ("p99, on/off", theory.exponential_mixture_quantile([0.95, 0.05], [0.005, 0.1], 0.99), at(0.99), 0.0139, {"run": "onoff"}))),
)  # fmt: skip


def share_above(samples: Any, bound: float) -> float:
    """The share of a sample's values above `bound`."""
    if samples.counts is None:
        return float((np.concatenate(samples.chunks) > bound).mean())
    from simulator.samples import BINS

    first = int(np.floor(np.log2(bound) * BINS)) + 1 - samples.offset
    return float(samples.counts[max(first, 0) :].sum()) / samples.count
