"""Countdowns: the same delay for many things, most of which end before it does.

What waits for the same delay runs out in the order in which it began, so a line and one planned event do: what has ended
meanwhile costs nothing but its place in the line.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from simulator.engine import TIMER, Environment
from simulator.request import IN_FLIGHT, TIMED_OUT, UNDER_WAY

if TYPE_CHECKING:
    from simulator.attempts import Attempt
    from simulator.request import Request


class Countdown:
    """Calls `run_out(item, now)` for every item that still `waits` when `delay` is over."""

    __slots__ = ("agenda", "delay", "line", "planned", "rank")

    def __init__(self, agenda: Environment, delay: float):
        self.agenda = agenda
        self.rank = TIMER
        self.delay = delay  # s
        self.line: deque[tuple[float, Any]] = deque()  # (when, what), soonest first
        self.planned = False

    def begin(self, item: Any, now: float) -> None:
        """The delay of `item` begins."""
        due = now + self.delay
        self.line.append((due, item))
        if not self.planned:
            self.planned = True
            self.agenda.at(due, self, None)

    def handle(self, item: None) -> None:
        """The first delay may be over."""
        now = self.agenda._now
        line = self.line
        while line and (line[0][0] <= now or not self.waits(line[0][1])):
            due, first = line.popleft()
            if due <= now and self.waits(first):
                self.run_out(first, now)
        self.planned = bool(line)
        if line:
            self.agenda.at(line[0][0], self, None)

    def waits(self, item: Any) -> bool:
        """Whether it still matters."""
        raise NotImplementedError

    def run_out(self, item: Any, now: float) -> None:
        """The delay is over."""
        raise NotImplementedError


class RequestTimeout(Countdown):
    """Gives requests up."""

    __slots__ = ()

    def waits(self, item: Request) -> bool:
        return item.outcome == IN_FLIGHT

    def run_out(self, item: Request, now: float) -> None:
        item.world.end(item, TIMED_OUT, now)


class CallTimeout(Countdown):
    """Gives attempts up."""

    __slots__ = ()

    def waits(self, item: Attempt) -> bool:
        return item.status == UNDER_WAY

    def run_out(self, item: Attempt, now: float) -> None:
        item.time_out(now)


class HedgeDelay(Countdown):
    """Sends a second copy."""

    __slots__ = ()

    def waits(self, item: Attempt) -> bool:
        return item.status == UNDER_WAY and item.effort.group.wanted > 0

    def run_out(self, item: Attempt, now: float) -> None:
        item.effort.hedge(item, now)
