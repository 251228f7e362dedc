"""Closed forms of queueing theory; times in seconds, rates a second. Each function names its source."""

from __future__ import annotations

from math import comb, exp, factorial, log, sqrt

import numpy as np


def root(function, target: float, low: float, high: float) -> float:
    """Where an increasing function reaches `target`, by bisection."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return (low + high) / 2


def erlang_c(c: int, offered: float) -> float:
    """Probability of waiting in M/M/c (Erlang 1917)."""
    term, below = 1.0, 0.0
    for k in range(c):
        below += term
        term *= offered / (k + 1)
    last = term * c / (c - offered)
    return last / (below + last)


def mmc_sojourn_quantile(c: int, rate: float, mu: float, q: float) -> float:
    """Quantile of the sojourn time of M/M/c: exp(mu) service after an exp(c mu - rate) wait with probability C."""
    wait, d = erlang_c(c, rate / mu), c * mu - rate

    def below(t: float) -> float:
        return 1 - ((1 - wait) * exp(-mu * t) + wait * (d * exp(-mu * t) - mu * exp(-d * t)) / (d - mu))

    return root(below, q, 0.0, 100 / min(mu, d))


def md1_wait_quantile(rate: float, service: float, q: float) -> float:
    """Quantile of the wait in M/D/1 (Erlang 1909, Crommelin 1932)."""

    def below(t: float) -> float:
        u = [rate * (t - k * service) for k in range(int(t / service) + 1)]
        return (1 - rate * service) * sum((-x) ** k / factorial(k) * exp(x) for k, x in enumerate(u))

    return root(below, q, 0.0, 20 * service)


def hypoexponential_quantile(rates: list[float], q: float) -> float:
    """Quantile of a sum of independent exponentials with different rates."""

    def below(t: float) -> float:
        total = 0.0
        for i, a in enumerate(rates):
            weight = 1.0
            for j, b in enumerate(rates):
                if i != j:
                    weight *= b / (b - a)
            total += weight * exp(-a * t)
        return 1 - total

    return root(below, q, 0.0, 100 / min(rates))


def lognormal_quantile(mean: float, scv: float, q: float) -> float:
    """Quantile of a lognormal law by mean and squared coefficient of variation."""
    from statistics import NormalDist

    sigma = sqrt(log(1 + scv))
    return mean * exp(-(sigma**2) / 2 + sigma * NormalDist().inv_cdf(q))


def exponential_mixture_quantile(weights: list[float], means: list[float], q: float) -> float:
    """Quantile of a mixture of exponentials."""
    return root(lambda t: 1 - sum(w * exp(-t / m) for w, m in zip(weights, means, strict=True)), q, 0.0, 100 * max(means))


def limited_sojourn(arrival: float, service: float, patience: float) -> tuple[float, float]:
    """(share given up, utilisation) of an M/M/1 whose jobs leave, in service or not, `patience` after they came.

    The work that counts behaves as the content of a finite dam (Takacs 1967; Gnedenko and Kovalenko 1989): its density is
    arrival * p0 * exp(-(service - arrival) v) on (0, patience), and a job is given up with p0 * exp(-(service - arrival) patience).
    """
    excess = service - arrival
    empty = 1.0 / (1.0 + arrival * (1.0 - exp(-excess * patience)) / excess)
    return empty * exp(-excess * patience), 1.0 - empty


def mmpp_m_1_number(rates: list[float], stays: list[float], service: float) -> float:
    """Mean number in an MMPP/M/1 whose states follow each other in a circle (matrix-geometric, Neuts 1981)."""
    n = len(rates)
    change = np.zeros((n, n))
    for i, stay in enumerate(stays):
        change[i, i] -= 1.0 / stay
        change[i, (i + 1) % n] += 1.0 / stay
    up, down = np.diag(rates), service * np.eye(n)
    local = change - up - down
    ratio = np.zeros((n, n))
    inverse = np.linalg.inv(-local)
    for _ in range(100_000):
        following = (up + ratio @ ratio @ down) @ inverse
        if np.abs(following - ratio).max() < 1e-14:
            break
        ratio = following
    # pi0 (change - up + R down) = 0, normalised by pi0 (I - R)^-1 1 = 1
    rest = np.linalg.inv(np.eye(n) - ratio)
    boundary = change - up + ratio @ down
    system = np.vstack([boundary.T, rest.sum(axis=1)])
    empty = np.linalg.lstsq(system, np.concatenate([np.zeros(n), [1.0]]), rcond=None)[0]
    return float((empty @ ratio @ rest @ rest).sum())


def machine_repairman(users: int, think: float, work: float) -> tuple[float, float]:
    """(throughput, mean response) of a closed loop at one worker by mean value analysis (Reiser and Lavenberg 1980)."""
    number = throughput = response = 0.0
    for n in range(1, users + 1):
        response = work * (1.0 + number)
        throughput = n / (think + response)
        number = throughput * response
    return throughput, response


def gamma_m_1_mean(rate: float, cv: float, service: float) -> float:
    """Mean sojourn of a GI/M/1 with gamma intervals: 1 / (service (1 - root)), root = LST(service (1 - root)), Kleinrock I ch. 6."""
    shape = 1.0 / cv**2
    root = 0.5
    for _ in range(10_000):
        root = (1.0 + service * (1.0 - root) / (shape * rate)) ** -shape
    return 1.0 / (service * (1.0 - root))


def order_statistic_quantile(k: int, n: int, mean: float, q: float) -> float:
    """Quantile of the k-th smallest of n exponentials."""

    def reached(time: float) -> float:
        share = 1.0 - exp(-time / mean)
        return sum(comb(n, i) * share**i * (1.0 - share) ** (n - i) for i in range(k, n + 1))

    return root(reached, q, 0.0, 100.0 * mean)


def bounded_pareto_mean(minimum: float, maximum: float, shape: float) -> float:
    """Mean of a Pareto law cut off at `maximum`."""
    ratio = minimum / maximum
    return shape * minimum * (1.0 - ratio ** (shape - 1.0)) / ((shape - 1.0) * (1.0 - ratio**shape))


def full_batches_number(arrival: float, batches: float, size: int) -> float:
    """Mean number in a station that serves full batches of `size` in exponential times, `batches` a second (Gross and Harris 3.2.2)."""
    ratio = root(lambda z: -(batches * z ** (size + 1) - (arrival + batches) * z + arrival), 0.0, 0.0, 1.0 - 1e-9)
    empty = (1.0 - ratio) / size
    below = sum(n * empty * (1.0 - ratio ** (n + 1)) / (1.0 - ratio) for n in range(size))
    return below + empty * arrival / batches * (size / (1.0 - ratio) + ratio / (1.0 - ratio) ** 2)


def interrupted_m_m_1_mean(arrival: float, service: float, up: float, down: float) -> float:
    """Mean sojourn of an M/M/1 that stops and resumes: exponential up and down times of these means, busy or not (White and Christie 1958).

    With f = 1/up, r = 1/down: ((f + r)^2 + service f) / ((f + r) (r (service - arrival) - f arrival)).
    """
    fails, returns = 1.0 / up, 1.0 / down
    both = fails + returns
    return (both**2 + service * fails) / (both * (returns * (service - arrival) - fails * arrival))
