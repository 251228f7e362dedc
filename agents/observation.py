"""Observations: a decision as arrays, made when somebody asks for them.

    shape = shape_of(simulation)                    # once a scenario; plain and picklable
    encoder = Encoder(shape, simulation)            # one a simulation
    own, slots, mask = encoder.observe(decision)    # float32 [F], float32 [S, G], int8 [A]
    encoder.chose(decision, answer)                 # and then decision.choose(answer)

For many simulations at once a `Batch` keeps the arrays: `batch.write(row, encoder, decision)`. A row is made as one flat list
of floats and packed into the array in one go, which is several times faster than numpy on so few numbers.

Actions are numbered: 0 .. S-1 the decision's candidates in their order, then S for REJECT where it is allowed, then S prefetches where
they are. The mask says which are legal: padding is not, nor a slot without a route from an input, nor one that the agent knows to be out of
order; where that leaves nothing, every candidate is legal. The critics' view, `node_states`, is of the true state: it is for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.baselines.feedback import Feedback
from agents.features import NODE, OWN, SLOT, Feature, classes
from simulator.decisions import REJECT, Candidate, Decision
from simulator.prefetch import Prefetch

if TYPE_CHECKING:
    from simulator.callgraph import Application, Service, Vertex
    from simulator.network import Node
    from simulator.simulation import Simulation

INFINITY = float("inf")
CLOSE = 1e-9  # s below which a T0 is none
MEMORY = 15.0  # s in which what became of own calls is forgotten


@dataclass(frozen=True)
class Shape:
    """The sizes and scales of a scenario's observations; two simulations of one scenario share it.

    `width` slots, `services` as work classes, a scale T0 [s] for each application, the mean of the nodes' workers, reference bits.
    """

    width: int
    services: tuple[str, ...]
    scales: tuple[float, ...]
    workers: float
    reference: float
    rejects: bool
    prefetches: bool

    @property
    def own(self) -> tuple[Feature, ...]:
        """The features of an agent and its call [F]."""
        return OWN + classes(self.services)

    @property
    def slot(self) -> tuple[Feature, ...]:
        """The features of a slot [G]."""
        return SLOT

    @property
    def node(self) -> tuple[Feature, ...]:
        """The features of a node [H]."""
        return NODE

    @property
    def actions(self) -> int:
        """How many actions there are [A]."""
        return self.width * (2 if self.prefetches else 1) + self.rejects

    def action_names(self) -> list[str]:
        """What every action means."""
        slots = [f"slot {k}" for k in range(self.width)]
        return slots + ["reject"] * self.rejects + ([f"prefetch at {slot}" for slot in slots] if self.prefetches else [])

    def answer(self, decision: Decision, action: int) -> Any:
        """What to choose for an action; IndexError where it is no candidate of this decision."""
        if action < len(decision.candidates):
            return decision.candidates[action]
        if self.rejects and action == self.width:
            return REJECT
        slot = action - self.width - self.rejects
        if self.prefetches and 0 <= slot < len(decision.candidates):
            return Prefetch(decision.candidates[slot])
        raise IndexError(f"action {action} is not legal here: the decision has {len(decision.candidates)} candidates")


def shape_of(simulation: Simulation, width: int | None = None, services: tuple[str, ...] = ()) -> Shape:
    """The shape of a scenario's observations; `width` and `services` make several scenarios alike (at least what this one needs)."""
    live: dict[str, Service] = {vertex.service.name: vertex.service for app in simulation.applications for vertex in app.vertices}
    needed = max((len(service.slots[a] or service.find_slots(a)) for service in live.values() for a in deciding_nodes(simulation)), default=1)
    if width is not None and width < needed:
        raise ValueError(f"the scenario has up to {needed} slots, and the width is {width}")
    missing = set(live) - set(services) if services else set()
    if missing:
        raise ValueError(f"the scenario has services that are not among the classes: {', '.join(sorted(missing))}")
    finite = [node.workers for node in simulation.nodes if node.workers < INFINITY]
    return Shape(
        width=needed if width is None else width,
        services=services or tuple(live),
        scales=tuple(scale_of(app) for app in simulation.applications),
        workers=sum(finite) / len(finite) if finite else 1.0,
        reference=simulation.network.reference,
        rejects=simulation.may_reject,
        prefetches=simulation.prefetches.allowed,
    )


def deciding_nodes(simulation: Simulation) -> list[int]:
    """The nodes at which calls may become ready: where requests enter, and where something runs."""
    nodes = {node for source in simulation.sources for node in source.ingresses}
    return sorted(nodes | {node.index for node in simulation.nodes if node.stations})


def scale_of(app: Application) -> float:
    """T0 of an application [s]."""
    longest = max((remaining(app)[root][0] for root in app.roots), default=0.0)
    for scale in (app.utility.midpoint if app.utility is not None else 0.0, app.objective or 0.0, 2.0 * longest):
        if scale > CLOSE:
            return scale
    return 1.0


def remaining(app: Application) -> list[tuple[float, int]]:
    """(mean work [s], calls) of the longest path from each vertex to the end, itself included, by its fastest variants."""
    found = [(0.0, 0)] * len(app.vertices)
    for index in reversed(app.order()):
        vertex = app.vertices[index]
        after = max((found[following.index] for following in vertex.successors), default=(0.0, 0))
        found[index] = (after[0] + min(vertex.service.means), after[1] + 1)
    return found


class Plan:
    """What never changes of the decisions of one call at one agent."""

    __slots__ = ("classes", "mean", "padding", "path", "scale", "slots")

    def __init__(self, encoder: Encoder, vertex: Vertex, application: Application, agent: int):
        shape = encoder.shape
        self.scale = scale = shape.scales[application.index]
        work, calls = encoder.remaining[application.index][vertex.index]
        self.path = (work / (work + scale), calls / (calls + 1.0))
        mean = min(vertex.service.means)
        self.mean = mean / (mean + scale)
        self.classes = [float(name == vertex.service.name) for name in shape.services]
        self.slots: dict[Candidate, tuple[float, ...]] = {}  # the last features of each candidate
        for candidate in vertex.slots[agent] or vertex.service.find_slots(agent):
            propagation = encoder.propagation(agent, candidate.index)
            workers = candidate.view.workers
            self.slots[candidate] = (
                candidate.mean_service / (candidate.mean_service + scale),
                candidate.quality,
                squash(propagation, scale),
                candidate.view.speed / (candidate.view.speed + 1.0),
                squash(workers, shape.workers),
                float(candidate.index == agent),
                1.0,
            )
        self.padding = [[0.0] * ((shape.width - n) * len(SLOT)) for n in range(shape.width + 1)]


def squash(value: float, scale: float) -> float:
    """value / (value + scale); 1.0 for infinity."""
    return value / (value + scale) if value < INFINITY else 1.0


class Encoder:
    """Makes the observations of one simulation."""

    __slots__ = ("expected", "feedback", "last", "network", "nodes", "paces", "plans", "prompts", "remaining", "row", "shape", "stations", "world")

    def __init__(self, shape: Shape, simulation: Simulation):
        self.shape = shape
        self.world = simulation
        self.network = simulation.network
        self.remaining = [remaining(app) for app in simulation.applications]
        self.plans: dict[tuple[int, Vertex], Plan] = {}
        self.last = [0.0] * len(simulation.nodes)  # by agent: its last decision
        self.feedback = Feedback(simulation, MEMORY)
        self.expected: list[tuple[float, float]] = []  # of the decision encoded last, by candidate: transfer, queue and service [s]
        self.stations = [own_station(node) for node in simulation.nodes]
        self.paces = simulation.telemetry is None or simulation.telemetry.pace
        self.prompts = [prompts_of(source.arrivals) for source in simulation.sources]
        self.row = Struct(f"{self.floats}f")

    @property
    def floats(self) -> int:
        """Floats in a row: F + S * G."""
        return len(self.shape.own) + self.shape.width * len(SLOT)

    def propagation(self, source: int, target: int) -> float:
        """Propagation of the route [s]; inf where there is none."""
        if source != target and self.network.towards[source][target] is None:
            return INFINITY
        return sum(link.propagation for link in self.network.path(source, target))

    def values(self, decision: Decision) -> tuple[list[float], list[bool]]:
        """(own features, then those of every slot; which candidates are legal)."""
        request, vertex, agent = decision.request, decision.vertex, decision.agent
        plan = self.plans.get((agent, vertex))
        if plan is None:
            plan = self.plans[agent, vertex] = Plan(self, vertex, request.application, agent)
        scale = plan.scale
        inputs = request.inputs(vertex)
        bits = 0.0
        for _, size in inputs:
            bits += size
        values = self.own(decision, plan, bits)
        legal = []
        world, cache, now = self.world, self.network.cache, decision.time
        mtu = world.mtu
        if request.id >= 0:  # else only imagined
            self.feedback.look(agent, now)
        known, before = self.feedback.known, None
        self.expected = expected = []
        for candidate in decision.candidates:
            view = candidate.view
            outstanding, own, recent, slowness, age, down = view.report()
            if view is not before:
                before = view
                average, late = known(agent, view, now)
                outcomes = 1.0 - 1.0 / average if average > 1.0 else 0.0
                overdue = 1.0 - 1.0 / late if late > 1.0 else 0.0
            wait = 0.0 if outstanding < view.workers and candidate.model is None else candidate.expected_wait()
            target = candidate.index
            transfer = 0.0
            for origin, size in inputs:
                if origin != target:
                    route = cache.get((origin, target))
                    time = route[0] + size * route[1] if route is not None and size <= mtu else world.unloaded_time(origin, target, size)
                    if time > transfer:
                        transfer = time
            there = wait + candidate.mean_service
            expected.append((transfer, there))
            delay = transfer + there
            share = candidate.share
            reachable = delay < INFINITY
            legal.append(reachable and not down)
            load = outstanding * share
            mine = own * share
            values += (
                load / (load + 1.0),
                mine / (mine + 1.0),
                wait / (wait + scale) if wait < INFINITY else 1.0,
                1.0 - 1.0 / recent if recent > 1.0 else 0.0,
                1.0 - 1.0 / slowness,
                outcomes,
                overdue,
                age / (age + scale),
                1.0 if candidate.model is None else float(view.holds(candidate.model)),
                transfer / (transfer + scale) if reachable else 1.0,
                delay / (delay + scale) if reachable else 1.0,
            )
            values += plan.slots[candidate]
        values += plan.padding[len(legal)]
        return values, legal

    def chose(self, decision: Decision, answer: Any) -> None:
        """To be told of every answer just before it is given, whether or not the decision was looked at: what becomes of calls is remembered."""
        self.feedback.look(decision.agent, decision.time)
        if getattr(answer, "slots", None) is decision.candidates:
            self.feedback.note(decision, answer, decision.transfer_time(answer) + answer.expected_wait() + answer.mean_service)

    def own(self, decision: Decision, plan: Plan, bits: float) -> list[float]:
        """The features of the agent and its call."""
        request, agent, now = decision.request, decision.agent, decision.time
        scale = plan.scale
        elapsed = now - request.arrival
        application = request.application
        limit = application.timeout or application.objective or scale
        slack = (limit - elapsed) / scale
        pause = now - self.last[agent]
        self.last[agent] = now
        station = self.stations[agent]
        load = recent = slowness = 0.0
        if station is not None:
            load = station.number / station.workers
            r = station.recent
            recent = 1.0 - 1.0 / r if r > 1.0 else 0.0
            slowness = 1.0 - 1.0 / station.slowness if self.paces else 0.0
        prompts = self.prompts[request.source.index]
        prompt = 0.0 if prompts is None else prompts[0][request.number % len(prompts[0])]
        lane: int = decision.lane  # type: ignore[attr-defined]
        tries = lane >> 1
        speed = self.world.nodes[agent].speed
        return [
            elapsed / (elapsed + scale),
            -1.0 if slack < -1.0 else 1.0 if slack > 1.0 else slack,
            *plan.path,
            plan.mean,
            prompt / (prompt + prompts[1]) if prompts is not None else 0.0,
            bits / (bits + self.shape.reference),
            tries / (tries + 1.0),
            float(lane & 1),
            load / (load + 1.0),
            recent,
            slowness,
            speed / (speed + 1.0),
            pause / (pause + scale),
            *plan.classes,
        ]

    def mask(self, decision: Decision, legal: list[bool]) -> list[bool]:
        """Which actions are legal, from which candidates are."""
        shape = self.shape
        if not any(legal):
            legal = [True] * len(legal)
        slots = legal + [False] * (shape.width - len(legal))
        if shape.rejects:
            slots.append(True)
        if shape.prefetches:
            asked = self.world.prefetches.asked if self.world.prefetches.by is decision else ()
            ahead = [candidate.model is not None and candidate not in asked for candidate in decision.candidates]
            slots += ahead + [False] * (shape.width - len(ahead))
        return slots

    def observe(self, decision: Decision) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(own features [F], slot features [S, G], legal actions [A]) of one decision, as new arrays."""
        values, legal = self.values(decision)
        flat = np.array(values, dtype=np.float32)
        own = len(self.shape.own)
        return flat[:own], flat[own:].reshape(self.shape.width, len(SLOT)), np.array(self.mask(decision, legal), dtype=np.int8)

    def node_states(self) -> np.ndarray:
        """The true state of every node now, float32 [N, H]; for critics, which see it in training only."""
        scale = max(self.shape.scales, default=1.0)
        return np.array([node_state(node, self.shape, scale) for node in self.world.nodes], dtype=np.float32)


class Batch:
    """The observations of several decisions: `own` [B, F], `slots` [B, S, G], `mask` [B, A], all views of two arrays written by row."""

    def __init__(self, shape: Shape, size: int):
        own = len(shape.own)
        floats = own + shape.width * len(SLOT)
        self.data = np.zeros((size, floats), dtype=np.float32)
        self.own = self.data[:, :own]
        self.slots = self.data[:, own:].reshape(size, shape.width, len(SLOT))
        self.mask = np.zeros((size, shape.actions), dtype=bool)
        self.stride = 4 * floats
        self.actions = shape.actions
        self.floats = self.data.data.cast("B")
        self.legal = self.mask.data.cast("B")

    def write(self, row: int, encoder: Encoder, decision: Decision) -> None:
        """Fills in one row."""
        values, legal = encoder.values(decision)
        encoder.row.pack_into(self.floats, row * self.stride, *values)
        at = row * self.actions
        self.legal[at : at + self.actions] = bytes(encoder.mask(decision, legal))


def own_station(node: Node) -> Any:
    """The station that stands for a node in its own eyes: the shared one, else its first, else None."""
    return node.station if node.station in node.stations else node.stations[0] if node.stations else None


def prompts_of(arrivals: Any) -> tuple[list[float], float] | None:
    """(prompt tokens by the request's number, their mean) where a trace has them."""
    prompts = getattr(arrivals, "columns", {}).get("prompt")
    return None if prompts is None or not len(prompts) else (prompts.tolist(), max(float(prompts.mean()), 1.0))


def node_state(node: Node, shape: Shape, scale: float) -> list[float]:
    """The features of one node; calls on their way are no part of its backlog."""
    count = present = waiting = backlog = 0.0
    recent = slowness = 1.0
    down = False
    for station in node.stations:
        count += station.workers
        present += station.number
        waiting += station.waiting()
        backlog += station.expected_backlog(scale) - (station.outstanding - station.number) * station.unit * scale
        stretch, slow = station.recent, station.slowness
        recent = stretch if stretch > recent else recent
        slowness = slow if slow > slowness else slowness
        down = down or station.down
    workers = count or node.workers
    present /= workers
    waiting /= workers
    wait = backlog / (workers * node.speed)
    return [
        present / (present + 1.0),
        waiting / (waiting + 1.0),
        wait / (wait + scale),
        1.0 - 1.0 / recent,
        1.0 - 1.0 / slowness,
        node.speed / (node.speed + 1.0),
        squash(node.workers, shape.workers),
        float(down),
    ]
