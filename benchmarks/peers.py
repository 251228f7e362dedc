"""Peers and small models: M/M/1 and a tandem in plain SimPy, in Ciw, and as scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import simpy


def simpy_queues(means: list[float], rate: float, requests: int) -> None:
    """Queues in a row in idiomatic SimPy: a process a request, a Resource a server."""
    env = simpy.Environment()
    servers = [simpy.Resource(env) for _ in means]
    draws = np.random.default_rng(1)
    work = draws.exponential(means, (requests, len(means))).tolist()
    gaps = draws.exponential(1 / rate, requests).tolist()

    def request(row: list[float]) -> Any:
        for server, time in zip(servers, row, strict=True):
            with server.request() as turn:
                yield turn
                yield env.timeout(time)

    def source() -> Any:
        for gap, row in zip(gaps, work, strict=True):
            yield env.timeout(gap)
            env.process(request(row))

    env.process(source())
    env.run()


def ciw_queues(means: list[float], rate: float, requests: int) -> None:
    """The same in Ciw."""
    import ciw

    n = len(means)
    routing = [[1.0 if j == i + 1 else 0.0 for j in range(n)] for i in range(n)]
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate)] + [None] * (n - 1),
        service_distributions=[ciw.dists.Exponential(1 / mean) for mean in means],
        number_of_servers=[1] * n,
        routing=routing,
    )
    ciw.seed(1)
    ciw.Simulation(network).simulate_until_max_customers(requests, method="Arrive")


def scenario_queues(means: list[float], rate: float, requests: int) -> str:
    """The same as a scenario."""
    n = len(means)
    nodes = ", ".join(f"{{name: n{i}}}" for i in range(n))
    links = ", ".join(f"{{between: [n{i}, n{i + 1}]}}" for i in range(n - 1))
    services = ", ".join(f"s{i}: {{service_time: {{kind: exponential, mean: {mean!r} s}}}}" for i, mean in enumerate(means))
    deployments = ", ".join(f"{{service: s{i}, nodes: [n{i}]}}" for i in range(n))
    calls = ", ".join(f"{{name: c{i}, service: s{i}, after: [{f'c{i - 1}' if i else ''}]}}" for i in range(n))
    return f"""
name: queues
requests: {requests}
drain: stop
record: {{spans: none}}
network: {{nodes: [{nodes}], links: [{links}]}}
services: {{{services}}}
deployments: [{deployments}]
applications: {{a: {{calls: [{calls}]}}}}
workload: [{{name: w, application: a, ingress: n0, arrivals: {{kind: poisson, rate: {rate!r} /s}}}}]
control: {{policy: local-first}}
"""
