"""Equal times: a scenario at whole seconds, worked by hand, event by event.

One node n (one worker) and one node m beyond a link of 1 s (8 Mbit/s for 1 MB, no propagation). `near` runs at n for 2 s, then `far` at m
for 1 s. Requests come at 0, 2, 3 s; each gives up 7 s after it came. n runs at half speed during [3, 5).
"""

from heapq import heappop

from simulator import engine
from simulator.request import OUTCOMES
from tests.helpers import scenario

RANKS = ("urgent", "episode end", "episode start", "departure", "delivery", "decision", "arrival", "timer", "telemetry", "monitor")

TEXT = """
name: ties
horizon: 4 s
drain: stop
record: {spans: all}
network:
  nodes: [{name: n}, {name: m}]
  links: [{between: [n, m], bandwidth: 8 Mbit/s}]
services: {near: {service_time: 2 s}, far: {service_time: 1 s}}
deployments: [{service: near, nodes: [n]}, {service: far, nodes: [m]}]
applications: {a: {timeout: 7 s, calls: [{name: near, service: near}, {name: far, service: far, after: {near: 1 MB}}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: times, at: [0 s, 2 s, 3 s]}}]
spikes: [{name: slow, kind: slow_down, nodes: [n], factor: 2, at: [3 s], for: 2 s}]
control: {forced: ask}
"""


def test_event_by_event(monkeypatch):
    from pathlib import Path

    from scenarios.build import build

    log = []

    def advance(self, ready):
        while self._queue:
            if ready and (self._queue[0][0] > self._now or self._queue[0][1] >= engine.DECISION):
                return True
            self._now, key, handler, item = heappop(self._queue)
            rank = RANKS[key // engine.RANK]
            if rank != "monitor":
                log.append((self._now, rank))
            handler.handle(item)
        return bool(ready)

    monkeypatch.setattr(engine.Environment, "advance", advance)
    simulation = build(scenario(TEXT), Path())
    for decision in simulation.decisions():
        log.append((decision.time, f"decision {decision.call_name} {decision.request.id}"))
        decision.choose(decision.candidates[0])
    trace = simulation.trace
    assert log == [
        (0.0, "episode end"),  # the counting window opens, before anything else of its instant
        (0.0, "arrival"),
        (0.0, "decision near 0"),  # starts at once: ends at 2
        (2.0, "departure"),  # of request 0, before the arrival of the same instant
        (2.0, "decision far 0"),  # decided after the departure, before the arrival; 1 MB leaves for m, there at 3
        (2.0, "arrival"),
        (2.0, "decision near 1"),  # the worker is free: starts at 2, would end at 4
        (3.0, "episode start"),  # half speed: 1 s of work is left, so request 1 ends at 5
        (3.0, "delivery"),  # request 0 reaches m: ends at 4
        (3.0, "arrival"),
        (3.0, "decision near 2"),  # waits
        (4.0, "episode end"),  # the window closes
        (4.0, "departure"),  # as planned before the slow-down: void
        (4.0, "departure"),  # request 0 is complete
        (5.0, "episode end"),  # full speed again, 0 s of work left: request 1 still ends now
        (5.0, "departure"),  # as planned when the slow-down began: it counts, the time being the same
        (5.0, "departure"),  # as planned by the end of the slow-down: void, it has left
        (5.0, "decision far 1"),  # its message is there at 6; request 2 started at 5 and ends at 7
        (6.0, "delivery"),
        (7.0, "departure"),  # request 1 at m, complete
        (7.0, "departure"),  # request 2 at n
        (7.0, "decision far 2"),
        (7.0, "timer"),  # the time-out of request 0, long over
        (8.0, "delivery"),  # request 2 reaches m
        (9.0, "departure"),  # complete, one second before its time-out
    ]
    assert [OUTCOMES[code] for code in trace.requests["outcome"]] == ["completed"] * 3
    assert trace.requests["end"].tolist() == [4.0, 7.0, 9.0]
