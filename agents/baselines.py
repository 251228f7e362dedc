"""Baseline policies: simple rules that place calls, without learning and without torch.

A baseline is a frozen description; `actor(simulation)` makes the live object whose `act(decision)` returns one of
`decision.candidates`. Candidates come nearest first (or in the file's order where `control.order: declared`), and every
tie goes to the first of them. A baseline's random draws belong to its decision (`decision.uniform(k)`).
"""

from dataclasses import field
from typing import Annotated, Any, Literal

from simulator.decisions import Candidate, Decision
from simulator.descriptions import Choice, description

INFINITY = float("inf")


@description
class Random:
    """Any candidate with equal probability."""

    kind: Literal["random"] = "random"

    def actor(self, simulation) -> "RandomActor":
        return RandomActor()


class RandomActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        candidates = decision.candidates
        return candidates[int(decision.uniform(0) * len(candidates))]


@description
class RoundRobin:
    """Each agent takes the candidates of a service in turn."""

    kind: Literal["round-robin"] = "round-robin"

    def actor(self, simulation) -> "RoundRobinActor":
        return RoundRobinActor()


class RoundRobinActor:
    __slots__ = ("turns",)

    def __init__(self) -> None:
        self.turns: dict[tuple, int] = {}  # next turn by the tuple of candidates, which is one object for an agent and a service

    def act(self, decision: Decision) -> Candidate:
        candidates = decision.candidates
        turn = self.turns.get(candidates, 0)
        self.turns[candidates] = turn + 1
        return candidates[turn % len(candidates)]


@description
class LocalFirst:
    """The nearest candidate: the agent's own node where it may, else the next by distance."""

    kind: Literal["local-first"] = "local-first"

    def actor(self, simulation) -> "LocalFirstActor":
        return LocalFirstActor()


class LocalFirstActor:
    __slots__ = ()

    def act(self, decision: Decision) -> Candidate:
        best: Candidate = decision.candidates[0]
        for candidate in decision.candidates:
            if candidate.distance < best.distance:
                best = candidate
        return best


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
class Weighted:
    """Exclusive probabilistic routing: a candidate at random, by the `weights` of nodes (1 where none is given).

    With all weights equal it is `random`; a node of weight 0 is used only where no other can be.
    """

    weights: dict[str, float] = field(default_factory=dict)
    kind: Literal["weighted"] = "weighted"

    def problem(self) -> str | None:
        return None if all(0.0 <= weight < INFINITY for weight in self.weights.values()) else "weights must not be negative"

    def actor(self, simulation) -> "WeightedActor":
        return WeightedActor(self.weights)


class WeightedActor:
    __slots__ = ("weights",)

    def __init__(self, weights: dict[str, float]) -> None:
        self.weights = weights

    def act(self, decision: Decision) -> Candidate:
        weights = [self.weights.get(candidate.node, 1.0) for candidate in decision.candidates]
        left = decision.uniform(0) * sum(weights)
        for candidate, weight in zip(decision.candidates, weights, strict=True):
            left -= weight
            if left < 0.0:
                return candidate
        return decision.candidates[0]


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


BASELINES = (Random, RoundRobin, LocalFirst, LeastLoaded, JoinShortestQueue, PowerOfTwo, PowerOfD, Weighted, ShortestExpectedDelay)
Baseline = Annotated[Any, Choice("policy", BASELINES, names=True)]
