"""Decisions: a ready call waits for its place, and whoever drives the simulation chooses one of its candidates.

    for decision in simulation.decisions():
        decision.choose(policy.act(decision))

The simulator never calls a policy by name; it yields. A decision is the ready call itself seen from outside, so asking costs
nothing: what a policy does not look at is not computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from simulator.errors import DecisionError
from simulator.prefetch import Prefetch

if TYPE_CHECKING:
    from simulator.callgraph import Vertex
    from simulator.model import Model
    from simulator.request import Request
    from simulator.server import View


class Candidate:
    """One slot of a decision: a variant of the service on a node, as seen from the deciding agent's node.

    `view` is what the agent is told of the server there (`outstanding` calls, `workers`, `speed`, `expected_backlog(mean)`, `recent`,
    `slowness`, `age`): policies read nothing else of it. `server` is the station itself, or the balancer in front of replicas, and
    the view under `telemetry: exact`; `told` is the view where it wants to know what the agent places there, else None;
    `share` is 1 / workers (0 when they are unlimited); `distance` is in the routing's weight; `mean_service` the variant's
    mean work divided by the node's speed [s].
    """

    __slots__ = (
        "distance", "entrance", "index", "mean_service", "mean_work", "model", "node", "quality", "server", "service", "share", "slots",
        "told", "variant", "variant_name", "view",
    )  # fmt: skip

    node: str
    index: int
    service: str
    variant: int
    variant_name: str | None
    quality: float
    server: Any
    view: View
    told: Any
    entrance: Any  # where a call goes once its inputs are there: the server, or the model that must be in memory first
    model: Model | None
    distance: float
    mean_work: float
    mean_service: float
    share: float
    slots: tuple[Candidate, ...]

    def expected_wait(self) -> float:
        """Expected time in queue for a call that comes now [s]: zero while a worker is idle, else the expected work outstanding,
        less what c - 1 of its n calls bring, shared by c workers at the node's speed; at least the time until its model is in memory.
        """
        wait = self.wait_at(self.view)
        return wait if self.model is None else max(wait, self.loading_time())

    def wait_at(self, view: View) -> float:
        """The expected wait as somebody sees it who knows the server by `view` [s]."""
        outstanding = view.outstanding
        if outstanding < view.workers:
            return 0.0
        backlog = view.expected_backlog(self.mean_work)
        return backlog * (outstanding - view.workers + 1.0) / outstanding * self.share / view.speed

    def resident(self) -> bool:
        """Whether its model is in memory there, as far as the agent is told, or it needs none."""
        return self.model is None or self.view.holds(self.model)

    def loading_time(self) -> float:
        """Expected time until its model is in memory [s], as far as the agent is told, without waits for room, disk or links."""
        return 0.0 if self.model is None else self.view.loading_time(self.model)

    def __repr__(self) -> str:
        variant = f", variant={self.variant_name!r}" if self.variant_name is not None else ""
        return f"<Candidate {self.service!r} on {self.node!r}{variant}, outstanding={self.view.outstanding}>"


class Rejection(Candidate):
    """The answer that the call is not to be placed at all."""

    __slots__ = ()
    slots = ()  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "REJECT"


REJECT = Rejection()


class Decision:
    """A ready call that needs a place: read it, then `choose` one of its `candidates`, once, before the next is asked for."""

    __slots__ = ("agent", "candidates", "choice", "request", "time", "vertex")

    request: Request
    vertex: Vertex
    agent: int
    time: float
    candidates: tuple[Candidate, ...]
    choice: Candidate | None

    @property
    def agent_name(self) -> str:
        """The node at which the call became ready: the ingress for roots, the last predecessor's node otherwise."""
        return self.request.world.nodes[self.agent].name

    @property
    def call_name(self) -> str:
        """The call's name in its application."""
        return self.vertex.name

    @property
    def service(self) -> str:
        """The service that the call needs."""
        return self.vertex.service.name

    @property
    def application(self) -> str:
        """The application that the request runs."""
        return self.request.application.name

    def choose(self, answer: Candidate | Prefetch) -> None:
        """Places the call; REJECT fails it as a full station would, Prefetch asks for a model ahead and leaves the call open.

        DecisionError when it has a place already, the candidate is not its own, or the scenario does not allow the answer.
        """
        raise NotImplementedError

    def refuse(self, answer: Any) -> None:
        """Answers that are no candidate: does what they ask for, or says why they cannot be chosen."""
        if self.choice is not None:
            raise DecisionError(f"the call {self.vertex.name!r} of request {self.request.id} has been placed already")
        if answer is REJECT:
            if not self.request.world.may_reject:
                raise DecisionError("this scenario does not allow rejections: control.reject is false")
            self.rejected_by_agent()
            return
        if isinstance(answer, Prefetch):
            self.request.world.prefetches.ask(self, answer.candidate)  # type: ignore[arg-type]
            return
        call = f"the call {self.vertex.name!r} of request {self.request.id} at {self.time:.6g} s"
        if isinstance(answer, Candidate):
            raise DecisionError(f"{answer!r} is not a candidate of {call}")
        raise DecisionError(f"answered {answer!r}, of type {type(answer).__name__}, for {call}: act(decision) must return one of decision.candidates")

    def rejected_by_agent(self) -> None:
        """The agent does not want the call to be placed."""
        raise NotImplementedError

    def uniform(self, k: int) -> float:
        """The k-th uniform draw on [0, 1) that belongs to this decision, whoever asks and whenever."""
        return self.request.source.policy_draw(self.vertex.index, k, self.request.number)

    def input_origins(self) -> list[tuple[int, float]]:
        """(node index, bits) of every input that will travel to the chosen node."""
        return self.request.inputs(self.vertex)

    def transfer_time(self, candidate: Candidate) -> float:
        """Time for the slowest input to reach the candidate over unloaded links [s]; inf where there is no path."""
        world = self.request.world
        slowest = 0.0
        for origin, bits in self.request.inputs(self.vertex):
            time = world.unloaded_time(origin, candidate.index, bits)
            if time > slowest:
                slowest = time
        return slowest

    def __repr__(self) -> str:
        return f"<Decision t={self.time:.6f} s, request {self.request.id}, call {self.vertex.name!r}, {len(self.candidates)} candidates>"


class Policy(Protocol):
    """Chooses a place for every ready call."""

    def act(self, decision: Decision) -> Candidate | Prefetch:
        """One of `decision.candidates`, or a `Prefetch` of one where the scenario allows, after which the decision comes again."""
        ...
