"""The counterfactual: with an entry more, of whatever kind, every other draw is as it was."""

import numpy as np
import pytest

from simulator.record import CALL_FIELDS, LANES
from simulator.spikes import SPIKES
from tests.helpers import run, scenario

BASE = """
name: base
horizon: 20 s
drain: stop
record: {spans: all}
network:
  nodes: [{name: a, workers: 2, memory: 8 GB, disk: 1 GB/s}, {name: b, workers: 2, memory: 8 GB, disk: 1 GB/s}, {name: c, workers: 2}]
  links:
    - {between: [a, b], bandwidth: 100 Mbit/s, propagation: 1 ms, jitter: {kind: exponential, mean: 1 ms}, loss: 1 %}
    - {between: [b, c], bandwidth: 100 Mbit/s, propagation: 1 ms, jitter: {kind: exponential, mean: 1 ms}, loss: 1 %}
    - {between: [a, c], bandwidth: 100 Mbit/s, propagation: 9 ms}
services: {s: {service_time: {kind: exponential, mean: 10 ms}}, t: {service_time: {kind: lognormal, mean: 8 ms, cv: 1}}}
deployments: [{service: s, nodes: all}, {service: t, nodes: all}]
applications:
  x: {calls: [{name: one, service: s, payload: 9 kB}, {name: two, service: t, after: {one: {kind: exponential, mean: 5 kB}}, retry: {retries: 2}}]}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: poisson, rate: 60 /s}}]
control: {policy: random}
spikes:
  - {name: calls, kind: call_spike, services: [t], probability: 3 %, factor: {kind: pareto, minimum: 2, shape: 1.8}}
  - name: slow
    kind: slow_down
    nodes: {one_of: all}
    factor: {kind: uniform, low: 2, high: 5}
    up: {kind: exponential, mean: 2 s}
    down: {kind: exponential, mean: 500 ms}
  - name: radio
    kind: link
    links: {one_of: all}
    factor: 3
    propagation: {kind: exponential, mean: 5 ms}
    loss: 2 %
    chain: {step: 100 ms, enter: 5 %, stay: 80 %}
  - {name: rush, kind: flash_crowd, workload: [w], factor: 1.5, up: {kind: exponential, mean: 3 s}, down: {kind: exponential, mean: 1 s}}
  - {name: spread, kind: cascade, of: slow, probability: 40 %, delay: {kind: exponential, mean: 100 ms}, depth: 2}
"""
WHEN = "up: {kind: exponential, mean: 1 s}, down: {kind: exponential, mean: 200 ms}"
MORE = {
    "call_spike": "services: all, probability: 10 %, add: {kind: exponential, mean: 20 ms}",
    "slow_down": f"services: [s], factor: {{kind: uniform, low: 1, high: 9}}, {WHEN}",
    "freeze": f"nodes: {{one_of: all}}, {WHEN}",
    "outage": f"nodes: [b], links: true, restart: {{kind: exponential, mean: 50 ms}}, {WHEN}",
    "link": f"links: {{one_of: all}}, fails: true, {WHEN}",
    "rtt_recording": "links: all, file: rtt_*, unit: ms, interval: 1 s, pair: [0, 1], repeat: true",
    "flash_crowd": f"workload: all, factor: 2, {WHEN}",
    "evict": "nodes: all, up: {kind: exponential, mean: 1 s}",
    "cascade": "of: radio, probability: 50 %, depth: 3",
}


def work_of(trace, entry: int):
    """(arrivals, work by (number within the entry, vertex, attempt)) of one workload entry."""
    mine = trace.requests["entry"] == entry
    numbers = np.cumsum(mine) - 1
    field = dict(zip(CALL_FIELDS, trace.calls[mine[trace.calls[:, 0].astype(int)]].T, strict=True))
    keys = zip(numbers[field["request"].astype(int)].tolist(), field["vertex"].tolist(), (field["status"] // LANES).tolist(), strict=True)
    return trace.requests["arrival"][mine], dict(zip(keys, field["work_s"].tolist(), strict=True))


def test_every_kind_is_here():
    assert set(MORE) == {cls.__dataclass_fields__["kind"].default for cls in SPIKES}


@pytest.mark.parametrize("kind", MORE)
def test_another_entry_changes_no_draw(kind, tmp_path, monkeypatch):
    """Arrivals, work and the episodes of all other entries; both when it is added at the end and when it stands first."""
    monkeypatch.chdir(tmp_path)
    for k, there in enumerate((10, 30, 15)):
        (tmp_path / f"rtt_{k}").write_text(f"0\t{there}\n{there}\t0\n")
    before = run(scenario(BASE))
    assert {before.spikes[episode[0]] for episode in before.episodes} == {"slow", "radio", "rush", "spread"}
    spike = f"  - {{name: more, kind: {kind}, {MORE[kind]}}}\n"
    for text in (BASE + spike, BASE.replace("spikes:\n", "spikes:\n" + spike)):
        after = run(scenario(text))
        mine = [name for name, _ in after.entries]
        for entry, (name, _) in enumerate(before.entries):
            arrivals, work = work_of(before, entry)
            arrivals_after, work_after = work_of(after, mine.index(name))
            np.testing.assert_array_equal(arrivals, arrivals_after)
            shared = work.keys() & work_after.keys()
            assert len(shared) > 100
            assert all(work[key] == work_after[key] for key in shared)
        for name in ("slow", "radio", "rush", "spread"):
            episodes = [[episode[1:] for episode in sorted(trace.episodes) if trace.spikes[episode[0]] == name] for trace in (before, after)]
            assert episodes[0] == episodes[1], name
        if kind not in ("evict", "flash_crowd"):
            assert (before.latency[before.requests["entry"] == 0] != after.latency[after.requests["entry"] == 0]).any(), "it does something"
