"""Closed forms of queueing theory; times in seconds, rates a second. Each function names its source."""

from __future__ import annotations

from math import exp, factorial, log, sqrt


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
