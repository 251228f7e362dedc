"""The cases of textbooks: a scenario each (some have several runs), and what theory says of its figures.

Their standard deviations were found with independent simulators.
"""

from __future__ import annotations

from math import log

from scenarios.validation import theory
from scenarios.validation.case import Case, braces, single, statistics
from scenarios.validation.figures import (
    ABOVE_500_MS,
    BLOCKED_SHARE,
    GOODPUT,
    IDLE,
    LINK_WAIT,
    MEAN,
    NUMBER,
    PROB_WAIT,
    SD,
    SPIKED,
    TRANSIT,
    UTILISATION,
    VARIANCE,
    WAIT,
    WAIT_ABOVE_200_MS,
    at,
    invariant,
    link_wait_at,
    mean_of,
    wait_at,
)

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
record: {spans: none, exceed: [500 ms]}
network: {nodes: [{name: n, workers: unlimited}]}
services: {root: {service_time: 0 s}, leaf: {service_time: LAW}}
deployments: [{service: root, nodes: all}, {service: leaf, nodes: all}]
applications: {a: {calls: [{name: root, service: root}, {name: leaf, service: leaf, after: [root], fan_out: 100}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 10 /s}}]
""",
    "everything": """
name: validation
requests: {n}
drain: stop
record: {spans: all}
network:
  nodes:
    - {name: a, workers: 2}
    - {name: b, workers: 2, speed: 0.7, discipline: processor_sharing}
    - {name: c, workers: 1, speed: 1.5, discipline: {kind: priority, preemptive: true}}
    - {name: d, workers: 3, discipline: {kind: lifo, capacity: 6}}
    - {name: cloud, tier: cloud, workers: unlimited}
  links:
    - {between: [a, b], bandwidth: 40 Mbit/s, propagation: 1 ms, loss: 0.5 %}
    - {between: [b, c], bandwidth: 20 Mbit/s, propagation: 2 ms, buffer: 60 kB, jitter: {kind: exponential, mean: 1 ms}}
    - {between: [c, d], bandwidth: 100 Mbit/s, propagation: 1 ms}
    - {between: [d, a], bandwidth: 30 Mbit/s, propagation: 3 ms}
    - {between: [a, cloud], bandwidth: 50 Mbit/s, propagation: 15 ms}
  mtu: 1500 B
services:
  short: {service_time: {kind: exponential, mean: 4 ms}}
  heavy: {service_time: {kind: pareto, minimum: 3 ms, shape: 2.1}}
  model:
    variants:
      small: {quality: 0.7, service_time: {kind: lognormal, mean: 6 ms, cv: 1}}
      large: {service_time: {kind: lognormal, mean: 15 ms, cv: 1.5}}
deployments: [{service: short, nodes: all}, {service: heavy, nodes: all}, {service: model, nodes: all, workers: 1, replicas: 2, balancer: power_of_d}]
applications:
  ten:
    timeout: 400 ms
    response: 4 kB
    calls:
      - {name: s0, service: short, payload: 2 kB}
      - {name: s1, service: heavy, after: {s0: 10 kB}, timeout: 40 ms, retry: {retries: 2, back_off: 2 ms, jitter: 50 %}}
      - {name: s2, service: short, after: {s0: 4 kB}, hedge: {after: 10 ms}}
      - {name: s3, service: model, after: {s1: {kind: lognormal, mean: 20 kB, cv: 1}, s2: 1 kB}, priority: 1}
      - {name: s4, service: short, after: {s3: 2 kB}, fan_out: 3, wait_for: 2}
      - {name: s5, service: heavy, after: {s3: 2 kB}, one_of: way, probability: 60 %}
      - {name: s6, service: model, after: {s3: 2 kB}, one_of: way, probability: 40 %}
      - {name: s7, service: short, after: {s4: 1 kB, s5: 1 kB, s6: 1 kB}, retry: {retries: 1}}
      - {name: s8, service: heavy, after: {s7: 3 kB}, shed: {queue: 20}}
      - {name: s9, service: short, after: {s7: 1 kB, s8: 1 kB}, retry: {retries: 1}}
workload: [{name: w, application: ten, ingress: all, arrivals: {kind: mmpp, rates: [30 /s, 120 /s], stays: [500 ms, 200 ms]}}]
spikes:
  - {name: stragglers, kind: call_spike, services: [heavy], probability: 2 %, factor: {kind: pareto, minimum: 3, shape: 1.8}}
  - {name: slow, kind: slow_down, nodes: {one_of: all}, factor: 4, up: {kind: exponential, mean: 2 s}, down: {kind: exponential, mean: 300 ms}}
control: {policy: power-of-two}
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


CASES = (
    Case("O01", "M/M/1", "T ~ Exp(mu - lambda), Kleinrock I (1975) ch. 3", 400_000, {"": single(EXP10, 70)}, statistics(
        "O01", ("mean sojourn", 1 / 30, MEAN, 0.0086), ("p50 sojourn", log(2) / 30, at(0.5), 0.00797), ("p99 sojourn", log(100) / 30, at(0.99), 0.0189),
        ("p99.9 sojourn", log(1000) / 30, at(0.999), 0.0397), ("mean number", 7 / 3, NUMBER, 0.00947),
        ("utilisation", 0.7, UTILISATION, 0.00244))),
    Case("O02", "M/M/4", "Erlang C", 400_000, {"": single("{{kind: exponential, mean: 20 ms}}", 160, "workers: 4")}, statistics(
        "O02", ("probability of waiting", WAIT4, PROB_WAIT, 0.00622), ("mean wait", WAIT4 / 40, WAIT, 0.0234),
        ("p99 wait", log(WAIT4 / 0.01) / 40, wait_at(0.99), 0.0366), ("mean sojourn", 0.02 + WAIT4 / 40, MEAN, 0.0105),
        ("p99 sojourn", theory.mmc_sojourn_quantile(4, 160, 50, 0.99), at(0.99), 0.022))),
    Case("O03", "M/M/1/5", "truncated geometric, Little on the accepted", 400_000, {
        "": single(EXP10, 90, "workers: 1, discipline: {{kind: fifo, capacity: 5}}")}, statistics(
        "O03", ("probability of blocking", BLOCKED, BLOCKED_SHARE, 0.00725),
        ("goodput a second", 90 * (1 - BLOCKED), GOODPUT, 0.000988),
        ("mean sojourn of the accepted", N5 / (90 * (1 - BLOCKED)), MEAN, 0.00349), ("mean number", N5, NUMBER, 0.00346))),
    Case("O04", "link as M/D/1", "Pollaczek-Khinchine; Erlang, Crommelin", 400_000, {"": braces(NETWORKS["link"])}, statistics(
        "O04", ("mean wait", 0.7 * 0.0008 / 0.6, LINK_WAIT, 0.0084),
        ("mean transit", 0.7 * 0.0008 / 0.6 + 0.0058, TRANSIT, 0.00116),
        ("p99 wait", theory.md1_wait_quantile(875, 0.0008, 0.99), link_wait_at(0.99), 0.0144),
        ("p99.9 wait", theory.md1_wait_quantile(875, 0.0008, 0.999), link_wait_at(0.999), 0.0283))),
    Case("O05", "M/G/1, lognormal", "Pollaczek-Khinchine; p99 by inversion of its transform", 1_000_000, {
        "": single("{{kind: lognormal, mean: 10 ms, cv: 1.4142135623730951}}", 60)}, statistics(
        "O05", ("probability of waiting", 0.6, PROB_WAIT, 0.00206), ("mean wait", 0.0225, WAIT, 0.0114), ("mean sojourn", 0.0325, MEAN, 0.00813),
        ("p99 wait", 0.1986995364, wait_at(0.99), 0.0181))),
    Case("O06", "M/G/1, Pareto", "inversion of the Pollaczek-Khinchine transform", 1_000_000, {
        "": single("{{kind: pareto, minimum: 9 ms, shape: 2.5}}", 25, exceed="200 ms")}, statistics(
        "O06", ("probability of waiting", 0.375, PROB_WAIT, 0.0017), ("p90 wait", 0.0204054501, wait_at(0.9), 0.00507),
        ("p99 wait", 0.0898991201, wait_at(0.99), 0.0179),
        ("P(wait > 200 ms)", 0.002600541828, WAIT_ABOVE_200_MS, 0.0968, {"gate": False}),
        ("mean wait", 0.0081, WAIT, 0.0309, {"gate": False}))),
    Case("O07", "M/G/infinity", "N ~ Poisson(lambda E[S]) for any law", 400_000, {
        "": single("{{kind: lognormal, mean: 40 ms, cv: 2}}", 500, "workers: unlimited")}, statistics(
        "O07", ("mean number", 20.0, NUMBER, 0.00346),
        ("variance of the number", 20.0, VARIANCE, 0.0147),
        ("p99 sojourn", theory.lognormal_quantile(0.04, 4, 0.99), at(0.99), 0.00722),
        ("p99.9 sojourn", theory.lognormal_quantile(0.04, 4, 0.999), at(0.999), 0.0195))),
    Case("O08", "M/G/1, processor sharing", "E[T] = E[S]/(1 - rho) for any law, Sakata 1971; Coffman, Muntz and Trotter 1970", 400_000, {
        "exp": single(EXP10, 75, "discipline: processor_sharing"), "det": single("10 ms", 75, "discipline: processor_sharing"),
        "h2": single("{{kind: hyperexponential, mean: 10 ms, cv: 2}}", 75, "discipline: processor_sharing")}, statistics(
        "O08", ("mean sojourn, exponential", 0.04, MEAN, 0.0114, {"run": "exp"}), ("mean sojourn, constant", 0.04, MEAN, 0.00738, {"run": "det"}),
        ("mean sojourn, hyperexponential", 0.04, MEAN, 0.0219, {"run": "h2"}),
        ("sd of the sojourn, exponential", ((2 + 0.75) / (0.25**2 * 1.25)) ** 0.5 * 0.01, SD, 0.0192, {"run": "exp"}),
        ("probability of being idle", 0.25, IDLE, 0.00677, {"run": "exp"}))),
    Case("O09", "priorities, not preemptive", "Cobham 1954", 400_000, {"": braces(NETWORKS["priority"])}, statistics(
        "O09", ("mean wait, high", W0 / 0.76, mean_of(0, "high", 0.008), 0.00669),
        ("mean wait, low", W0 / (0.76 * 0.28), mean_of(1, "low", 0.012), 0.0151))),
    Case("O10", "tandem", "independent exponential sojourns, Burke 1956, Reich 1957", 400_000, {"": braces(NETWORKS["tandem"])}, statistics(
        "O10", ("mean", 1 / 50 + 1 / 30 + 1 / 75, MEAN, 0.00331), ("p50", theory.hypoexponential_quantile([50, 30, 75], 0.5), at(0.5), 0.00337),
        ("p99", theory.hypoexponential_quantile([50, 30, 75], 0.99), at(0.99), 0.0093),
        ("p99.9", theory.hypoexponential_quantile([50, 30, 75], 0.999), at(0.999), 0.0243))),
    Case("O11", "fork-join of two", "(12 - rho)/8 of an M/M/1, Flatto and Hahn 1984", 400_000, {"": braces(NETWORKS["fork"])}, statistics(
        "O11", ("mean", (12 - 0.7) / 8 / 30, MEAN, 0.00647))),
    Case("O12", "fan-out of 100", "order statistics; Dean and Barroso 2013", 40_000, {
        "exp": braces(NETWORKS["leaves"].replace("LAW", "{kind: exponential, mean: 10 ms}")),
        "slow": braces(NETWORKS["leaves"].replace("LAW", SLOW_LEAF))}, statistics(
        "O12", ("mean of the largest", 0.01 * HARMONIC, MEAN, 0.00134, {"run": "exp"}),
        ("p50 of the largest", -0.01 * log(1 - 0.5**0.01), at(0.5), 0.00132, {"run": "exp"}),
        ("p99 of the largest", -0.01 * log(1 - 0.99**0.01), at(0.99), 0.005, {"run": "exp"}),
        ("probability of any slow leaf", 1 - 0.99**100, ABOVE_500_MS, 0.00384, {"run": "slow"}))),
    Case("O13", "store and forward", "Kurose and Ross ch. 1", 1, {
        "whole": braces(NETWORKS["path"].replace("MTU", "")), "packets": braces(NETWORKS["path"].replace("MTU", "mtu: 1500 B"))}, statistics(
        "O13", ("whole message", 0.0316, MEAN, None, {"run": "whole", "limit": 1e-9}),
        ("ten packets", 0.02836, MEAN, None, {"run": "packets", "limit": 1e-9})), exact=True),
    Case("O14", "latency spikes, static and on/off", "mixtures of exponentials; PASTA", 400_000, {
        "static": single(MIXTURE, 100, "workers: unlimited"),
        "onoff": single("{{kind: exponential, mean: 5 ms}}", 100, "workers: unlimited", ON_OFF)}, statistics(
        "O14", ("mean, static", 0.98 * 0.005 + 0.02 * 0.2, MEAN, 0.00817, {"run": "static"}),
        ("p50, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.5), at(0.5), 0.00227, {"run": "static"}),
        ("p99, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.99), at(0.99), 0.0266, {"run": "static"}),
        ("p99.9, static", theory.exponential_mixture_quantile([0.98, 0.02], [0.005, 0.2], 0.999), at(0.999), 0.0154, {"run": "static"}),
        ("share spiked, on/off", 0.05, SPIKED, 0.0163, {"run": "onoff"}),
        ("mean, on/off", 0.95 * 0.005 + 0.05 * 0.1, MEAN, 0.00917, {"run": "onoff"}),
        ("p95, on/off", theory.exponential_mixture_quantile([0.95, 0.05], [0.005, 0.1], 0.95), at(0.95), 0.013, {"run": "onoff"}),
        ("p99, on/off", theory.exponential_mixture_quantile([0.95, 0.05], [0.005, 0.1], 0.99), at(0.99), 0.0139, {"run": "onoff"}))),
    Case("O15", "invariants", "Little's law on the path, Stidham 1974; conservation of work, messages and time", 1, {
        "": braces(NETWORKS["everything"].replace("requests: {n}", "requests: 6000"))}, statistics(
        "O15", ("integral of the number present over the sum of stays", 1.0, invariant("little_ratio"), None, {"limit": 1e-9}),
        ("requests not accounted for", 0.0, invariant("requests_unaccounted"), None, {"limit": 1e-9}),
        ("busy time over service received", 1.0, invariant("busy_ratio"), None, {"limit": 1e-9}),
        ("bits into links less bits out", 0.0, invariant("link_bits_unaccounted"), None, {"limit": 1e-9}),
        ("critical path's segments over latency", 1.0, invariant("critical_path_ratio"), None, {"limit": 1e-9})), exact=True),
)  # fmt: skip
