"""Policies that predict times: the shortest expected delay, and the earliest finish of the whole request."""

from typing import Literal

from agents.baselines.remaining import Remaining, predicted_end
from simulator.decisions import Candidate, Decision
from simulator.descriptions import description

INFINITY = float("inf")


@description
class ShortestExpectedDelay:
    """The candidate with the least expected time to the end of service.

    Input transfer over the unloaded route, then the expected work outstanding there shared by its workers, then the call's own
    mean work: transfer + max(0, backlog - idle capacity) / (c * speed) + mean work / speed.
    """

    kind: Literal["shortest-expected-delay"] = "shortest-expected-delay"

    def actor(self, simulation) -> "ShortestExpectedDelayActor":
        return ShortestExpectedDelayActor()


class ShortestExpectedDelayActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        best: Candidate = decision.candidates[0]
        least = INFINITY
        for candidate in decision.candidates:
            delay = decision.transfer_time(candidate) + candidate.expected_wait() + candidate.mean_service
            if delay < least:
                best = candidate
                least = delay
        return best


@description
class EarliestFinish:
    """The candidate with the earliest expected finish of the request: HEFT's upward ranks with data locality, decided online.

    To the expected delay it adds what remains after the call by mean works, from the place where it would end: the longest path over
    its successors, each moved to and served where that is soonest (after Topcuoglu, Hariri and Wu 2002, whose upward rank averages
    over places; here the place is known, so a call stays near the data of its successors).
    """

    kind: Literal["earliest-finish"] = "earliest-finish"

    def actor(self, simulation) -> "EarliestFinishActor":
        return EarliestFinishActor(Remaining(simulation))


class EarliestFinishActor:
    __slots__ = ("remaining",)

    def __init__(self, remaining: Remaining):
        self.remaining = remaining

    def act(self, decision: Decision) -> Candidate:
        best: Candidate = decision.candidates[0]
        least = INFINITY
        for candidate in decision.candidates:
            end = predicted_end(decision, candidate) + self.remaining.after(decision, candidate)
            if end < least:
                best = candidate
                least = end
        return best


@description
class LargestInTime:
    """The best variant that is expected to meet the time-out, where it ends first; the earliest finish where none does.

    The bound is the application's time-out, else its objective, else the midpoint of its utility.
    """

    kind: Literal["largest-in-time"] = "largest-in-time"

    def actor(self, simulation) -> "LargestInTimeActor":
        return LargestInTimeActor(Remaining(simulation))


class LargestInTimeActor:
    __slots__ = ("remaining",)

    def __init__(self, remaining: Remaining):
        self.remaining = remaining

    def act(self, decision: Decision) -> Candidate:
        left = bound_of(decision.request.application) - (decision.time - decision.request.arrival)
        best: Candidate = decision.candidates[0]
        greatest = (-1.0, 0.0)
        for candidate in decision.candidates:
            end = predicted_end(decision, candidate) + self.remaining.after(decision, candidate)
            rank = (candidate.quality if end <= left else -0.5, -end)  # below any that is in time
            if rank > greatest:
                best = candidate
                greatest = rank
        return best


def bound_of(application) -> float:
    """By when a request should have ended, counted from its arrival [s]."""
    for bound in (application.timeout, application.objective):
        if bound is not None:
            return bound
    return application.utility.midpoint if application.utility is not None else INFINITY
