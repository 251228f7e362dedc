"""Greedy in the expected utility of the request, over places and variants."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Any, Literal

import numpy as np

from agents.baselines.feedback import Feedback
from agents.baselines.remaining import Remaining
from simulator.decisions import Candidate, Decision
from simulator.descriptions import description
from simulator.units import Number, Seconds, Share

INFINITY = float("inf")
STEEPEST = 700.0  # exponents beyond are as good as infinite


@description
class ExpectedUtility:
    """The place and variant with the greatest U(elapsed + predicted time left) * quality, less a price for crowding others.

    U is the application's utility; the time left is the transfer, the queue, the mean work, and the longest path after it by mean
    works. Queue and work are corrected by what went on lately, each switch a share from 0 to 100 %: `outcomes` for how the agent's own
    calls there ended (observed over expected, a moving average forgotten at 1 / `memory`), `recent` for the stretch of the server's last
    visits, `slowness` for the pace it tells. `price` is utility per second of work placed on a server for each call there per worker (a
    toll for the delay of others, after Pigou 1920; a constant of the scenario, so tune it). Without a utility, time alone counts.
    """

    price: Number = 0.0
    outcomes: Share = 0.0
    recent: Share = 0.0
    slowness: Share = 0.0
    memory: Seconds = 5.0
    kind: Literal["expected-utility"] = "expected-utility"

    def problem(self) -> str | None:
        if self.price < 0.0:
            return f"price must not be negative, got {self.price:g}"
        return None if self.memory > 0.0 else "memory must be above 0"

    def actor(self, simulation: Any) -> ExpectedUtilityActor:
        return ExpectedUtilityActor(self, simulation)


class ExpectedUtilityActor:
    __slots__ = ("feedback", "remaining", "rule", "worths")

    def __init__(self, rule: Any, simulation: Any):
        self.rule = rule
        self.remaining = Remaining(simulation)
        self.feedback = Feedback(simulation, rule.memory) if rule.outcomes > 0.0 else None
        self.worths = [worth_of(application) for application in simulation.applications]

    def act(self, decision: Decision) -> Candidate:
        best: Candidate = decision.candidates[0]
        most, expected = -INFINITY, 0.0
        for candidate, (value, time) in zip(decision.candidates, self.rated(decision), strict=True):
            if value > most:
                best, most, expected = candidate, value, time
        self.chose(decision, best, expected)
        return best

    def rated(self, decision: Decision, predicted: Sequence[tuple[float, float]] | None = None) -> list[tuple[float, float]]:
        """(what a place is worth, the time expected there without corrections [s]) of every candidate; `predicted` where `predict` was asked before."""
        request = decision.request
        worth = self.worths[request.application.index]
        elapsed = decision.time - request.arrival
        if self.feedback is not None:
            self.feedback.look(decision.agent, decision.time)
        found = []
        for candidate, (transfer, there) in zip(decision.candidates, predicted or [self.predict(decision, each) for each in decision.candidates], strict=True):
            time = transfer + self.corrected(decision, candidate, there)
            value = worth(elapsed + time + self.remaining.after(decision, candidate), candidate.quality)
            if self.rule.price:
                value -= self.rule.price * candidate.mean_service * self.outstanding(candidate) * candidate.share
            found.append((value, transfer + there))
        return found

    def chose(self, decision: Decision, candidate: Candidate, expected: float) -> None:
        """The call is about to be placed there, and expected to end after `expected` [s]."""
        if self.feedback is not None:
            self.feedback.note(decision, candidate, expected)

    def predict(self, decision: Decision, candidate: Candidate) -> tuple[float, float]:
        """(transfer, queue and service) as expected in good days [s]."""
        return decision.transfer_time(candidate), candidate.expected_wait() + candidate.mean_service

    def outstanding(self, candidate: Candidate) -> float:
        """Calls there, as far as is known."""
        return candidate.view.outstanding

    def corrected(self, decision: Decision, candidate: Candidate, there: float) -> float:
        """Queue and service as they are likely to be now [s]."""
        rule, view = self.rule, candidate.view
        if rule.recent:
            there += rule.recent * (view.recent * candidate.mean_service - there)
        if rule.slowness:
            there *= 1.0 + rule.slowness * (view.slowness - 1.0)
        if self.feedback is not None:
            there *= 1.0 + rule.outcomes * (self.feedback.ratio(decision.agent, view, decision.time) - 1.0)
        return there


@description
class Oracle:
    """No policy but a reference: greedy in expected utility with the present state of every server and link, and every episode known.

    It reads what no agent is told (`candidate.server`, the paces, the backlogs of links), so results that show it must say so. It is greedy
    all the same, and no upper bound. `price` as in expected-utility.
    """

    price: Number = 0.0
    kind: Literal["oracle"] = "oracle"

    def problem(self) -> str | None:
        return f"price must not be negative, got {self.price:g}" if self.price < 0.0 else None

    def actor(self, simulation: Any) -> OracleActor:
        return OracleActor(ExpectedUtility(price=self.price), simulation)


class OracleActor(ExpectedUtilityActor):
    __slots__ = ()

    def predict(self, decision: Decision, candidate: Candidate) -> tuple[float, float]:
        """(transfer over the links as they are, queue and service at the present pace) [s]."""
        now = decision.time
        ready = now
        for origin, bits in decision.input_origins():
            ready = max(ready, self.arrival(origin, candidate.index, bits, now))
        queue_and_service = (candidate.wait_at(candidate.server) + candidate.mean_service) * candidate.server.slowness
        return ready - now, max(queue_and_service, candidate.loading_time() + candidate.mean_service)

    def arrival(self, origin: int, target: int, bits: float, now: float) -> float:
        """When a message sent now would be there, behind what the links have to send; inf where there is no path."""
        world = self.remaining.world
        at, time = origin, now
        while at != target:
            link = world.towards[at][target]
            if link is None:
                return INFINITY
            time = max(time, link.free_at) + bits / link.rate + link.propagation
            at = link.far
        return time

    def outstanding(self, candidate: Candidate) -> float:
        """Calls there now."""
        return candidate.server.outstanding

    def corrected(self, decision: Decision, candidate: Candidate, there: float) -> float:
        """Nothing is to be corrected."""
        return there


def worth_of(application: Any) -> Any:
    """(latency [s], quality) -> utility of a request of the application, as floats; minus the latency where it declares none."""
    utility = application.utility
    if utility is None:
        return minus_latency
    return Worth(utility, application.timeout if application.timeout is not None else INFINITY).of


def worths_of(application: Any) -> Any:
    """The same for arrays of any shape."""
    utility = application.utility
    if utility is None:
        return minus_latency
    return Worth(utility, application.timeout if application.timeout is not None else INFINITY).many


def minus_latency(latency: Any, quality: Any) -> Any:
    """What counts where no utility is declared."""
    return -latency


class Worth:
    """An application's utility for one request (see simulator.utility), quick for single numbers."""

    __slots__ = ("cost", "midpoint", "penalty", "scale", "steepness", "timeout")

    def __init__(self, utility: Any, timeout: float):
        self.midpoint = utility.midpoint
        self.steepness = utility.steepness
        self.scale = 1.0 + exp(-utility.steepness * utility.midpoint)
        self.cost = utility.cost
        self.penalty = utility.penalty
        self.timeout = timeout

    def of(self, latency: float, quality: float) -> float:
        """Utility of a request that ends after `latency` [s]."""
        if latency > self.timeout:
            return -self.penalty
        exponent = self.steepness * (latency - self.midpoint)
        return min(quality * self.scale / (1.0 + exp(min(exponent, STEEPEST))) - self.cost, 1.0)

    def many(self, latency: np.ndarray, quality: np.ndarray) -> np.ndarray:
        """Utilities of requests that end after `latency` [s]."""
        exponents = np.minimum(self.steepness * (latency - self.midpoint), STEEPEST)
        values = np.minimum(quality * self.scale / (1.0 + np.exp(exponents)) - self.cost, 1.0)
        return np.where(latency > self.timeout, -self.penalty, values) if self.timeout < INFINITY else values
