"""Freezes and outages against the M/M/1 queue whose server breaks down.

Up and down times are exponential with rates f and r, and breakdowns come whether the server works or not. With preemptive resume the
mean number present is lambda ((f + r)^2 + mu f) / ((f + r) (r mu - lambda (f + r))) (White and Christie 1958; Avi-Itzhak and Naor 1963).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from tests.helpers import finished, one_station, run

RATE, SERVICE, FAIL, REPAIR = 40.0, 100.0, 2.0, 10.0


def interrupted(rate: float, service: float, fail: float, repair: float) -> float:
    """Mean number present."""
    return rate * ((fail + repair) ** 2 + service * fail) / ((fail + repair) * (repair * service - rate * (fail + repair)))


def balanced(rate: float, service: float, fail: float, repair: float, most: int = 400) -> float:
    """The same from the balance equations of the chain (number present up to `most`, up or down)."""
    states = 2 * (most + 1)
    flow = np.zeros((states, states))
    for n in range(most + 1):
        up, down = 2 * n, 2 * n + 1
        flow[up, down], flow[down, up] = fail, repair
        if n < most:
            flow[up, up + 2] = flow[down, down + 2] = rate
        if n > 0:
            flow[up, up - 2] = service
    flow -= np.diag(flow.sum(axis=1))
    equations = np.vstack([flow.T, np.ones(states)])
    shares = np.linalg.lstsq(equations, np.append(np.zeros(states), 1.0), rcond=None)[0]
    return float(np.repeat(np.arange(most + 1), 2) @ shares)


def test_the_formula_solves_the_balance_equations():
    assert interrupted(RATE, SERVICE, FAIL, REPAIR) == pytest.approx(balanced(RATE, SERVICE, FAIL, REPAIR), rel=1e-6)
    assert interrupted(70.0, 100.0, 0.0, 1.0) == pytest.approx(0.7 / 0.3)


@pytest.mark.parametrize("services", ["", ", services: [s]"])
def test_freezes_interrupt(services):
    """Replications within four standard errors of the closed form, for the mean sojourn (by Little's law) and the mean number."""
    laws = f"up: {{kind: exponential, mean: {1 / FAIL} s}}, down: {{kind: exponential, mean: {1 / REPAIR} s}}"
    spikes = f"spikes: [{{name: stop, kind: freeze, nodes: all{services}, {laws}}}]"
    described = one_station("{kind: exponential, mean: 10 ms}", f"{{kind: poisson, rate: {RATE} /s}}", requests=20_000, more=spikes)
    traces = [run(described, replication=i) for i in range(10)]
    assert all(finished(trace) for trace in traces)
    expected = interrupted(RATE, SERVICE, FAIL, REPAIR)
    sojourns = np.array([trace.latency[trace.counted].mean() for trace in traces])
    assert abs(sojourns.mean() - expected / RATE) < 4 * sojourns.std(ddof=1) / sqrt(len(sojourns))
    numbers = np.array([np.arange(len(t.stations[0].time_at)) @ t.stations[0].time_at / t.stations[0].window_s for t in traces])
    assert abs(numbers.mean() - expected) < 4 * numbers.std(ddof=1) / sqrt(len(numbers))


def test_a_slow_down_all_along_is_a_slower_server():
    """Every latency, not only the mean, is that of a node of a quarter of the speed: alone, and as one service's jobs."""
    law = "{kind: exponential, mean: 10 ms}"
    slow = run(one_station(law, requests=3000, node="workers: 4, speed: 0.25"))
    for target in ("nodes: all", "services: [s]", "nodes: all, applies: at_start"):
        more = f"spikes: [{{name: slow, kind: slow_down, {target}, factor: 4, at: [0 s], for: 1 h}}]"
        slowed = run(one_station(law, requests=3000, node="workers: 4", more=more))
        np.testing.assert_allclose(slowed.latency, slow.latency, rtol=1e-9)
