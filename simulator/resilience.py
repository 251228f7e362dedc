"""Resilience: what a caller does about calls that are slow or fail. Descriptions only; `simulator.attempts` lives them.

Retries with exponential back-off, jitter and a budget (a token bucket as in Finagle and gRPC), hedged requests (Dean and Barroso,
The Tail at Scale, 2013), load shedding, circuit breakers (Nygard, Release It!, 2007; the windowed form of resilience4j).
"""

from __future__ import annotations

import math
from typing import Literal

from simulator.descriptions import description
from simulator.units import Seconds, Share

Failure = Literal["timed_out", "rejected", "lost", "unreachable"]
FAILURES: tuple[Failure, ...] = ("timed_out", "rejected", "lost", "unreachable")


@description
class Retry:
    """Tries a failed call again, up to `retries` times after the first try.

    Before retry r the call waits back_off * factor**(r - 1), at most `longest`, times a factor uniform on 1 +- jitter. Under a
    `budget` every first try adds that share of a token to a bucket, which holds at most `burst` and is full at the start; a
    retry takes a whole one, or is not made.
    """

    retries: int
    back_off: Seconds = 0.0
    factor: float = 2.0
    jitter: Share = 0.0
    longest: Seconds | None = None
    budget: Share | None = None
    burst: float = 10.0
    on: tuple[Failure, ...] = FAILURES

    def problem(self) -> str | None:
        if not 0 <= self.retries <= 1000:
            return f"retries (the tries after the first) must be from 0 to 1,000, got {self.retries}"
        if not 1.0 <= self.factor < math.inf:
            return f"factor must be at least 1, got {self.factor:g}"
        if not 1.0 <= self.burst < math.inf:
            return f"burst must be at least 1, got {self.burst:g}"
        return None if self.on else f"on must name at least one of {', '.join(FAILURES)}"

    def pause(self, retry: int, coin: float) -> float:
        """The back-off before the given retry, counted from 1 [s]; `coin` is uniform on [0, 1)."""
        pause = self.back_off * self.factor ** (retry - 1)
        if self.longest is not None:
            pause = min(pause, self.longest)
        return pause * (1.0 + self.jitter * (2.0 * coin - 1.0))


@description
class Hedge:
    """Sends a second copy once a try has run for `after`; the first answer wins and the loser is cancelled.

    With `elsewhere` the copy goes to another station than the first, where there is another.
    """

    after: Seconds
    elsewhere: bool = True


@description
class Shed:
    """Turns a call away as it reaches a station where `queue` jobs or more wait, or, where `hopeless`, where the expected wait and
    service there would end after its time-out (or its request's).
    """

    queue: int | None = None
    hopeless: bool = False

    def problem(self) -> str | None:
        if self.queue is not None and self.queue < 0:
            return f"queue must not be negative, got {self.queue}"
        return None if self.queue is not None or self.hopeless else "give 'queue' (how many may wait), 'hopeless: true', or both"


@description
class Breaker:
    """Stops sending to a server once `failures` of the caller's last `window` calls there have failed.

    The circuit is then open for `rest`: the server is no candidate. After it `probes` calls are let through; once all have
    succeeded the circuit closes, and one failure opens it again. A caller is the node that decides.
    """

    failures: int = 5
    window: int | None = None
    rest: Seconds = 10.0
    probes: int = 1

    def problem(self) -> str | None:
        if self.failures < 1 or self.probes < 1:
            return "failures and probes must be at least 1"
        if self.window is not None and self.window < self.failures:
            return f"window must hold at least the {self.failures} failures that open the circuit, got {self.window}"
        return "rest must be above 0" if self.rest == 0.0 else None
