"""Circuit breakers and retry budgets: the memory that a caller has of how its calls went.

closed ──failures of the last window──> open ──rest──> half open ──all probes succeed──> closed
                                          ^───────────a probe fails──────┘
"""

from __future__ import annotations

from collections import deque

from simulator.resilience import Breaker


class Circuit:
    """The breaker between one caller and one server."""

    __slots__ = ("failures", "open_until", "probes", "results", "rule", "successes", "tripped", "window")

    def __init__(self, rule: Breaker):
        self.rule = rule
        self.window = rule.window or rule.failures
        self.results: deque[bool] = deque()  # whether each of the last calls failed
        self.failures = 0  # among them
        self.tripped = False
        self.open_until = 0.0
        self.probes = 0  # calls let through since the rest was over
        self.successes = 0  # of them

    def lets(self, now: float) -> bool:
        """Whether a call may be sent now."""
        return not self.tripped or (now >= self.open_until and self.probes < self.rule.probes)

    def sent(self) -> bool:
        """A call is sent; returns whether it is a probe."""
        if self.tripped:
            self.probes += 1
        return self.tripped

    def ended(self, failed: bool, probe: bool, now: float) -> None:
        """A call has ended; what was sent before the circuit opened says nothing any more."""
        if self.tripped:
            if not probe or now < self.open_until:
                return
            if failed:
                self.trip(now)
            else:
                self.successes += 1
                if self.successes >= self.rule.probes:
                    self.tripped = False
            return
        self.results.append(failed)
        self.failures += failed
        if len(self.results) > self.window:
            self.failures -= self.results.popleft()
        if self.failures >= self.rule.failures:
            self.trip(now)

    def withdrawn(self, probe: bool) -> None:
        """A call was cancelled: nothing is known, and a probe may be sent again."""
        if probe and self.tripped and self.probes > self.successes:
            self.probes -= 1

    def trip(self, now: float) -> None:
        """Opens the circuit."""
        self.tripped = True
        self.open_until = now + self.rule.rest
        self.probes = self.successes = self.failures = 0
        self.results.clear()


class Budget:
    """A token bucket: every first try adds a share of a token, a retry takes a whole one."""

    __slots__ = ("burst", "share", "tokens")

    def __init__(self, share: float, burst: float):
        self.share = share
        self.burst = burst
        self.tokens = burst

    def earn(self) -> None:
        """A first try is made."""
        self.tokens = min(self.tokens + self.share, self.burst)

    def spend(self) -> bool:
        """Takes a token for a retry; False where there is none."""
        if self.tokens < 1.0 - 1e-9:  # ten tenths make one
            return False
        self.tokens -= 1.0
        return True
