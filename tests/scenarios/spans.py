"""Spans for tests: short ways to write files, and requests drawn from known laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration\n"
EPOCH = 1_700_000_000_000_000_000  # ns
MS = 1_000_000


def write_spans(path: Path, rows) -> Path:
    """A file of (trace, span, parent or "root", pod, operation, start [ms], end [ms])."""
    lines = []
    for trace, span, parent, pod, operation, start, end in rows:
        begin, finish = EPOCH + round(start * MS), EPOCH + round(end * MS)
        lines.append(f"{trace},{span},{parent},{pod},{operation},{begin},{finish},{(finish - begin) // 1000}\n")
    path.write_text(HEADER + "".join(lines))
    return path


class Request:
    """One request as spans: `visit` adds a span; times in ms."""

    def __init__(self, trace: str, rows: list):
        self.trace = trace
        self.rows = rows
        self.count = 0

    def visit(self, service: str, start: float, end: float, parent: str = "root", operation: str = "/go") -> str:
        self.count += 1
        span = f"s{self.count}"
        self.rows.append((self.trace, span, parent, service, operation, start, end))
        return span


LAWS = {"front": (4.0, 0.5), "auth": (2.0, 0.8), "item": (6.0, 0.4), "stock": (3.0, 0.6), "pay": (10.0, 0.3)}  # median [ms], sigma
CHANCE = 0.3  # of a payment


def shop_requests(count: int, seed: int) -> list:
    """Requests of a shop: front, then auth, then three items side by side, each with its stock, then with a probability pay."""
    generator = np.random.default_rng(seed)

    def draw(service):
        median, sigma = LAWS[service]
        return float(median * np.exp(sigma * generator.standard_normal()))

    rows: list = []
    arrival = 0.0
    for number in range(count):
        arrival += float(generator.exponential(50.0))
        request = Request(f"t{number}", rows)
        plan = []  # (service, start, end, parent's place in the plan)
        at = arrival + draw("front")
        plan.append(("auth", at, at := at + draw("auth"), -1))
        ends = []
        for _ in range(3):
            stock = at + draw("item")
            ends.append(stock + draw("stock"))
            plan.append(("item", at, ends[-1], -1))
            plan.append(("stock", stock, ends[-1], len(plan) - 1))
        at = max(ends)
        if generator.random() < CHANCE:
            plan.append(("pay", at, at := at + draw("pay"), -1))
        ids = []
        root = request.visit("front", arrival, at)
        for service, start, end, parent in plan:
            ids.append(request.visit(service, start, end, root if parent < 0 else ids[parent]))
    return rows
