"""Closed loops: a fixed number of users, each of whom waits for his request to end, thinks, and sends the next.

Arrivals then depend on what is served, so two policies meet the same work but not the same arrivals, and latencies do not say what
an open stream of the same rate would suffer (a slow system slows its own arrivals). Every result of such a run says so.
"""

from __future__ import annotations

from typing import Any, Literal

from simulator.callgraph import Application
from simulator.descriptions import description
from simulator.errors import SimulationError
from simulator.laws import TimeLaw
from simulator.randomness import Streams
from simulator.request import Request
from simulator.source import Source

MOST = 100_000  # users of one entry
THOUGHTS = 64  # drawn at once for a user


@description
class Closed:
    """A closed loop: `users` of whom each sends a request, waits for its end, and thinks for `think`; all start thinking."""

    users: int
    think: TimeLaw
    kind: Literal["closed"] = "closed"

    def problem(self) -> str | None:
        return None if 1 <= self.users <= MOST else f"users must be from 1 to {MOST:,}, got {self.users}"

    def mean_rate(self) -> float:
        """Not known before it is simulated; NaN."""
        return float("nan")


class ClosedSource(Source):
    """The requests of a closed loop; a user stays at the node he was given at the start."""

    __slots__ = ("busy", "homes", "thoughts", "users")

    closed = True

    def __init__(
        self, world: Any, name: str, index: int, application: Application, process: Closed, ingresses: list[int], weights: list[float], streams: Streams
    ):
        super().__init__(world, name, index, application, process, ingresses, weights, streams)
        self.process = process
        self.users = process.users  # still sending
        coins = streams.generator("entry", name, "homes").random(process.users)
        self.homes: list[int] = self.cumulative.searchsorted(coins, side="right").tolist() if len(ingresses) > 1 else [0] * process.users
        self.thoughts: list[Thoughts] = [Thoughts(process.think, streams, name, user) for user in range(process.users)]
        self.busy: dict[int, int] = {}  # user by request id

    def begin(self) -> None:
        """All users start thinking."""
        for user in range(self.users):
            self.think(user, 0.0)

    def plan_next(self) -> None:
        """Nothing comes by itself: the next request follows the end of this one."""

    def think(self, user: int, now: float) -> None:
        """Plans the user's next request, unless arrivals will have stopped by then."""
        time = now + self.thoughts[user].following()
        if time < self.world.stop_arrivals:
            self.world.environment.at(time, self, user)
        else:
            self.users -= 1
            if self.users == 0:
                self.world.exhausted(self)

    def handle(self, item: Any) -> None:
        """A user sends a request."""
        if self.position >= len(self.rows):
            self.draw()
        self.rows[self.position][-1] = self.homes[item]
        self.busy[self.world.generated] = item
        super().handle(None)

    def ended(self, request: Request, now: float) -> None:
        """A request has ended: its user thinks."""
        user = self.busy.pop(request.id)
        if now == request.arrival and self.thoughts[user].upcoming() == 0.0:
            raise SimulationError(
                f"workload entry {self.name!r}: a request ended the moment it came and its user does not think, so time would stand still; "
                "give a think time above 0"
            )
        self.think(user, now)


class Thoughts:
    """A user's think times, from a stream of his own."""

    __slots__ = ("generator", "law", "times")

    def __init__(self, law: Any, streams: Streams, entry: str, user: int):
        self.law = law
        self.generator = streams.generator("entry", entry, "think", user)
        self.times: list[float] = []

    def upcoming(self) -> float:
        """The next think time [s], which stays the next."""
        if not self.times:
            self.times = self.law.sample(self.generator, THOUGHTS)[::-1].tolist()
        return self.times[-1]

    def following(self) -> float:
        """The next think time [s]."""
        self.upcoming()
        return self.times.pop()
