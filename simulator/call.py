"""Calls: attempts at placing and running one call of a request.

    ready -> decided -> inputs travel -> at the station -> served: successors become ready, or the result returns

A call with a single input carries itself over the links; a join waits for its messages. What goes wrong on the way (a full
buffer, a full station, no path) fails the attempt at that instant, and with it the request unless `simulator.attempts` tries again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.decisions import Candidate, Decision
from simulator.link import Link, Message, make_message
from simulator.request import CANCELLED, FAILED, IN_FLIGHT, LOST, OK, REFUSED, REJECTED, UNDER_WAY, UNREACHABLE
from simulator.station import NEVER

if TYPE_CHECKING:
    from simulator.callgraph import Vertex
    from simulator.prefetch import Prefetch
    from simulator.request import Request
    from simulator.station import Station


class Call(Decision):
    """One attempt of one call: first a decision, then its inputs on the way, then a job at a station."""

    __slots__ = (
        "due", "finished", "last_log", "left", "logs", "maker", "missing", "place", "reached", "spike", "spiked", "started",
        "station", "status", "work", "edge", "bits", "log", "received", "shares",
    )  # fmt: skip

    maker: int  # the predecessor that finished last and so made it ready; -1 for a root
    place: int  # index of the node where it runs
    missing: int  # inputs still on the way
    station: Station | None
    work: float  # s at reference speed, without spikes
    spiked: float  # not 0.0 where a call spike hits it
    spike: int  # the entry that lengthened it last; -1 for none
    shares: dict[int, float]  # s by which each entry lengthened its service; empty until one does (see Station.blame)
    left: float  # work still to be done when it was last planned
    received: float  # service so far, where it can be interrupted or shared [s]
    due: float
    reached: float
    started: float
    finished: float
    edge: int  # of its single input, while that is on its way; as are bits and log
    bits: float
    log: list[float] | None
    packet = 0
    lane = 0  # which attempt it is: 2 * tries before it, + 1 for the copy of a hedge
    previous: Call | None = None  # the attempt whose failure led to this one
    since = 0.0  # when the wait for this attempt began, where another came before it
    logs: list[list[float]]  # hops of its inputs, where traced
    last_log: list[float] | None  # hops of the input that came last
    status: int

    def choose(self, answer: Candidate | Prefetch) -> None:
        """Places the call: sends every input on its way to the chosen place, or joins the station at once when all are there."""
        try:
            if self.choice is not None or answer.slots is not self.candidates:
                self.refuse(answer)
                return
        except AttributeError:
            if hasattr(answer, "slots"):
                raise
            self.refuse(answer)  # no candidate at all
            return
        candidate: Candidate
        self.choice = candidate = answer  # type: ignore[assignment]
        request = self.request
        vertex = self.vertex
        row = request.row
        self.place = target = candidate.index
        self.work = row[vertex.work + candidate.variant]
        self.spiked = row[vertex.spike]
        candidate.server.outstanding += 1
        if candidate.told is not None:
            candidate.told.note(self)
        single = vertex.single
        if single is None:
            self.gather(target)
            return
        before, edge, column = single
        if before < 0:
            origin = request.ingress
        else:
            origin = request.calls[before].place  # type: ignore[union-attr]
        if origin == target:
            candidate.entrance.enter(self, self.time)
            return
        link: Link | None = request.world.towards[origin][target]
        if link is None:
            self.unreachable()
            return
        self.edge = edge
        self.bits = row[column]
        self.log = None
        if request.traced:
            self.log = []
            self.logs.append(self.log)
        link.send(self, self.time)

    def gather(self, target: int) -> None:
        """The inputs of a join travel from wherever they are."""
        request = self.request
        world = request.world
        row = request.row
        calls = request.calls
        sends: list[tuple[Link, Message]] = []
        for before, edge, column in self.vertex.inputs:
            origin = request.ingress
            if before >= 0:
                sender: Call | None = calls[before]
                if sender is None or sender.status != OK:
                    continue  # a branch that was not taken, or a copy that was not waited for
                origin = sender.place
            if origin == target:
                continue
            link: Link | None = world.towards[origin][target]
            if link is None:
                self.unreachable()
                return
            log: list[float] | None = None
            if request.traced:
                log = []
                self.logs.append(log)
            sends.append((link, make_message(self, edge, row[column], target, log)))
        if not sends:
            self.join(self.time)
            return
        self.missing = len(sends)
        for link, message in sends:
            link.send(message, self.time)
            if self.status != UNDER_WAY:
                return  # a full buffer has ended it

    def rejected_by_agent(self) -> None:
        """The attempt ends here."""
        self.fail(REFUSED, REJECTED, self.time)

    def find_place(self) -> bool:
        """There is no candidate: the service runs nowhere within reach."""
        self.fail(REFUSED, REJECTED, self.time)
        return False

    def free_stations(self, stations: list[Station]) -> list[Station]:
        """The stations of a pool that it may use."""
        return stations

    def unreachable(self) -> None:
        """There is no path from an input to the chosen place."""
        self.give_up(self.choice.server)  # type: ignore[union-attr]
        self.fail(LOST, UNREACHABLE, self.time)

    def fail(self, status: int, outcome: int, now: float) -> None:
        """The attempt has failed, and with it the request."""
        self.status = status
        self.finished = now
        self.request.world.end(self.request, outcome, now)

    def join(self, now: float) -> None:
        """All inputs are there: to the station."""
        self.choice.entrance.enter(self, now)  # type: ignore[union-attr]

    @property
    def call(self) -> Call:
        """A call with a single input is its own message: it carries itself."""
        return self

    def receive(self, now: float) -> None:
        """The single input is there: to the station."""
        if self.status != UNDER_WAY:
            return
        if self.log is not None:
            self.last_log = self.log
        self.choice.entrance.enter(self, now)  # type: ignore[union-attr]

    def receive_input(self, message: Message, now: float) -> None:
        """An input of a join is there; the last one takes the call to its station."""
        if self.status != UNDER_WAY:
            return
        if message.log is not None:
            self.last_log = message.log
        missing = self.missing - 1
        if missing:
            self.missing = missing
        else:
            self.join(now)

    def spiked_work(self) -> float:
        """The work with its call spikes, drawn for this call and applied now that service starts."""
        work = self.work
        row = self.request.row
        for column, entry, multiplies, nodes in self.vertex.spikes:
            magnitude = row[column]
            if magnitude != 0.0 and (nodes is None or self.place in nodes):
                work = self.strike(entry, work, work * magnitude if multiplies else work + magnitude)
        return work

    def strike(self, entry: int, work: float, more: float) -> float:
        """A call spike makes `more` of the work."""
        self.spike = entry
        self.request.spiked = True
        station = self.station
        assert station is not None, "spikes are drawn at service start"
        station.blame(self, entry, (more - work) / station.speed)
        return more

    def served(self, now: float) -> None:
        """The service is done: make successors ready, or send the result home."""
        self.status = OK
        self.finished = now
        request = self.request
        vertex = self.vertex
        waiting = request.waiting
        for after in vertex.successors:
            number: int = after.index
            left = waiting[number]
            if left == 1:
                make_ready(request, after, self.place, vertex.index, now)
            else:
                waiting[number] = left - 1
        if vertex.may_end and request.sinks[vertex.index]:
            self.answer(now)

    def answer(self, now: float) -> None:
        """Sends a sink's result to the ingress where a response is declared."""
        request = self.request
        column = request.application.response
        if column < 0 or self.place == request.ingress:
            request.arrived_result(now)
            return
        world = request.world
        link: Link | None = world.towards[self.place][request.ingress]
        response = make_response(self)
        if link is None:
            self.answer_lost(response, UNREACHABLE, now)
            return
        log: list[float] | None = None
        if request.traced:
            log = []
            response.logs.append(log)
        edge = request.application.response_edge + self.vertex.index
        response.message = message = make_message(response, edge, request.row[column], request.ingress, log)
        link.send(message, now)

    def answer_lost(self, response: Response, outcome: int, now: float) -> None:
        """The result did not come back."""
        self.request.world.end(self.request, outcome, now)

    def rejected(self) -> None:
        """The station was full."""
        self.fail(REFUSED, REJECTED, self.request.world.environment._now)

    def input_lost(self, outcome: int = FAILED) -> None:
        """A message of this attempt was dropped or lost, or has no path left: the attempt fails at this instant."""
        if self.status != UNDER_WAY:
            return
        assert self.choice is not None
        self.give_up(self.choice.server)
        self.fail(LOST, outcome, self.request.world.environment._now)

    def lost(self, now: float) -> None:
        """Its station has stopped and lost it."""
        self.fail(LOST, FAILED, now)

    def give_up(self, server) -> None:
        """Takes the call off the books of the server it was placed on, before it got there."""
        self.status = LOST
        server.outstanding -= 1

    def cancel(self) -> None:
        """Ends the attempt wherever it is; a message already sent stays on its link."""
        if self.status != UNDER_WAY:
            return
        world = self.request.world
        if self.choice is None:
            if self in world.ready:
                world.ready.remove(self)
        else:
            self.withdraw()
        self.status = CANCELLED
        self.finished = world.environment._now

    def withdraw(self) -> None:
        """Takes the call out of its station, or off the books of the server that it has not reached."""
        if self.station is not None:
            self.station.cancel(self)
        else:
            self.give_up(self.choice.server)  # type: ignore[union-attr]


Job = Call


class Response(Call):
    """A sink's result on its way to the ingress."""

    __slots__ = ("message", "sink")

    message: Message
    sink: Call

    @property
    def lane(self) -> int:  # type: ignore[override]
        """That of the attempt it answers."""
        return self.sink.lane

    def receive_input(self, message: Message, now: float) -> None:
        """The result is where the request came from."""
        if self.request.outcome == IN_FLIGHT:
            self.last_log = message.log
            self.status = OK
            self.request.arrived_result(now)

    def input_lost(self, outcome: int = FAILED) -> None:
        """The result was dropped or lost, or has no path left: the request fails at this instant."""
        if self.request.outcome == IN_FLIGHT and self.status == UNDER_WAY:
            self.status = LOST
            self.finished = now = self.request.world.environment._now
            self.sink.answer_lost(self, outcome, now)

    def cancel(self) -> None:
        """Nothing to undo: a message already sent stays on its link."""


def make_response(sink: Call) -> Response:
    """The response of `sink`; it holds no server."""
    response = Response()
    response.sink = sink
    response.request = sink.request
    response.vertex = sink.vertex
    response.choice = None
    response.maker = sink.vertex.index
    response.time = sink.finished
    response.place = sink.request.ingress
    response.status = UNDER_WAY
    response.logs = []
    response.last_log = None
    sink.request.calls.append(response)
    return response


def make_ready(request: Request, vertex: Vertex, agent: int, maker: int, now: float) -> None:
    """The call's predecessors have all finished: it waits for a decision."""
    if vertex.care is None:
        call = Call()
        call.candidates = vertex.slots[agent] or vertex.service.find_slots(agent)
    else:
        call = vertex.care.first_attempt(request, vertex)
        call.candidates = ()  # found when the decision is due
    call.request = request
    call.vertex = vertex
    call.agent = agent
    call.time = now
    call.choice = None
    call.station = None
    call.due = NEVER
    call.status = UNDER_WAY
    if request.traced:
        call.maker = maker
        call.spike = -1
        call.logs = []
        call.last_log = None
    request.calls[vertex.index] = call
    request.world.ready.append(call)
