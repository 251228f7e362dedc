"""A scenario whose latencies are known."""

import pytest

TEXT = """
name: known
horizon: 200 s
network: {nodes: [{name: n, workers: 8}]}
services: {s: {service_time: 100 ms}}
deployments: [{service: s, nodes: [n]}]
applications: {a: {objective: 150 ms, utility: {midpoint: 200 ms, steepness: 8 /s}, calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: bursts, size: 8, of: {kind: renewal, interval: 4 s}}}]
spikes: [{name: slow, kind: slow_down, nodes: [n], factor: 2, at: [0 s], for: 50 s}]
"""


@pytest.fixture
def known(tmp_path):
    """A file: eight requests at once every 4 s, 100 ms each, slowed down for the first quarter of the run."""
    path = tmp_path / "known.yaml"
    path.write_text(TEXT)
    return path
