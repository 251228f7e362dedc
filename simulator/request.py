"""A request's walk through its application's DAG of calls.

    arrival -> root calls ready -> [decision -> inputs travel -> station -> served] for every call -> results return -> end

A call is ready when every predecessor that runs has finished. A decision then places it; each predecessor's output travels
from where it ran to the chosen node (an input that is there already crosses no link); the call joins the station when all of
them have arrived. Calls are data flow: no worker is held while a later call runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.callgraph import Application, Vertex
    from simulator.care import Group
    from simulator.simulation import Simulation
    from simulator.source import Source

IN_FLIGHT, COMPLETED, REJECTED, TIMED_OUT, FAILED, UNREACHABLE, UNFINISHED = range(7)
OUTCOMES = ("in_flight", "completed", "rejected", "timed_out", "failed", "unreachable", "unfinished")
OK, CANCELLED, LOST, REFUSED, UNDER_WAY, LATE = range(6)
STATUSES = ("ok", "cancelled", "lost", "rejected", "unfinished", "timed_out")
SKIPPED = 1 << 30  # predecessors that a skipped call waits for: never reached


class Request:
    """One request: where its calls run, what it still waits for, how it ended."""

    __slots__ = (
        "application", "arrival", "calls", "counted", "groups", "id", "ingress", "number", "outcome", "remaining", "row", "sinks",
        "source", "spiked", "traced", "waiting", "world",
    )  # fmt: skip

    id: int  # over all workload entries, in order of arrival
    world: Simulation
    source: Source
    application: Application
    number: int  # within its workload entry
    arrival: float
    ingress: int
    row: list[float]  # all its draws: work, payloads, spikes, coins
    calls: list[Call | None]  # by vertex; then responses, and the attempts that others have taken the place of
    groups: dict[int, Group]  # by call, of the calls that can be tried again or copied; set where there are such
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
                if call is not None and call.status == OK:
                    found.append((call.place, self.row[column]))
        return found

    def attempts(self) -> int:
        """How many calls have been placed."""
        return sum(call is not None and call.choice is not None for call in self.calls)

    def quality(self) -> float:
        """The product of the qualities of the calls that were served."""
        product = 1.0
        for call in self.calls:
            if call is not None and call.choice is not None and call.status == OK:
                product *= call.choice.quality
        return product

    def arrived_result(self, now: float) -> None:
        """A sink's result is where it is wanted; the last one completes the request."""
        self.remaining -= 1
        if self.remaining == 0:
            self.world.end(self, COMPLETED, now)
