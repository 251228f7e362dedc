"""Policies that look at no queue: random, weighted, in turn, the nearest."""

from dataclasses import field
from typing import Literal

from simulator.decisions import Candidate, Decision
from simulator.descriptions import description

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
