"""Short ways to make and run scenarios in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.build import build
from scenarios.reading import parse
from scenarios.schema import Scenario
from simulator.trace import Trace


def scenario(text: str, overrides: tuple[str, ...] = ()) -> Scenario:
    """A scenario from YAML text."""
    return parse(text, Path("test.yaml"), overrides).scenario


def run(described: Scenario, seed: int | None = None, replication: int = 0, policy: Any = None) -> Trace:
    """One replication under the scenario's policy, or another description of one."""
    simulation = build(described, Path(), seed, replication)
    return simulation.run((policy or described.control.policy).actor(simulation))


def finished(trace: Trace) -> bool:
    """Whether there are counted requests, and all of them are completed."""
    return bool(trace.counted.any() and trace.completed[trace.counted].all())


def one_station(service: str, arrivals: str = "{kind: poisson, rate: 70 /s}", node: str = "workers: 1", requests: int = 40_000, more: str = "") -> Scenario:
    """A single node with one service and one stream of requests."""
    return scenario(f"""
name: one-station
requests: {requests}
warm_up: 10 %
record: {{spans: none}}
network: {{nodes: [{{name: n, {node}}}]}}
services: {{s: {{service_time: {service}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{a: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {arrivals}}}]
{more}
""")
