"""Cases beyond the textbooks' list: preemption, time-outs, retries, hedges, quorums, closed loops, modulated and bursty arrivals.

Their standard deviations were measured with this simulator, 40 runs each (`python -m scenarios.validation.deviations`).
"""

from __future__ import annotations

from math import exp, log

from scenarios.validation import theory
from scenarios.validation.case import Case, braces, single, statistics
from scenarios.validation.cases import BLOCKED, NETWORKS
from scenarios.validation.figures import COMPLETED, LINK_WAIT, MEAN, NUMBER, THROUGHPUT, UTILISATION, at, attempt_figure, mean_of

UNLIMITED = """
name: validation
requests: {n}
record: {spans: none}
network: {nodes: [{name: n, workers: unlimited}]}
services: {s: {service_time: {kind: exponential, mean: 40 ms}}}
deployments: [{service: s, nodes: all}]
applications: {a: {calls: [{name: c, service: s, CARE}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 100 /s}}]
"""
REPLICAS = """
name: validation
requests: {n}
warm_up: 10 %
record: {spans: none}
network: {nodes: [{name: n}]}
services: {s: {service_time: {kind: exponential, mean: 10 ms}}}
deployments: [{service: s, nodes: all, workers: 1, replicas: 100, balancer: {kind: power_of_d, d: 2}}]
applications: {a: {calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 7000 /s}}]
"""
UNEQUAL = """
name: validation
network:
  nodes: [{name: a}, {name: b}, {name: c}, {name: d}]
  links:
    - {between: [a, b], bandwidth: 40 Mbit/s, propagation: 1 ms}
    - {between: [b, c], bandwidth: 8 Mbit/s, propagation: 5 ms}
    - {between: [c, d], bandwidth: 100 Mbit/s, propagation: 3 ms}
  mtu: 1000 B
services: {s: {service_time: 0 s}}
deployments: [{service: s, nodes: [d]}]
applications: {x: {calls: [{name: c, service: s, payload: 20000 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s]}}]
"""
POISSON70 = "{{kind: poisson, rate: 70 /s}}"
EXP10 = "{{kind: exponential, mean: 10 ms}}"
CARED = """
name: validation
requests: {n}
warm_up: 10 %
record: {spans: none}
network: {nodes: [{name: n}]}
services: {s: {service_time: {kind: exponential, mean: 10 ms}}}
deployments: [{service: s, nodes: all}]
applications: {a: {calls: [{name: c, service: s, CARE}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: RATE /s}}]
"""
GIVEN_UP, BUSY = theory.limited_sojourn(70, 100, 0.06)
P = exp(-1.5)  # that an exponential of mean 40 ms is longer than 60 ms
IN_TIME = 0.04 - 0.06 * P / (1 - P)
TRIES = sum(P**k * (1 - P) * (before + IN_TIME) for k, before in enumerate((0.0, 0.07, 0.15))) / (1 - P**3)
W0 = 30 * 0.008**2 + 40 * 0.012**2
REPAIRED, RESPONSE = theory.machine_repairman(20, 0.1, 0.008)
RATES, STAYS = [40.0, 130.0], [0.4, 0.1333]
MODULATED = theory.mmpp_m_1_number(RATES, STAYS, 100.0) * sum(STAYS) / sum(rate * stay for rate, stay in zip(RATES, STAYS, strict=True))
SMALL, LARGE = 64 * 8 / 10e6, 1500 * 8 / 10e6
PACKETS = 1000.0  # a second; half of each size
CUT = theory.bounded_pareto_mean(0.003, 1.0, 1.5)

CASES = (
    Case("V01", "priorities, preemptive-resume", "Kleinrock II (1976) 3.43", 400_000, {
        "": braces(NETWORKS["priority"].replace("discipline: priority", "discipline: {kind: priority, preemptive: true}"))}, statistics(
        "V01", ("mean sojourn, high", 0.008 / 0.76, mean_of(0, "high"), 0.00401),
        ("mean sojourn, low", (0.012 * 0.28 + W0) / (0.76 * 0.28), mean_of(1, "low"), 0.0113))),
    Case("V02", "M/M/1 with time-outs", "limited sojourn, Takacs 1967; Gnedenko and Kovalenko 1989", 400_000, {
        "": braces(CARED.replace("CARE", "timeout: 60 ms").replace("RATE", "70"))}, statistics(
        "V02", ("completed fraction", 1 - GIVEN_UP, COMPLETED, 0.000752), ("utilisation", BUSY, UTILISATION, 0.00167))),
    Case("V03", "retries after time-outs", "geometric trials with exponential work", 100_000, {
        "": braces(UNLIMITED.replace("CARE", "timeout: 60 ms, retry: {retries: 2, back_off: 10 ms}"))}, statistics(
        "V03", ("completed fraction", 1 - P**3, COMPLETED, 0.000273), ("mean latency", TRIES, MEAN, 0.00374),
        ("mean attempts", 1 + P + P**2, attempt_figure("mean_attempts"), 0.00142))),
    Case("V04", "hedge after 60 ms", "min(X, 60 ms + Y) of exponentials", 100_000, {"": braces(UNLIMITED.replace("CARE", "hedge: {after: 60 ms}"))}, statistics(
        "V04", ("mean latency", 0.04 * (1 - P) + 0.02 * P, MEAN, 0.00276), ("p99 latency", (0.04 * log(100) + 0.06) / 2, at(0.99), 0.00522),
        ("share hedged", P, attempt_figure("hedged_fraction"), 0.00597))),
    Case("V05", "quorum of 3 of 5", "order statistics of exponentials", 100_000, {"": braces(UNLIMITED.replace("CARE", "fan_out: 5, wait_for: 3"))}, statistics(
        "V05", ("mean latency", 0.04 * (1 / 5 + 1 / 4 + 1 / 3), MEAN, 0.00185),
        ("p99 latency", theory.order_statistic_quantile(3, 5, 0.04, 0.99), at(0.99), 0.00517))),
    Case("V06", "closed loop of 20 users", "mean value analysis, Reiser and Lavenberg 1980", 400_000, {
        "": single("{{kind: exponential, mean: 8 ms}}", 70)
            .replace(POISSON70, "{{kind: closed, users: 20, think: {{kind: exponential, mean: 100 ms}}}}")}, statistics(
        "V06", ("throughput", REPAIRED, THROUGHPUT, 0.00134), ("mean response", RESPONSE, MEAN, 0.00401))),
    Case("V07", "two choices over 100 replicas", "limit for many replicas, Mitzenmacher 2001", 400_000, {"": braces(REPLICAS)}, statistics(
        "V07", ("mean sojourn", 0.01 * sum(0.7 ** (2**i - 2) for i in range(1, 12)), MEAN, 0.00401, {"limit": 0.05}))),
    Case("V08", "MMPP/M/1", "matrix-geometric, Neuts 1981", 1_000_000, {
        "": single(EXP10, 70).replace(POISSON70, "{{kind: mmpp, rates: [40 /s, 130 /s], stays: [400 ms, 133.3 ms]}}")}, statistics(
        "V08", ("mean sojourn", MODULATED, MEAN, 0.011))),
    Case("V09", "bursts of 5", "M[X]/M/1: L = rho/(1 - rho) (b + 1)/2", 400_000, {
        "": single(EXP10, 70).replace(POISSON70, "{{kind: bursts, size: 5, of: {{kind: poisson, rate: 14 /s}}}}")}, statistics(
        "V09", ("mean sojourn", 0.1, MEAN, 0.0142))),
    Case("V10", "gamma arrivals of cv 2", "GI/M/1, Kleinrock I ch. 6", 400_000, {
        "": single(EXP10, 70).replace(POISSON70, "{{kind: renewal, rate: 70 /s, cv: 2}}")}, statistics(
        "V10", ("mean sojourn", theory.gamma_m_1_mean(70, 2, 100), MEAN, 0.016))),
    Case("V11", "sharing with bounded-Pareto jobs", "insensitivity, Sakata 1971", 400_000, {
        "": single("{{kind: bounded_pareto, minimum: 3 ms, maximum: 1 s, shape: 1.5}}", round(0.7 / CUT, 3), "discipline: processor_sharing")}, statistics(
        "V11", ("mean sojourn", CUT / (1 - round(0.7 / CUT, 3) * CUT), MEAN, 0.0124))),
    Case("V12", "link with two packet sizes", "Pollaczek-Khinchine", 400_000, {
        "": braces(NETWORKS["link"].replace("payload: 1000 B", "payload: {kind: discrete, values: [64 B, 1500 B], probabilities: [0.5, 0.5]}")
                   .replace("875 /s", "1000 /s"))}, statistics(
        "V12", ("mean wait", PACKETS * (SMALL**2 + LARGE**2) / 4 / (1 - PACKETS * (SMALL + LARGE) / 2), LINK_WAIT, 0.00942))),
    Case("V13", "20 packets over three unequal links", "pipelining: all delays, one packet on every link, 19 more on the slowest", 1, {
        "": braces(UNEQUAL)}, statistics(
        "V13", ("arrival of the last packet", 0.009 + 8000 / 40e6 + 8000 / 8e6 + 8000 / 100e6 + 19 * 8000 / 8e6, MEAN, None, {"limit": 1e-9})), exact=True),
    Case("V14", "shedding by queue limit", "an M/M/1/5: truncated geometric", 400_000, {
        "": braces(CARED.replace("CARE", "shed: {queue: 4}").replace("RATE", "90"))}, statistics(
        "V14", ("completed fraction", 1 - BLOCKED, COMPLETED, 0.00104))),
    Case("V15", "M/M/infinity from empty", "the number present tends to its mean as 1 - exp(-t / E[S]): the warm-up must be left out", 40_000, {
        "": single("{{kind: exponential, mean: 5 s}}", 100, "workers: unlimited").replace("warm_up: 10 %", "warm_up: 30 s")}, statistics(
        "V15", ("mean number", 500.0, NUMBER, 0.007))),
    Case("V16", "full batches of 8", "one exponential time a batch, Gross and Harris 3.2.2", 400_000, {
        "": single("{{kind: exponential, mean: 20 ms}}", 300, "discipline: {{kind: batch, size: 8, wait: unlimited, duration: once}}")}, statistics(
        "V16", ("mean sojourn", theory.full_batches_number(300, 50, 8) / 300, MEAN, 0.0187), ("utilisation", 0.75, UTILISATION, 0.0043))),
    Case("V17", "M/M/1 that freezes", "preemptive resume, White and Christie 1958", 400_000, {
        "": single(EXP10, 40, more="spikes: [{{name: pause, kind: freeze, nodes: [n], up: {{kind: exponential, mean: 500 ms}}, "
                                   "down: {{kind: exponential, mean: 100 ms}}}}]")}, statistics(
        "V17", ("mean sojourn", theory.interrupted_m_m_1_mean(40, 100, 0.5, 0.1), MEAN, 0.0176))),
)  # fmt: skip
