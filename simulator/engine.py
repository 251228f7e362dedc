"""The clock and the event loop: SimPy's environment with an agenda of handlers beside ordinary SimPy events.

One heap holds everything, ordered by (time, key): the key is the rank of the entry, then a sequence number, so that what
happens at one instant has a stated order (MODEL: episodes end, episodes start, departures, deliveries, decisions, arrivals,
timers, telemetry, monitors) and equal ranks keep the order in which they were planned. A handler entry costs no Event, no
callback list and no generator: the loop calls `handler.handle(item)`. SimPy's own events keep SimPy's priorities: URGENT ones
come before everything else at their instant, NORMAL ones with the monitors, after the model has settled.
"""

from collections import deque
from heapq import heappop, heappush
from typing import Any, Protocol

import simpy
from simpy.core import EmptySchedule, Infinity, SimTime, StopSimulation
from simpy.events import NORMAL, Event, EventPriority

from simulator.errors import SimulationError

RANK = 1 << 48  # room for 2.8e14 entries of one rank
EPISODE_END = 1 * RANK
EPISODE_START = 2 * RANK
DEPARTURE = 3 * RANK
DELIVERY = 4 * RANK
DECISION = 5 * RANK
ARRIVAL = 6 * RANK
TIMER = 7 * RANK
TELEMETRY = 8 * RANK
MONITOR = 9 * RANK
RESUMED = EventPriority(-1)  # SimPy's priority for what an interrupted run still owes


class Handler(Protocol):
    """Something that handles its own entries on the agenda; `rank` is one of this module's ranks."""

    rank: int

    def handle(self, item: Any) -> None: ...


class Events:
    """Handles SimPy events: runs an event's callbacks, as `simpy.Environment.step` does."""

    __slots__ = ()
    rank = MONITOR

    def handle(self, event: Event) -> None:
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            # Callbacks that have not run yet run first of all when the simulation goes on, as in SimPy.
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            event.env.schedule(event, RESUMED)
            raise
        if not event._ok and not hasattr(event, "_defused"):
            # Nobody dealt with the failed event: crash the environment with a copy of its exception, as SimPy does.
            exception = type(event._value)(*event._value.args)
            exception.__cause__ = event._value
            raise exception


class Calls:
    """Handles plain functions: the form for users' own code, `environment.call(time, function)`."""

    __slots__ = ("rank",)

    def __init__(self, rank: int):
        self.rank = rank

    def handle(self, function) -> None:
        function()


class Environment(simpy.Environment):
    """A `simpy.Environment` whose agenda also takes handler entries."""

    def __init__(self, initial_time: SimTime = 0):
        super().__init__(initial_time)
        self._sequence = 0
        self._events = Events()

    def at(self, time: float, handler: Handler, item: Any) -> None:
        """Plans `handler.handle(item)` at the absolute `time` [s]; SimulationError when that is in the past."""
        if time < self._now:
            raise SimulationError(f"an event was planned at {time!r} s, but the clock already shows {self._now!r} s")
        self._sequence = sequence = self._sequence + 1
        heappush(self._queue, (time, handler.rank + sequence, handler, item))  # type: ignore[misc]

    def call(self, time: float, function, rank: int = MONITOR) -> None:
        """Plans `function()` at the absolute `time` [s], among the entries of `rank`."""
        self.at(time, Calls(rank), function)

    def schedule(self, event: Event, priority: int = NORMAL, delay: SimTime = 0) -> None:
        """Plans a SimPy event after `delay`; `priority` as in SimPy."""
        self._sequence = sequence = self._sequence + 1
        rank = MONITOR + (priority - NORMAL) * RANK if priority >= NORMAL else priority * RANK  # URGENT is 0: before every rank
        heappush(self._queue, (self._now + delay, rank + sequence, self._events, event))  # type: ignore[misc]

    def step(self) -> None:
        """Handles the next entry; `simpy.core.EmptySchedule` when there is none."""
        if not self._queue:
            raise EmptySchedule
        self._now, _, handler, item = heappop(self._queue)  # type: ignore[misc]
        handler.handle(item)  # type: ignore[attr-defined]

    def stop(self, item: Any = None) -> None:
        """Ends the run at the present instant, after the entry now handled."""
        raise StopSimulation(item)

    def advance(self, ready: deque) -> bool:
        """Handles entries until something in `ready` may have its turn.

        Returns True when `ready` is not empty and nothing of an earlier rank is left at this instant (decisions come after
        departures and deliveries, before arrivals), False when the agenda is empty and nothing is ready.
        """
        queue = self._queue
        while queue:
            if ready and (queue[0][0] > self._now or queue[0][1] >= DECISION):
                return True
            self._now, _, handler, item = heappop(queue)  # type: ignore[misc]
            handler.handle(item)  # type: ignore[attr-defined]
        return bool(ready)

    @property
    def entries(self) -> int:
        """How many entries have been planned so far (SimPy events included)."""
        return self._sequence


__all__ = ["Environment", "Events", "Handler", "Infinity", "StopSimulation"]
