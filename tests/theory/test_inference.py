"""Inference engines against theory: with one place in the batch a request is served alone, and the engine is an M/G/1 queue."""

from math import sqrt

import numpy as np
import pytest

from analysis.summary import summarise
from scenarios.schema import Scenario
from simulator.inference.profiles import Formula, Table, alone
from simulator.inference.record import columns_of
from tests.helpers import run, scenario

WEIGHTS_READ, TOKEN, OVERHEAD, KV, REQUEST = 0.005, 0.0001, 0.001, 1e-6, 0.0002  # s
PROFILE = "{kind: formula, weights: 1 GB, bandwidth: 200 GB/s, flop_per_token: 1, flop_rate: 10000, overhead: 1 ms, kv_time: 1 us, request_time: 200 us}"

ONCE = "{kind: times, at: [0 s]}"


def engine(settings: str, arrivals: str, requests: int, prompt: str, output: str, profile: str = PROFILE) -> Scenario:
    """One engine on one node."""
    return scenario(f"""
name: engine
requests: {requests}
warm_up: {'10 %' if requests > 1 else '0 s'}
record: {{spans: none}}
network: {{nodes: [{{name: n}}]}}
services: {{s: {{inference: {{profile: {profile}, prompt: {prompt}, output: {output}, {settings}}}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {arrivals}}}]
""")


def service(prompt: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Time alone in the engine [s], summed iteration by iteration: the whole prompt at once, then a token an iteration."""
    base = OVERHEAD + REQUEST
    times = base + np.maximum(WEIGHTS_READ, TOKEN * prompt)
    return times + [sum(base + WEIGHTS_READ + KV * (p + i) for i in range(int(o) - 1)) for p, o in zip(prompt, output, strict=True)]


def test_one_place_is_pollaczek_khinchine():
    """E[W] = lambda E[S^2] / (2 (1 - rho)) (Pollaczek 1930, Khinchine 1932), S from the tokens drawn; 4.5 standard errors allowed."""
    n = 15_000
    described = engine("batch: 1, chunk: unlimited", "{kind: poisson, rate: 4 /s}", n, "{kind: exponential, mean: 200}", "{kind: exponential, mean: 25}")
    trace = run(described)
    rows = columns_of(trace)
    times = service(rows["prompt"], rows["output"])
    assert (rows["ended"] - rows["started"]) == pytest.approx(times, rel=1e-9)
    mean, second = times.mean(), (times**2).mean()
    assert 0.6 < 4.0 * mean < 0.85
    expected = 4.0 * second / (2.0 * (1.0 - 4.0 * mean))
    waits = [run(described, replication=r).stations[0].waits.mean() for r in range(1, 7)]
    error = np.std(waits, ddof=1) / sqrt(len(waits))
    assert abs(np.mean(waits) - expected) < max(4.5 * error, 0.02 * expected)
    assert np.mean(waits) == pytest.approx(expected, rel=0.15)


def test_a_full_batch_serves_at_its_capacity():
    """Never idle, with 8 places, every iteration gives 8 tokens: a prompt of one token hides behind reading the weights."""
    profile = PROFILE.replace("kv_time: 1 us", "kv_time: 0 s")
    users = "{kind: closed, users: 40, think: 1 us}"
    described = engine("batch: 8, chunk: unlimited", users, 4000, "1", "{kind: exponential, mean: 50}", profile)
    figures = summarise([run(described)])
    assert figures["stations"]["n/s"]["utilisation"] == pytest.approx(1.0, abs=1e-9)
    iteration = OVERHEAD + WEIGHTS_READ + 8 * REQUEST
    assert figures["inference"]["stations"]["n/s"]["output_tokens_per_s"] == pytest.approx(8 / iteration, rel=0.02)
    assert figures["inference"]["calls"]["a.c"]["tpot_s"]["mean"]["value"] == pytest.approx(iteration, rel=1e-9)


def test_time_to_first_token_and_per_token_of_one_request():
    """Alone: the prompt in chunks of 64, then 9 tokens; by hand from the formula."""
    described = engine("batch: 4, chunk: 64", ONCE, 1, "150", "10")
    trace = run(described)
    rows = columns_of(trace)
    base = OVERHEAD + REQUEST
    first = (base + 0.0064) + (base + 0.0064 + KV * 64) + (base + WEIGHTS_READ + KV * 128)
    per_token = base + WEIGHTS_READ + KV * (150 + 4)  # 150 to 158 in the cache
    assert rows["first"] - rows["reached"] == pytest.approx([first], rel=1e-9)
    assert (rows["ended"] - rows["first"]) / 9 == pytest.approx([per_token], rel=1e-9)


def test_what_a_request_takes_alone_agrees_with_the_engine():
    """What policies and `check` go by is what the engine does with one request."""
    table = "{kind: table, prompt_tokens: [16, 128, 1024], prompt_times: [9 ms, 12 ms, 70 ms], batch_sizes: [1, 4], batch_times: [7 ms, 8 ms], kv_time: 1 us}"
    live = Table((16.0, 128.0, 1024.0), (0.009, 0.012, 0.07), (1.0, 4.0), (0.007, 0.008), 1e-6)
    for profile, made in ((PROFILE, Formula(8e9, 1.6e12, 1.0, 1e4, 0.001, 1e-6, 0.0002)), (table, live)):
        trace = run(engine("batch: 4, chunk: 64", ONCE, 1, "150", "10", profile))
        assert trace.latency[0] == pytest.approx(alone(made, 150, 10, 64), rel=2e-4)


def test_adding_an_engine_changes_nobody_elses_draws():
    """The same work, payloads and arrivals of the other service with a generating variant beside it and without."""
    text = """
name: beside
requests: 300
record: {{spans: all}}
network: {{nodes: [{{name: a}}, {{name: b}}], links: [{{between: [a, b], bandwidth: 10 Mbit/s}}]}}
services:
  plain: {{service_time: {{kind: exponential, mean: 10 ms}}}}
  more:
    variants:
      small: {{service_time: {{kind: exponential, mean: 10 ms}}}}
      {extra}
deployments: [{{service: plain, nodes: [b]}}, {{service: more, nodes: [a], variants: [small]}}]
applications:
  x:
    calls:
      - {{name: p, service: plain, payload: {{kind: exponential, mean: 3 kB}}}}
      - {{name: q, service: more, after: {{p: {{kind: exponential, mean: 3 kB}}}}}}
workload: [{{name: w, application: x, ingress: a, arrivals: {{kind: poisson, rate: 20 /s}}}}]
"""
    without = run(scenario(text.format(extra="")))
    beside = run(scenario(text.format(extra=f"large: {{inference: {{profile: {PROFILE}, prompt: {{kind: exponential, mean: 9}}, output: 5}}}}")))
    assert without.requests["end"].tolist() == beside.requests["end"].tolist()
    assert without.hops.tolist() == beside.hops.tolist()
