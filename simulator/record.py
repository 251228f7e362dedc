"""What a running simulation writes down: a row a request, in columns, and spans of the requests that are traced.

Columns are preallocated arrays written by index; a traced request leaves flat rows of floats (one a call, one a link hop) when
it ends, expanded into spans afterwards (`simulator.trace`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from simulator.call import Response
from simulator.link import LINK_FIELDS, SPIKED
from simulator.request import COMPLETED, IN_FLIGHT, LOST, OK, REFUSED, UNDER_WAY

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.request import Request
    from simulator.station import Station

FIRST = 1024  # rows of a new table, that simulations which are left after a few requests stay small
GROWTH = 65_536  # rows added at once, at most
COLUMNS = ("entry", "ingress", "arrival_s", "end_s", "outcome", "quality", "attempts", "counted", "spiked")
CALL_FIELDS = ("request", "vertex", "variant", "station", "decided", "reached", "started", "finished", "work_s", "spike", "status", "critical")
# A hop over a "link" below 0 is a wait for a model at station -1 - link; one with a spike is what this entry added to the hop before it.
HOP_FIELDS = ("request", "vertex", "response", "critical", "link", "reached", "transmits", "transmitted", "arrived", "status", "spike")
PAUSE_FIELDS = ("request", "vertex", "since", "until", "critical", "status")
# Where several entries lengthened a call its `spike` is -1 - how many, and as many of these rows follow one another in the order of such calls:
# the entry, and the part of the excess that it and those before it have.
SHARE_FIELDS = ("request", "entry", "until")
LANES = 8  # a row's status is its attempt's status + LANES * its lane (2 * tries before it, + 1 for the copy of a hedge)
LEAST = 1e-12  # s: shorter parts of an excess are rounding
TAIL = 0.01  # share of requests that `spans: tail` keeps
NEVER = float("inf")
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
        """Makes room for more rows: twice as many, until the steps are long enough."""
        rows = min(max(self.size, FIRST), GROWTH)
        self.size += rows
        for name in COLUMNS:
            column = getattr(self, name)
            column.frombytes(bytes(column.itemsize * rows))

    def end(self, request: Request, outcome: int, now: float) -> None:
        """Completes the row of a request that ends now."""
        row = request.id
        self.end_s[row] = now
        self.outcome[row] = outcome
        application = request.application
        self.quality[row] = request.quality() if application.graded else 1.0
        if outcome == COMPLETED and not application.random and not application.careful:
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

    __slots__ = ("automatic", "calls", "hops", "pauses", "shares", "stride", "tail")

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
        self.pauses = array("d")  # waits before later attempts: back-off, and until a hedge is sent
        self.shares = array("d")

    def write(self, request: Request, now: float) -> None:
        """Takes the spans of a request that has just ended (or is cut off with the run)."""
        critical, logs = critical_path(request)
        over, spiked = request.outcome != IN_FLIGHT, request.spiked
        number, first, rows = request.id, request.application.first_vertex, self.calls
        for call in request.calls:
            if call is None:
                continue
            if call.choice is None:
                if call.logs:
                    self._hops(call, 1.0, logs, call.finished if call.status == LOST else NEVER)  # an answer
                elif call.lane and not isinstance(call, Response):
                    self._pause(call, id(call) in critical)  # nowhere to go after a back-off
            elif call.status == OK and call.lane == 0:  # nothing unusual: without the calls
                station: Station = call.station  # type: ignore[assignment]
                if spiked:
                    self._share(call)
                rows.extend((number, first + call.vertex.index, call.choice.variant, station.index, call.time, call.reached, call.started, call.finished,
                             call.work / station.speed, call.spike, 0.0, 1.0 if id(call) in critical else 0.0))  # fmt: skip
                if call.logs:
                    self._hops(call, 0.0, logs, NEVER)
            elif not over or call.status != UNDER_WAY:  # what runs on is written when it ends
                self.write_call(call, now, id(call) in critical, logs)

    def write_call(self, call: Call, now: float, critical: bool, logs: set[int]) -> None:
        """Takes the spans of one attempt, whatever became of it."""
        assert call.choice is not None
        request, status = call.request, call.status
        end = now if status == UNDER_WAY else call.finished
        place = call.station
        reached = started = end
        if place is None:
            place = call.choice.server
        else:
            reached = call.reached
            if status != REFUSED and (status != UNDER_WAY or call.due >= 0.0):
                started = min(call.started, end)
        vertex = request.application.first_vertex + call.vertex.index
        mark = 1.0 if critical else 0.0
        coded = status + LANES * call.lane
        for log in call.logs:
            if log and log[-1] == NEVER:
                log[-1] = end  # it waited for its model
        if request.spiked:
            self._share(call)
        self.calls.extend((request.id, vertex, call.choice.variant, place.index, call.time, reached, started, end,
                           call.work / place.speed, call.spike, coded, mark))  # fmt: skip
        self._hops(call, 0.0, logs, end if critical and status != OK else NEVER)
        if call.lane:
            self._pause(call, critical)

    def _share(self, call: Call) -> None:
        """Settles whose the excess of a call is, before its row is written; an entry that shortened it has no part."""
        shares = {entry: seconds for entry, seconds in getattr(call, "shares", {}).items() if seconds > LEAST}
        if len(shares) < 2:
            call.spike = next(iter(shares), call.spike)
            return
        call.spike = -1 - len(shares)
        total, until = sum(shares.values()), 0.0
        for entry, seconds in shares.items():
            until += seconds / total
            self.shares.extend((call.request.id, entry, until))
        self.shares[-1] = 1.0

    def _pause(self, call: Call, critical: bool) -> None:
        """Takes the wait that came before a later attempt."""
        vertex = call.request.application.first_vertex + call.vertex.index
        self.pauses.extend((call.request.id, vertex, call.since, call.time, 1.0 if critical else 0.0, call.status + LANES * call.lane))

    def _hops(self, call: Call, response: float, critical: set[int], until: float) -> None:
        """Takes the links that an attempt's messages crossed; on the critical path a failed attempt's end where it failed."""
        number, rows = call.request.id, self.hops
        vertex = call.request.application.first_vertex + call.vertex.index
        coded = call.status + LANES * call.lane
        for log in call.logs:
            mark = 1.0 if id(log) in critical else 0.0
            if mark and log and log[-1] > until:
                log = [time if at % LINK_FIELDS == 0 else min(time, until) for at, time in enumerate(log)]
            for at in range(0, len(log), LINK_FIELDS):
                link, reached, transmits, transmitted, arrived = log[at : at + LINK_FIELDS]
                spike = -1.0
                if link >= SPIKED:
                    spike, link = divmod(link, SPIKED)
                    spike -= 1.0
                rows.extend((number, vertex, response, mark, link, reached, transmits, transmitted, arrived, coded, spike))

    @property
    def too_many(self) -> bool:
        """Whether there are more rows than should be kept."""
        return len(self.calls) // len(CALL_FIELDS) + len(self.hops) // len(HOP_FIELDS) + len(self.pauses) // len(PAUSE_FIELDS) > AUTO_ROWS

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
        for name, fields in (("calls", CALL_FIELDS), ("hops", HOP_FIELDS), ("pauses", PAUSE_FIELDS), ("shares", SHARE_FIELDS)):
            rows = np.frombuffer(getattr(self, name), dtype=np.float64).reshape(-1, len(fields))
            kept = rows[chosen(rows[:, 0])] if len(rows) else rows
            setattr(self, name, array("d", kept.tobytes()))


def by_entry(call: dict[str, np.ndarray], shares: np.ndarray, done: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """(columns of CALL_FIELDS with a row for every entry that lengthened a call, start, end): the excess from `done` on, each entry's part
    after those of the entries before it; `shares` (n, len(SHARE_FIELDS)), the others a value a call."""
    several = np.maximum(-1 - call["spike"].astype(np.int64), 0)
    at = np.repeat(np.arange(len(several)), np.maximum(several, 1))
    shared = several[at] > 0
    until = np.ones(len(at))
    until[shared] = shares[:, SHARE_FIELDS.index("until")]
    rows = {name: values[at] for name, values in call.items()}
    rows["spike"][shared] = shares[:, SHARE_FIELDS.index("entry")]
    start = done[at]
    end = np.where(until < 1.0, start + until * (rows["finished"] - start), rows["finished"])
    follows = np.append(False, at[1:] == at[:-1])[: len(at)]
    start[follows] = end[:-1][follows[1:]]
    return rows, start, end


def critical_path(request: Request) -> tuple[set[int], set[int]]:
    """(ids of attempts, ids of hop logs) on the request's critical path, walked back from the result that came last.

    A call's service follows its queue, which follows the input that came last, which left when the call was placed, which was
    the moment its last predecessor finished, or the end of a back-off after an attempt that failed: so the segments add up to
    the latency.
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
            arrived = call.last_log[-1] if call.last_log else -1.0
            if arrived >= latest:
                last, latest, logs = call.sink, arrived, {id(call.last_log)}
        elif request.sinks[call.vertex.index] and call.place == request.ingress and call.finished >= latest:
            last, latest, logs = call, call.finished, set()
    attempts: set[int] = set()
    while last is not None:
        attempts.add(id(last))
        log = last.last_log
        if last.status != OK and last.station is None:
            log = longest(last.logs)
        if log is not None:
            logs.add(id(log))
        if last.previous is not None:
            last = last.previous
            if isinstance(last, Response):  # an answer that was lost
                if last.logs:
                    logs.add(id(longest(last.logs)))
                last = last.sink
        else:
            last = request.calls[last.maker] if last.maker >= 0 else None
    return attempts, logs


def longest(logs: list[list[float]]) -> list[float] | None:
    """The log that goes on for longest: the way on which an attempt was when it failed."""
    found: list[float] | None = None
    for log in logs:
        if log and (found is None or log[-1] > found[-1]):
            found = log
    return found
