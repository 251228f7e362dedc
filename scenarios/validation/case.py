"""What a validation case is: scenarios, the figures to read from them, and what theory says these are.

`sd` is a statistic's relative standard deviation at the case's full number of requests after a warm-up of 10 %; it scales with
1 / sqrt(requests * replications). `limit` marks closed forms that hold for n to infinity only: the allowed relative difference is
then that number. `gate` is false where a variance is infinite: reported, not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.validation.figures import Figure


@dataclass(frozen=True)
class Statistic:
    """A figure with the value theory gives it."""

    id: str
    name: str
    expected: float
    figure: Figure
    sd: float | None = None
    gate: bool = True
    limit: float | None = None
    run: str = ""


@dataclass(frozen=True)
class Case:
    """A model: its scenario texts by run (with {n} for the number of requests), its full size, its statistics, its sources."""

    id: str
    model: str
    source: str
    requests: int
    runs: dict[str, str]
    statistics: tuple[Statistic, ...]
    exact: bool = False  # one request decides; nothing is random


def single(service: str, rate: float, node: str = "workers: 1", more: str = "", exceed: str = "") -> str:
    """One node, one service, Poisson arrivals."""
    return f"""
name: validation
requests: {{n}}
warm_up: 10 %
record: {{{{spans: none, exceed: [{exceed}]}}}}
network: {{{{nodes: [{{{{name: n, {node}}}}}]}}}}
services: {{{{s: {{{{service_time: {service}}}}}}}}}
deployments: [{{{{service: s, nodes: all}}}}]
applications: {{{{a: {{{{calls: [{{{{name: c, service: s}}}}]}}}}}}}}
workload: [{{{{name: w, application: a, ingress: n, arrivals: {{{{kind: poisson, rate: {rate} /s}}}}}}}}]
{more}
"""


def braces(text: str) -> str:
    """Braces doubled, so that only {n} is filled in later."""
    return text.replace("{", "{{").replace("}", "}}").replace("{{n}}", "{n}")


def statistics(case: str, *rows: tuple) -> tuple[Statistic, ...]:
    """Statistics numbered within their case: (name, expected, figure, sd, and what else they need)."""
    found = []
    for number, (name, expected, figure, sd, *more) in enumerate(rows, 1):
        options: dict[str, Any] = more[0] if more else {}
        found.append(Statistic(f"{case}.{number}", name, expected, figure, sd, **options))
    return tuple(found)
