"""A simulation: one replication of one scenario, run by whoever makes its decisions.

    for decision in simulation.decisions():
        decision.choose(policy.act(decision))
    trace = simulation.trace

Counted are requests that arrive in the window [warm_up, horizon), or a given number of them after the warm-up. Arrivals go on
until the last counted request has ended (`drain_arrivals`), or stop at the horizon; `drain_limit` bounds the time after it.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from math import nextafter
from typing import Any

import numpy as np

from simulator.attempts import Attempt
from simulator.call import Call
from simulator.callgraph import Application
from simulator.decisions import Decision, Policy
from simulator.engine import EPISODE_END, MONITOR, Environment, StopSimulation
from simulator.errors import DecisionError, SimulationError
from simulator.link import Link
from simulator.network import Network, Node
from simulator.prefetch import Prefetches
from simulator.record import RequestColumns, SpanRows
from simulator.request import COMPLETED, IN_FLIGHT, UNDER_WAY, UNFINISHED, Request
from simulator.source import Source
from simulator.station import Station
from simulator.telemetry import Telemetry
from simulator.trace import Trace, collect

INFINITY = float("inf")
SAMPLES = 200  # of the timeline, at least


@dataclass(frozen=True)
class Span:
    """How long a simulation runs and what of it is counted; times in seconds.

    Either `horizon` or `requests` bounds it; with neither it ends when the workload does. `warm_up` is a time, unless
    `warm_up_requests` counts requests instead.
    """

    horizon: float | None = None
    requests: int | None = None
    warm_up: float = 0.0
    warm_up_requests: int = 0
    drain_arrivals: bool = True
    drain_limit: float = 300.0


class Marks:
    """Opens and closes the counting window at planned times."""

    __slots__ = ("rank", "world")

    def __init__(self, world: Simulation, rank: int):
        self.world = world
        self.rank = rank

    def handle(self, item: str) -> None:
        if item == "open":
            self.world.open_window(self.world.environment._now)
        elif item == "close":
            self.world.close_window(self.world.environment._now)
        else:
            self.world.environment.stop()


class Timeline:
    """Samples queue lengths, requests in flight and link backlogs at a fixed period, after everything else at that instant."""

    __slots__ = ("period", "rank", "rows", "taken", "world")

    def __init__(self, world: Simulation, period: float):
        self.rank = MONITOR
        self.world = world
        self.period = period
        self.taken = 0
        self.rows: list[list[float]] = []  # time, in flight, jobs present by station

    def handle(self, item: None) -> None:
        world = self.world
        self.rows.append([world.environment._now, len(world.in_flight), *(station.number for station in world.stations)])
        self.taken += 1
        if len(self.rows) >= 2 * SAMPLES:  # longer than expected: keep every second sample
            del self.rows[1::2]
            self.period *= 2
            self.taken = len(self.rows)
        if not world.is_closed:
            world.environment.at(self.period * self.taken, self, None)


class Simulation:
    """The live world of one replication. `build` puts it together; `decisions()` runs it."""

    def __init__(self, network: Network, applications: list[Application], environment: Environment, span: Span, mtu: float, spans: str | float):
        self.environment = environment
        self.network = network
        self.nodes: list[Node] = network.nodes
        self.links: list[Link] = network.links
        self.towards = network.towards
        self.stations: list[Station] = [station for node in network.nodes for station in node.stations]
        self.memories = [node.memory for node in network.nodes if node.memory is not None]
        for memory in self.memories:
            memory.world = self
        self.counters: tuple[Station | Link, ...] = (*self.stations, *self.links)
        self.compact_every = (1 << max(7, len(self.counters).bit_length())) - 1  # requests; a power of two less one, as a mask
        self.applications = applications
        self.mtu = mtu
        self.span = span
        self.sources: list[Source] = []
        self.spikes: list[Any] = []  # live spikes, in the file's order, with `begin()`
        self.spike_names: list[str] = []
        self.episodes: list[list[Any]] = []  # [entry, target, start, end, magnitude]
        self.ready: deque[Call] = deque()
        self.in_flight: dict[int, Request] = {}
        self.generated = 0
        self.counted = 0
        self.counted_in_flight = 0
        self.running_on = 0  # attempts that nobody waits for any more, still at work
        self.running_sources = 0
        self.opened = INFINITY if span.warm_up_requests else span.warm_up
        self.closed = span.horizon if span.horizon is not None else INFINITY
        self.stop_arrivals = INFINITY
        if not span.drain_arrivals and span.horizon is not None:
            self.stop_arrivals = span.horizon
        self.opens_at = span.warm_up_requests or -1  # number of the request at whose arrival the window opens
        self.closes_at = span.requests or -1  # how many counted requests close it
        self.is_closed = False
        self.timeline: Timeline | None = None
        self.prefetches = Prefetches(False)
        self.ledger: Any = None  # is told of every request that ends: `ended(request, now)`
        self.may_reject = False  # whether agents may reject calls
        self.skips_forced = True  # whether a call with a single candidate is placed without asking
        self.telemetry: Telemetry | None = None  # None where every agent knows everything
        self.exceed: tuple[float, ...] = ()  # latencies and waits [s] to be counted above
        self.requests = RequestColumns()
        self.span_rows = SpanRows(spans)
        self.numbers = array("q")  # number within its entry by request id, kept while spans are thinned
        self.window_opened = INFINITY  # when it did open and close
        self.window_closed = INFINITY
        self.failed_at: Decision | None = None  # at which the policy raised
        self._trace: Trace | None = None
        self._started = False

    # Running

    def decisions(self) -> Generator[Decision, None, None]:
        """Runs the simulation and yields every call that needs a place; each must be placed before the next is asked for.

        A call with a single candidate is placed without asking, unless `control.forced: ask` or there is more to choose.
        """
        if self._started:
            raise SimulationError("a simulation runs once; build it again for another run")
        self._started = True
        self.begin_all()
        environment, ready, skips = self.environment, self.ready, not self.asks_always
        try:
            while environment.advance(ready):
                call: Call = ready.popleft()
                if not call.candidates and not call.find_place():
                    continue
                if skips and len(call.candidates) == 1:
                    call.choose(call.candidates[0])
                    continue
                yield call
                if call.choice is None and call.status == UNDER_WAY:
                    self.put_again(call)
        except StopSimulation:
            pass
        self.finish()

    @property
    def asks_always(self) -> bool:
        """Whether a call with a single candidate is a decision too: on demand, or because there is more to choose than a place."""
        return not self.skips_forced or self.may_reject or self.prefetches.allowed

    def put_again(self, call: Call) -> None:
        """The decision has not been made: it comes again if it has asked for a model meanwhile."""
        if not self.prefetches.reopens(call):
            raise DecisionError(f"{call!r} was not placed: call decision.choose(candidate) before asking for the next decision")
        self.ready.appendleft(call)

    def run(self, policy: Policy) -> Trace:
        """Runs to the end with one policy for every decision; what the policy raises goes on, and `failed_at` is the decision."""
        act = policy.act
        for decision in self.decisions():
            try:
                answer = act(decision)
            except Exception:
                self.failed_at = decision
                raise
            decision.choose(answer)
        return self.trace

    @property
    def trace(self) -> Trace:
        """What happened; SimulationError while the run is not over."""
        if self._trace is None:
            raise SimulationError("there is no trace yet: run the simulation to its end first")
        return self._trace

    def begin_all(self) -> None:
        """Plans the window, the first arrivals and the first episodes."""
        span = self.span
        self.set_window(self.opened, self.closed)
        if not span.warm_up_requests:
            self.environment.at(span.warm_up, Marks(self, EPISODE_END), "open")
        if span.horizon is not None:
            self.environment.at(span.horizon, Marks(self, EPISODE_END), "close")
        if self.timeline is not None:
            self.environment.at(0.0, self.timeline, None)
        if self.telemetry is not None:
            self.telemetry.begin()
        for application in self.applications:
            for vertex in application.vertices:
                if vertex.care is not None:
                    vertex.care.attend(self)
        for spike in self.spikes:
            spike.begin()
        self.running_sources = len(self.sources)
        for source in self.sources:
            source.begin()

    # The counting window

    def set_window(self, opened: float, closed: float) -> None:
        """Tells stations and links which arrivals are counted."""
        self.opened, self.closed = opened, closed
        for counter in self.counters:
            counter.meter.opened, counter.meter.closed = opened, closed

    def compact(self, now: float) -> None:
        """Packs the raw times that stations and links have gathered."""
        for counter in self.counters:
            counter.meter.compact(now)

    def open_window(self, now: float) -> None:
        """The warm-up ends."""
        self.window_opened = now

    def close_window(self, now: float) -> None:
        """The last request that counts has arrived."""
        if self.is_closed:
            return
        self.is_closed = True
        self.window_closed = now
        self.environment.at(now + self.span.drain_limit, Marks(self, MONITOR), "stop")
        self.finish_if_done()

    def finish_if_done(self) -> None:
        """Ends the run once everything that counts has ended."""
        if not self.is_closed:
            return
        if self.counted_in_flight == 0 and (self.span.drain_arrivals or (self.running_sources == 0 and not self.in_flight and self.running_on == 0)):
            self.environment.at(self.environment._now, Marks(self, MONITOR), "stop")

    # Requests

    def begin(self, request: Request, now: float) -> None:
        """A request has arrived: write it down and see whether it counts."""
        number = self.generated
        columns = self.requests
        if number >= columns.size:
            columns.grow()
        if number == self.opens_at:
            self.set_window(now, INFINITY)
            self.open_window(now)
        self.generated = number + 1
        if number & self.compact_every == 0:
            self.compact(now)
        columns.entry[number] = request.source.index
        columns.ingress[number] = request.ingress
        columns.arrival_s[number] = now
        request.counted = counted = self.opened <= now < self.closed and self.counted != self.closes_at
        if counted:
            self.counted += 1
            self.counted_in_flight += 1
            if self.counted == self.closes_at:
                self.close_after(now)
        rows = self.span_rows
        request.traced = rows.stride > 0 and request.number % rows.stride == 0
        if rows.automatic:
            self.numbers.append(request.number)
        self.in_flight[number] = request

    def close_after(self, now: float) -> None:
        """The last of a given number of requests has arrived: the window closes right behind it."""
        end = nextafter(now, INFINITY)
        self.set_window(self.opened, end)
        if not self.span.drain_arrivals:
            self.stop_arrivals = end
        self.environment.at(end, Marks(self, EPISODE_END), "close")

    def end(self, request: Request, outcome: int, now: float) -> None:
        """A request ends: write how, and take back what it still has under way."""
        if request.outcome != IN_FLIGHT:
            return
        request.outcome = outcome
        number = request.id
        self.requests.end(request, outcome, now)
        if self.ledger is not None:
            self.ledger.ended(request, now)
        if outcome != COMPLETED:
            for call in list(request.calls) if request.application.careful else request.calls:
                if call is not None:
                    call.cancel()
        elif request.application.careful:
            self.running_on += sum(call is not None and call.status == UNDER_WAY for call in request.calls)
        if request.traced:
            self.span_rows.write(request, now)
            if number % 1024 == 0:
                self.thin()
        if request.source.closed:
            request.source.ended(request, now)
        request.calls = []  # breaks the only reference cycle, so that nothing waits for the garbage collector
        del self.in_flight[number]
        if request.counted:
            self.counted_in_flight -= 1
            if self.counted_in_flight == 0:
                self.finish_if_done()
        elif self.is_closed and not self.in_flight:
            self.finish_if_done()

    def ran_on(self, attempt: Attempt, now: float) -> None:
        """An attempt of a request that is over has come to its end."""
        self.running_on -= 1
        if attempt.request.traced:
            self.span_rows.write_call(attempt, now, False, set())
        if self.running_on == 0:
            self.finish_if_done()

    def thin(self) -> None:
        """Keeps fewer spans where there are too many."""
        if self.span_rows.automatic:
            self.span_rows.thin(np.frombuffer(self.numbers, dtype=np.int64).copy())
        elif self.span_rows.tail and self.span_rows.too_many:
            self.span_rows.keep_slowest(self.latencies())

    def latencies(self) -> np.ndarray:
        """Latency by request id [s], NaN where a request has not ended; shape (generated,)."""
        columns = self.requests.arrays(self.generated)
        return np.where(columns["outcome"] == IN_FLIGHT, np.nan, columns["end"] - columns["arrival"])

    def exhausted(self, source: Source) -> None:
        """An entry has no more arrivals."""
        self.running_sources -= 1
        if self.running_sources == 0 and self.span.horizon is None and not self.is_closed:
            self.close_after(self.environment._now)
        elif self.is_closed:
            self.finish_if_done()

    def finish(self) -> None:
        """The run is over: what is still there is unfinished, and the trace is made."""
        now = self.environment._now
        if not self.is_closed:
            self.close_window(now)
        for station in self.stations:
            station.settle()
        for request in list(self.in_flight.values()):
            self.requests.end(request, UNFINISHED, now)
            if request.traced:
                self.span_rows.write(request, now)
        if self.span_rows.tail:
            self.span_rows.keep_slowest(self.latencies())
        for counter in self.counters:
            counter.meter.fold(now)
        self._trace = collect(self)

    def unloaded_time(self, source: int, target: int, bits: float) -> float:
        """Time a message of `bits` takes over empty links [s]."""
        return self.network.unloaded_time(source, target, bits, self.mtu)
