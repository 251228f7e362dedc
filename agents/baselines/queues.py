"""Policies that compare queues: the least loaded, the shortest, the better of a few drawn at random."""

from typing import Literal

from simulator.decisions import Candidate, Decision
from simulator.descriptions import description

INFINITY = float("inf")


@description
class LeastLoaded:
    """The candidate with the fewest calls outstanding a worker (placed there and not yet served)."""

    kind: Literal["least-loaded"] = "least-loaded"

    def actor(self, simulation) -> "LeastLoadedActor":
        return LeastLoadedActor()


class LeastLoadedActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        best: Candidate | None = None
        least = INFINITY
        for candidate in decision.candidates:
            load = candidate.view.outstanding * candidate.share
            if load < least:
                best = candidate
                least = load
        return best or decision.candidates[0]


@description
class JoinShortestQueue:
    """The candidate with the fewest calls placed there and not yet served, however many workers it has; ties to the first."""

    kind: Literal["join-shortest-queue"] = "join-shortest-queue"

    def actor(self, simulation) -> "JoinShortestQueueActor":
        return JoinShortestQueueActor()


class JoinShortestQueueActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        best: Candidate = decision.candidates[0]
        for candidate in decision.candidates:
            if candidate.view.outstanding < best.view.outstanding:
                best = candidate
        return best


@description
class PowerOfTwo:
    """The less loaded of two different candidates drawn at random (Mitzenmacher 2001)."""

    kind: Literal["power-of-two"] = "power-of-two"

    def actor(self, simulation) -> "PowerOfTwoActor":
        return PowerOfTwoActor()


class PowerOfTwoActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        candidates = decision.candidates
        n = len(candidates)
        if n == 1:
            return candidates[0]
        i = int(decision.uniform(0) * n)
        j = int(decision.uniform(1) * (n - 1))
        if j >= i:
            j += 1
        first: Candidate = candidates[i]
        second: Candidate = candidates[j]
        if second.view.outstanding * second.share < first.view.outstanding * first.share:
            return second
        return first


@description
class PowerOfD:
    """The least loaded of `d` different candidates drawn at random (Mitzenmacher 2001)."""

    d: int = 2
    kind: Literal["power-of-d"] = "power-of-d"

    def problem(self) -> str | None:
        return None if self.d >= 1 else f"d must be at least 1, got {self.d}"

    def actor(self, simulation) -> "PowerOfDActor":
        return PowerOfDActor(self.d)


class PowerOfDActor:
    __slots__ = ("d",)

    def __init__(self, d: int) -> None:
        self.d = d

    def act(self, decision: Decision) -> Candidate:
        left = list(decision.candidates)
        best: Candidate | None = None
        least = INFINITY
        for k in range(min(self.d, len(left))):
            drawn: Candidate = left.pop(int(decision.uniform(k) * len(left)))
            load = drawn.view.outstanding * drawn.share
            if load < least:
                best = drawn
                least = load
        return best or decision.candidates[0]
