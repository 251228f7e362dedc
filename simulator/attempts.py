"""Attempts: calls that may time out, be tried again, be copied, or need only some of their copies.

    Care     one for every such call of an application: its rules, countdowns, budget, breakers, counts
    Group    one for every such call of a request: how many of its copies (`fan_out`) are still wanted
    Effort   one for every copy: the tries made, those under way
    Attempt  one try or hedge: a Call that reports to its effort instead of ending the request

    ready ──> attempt ──served──> the effort succeeds; what else of it is under way is cancelled
                 ├─failed──> another copy is under way: wait for it
                 ├─failed──> retries and budget left: back off, then the next attempt
                 └─failed──> the copy is lost; the request fails once too few are left

A later attempt draws its work and spikes anew, keyed by (entry, number, call, copy, attempt); its inputs are the same data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.call import Call
from simulator.request import FAILED, IN_FLIGHT, LATE, LOST, OK, REFUSED, REJECTED, TIMED_OUT, UNDER_WAY, UNREACHABLE
from simulator.station import NEVER

if TYPE_CHECKING:
    from simulator.call import Response
    from simulator.care import Group
    from simulator.decisions import Candidate
    from simulator.prefetch import Prefetch
    from simulator.resilience import Retry
    from simulator.station import Station

FAILURE_OF = {TIMED_OUT: "timed_out", REJECTED: "rejected", FAILED: "lost", UNREACHABLE: "unreachable"}
FIRST, RETRIED, HEDGED, GAVE_UP = range(4)  # what a call counts: first tries, retries, hedges, copies given up
ATTEMPT_COUNTS = ("first", "retried", "hedged", "given_up")


class Effort:
    """One copy of a call: its tries."""

    __slots__ = ("backing_off", "group", "tries", "under_way")

    def __init__(self, group: Group):
        self.group = group
        self.tries = 0  # after the first
        self.backing_off = False
        self.under_way: list[Attempt] = []

    def new(self, lane: int) -> Attempt:
        """An attempt that belongs to this effort."""
        attempt = Attempt()
        attempt.effort = self
        attempt.lane = lane
        attempt.previous = None
        attempt.since = 0.0
        attempt.probe = False
        attempt.rival = None
        attempt.deadline = 0.0
        self.under_way.append(attempt)
        return attempt

    def another(self, model: Attempt, lane: int, now: float) -> Attempt:
        """A later attempt at the call of `model`, which waits for a decision."""
        attempt = self.new(lane)
        attempt.request = model.request
        attempt.vertex = model.vertex
        attempt.agent = model.agent
        attempt.time = now
        attempt.candidates = ()  # found when the decision is due
        attempt.choice = None
        attempt.station = None
        attempt.due = NEVER
        attempt.status = UNDER_WAY
        if model.request.traced:
            attempt.maker = model.maker
            attempt.spike = -1
            attempt.logs = []
            attempt.last_log = None
        model.request.world.ready.append(attempt)
        return attempt

    def succeeded(self, attempt: Attempt, now: float) -> None:
        """An attempt was served: its rivals are cancelled, and the walk goes on if its answer is still wanted."""
        self.under_way.remove(attempt)
        for rival in list(self.under_way):
            rival.cancel()
        request = attempt.request
        group = self.group
        if request.outcome != IN_FLIGHT:
            request.world.ran_on(attempt, now)
            return
        self.put_first(attempt)
        if group.wanted == 0:
            request.calls.append(attempt)
            request.calls[attempt.vertex.index] = None  # nobody uses its output
            return
        group.wanted -= 1
        if group.wanted == 0:
            group.settle()
        attempt.carry_on(now)

    def put_first(self, attempt: Attempt) -> None:
        """Makes `attempt` the call of its vertex; the one it replaces stays on the list for the record."""
        calls = attempt.request.calls
        index = attempt.vertex.index
        if calls[index] is not attempt:
            if attempt in calls:
                calls.remove(attempt)
            calls.append(calls[index])
            calls[index] = attempt

    def failed(self, attempt: Attempt, failure: Call, outcome: int, now: float) -> None:
        """An attempt (or the answer it sent, then `failure`) is lost: wait for a copy, try again, or give up."""
        if attempt in self.under_way:
            self.under_way.remove(attempt)
        request, group = attempt.request, self.group
        if request.outcome != IN_FLIGHT:
            request.world.ran_on(attempt, now)
            return
        if group.wanted == 0 or self.under_way:
            return
        care = group.care
        if care.retry is not None and self.may_retry(care.retry, outcome):
            self.tries += 1
            self.backing_off = True
            attempt.failure = failure
            attempt.ended = now
            pause = care.retry.pause(self.tries, request.source.later_coin(attempt.vertex, "back_off", request.number, 2 * self.tries))
            care.world.environment.at(now + pause, care, attempt)
            return
        care.count(request, GAVE_UP)
        if group.is_lost():
            request.world.end(request, outcome, now)

    def may_retry(self, rule: Retry, outcome: int) -> bool:
        """Whether there is a retry left for such a failure, and the budget for it."""
        if self.tries >= rule.retries or FAILURE_OF[outcome] not in rule.on:
            return False
        budget = self.group.care.budget
        return budget is None or budget.spend()

    def try_again(self, failed: Attempt, now: float) -> None:
        """The next try, after a back-off."""
        attempt = self.another(failed, 2 * self.tries, now)
        attempt.previous = failed.failure
        attempt.since = failed.ended
        self.group.care.count(failed.request, RETRIED)
        self.put_first(attempt)

    def hedge(self, first: Attempt, now: float) -> None:
        """A try has run for long: send a copy."""
        rule = self.group.care.hedge
        assert rule is not None
        attempt = self.another(first, first.lane + 1, now)
        attempt.previous = first.previous
        attempt.since = first.since if first.lane > 1 else first.time
        attempt.rival = first if rule.elsewhere else None
        self.group.care.count(first.request, HEDGED)
        first.request.calls.append(attempt)


class Attempt(Call):
    """One try, or the copy of a hedge."""

    __slots__ = ("deadline", "effort", "ended", "failure", "lane", "previous", "probe", "rival", "since")

    effort: Effort
    rival: Attempt | None  # the attempt that this one should not meet at its station
    failure: Call  # what failed at `ended`: the attempt, or its answer
    ended: float
    probe: bool  # sent to see whether a server is well again
    deadline: float  # the earlier of its own time-out and its request's

    def find_place(self) -> bool:
        """The decision is due: the candidates, without those behind open circuits, and elsewhere than the copies it avoids."""
        care = self.effort.group.care
        vertex = self.vertex
        candidates = vertex.slots[self.agent] or vertex.service.find_slots(self.agent)
        if care.breaker is not None:
            candidates = tuple(c for c in candidates if care.circuit(self.agent, c.server).lets(self.time))
        taken = self.taken()
        if taken:
            free = tuple(c for c in candidates if sum(other.choice.server is c.server for other in taken) < c.server.places)
            candidates = free or candidates
        self.candidates = candidates
        if not candidates:
            self.fail(REFUSED, REJECTED, self.time)
        return bool(candidates)

    def taken(self) -> list[Any]:
        """The placed attempts whose stations this one should keep away from."""
        if self.rival is not None:
            return [self.rival]
        group = self.effort.group
        if not group.care.distinct:
            return []
        return [a for effort in group.efforts if effort is not self.effort for a in effort.under_way if a.choice is not None]

    def free_stations(self, stations: list[Station]) -> list[Station]:
        """Those of a pool's stations that none of the attempts it keeps away from uses."""
        used = [other.station for other in self.taken()]
        return [station for station in stations if station not in used] or stations

    def choose(self, answer: Candidate | Prefetch) -> None:
        """Places the attempt."""
        if self.choice is not None or answer not in self.candidates:
            self.refuse(answer)
            return
        self.choice = candidate = answer  # type: ignore[assignment]
        request, care = self.request, self.effort.group.care
        self.place = candidate.index
        self.draw(candidate.variant)
        server = candidate.server
        server.outstanding += 1
        if candidate.told is not None:
            candidate.told.note(self)
        self.deadline = request.arrival + request.source.timeout
        if care.timeouts is not None:
            self.deadline = min(self.deadline, self.time + care.timeouts.delay)
            care.timeouts.begin(self, self.time)
        if care.hedges is not None and self.lane & 1 == 0:
            care.hedges.begin(self, self.time)
        if care.breaker is not None:
            self.probe = care.circuit(self.agent, server).sent()
        self.gather(candidate.index)

    def draw(self, variant: int) -> None:
        """The work and the spikes: the first try's from its request's row, a later one's by key."""
        vertex, request = self.vertex, self.request
        if self.lane == 0:
            self.work = request.row[vertex.work + variant]
            self.spiked = request.row[vertex.spike]
            return
        source = request.source
        self.work = source.later_draw(vertex.work + variant, request, self.lane)
        self.spiked = 0.0
        for column, *_ in vertex.spikes:
            self.spiked = max(self.spiked, source.later_draw(column, request, self.lane))

    def spiked_work(self) -> float:
        """The work with its call spikes, drawn for this attempt and applied now that service starts."""
        if self.lane == 0:
            return super().spiked_work()
        work = self.work
        for column, entry, multiplies, nodes in self.vertex.spikes:
            magnitude = self.request.source.later_draw(column, self.request, self.lane)
            if magnitude != 0.0 and (nodes is None or self.place in nodes):
                work = self.strike(entry, work, work * magnitude if multiplies else work + magnitude)
        return work

    def uniform(self, k: int) -> float:
        """The k-th uniform draw that belongs to this attempt's decision."""
        if self.lane == 0:
            return super().uniform(k)
        return self.request.source.later_coin(self.vertex, f"policy {k}", self.request.number, self.lane)

    def join(self, now: float) -> None:
        """All inputs are there: to the station, unless it sheds the call."""
        shed = self.effort.group.care.shed
        server = self.choice.server  # type: ignore[union-attr]
        if shed is not None and ((shed.queue is not None and server.waiting() >= shed.queue) or (shed.hopeless and self.hopeless(now))):
            self.turned_away(now)
        else:
            self.choice.entrance.enter(self, now)  # type: ignore[union-attr]

    def hopeless(self, now: float) -> bool:
        """Whether it is expected to end after its time-out, by the mean works of the calls there and its own."""
        candidate: Candidate = self.choice  # type: ignore[assignment]
        candidate.server.outstanding -= 1  # it does not wait for itself
        wait = candidate.wait_at(candidate.server)  # the station knows its own state
        candidate.server.outstanding += 1
        return now + wait + candidate.mean_service > self.deadline

    def turned_away(self, now: float) -> None:
        """The station sheds it."""
        self.give_up(self.choice.server)  # type: ignore[union-attr]
        self.fail(REFUSED, REJECTED, now)

    def served(self, now: float) -> None:
        """The service is done."""
        self.status = OK
        self.finished = now
        self.note(False, now)
        self.effort.succeeded(self, now)

    def carry_on(self, now: float) -> None:
        """Its answer is used: make successors ready, or send the result home."""
        super().served(now)

    def fail(self, status: int, outcome: int, now: float) -> None:
        """The attempt has failed; its effort knows what to do."""
        self.status = status
        self.finished = now
        if self.choice is not None:
            self.note(True, now)
        self.effort.failed(self, self, outcome, now)

    def note(self, failed: bool, now: float) -> None:
        """Tells the circuit breaker how it went."""
        care = self.effort.group.care
        if care.breaker is not None:
            care.circuit(self.agent, self.choice.server).ended(failed, self.probe, now)  # type: ignore[union-attr]

    def time_out(self, now: float) -> None:
        """It took too long: out of wherever it is."""
        self.withdraw()
        self.fail(LATE, TIMED_OUT, now)

    def cancel(self) -> None:
        """Ends the attempt, which is not wanted any more."""
        if self.status != UNDER_WAY:
            return
        super().cancel()
        self.effort.under_way.remove(self)
        care = self.effort.group.care
        if care.breaker is not None and self.choice is not None:
            care.circuit(self.agent, self.choice.server).withdrawn(self.probe)

    def answer_lost(self, response: Response, outcome: int, now: float) -> None:
        """The result did not come back: the attempt has failed after all."""
        self.status = LOST
        self.effort.group.wanted += 1
        self.effort.failed(self, response, outcome, now)
