"""Rewards: the utility of requests as they end, credited to the agents that decided.

    share    in equal parts to the decisions that placed the request's calls: the sum over agents is the system's utility
    ingress  to the agent of the node where the request came in
    full     in full to each of those decisions
    team     in full to every agent

Learners may have rewards as if they came at the decision (`accrues`): what is paid when a request ends has then earned interest since each
of its decisions, at the rate at which rewards are discounted, so that a return counts every request by when it was decided on and does
not favour answers for being quick beyond what their utility says. No transition has to stay open for that. Interest stops at e^3.

Equal parts invite an agent to keep work near so as to collect later shares: measure before relying on them. Retries and hedges are
decided too but earn nothing of their own; neither do calls that were placed without a turn. Where nobody decided, the
ingress is credited. A request of an application without a utility is worth 1 when it completes (within the objective, where
there is one), else 0. What is still in flight when a run ends has not ended: it earns nothing, and learners bootstrap there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import TYPE_CHECKING, Literal, NamedTuple

from simulator.request import COMPLETED, REFUSED

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.request import Request
    from simulator.simulation import Simulation

Credit = Literal["share", "ingress", "full", "team"]
MOST_INTEREST = 3.0  # exponent
CREDITS: tuple[Credit, ...] = ("share", "ingress", "full", "team")


class Earned(NamedTuple):
    """What an agent has earned since it was last asked: plainly summed, discounted to that time, and how long that was [s]."""

    reward: float
    discounted: float
    elapsed: float


def worth(request: Request, now: float) -> float:
    """What a request that ends now is worth."""
    utility = request.application.utility
    if utility is not None:
        if request.outcome != COMPLETED:
            return float(-utility.penalty)
        return float(utility.at(now - request.arrival, request.world.requests.quality[request.id]))
    if request.outcome != COMPLETED:
        return 0.0
    objective = request.application.objective
    return 1.0 if objective is None or now - request.arrival <= objective else 0.0


def decided(request: Request) -> list[Call]:
    """The calls of a request that somebody placed (or rejected); forced placements left out."""
    fewest = 1 if request.world.asks_always else 2
    return [
        call
        for call in request.calls
        if call is not None and (call.choice is not None or call.status == REFUSED) and call.lane == 0 and len(call.candidates) >= fewest
    ]


def discount_rate(simulation: Simulation) -> float:
    """The rate beta [1/s] at which rewards are discounted unless set: one over the longest midpoint of a utility, else objective, else second."""
    known = [app.utility.midpoint for app in simulation.applications if app.utility is not None]
    known = known or [app.objective for app in simulation.applications if app.objective]
    return 1.0 / max(known, default=1.0) if max(known, default=1.0) > 0.0 else 1.0


class Ledger:
    """Keeps what every agent earns until it takes it; hand it to `simulation.ledger` before the run.

    `agents` are the node indices that earn (all unless given). With `central` there is one agent, number 0, that earns everything.
    With `accrues` rewards count as if they came at the decisions (see above). With `log` every reward is also kept as a row (agent, time,
    request id, reward); agent -1 stands for all of them.
    """

    __slots__ = ("accrues", "agents", "beta", "central", "credit", "discounted", "log", "plain", "since")

    def __init__(
        self,
        simulation: Simulation,
        credit: Credit = "share",
        beta: float | None = None,
        agents: Sequence[int] = (),
        central: bool = False,
        log: bool = False,
        accrues: bool = False,
    ):
        if credit not in CREDITS:
            raise ValueError(f"credit must be one of {', '.join(CREDITS)}, got {credit!r}")
        self.credit = "team" if central else credit
        self.beta = discount_rate(simulation) if beta is None else beta
        count = len(simulation.nodes)
        self.agents = [0] if central else list(agents) or list(range(count))
        self.central, self.accrues = central, accrues
        self.plain = [0.0] * count
        self.discounted = [0.0] * count
        self.since = [0.0] * count  # by agent: when it last took
        self.log: list[tuple[int, float, int, float]] | None = [] if log else None

    def ended(self, request: Request, now: float) -> None:
        """A request has ended: whoever deserves it is credited."""
        value = worth(request, now)
        if value == 0.0:
            return
        by_call = self.credit in ("share", "full")
        calls = decided(request) if by_call or self.accrues else []
        worths = [value * exp(min(self.beta * (now - call.time), MOST_INTEREST)) for call in calls] if self.accrues else [value] * len(calls)
        if worths and not by_call:
            value = sum(worths) / len(worths)
        if self.credit == "team":
            if self.log is not None:
                self.log.append((-1, now, request.id, value))
            for agent in self.agents:
                self.plain[agent] += value
                self.discounted[agent] += value * exp(-self.beta * (now - self.since[agent]))
            return
        if self.credit == "ingress" or not calls:
            self.credit_to(request.ingress, now, request.id, value)
            return
        parts = len(calls) if self.credit == "share" else 1
        for call, whole in zip(calls, worths, strict=True):
            self.credit_to(call.agent, now, request.id, whole / parts)

    def credit_to(self, agent: int, now: float, request: int, value: float) -> None:
        """An agent earns (or with a negative value pays) something now."""
        self.plain[agent] += value
        self.discounted[agent] += value * exp(-self.beta * (now - self.since[agent]))
        if self.log is not None:
            self.log.append((agent, now, request, value))

    def take(self, agent: int, now: float) -> Earned:
        """What the agent has earned since it last took; its account starts anew."""
        found = Earned(self.plain[agent], self.discounted[agent], now - self.since[agent])
        self.plain[agent] = self.discounted[agent] = 0.0
        self.since[agent] = now
        return found
