"""What a running simulation writes down: a row a request, in columns, and spans of the requests that are traced.

Columns are preallocated arrays written by index; a traced request leaves flat rows of floats (one a call, one a link hop) when
it ends, expanded into spans afterwards (`simulator.trace`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from simulator.link import LINK_FIELDS
from simulator.request import COMPLETED, OK, Response

if TYPE_CHECKING:
    from simulator.request import Call, Request

GROWTH = 65_536
COLUMNS = ("entry", "ingress", "arrival_s", "end_s", "outcome", "quality", "attempts", "counted", "spiked")
CALL_FIELDS = ("request", "vertex", "variant", "station", "decided", "reached", "started", "finished", "work_s", "spike", "status", "critical")
HOP_FIELDS = ("request", "vertex", "response", "critical", "link", "reached", "transmits", "transmitted", "arrived")
TAIL = 0.01  # share of requests that `spans: tail` keeps
AUTO_ROWS = 400_000  # rows of calls and hops kept by `spans: auto` before every second request is thinned out


class RequestColumns:
    """One row a request, by its id."""

    __slots__ = ("arrival_s", "attempts", "counted", "end_s", "entry", "ingress", "outcome", "quality", "size", "spiked")

    def __init__(self) -> None:
        self.size = 0
        self.entry = array("i")
        self.ingress = array("i")
        self.arrival_s = array("d")
        self.end_s = array("d")
        self.outcome = array("b")
        self.quality = array("d")
        self.attempts = array("i")
        self.counted = array("b")
        self.spiked = array("b")

    def grow(self) -> None:
        """Makes room for more rows."""
        self.size += GROWTH
        for name in COLUMNS:
            column = getattr(self, name)
            column.frombytes(bytes(column.itemsize * GROWTH))

    def end(self, request: Request, outcome: int, now: float) -> None:
        """Completes the row of a request that ends now."""
        row = request.id
        self.end_s[row] = now
        self.outcome[row] = outcome
        application = request.application
        self.quality[row] = request.quality() if application.graded else 1.0
        if outcome == COMPLETED and not application.random:
            self.attempts[row] = len(application.vertices)
        else:
            self.attempts[row] = request.attempts()
        self.counted[row] = request.counted
        self.spiked[row] = request.spiked

    def arrays(self, rows: int) -> dict[str, np.ndarray]:
        """The columns as numpy arrays of `rows` rows."""
        return {name.removesuffix("_s"): np.frombuffer(getattr(self, name), dtype=getattr(self, name).typecode)[:rows] for name in COLUMNS}


class SpanRows:
    """Flat rows of traced requests; `mode` is all, none, auto, or a share of requests; `tail` keeps the slowest share only."""

    __slots__ = ("automatic", "calls", "hops", "stride", "tail")

    def __init__(self, mode: str | float):
        self.automatic = mode == "auto"
        self.tail = mode == "tail"
        if mode == "none" or mode == 0.0:
            self.stride = 0
        elif isinstance(mode, str):
            self.stride = 1
        else:
            self.stride = max(1, round(1.0 / mode))
        self.calls = array("d")
        self.hops = array("d")

    def write(self, request: Request, now: float) -> None:
        """Takes the spans of a request that has just ended (or is cut off with the run)."""
        critical, critical_logs = critical_path(request)
        first = request.application.first_vertex
        for call in request.calls:
            if call is None:
                continue
            number = first + call.vertex.index
            if isinstance(call, Response):
                self._hops(request.id, number, 1.0, call.logs, critical_logs)
                continue
            if call.choice is None:
                continue
            if call.station is not None:
                end = call.finished if call.status == OK else now
                started = call.started if call.status == OK or call.due >= 0.0 else end
                self.calls.extend((request.id, number, call.choice.variant, call.station.index, call.time, call.reached, min(started, end), end,
                                   call.work / call.station.speed, call.spike, call.status, 1.0 if call.vertex.index in critical else 0.0))  # fmt: skip
            self._hops(request.id, number, 0.0, call.logs, critical_logs)

    def _hops(self, request: int, vertex: int, response: float, logs: list[list[float]] | None, critical: set[int]) -> None:
        for log in logs or ():
            mark = 1.0 if id(log) in critical else 0.0
            for at in range(0, len(log), LINK_FIELDS):
                self.hops.extend((request, vertex, response, mark, *log[at : at + LINK_FIELDS]))

    @property
    def too_many(self) -> bool:
        """Whether there are more rows than should be kept."""
        return len(self.calls) // len(CALL_FIELDS) + len(self.hops) // len(HOP_FIELDS) > AUTO_ROWS

    def thin(self, numbers: np.ndarray) -> None:
        """Under `auto`: while there are too many rows only every second traced request is kept; `numbers` by request id."""
        while self.automatic and self.too_many:
            self.stride *= 2
            self.keep(lambda ids: numbers[ids.astype(np.int64)] % self.stride == 0)

    def keep_slowest(self, latency: np.ndarray) -> None:
        """Under `tail`: keeps the requests whose latency is among the slowest 1 % so far; `latency` by request id, NaN where not ended."""
        ended = latency[~np.isnan(latency)]
        if len(ended):
            least = np.quantile(ended, 1.0 - TAIL, method="inverted_cdf")
            self.keep(lambda ids: latency[ids.astype(np.int64)] >= least)

    def keep(self, chosen) -> None:
        """Keeps the rows of requests for which `chosen(ids)` is true."""
        for name, fields in (("calls", CALL_FIELDS), ("hops", HOP_FIELDS)):
            rows = np.frombuffer(getattr(self, name), dtype=np.float64).reshape(-1, len(fields))
            kept = rows[chosen(rows[:, 0])] if len(rows) else rows
            setattr(self, name, array("d", kept.tobytes()))


def critical_path(request: Request) -> tuple[set[int], set[int]]:
    """(vertices, ids of hop logs) on the request's critical path, walked back from the result that came last.

    A call's service follows its queue, which follows the input that came last, which left when the call was placed, which was
    the moment its last predecessor finished: so the segments add up to the latency.
    """
    last: Call | None = None
    logs: set[int] = set()
    latest = -1.0
    for call in request.calls:
        if call is None or isinstance(call, Response) or call.status != OK:
            continue
        if request.sinks[call.vertex.index] and call.finished >= latest and request.application.response < 0:
            last, latest = call, call.finished
    for call in request.calls if request.application.response >= 0 else ():
        if call is None or call.status != OK:
            continue
        if isinstance(call, Response):
            arrived = call.logs[-1][-1] if call.logs else -1.0
            if arrived >= latest:
                last, latest = request.calls[call.vertex.index], arrived
                logs = {id(call.logs[-1])} if call.logs else set()
        elif request.sinks[call.vertex.index] and call.place == request.ingress and call.finished >= latest:
            last, latest, logs = call, call.finished, set()
    vertices: set[int] = set()
    while last is not None:
        vertices.add(last.vertex.index)
        if last.last_log is not None:
            logs.add(id(last.last_log))
        last = request.calls[last.maker] if last.maker >= 0 else None
    return vertices, logs
