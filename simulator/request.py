"""A request's walk through its application's DAG of calls.

    arrival -> root calls ready -> [decision -> inputs travel -> station -> served] for every call -> results return -> end

A call is ready when every predecessor that runs has finished. A decision then places it; each predecessor's output travels
from where it ran to the chosen node (an input that is there already crosses no link); the call joins the station when all of
them have arrived. Calls are data flow: no worker is held while a later call runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.decisions import Candidate, Decision
from simulator.link import Link, Message, make_message
from simulator.station import NEVER

if TYPE_CHECKING:
    from simulator.callgraph import Application, Vertex
    from simulator.simulation import Simulation
    from simulator.source import Source
    from simulator.station import Station

IN_FLIGHT, COMPLETED, REJECTED, TIMED_OUT, FAILED, UNREACHABLE, UNFINISHED = range(7)
OUTCOMES = ("in_flight", "completed", "rejected", "timed_out", "failed", "unreachable", "unfinished")
OK, CANCELLED, LOST, REFUSED, UNDER_WAY = range(5)
STATUSES = ("ok", "cancelled", "lost", "rejected", "unfinished")
SKIPPED = 1 << 30  # predecessors that a skipped call waits for: never reached


class Request:
    """One request: where its calls run, what it still waits for, how it ended."""

    __slots__ = (
        "application", "arrival", "calls", "counted", "id", "ingress", "number", "outcome", "remaining", "row", "sinks", "source",
        "spiked", "traced", "waiting", "world",
    )  # fmt: skip

    id: int  # over all workload entries, in order of arrival
    world: Simulation
    source: Source
    application: Application
    number: int  # within its workload entry
    arrival: float
    ingress: int
    row: list[float]  # all its draws: work, payloads, spikes, coins
    calls: list[Call | None]  # by vertex
    waiting: list[int]  # unfinished predecessors by vertex
    remaining: int  # sinks whose results are still to come
    sinks: list[bool]  # by vertex: nothing runs after it
    outcome: int
    counted: bool
    traced: bool
    spiked: bool  # whether any call has met a spike

    def inputs(self, vertex: Vertex) -> list[tuple[int, float]]:
        """(node where it is, bits) of every input of `vertex` that exists."""
        found = []
        for before, _, column in vertex.inputs:
            if before < 0:
                found.append((self.ingress, self.row[column]))
            else:
                call = self.calls[before]
                if call is not None:
                    found.append((call.place, self.row[column]))
        return found

    def attempts(self) -> int:
        """How many calls have been placed."""
        return sum(call is not None and call.choice is not None for call in self.calls)

    def quality(self) -> float:
        """The product of the qualities of the calls that were placed."""
        product = 1.0
        for call in self.calls:
            if call is not None and call.choice is not None:
                product *= call.choice.quality
        return product

    def arrived_result(self, now: float) -> None:
        """A sink's result is where it is wanted; the last one completes the request."""
        self.remaining -= 1
        if self.remaining == 0:
            self.world.end(self, COMPLETED, now)


class Call(Decision):
    """One attempt of one call: first a decision, then its inputs on the way, then a job at a station."""

    __slots__ = (
        "due", "finished", "last_log", "left", "logs", "maker", "missing", "place", "reached", "spike", "spiked", "started",
        "station", "status", "work", "edge", "bits", "log", "received",
    )  # fmt: skip

    maker: int  # the predecessor that finished last and so made it ready; -1 for a root
    place: int  # index of the node where it runs
    missing: int  # inputs still on the way
    station: Station | None
    work: float  # s at reference speed, without spikes
    spiked: float  # not 0.0 where a call spike hits it
    spike: int  # the entry that lengthened it last; -1 for none
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
    logs: list[list[float]]  # hops of its inputs, where traced
    last_log: list[float] | None  # hops of the input that came last
    status: int

    def choose(self, candidate: Candidate) -> None:
        """Places the call: sends every input on its way to the chosen place, or joins the station at once when all are there."""
        if self.choice is not None or candidate.slots is not self.candidates:
            self.refuse(candidate)
        self.choice = candidate
        request = self.request
        vertex = self.vertex
        row = request.row
        self.place = target = candidate.index
        self.work = row[vertex.work + candidate.variant]
        self.spiked = row[vertex.spike]
        server = candidate.server
        server.outstanding += 1
        single = vertex.single
        if single is None:
            self.gather(target, server)
            return
        before, edge, column = single
        if before < 0:
            origin = request.ingress
        else:
            origin = request.calls[before].place  # type: ignore[union-attr]
        if origin == target:
            server.enter(self, self.time)
            return
        link: Link | None = request.world.towards[origin][target]
        if link is None:
            self.unreachable(server)
            return
        self.edge = edge
        self.bits = row[column]
        self.log = [] if request.traced else None
        link.send(self, self.time)

    def gather(self, target: int, server) -> None:
        """The inputs of a join travel from wherever they are."""
        request = self.request
        world = request.world
        row = request.row
        calls = request.calls
        sends: list[tuple[Link, Message]] = []
        for before, edge, column in self.vertex.inputs:
            sender: Call | None = calls[before]
            if sender is None or sender.place == target:
                continue  # a branch that was not taken, or an output that is there already
            link: Link | None = world.towards[sender.place][target]
            if link is None:
                self.unreachable(server)
                return
            sends.append((link, make_message(self, edge, row[column], target, [] if request.traced else None)))
        if not sends:
            server.enter(self, self.time)
            return
        self.missing = len(sends)
        for link, message in sends:
            link.send(message, self.time)
            if request.outcome != IN_FLIGHT:
                return  # a full buffer has ended it

    def unreachable(self, server) -> None:
        """There is no path from an input to the chosen place."""
        self.give_up(server)
        self.request.world.end(self.request, UNREACHABLE, self.time)

    @property
    def call(self) -> Call:
        """A call with a single input is its own message: it carries itself."""
        return self

    def receive(self, now: float) -> None:
        """The single input is there: to the station."""
        if self.status != UNDER_WAY:
            return
        if self.log is not None:
            self.logs.append(self.log)
            self.last_log = self.log
        self.choice.server.enter(self, now)  # type: ignore[union-attr]

    def receive_input(self, message: Message, now: float) -> None:
        """An input of a join is there; the last one takes the call to its station."""
        if self.status != UNDER_WAY:
            return
        if message.log is not None:
            self.logs.append(message.log)
            self.last_log = message.log
        missing = self.missing - 1
        if missing:
            self.missing = missing
        else:
            self.choice.server.enter(self, now)  # type: ignore[union-attr]

    def spiked_work(self) -> float:
        """The work with its call spikes, drawn for this call and applied now that service starts."""
        work = self.work
        row = self.request.row
        for column, entry, multiplies in self.vertex.spikes:
            magnitude = row[column]
            if magnitude != 0.0:
                work = work * magnitude if multiplies else work + magnitude
                self.spike = entry
                self.request.spiked = True
        return work

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
        if link is None:
            world.end(request, UNREACHABLE, now)
            return
        response = make_response(self)
        edge = request.application.response_edge + self.vertex.index
        message = make_message(response, edge, request.row[column], request.ingress, [] if request.traced else None)
        response.message = message
        link.send(message, now)

    def rejected(self) -> None:
        """The station was full."""
        self.status = REFUSED
        world = self.request.world
        world.end(self.request, REJECTED, world.environment._now)

    def input_lost(self) -> None:
        """A message of this attempt was dropped or lost: the attempt fails at this instant."""
        if self.status != UNDER_WAY or self.request.outcome != IN_FLIGHT:
            return
        self.status = LOST
        assert self.choice is not None
        self.give_up(self.choice.server)
        world = self.request.world
        world.end(self.request, FAILED, world.environment._now)

    def give_up(self, server) -> None:
        """Takes the call off the books of the server it was placed on, before it got there."""
        self.status = LOST
        server.outstanding -= 1

    def cancel(self) -> None:
        """Ends the attempt wherever it is; a message already sent stays on its link."""
        if self.status != UNDER_WAY:
            return
        self.status = CANCELLED
        if self.choice is None:
            if self in self.request.world.ready:
                self.request.world.ready.remove(self)
            return
        if self.station is not None:
            self.station.cancel(self)
        else:
            self.give_up(self.choice.server)
            self.status = CANCELLED


Job = Call


class Response(Call):
    """A sink's result on its way to the ingress."""

    __slots__ = ("message",)

    message: Message

    def receive_input(self, message: Message, now: float) -> None:
        """The result is where the request came from."""
        if self.request.outcome == IN_FLIGHT:
            if message.log is not None:
                self.logs.append(message.log)
            self.status = OK
            self.request.arrived_result(now)

    def input_lost(self) -> None:
        """The result was dropped or lost: the request fails at this instant."""
        if self.request.outcome == IN_FLIGHT:
            world = self.request.world
            world.end(self.request, FAILED, world.environment._now)

    def cancel(self) -> None:
        """Nothing to undo: a message already sent stays on its link."""


def make_response(sink: Call) -> Response:
    """The response of `sink`; it holds no server."""
    response = Response()
    response.request = sink.request
    response.vertex = sink.vertex
    response.choice = None
    response.maker = sink.vertex.index
    response.time = sink.finished
    response.place = sink.request.ingress
    response.status = UNDER_WAY
    response.logs = []
    sink.request.calls.append(response)
    return response


def make_ready(request: Request, vertex: Vertex, agent: int, maker: int, now: float) -> None:
    """The call's predecessors have all finished: it waits for a decision."""
    call = Call()
    call.request = request
    call.vertex = vertex
    call.agent = agent
    call.time = now
    call.candidates = vertex.slots[agent] or vertex.service.find_slots(agent)
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
