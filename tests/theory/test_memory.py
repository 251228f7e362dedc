"""Least-recently-used models against the theory of LRU caches under independent references.

King (1971): the stationary probability that the last different models asked for are i1, i2 .. ik is the product of
p_i / (1 - those before), which gives the exact hit fraction. Che, Tung and Wang (2002): a model is there if it was asked for within
the characteristic time T, where the sum of 1 - exp(-rate T) is the number of models that fit.
"""

from itertools import permutations
from math import exp

import numpy as np
import pytest
from scipy.optimize import brentq

from tests.helpers import run, scenario

ZIPF = [1.0 / (i + 1) for i in range(8)]


def lru_hits(p: list[float], k: int) -> float:
    """The exact hit fraction of an LRU memory for k models (King 1971)."""
    hits = 0.0
    for order in permutations(range(len(p)), k):
        probability, left = 1.0, 1.0
        for i in order:
            probability *= p[i] / left
            left -= p[i]
        hits += probability * (1.0 - left)
    return hits


def che_hits(rates: list[float], k: int) -> float:
    """Che's approximation."""
    time = brentq(lambda t: sum(1.0 - exp(-rate * t) for rate in rates) - k, 1e-9, 1e9)
    return sum(rate * (1.0 - exp(-rate * time)) for rate in rates) / sum(rates)


def observed(k: int, replications: int = 8, requests: int = 20_000) -> np.ndarray:
    """Hit fractions of independent replications; loads and services take no time, so that only the order of calls matters."""
    models = [f"m{i}" for i in range(len(ZIPF))]
    entries = [f"{{name: m{i}, application: m{i}, ingress: n, arrivals: {{kind: poisson, rate: {rate!r} /s}}}}" for i, rate in enumerate(ZIPF)]
    text = f"""
name: lru
requests: {requests}
warm_up: 10 %
record: {{spans: none}}
network: {{nodes: [{{name: n, workers: unlimited, memory: {k} GB}}]}}
services: {{{", ".join(f"{m}: {{service_time: 0 s, memory: 1 GB}}" for m in models)}}}
deployments: [{", ".join(f"{{service: {m}, nodes: [n]}}" for m in models)}]
applications: {{{", ".join(f"{m}: {{calls: [{{name: c, service: {m}}}]}}" for m in models)}}}
workload: [{", ".join(entries)}]
"""
    described = scenario(text)
    records = [run(described, replication=i).memories[0] for i in range(replications)]
    return np.array([record.hits / (record.hits + record.misses) for record in records])


@pytest.mark.parametrize("k", [2, 4])
def test_hit_fraction_is_that_of_an_lru_memory(k):
    found = observed(k)
    error = found.std(ddof=1) / len(found) ** 0.5
    exact = lru_hits([rate / sum(ZIPF) for rate in ZIPF], k)
    assert abs(found.mean() - exact) < 4 * error
    assert error < 0.003
    assert che_hits(ZIPF, k) == pytest.approx(exact, abs=0.02)


def test_the_theory_tells_lru_from_other_rules():
    """Holding the most popular, or any at random, would be off by many standard errors: the test above can fail."""
    p = [rate / sum(ZIPF) for rate in ZIPF]
    assert sum(p[:2]) - lru_hits(p, 2) > 0.05
    assert lru_hits(p, 2) - 2 / 8 > 0.05
