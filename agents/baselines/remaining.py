"""What is to come: when a call would end at a place, and how long its request takes after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.decisions import Candidate, Decision

if TYPE_CHECKING:
    from simulator.callgraph import Application, Vertex
    from simulator.simulation import Simulation


def predicted_end(decision: Decision, candidate: Candidate) -> float:
    """Expected time from now to the end of service there [s]: inputs over unloaded links, then queue or loading, mean work."""
    return decision.transfer_time(candidate) + candidate.expected_wait() + candidate.mean_service


class Remaining:
    """The longest path that remains after a call, by mean works and payloads over unloaded links; computed once for each place.

    After vertex v at node n: the time of the response, where v ends the request; else the largest over successors s of the least, over
    the candidates c of s as seen from n, of transfer(n, c) + mean service at c + what remains after s at c. Queues are left out, and
    so are the other inputs of a join.
    """

    __slots__ = ("known", "world")

    def __init__(self, world: Simulation):
        self.world = world
        self.known: dict[tuple[int, int, int, int], float] = {}

    def after(self, decision: Decision, candidate: Candidate) -> float:
        """What remains once the decision's call has ended at the candidate [s]."""
        request = decision.request
        application = request.application
        ingress = request.ingress if application.response >= 0 else -1
        found = self.known.get((application.index, decision.vertex.index, candidate.index, ingress))
        if found is None:
            found = self.path(application, decision.vertex, candidate.index, ingress)
        return found

    def path(self, application: Application, vertex: Vertex, node: int, ingress: int) -> float:
        """The longest path after `vertex` at `node` [s], remembered."""
        key = (application.index, vertex.index, node, ingress)
        if key in self.known:
            return self.known[key]
        longest = 0.0
        if not vertex.successors and ingress >= 0:
            longest = self.world.unloaded_time(node, ingress, self.mean_bits(application, application.response))
        for after in vertex.successors:
            bits = next(self.mean_bits(application, column) for before, _, column in after.inputs if before == vertex.index)
            soonest = float("inf")
            for candidate in after.slots[node] or after.service.find_slots(node):
                there = self.world.unloaded_time(node, candidate.index, bits) + candidate.mean_service
                if there < soonest:  # else what remains cannot make it better
                    soonest = min(soonest, there + self.path(application, after, candidate.index, ingress))
            if longest < soonest < float("inf"):
                longest = soonest
        self.known[key] = longest
        return longest

    @staticmethod
    def mean_bits(application: Application, column: int) -> float:
        """Mean of a payload's law [bits]; 0 where it has none that is finite."""
        law: Any = application.columns[column].law
        mean = law.moments().mean if hasattr(law, "moments") else 0.0
        return mean if mean < float("inf") else 0.0
