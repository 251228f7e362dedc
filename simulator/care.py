"""Care: the rules for a call that may be given up, tried again or copied, and what all its requests share.

`Care` is one for every such call of an application, `Group` one for every such call of a request; the attempts themselves are in
`simulator.attempts`, the rules' meanings in `simulator.resilience`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.attempts import ATTEMPT_COUNTS, FIRST, Attempt, Effort
from simulator.breaker import Budget, Circuit
from simulator.countdown import CallTimeout, HedgeDelay
from simulator.engine import TIMER
from simulator.request import IN_FLIGHT

if TYPE_CHECKING:
    from simulator.callgraph import Vertex
    from simulator.request import Request
    from simulator.resilience import Breaker, Hedge, Retry, Shed
    from simulator.simulation import Simulation


class Care:
    """The rules of one call of an application, and what is shared by all requests that make it."""

    __slots__ = (
        "breaker", "budget", "cancel_losers", "circuits", "copies", "counts", "distinct", "hedge", "hedges", "rank", "retry", "retry_on",
        "shed", "timeout", "timeouts", "wait_for", "world",
    )  # fmt: skip

    rank: int

    def __init__(
        self, timeout: float | None = None, retry: Retry | None = None, hedge: Hedge | None = None, shed: Shed | None = None,
        breaker: Breaker | None = None, copies: int = 1, wait_for: int | None = None, cancel_losers: bool = False, distinct: bool = False,
    ):  # fmt: skip
        self.rank = TIMER
        self.timeout = timeout
        self.retry = retry
        self.retry_on = retry.on if retry is not None else ()
        self.hedge = hedge
        self.shed = shed
        self.breaker = breaker
        self.copies = copies
        self.wait_for = copies if wait_for is None else wait_for
        self.cancel_losers = cancel_losers
        self.distinct = distinct
        self.budget = Budget(retry.budget, retry.burst) if retry is not None and retry.budget is not None else None
        self.circuits: dict[tuple[int, Any], Circuit] = {}  # by caller's node and server
        self.counts = [0] * len(ATTEMPT_COUNTS)  # over counted requests
        self.timeouts: CallTimeout | None = None
        self.hedges: HedgeDelay | None = None

    def attend(self, world: Simulation) -> None:
        """Joins the simulation before its run; the copies of a call share it."""
        self.world = world
        if self.timeout is not None:
            self.timeouts = CallTimeout(world.environment, self.timeout)
        if self.hedge is not None:
            self.hedges = HedgeDelay(world.environment, self.hedge.after)

    def count(self, request: Request, what: int) -> None:
        """Counts something of a counted request."""
        if request.counted:
            self.counts[what] += 1

    def first_attempt(self, request: Request, vertex: Vertex) -> Attempt:
        """The first try of a call that has become ready."""
        group = request.groups.get(vertex.call)
        if group is None:
            group = request.groups[vertex.call] = Group(self)
        effort = Effort(group)
        group.efforts.append(effort)
        self.count(request, FIRST)
        if self.budget is not None:
            self.budget.earn()
        return effort.new(0)

    def circuit(self, agent: int, server: Any) -> Circuit:
        """The breaker between a caller's node and a server."""
        found = self.circuits.get((agent, server))
        if found is None:
            assert self.breaker is not None
            found = self.circuits[agent, server] = Circuit(self.breaker)
        return found

    def handle(self, failed: Attempt) -> None:
        """A back-off is over: the next try, if anybody still waits for it."""
        effort = failed.effort
        effort.backing_off = False
        if failed.request.outcome == IN_FLIGHT and effort.group.wanted > 0:
            effort.try_again(failed, self.world.environment._now)


class Group:
    """The copies of one call in one request."""

    __slots__ = ("care", "efforts", "wanted")

    def __init__(self, care: Care):
        self.care = care
        self.efforts: list[Effort] = []
        self.wanted = care.wait_for  # answers still waited for

    def is_lost(self) -> bool:
        """Whether too few copies are left to answer."""
        return self.care.copies - len(self.efforts) + sum(effort.under_way != [] or effort.backing_off for effort in self.efforts) < self.wanted

    def settle(self) -> None:
        """Enough copies have answered: the others are cancelled, or run on where they are."""
        for effort in self.efforts:
            for attempt in list(effort.under_way):
                if self.care.cancel_losers or attempt.choice is None:
                    attempt.cancel()
