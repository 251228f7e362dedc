"""One episode of a simulation, turn by turn: what every face of it has in common.

    terms = terms_of(make(0), credit="share")
    turns = Turns(make(seed), terms)
    while turns.decision is not None:
        row, mask = turns.look(turns.decision.agent)
        turns.answer(action)

An episode starts empty at second 0, warm-up included, and is cut at its length: the scenario's horizon (or the last request that counts)
unless it is set shorter. Cut means truncated: what is in flight then has earned nothing yet, and learners bootstrap from the last observation.

Somebody whose turn it is not may be looked at too, as PettingZoo does at every step, and at the end everybody is. Such an agent
sees its own state and the slots as its last call would find them if it became ready once more now, its request just arrived and all inputs
at hand; before its first call, the first that can become ready there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.observation import Encoder, Shape, shape_of
from agents.rewards import CREDITS, Credit, Earned, Ledger, discount_rate
from simulator.decisions import Decision
from simulator.engine import EPISODE_END

if TYPE_CHECKING:
    from simulator.callgraph import Application, Vertex
    from simulator.simulation import Simulation

CENTRAL = "central"
Make = Callable[[int], "Simulation"]  # a simulation by its seed


class TermsError(ValueError):
    """Raised when an environment cannot be made, or used, as is asked for; the message says what to change."""


@dataclass(frozen=True)
class Terms:
    """What the episodes of one environment have in common; plain and picklable.

    `agents` are the nodes whose agents have turns, and `first` a call (application, vertex) that can become ready at each; `length` cuts
    an episode [s]; with `central` one agent has all turns. `asks` puts calls with a single candidate too.
    """

    shape: Shape
    names: tuple[str, ...]
    agents: tuple[int, ...]
    first: tuple[tuple[int, int], ...]
    length: float | None
    credit: Credit
    beta: float
    central: bool
    asks: bool
    low: np.ndarray  # float32 [F + S G]
    high: np.ndarray


def terms_of(simulation: Simulation, credit: Credit = "share", beta: float | None = None, length: float | None = None, central: bool = False) -> Terms:
    """The terms for a scenario, of a simulation of it that has not run; TermsError where they do not fit it.

    Where no agent ever has a choice, every placement is a turn all the same, as with `control.forced: ask`.
    """
    found = callers(simulation)
    asks = not found
    if asks:
        simulation.skips_forced = False
        found = callers(simulation)
    horizon = simulation.span.horizon
    if length is not None and not (isinstance(length, Real) and 0.0 < length < np.inf):
        raise TermsError(f"an episode must last longer than 0 s, as a number of seconds or text such as '30 s', got {length!r}")
    if length is not None and horizon is not None and length > horizon:
        raise TermsError(f"an episode of {length:g} s is longer than the scenario's horizon of {horizon:g} s: set 'horizon' with an override")
    if beta is not None and not (isinstance(beta, Real) and 0.0 <= beta < np.inf):
        raise TermsError(f"beta must be a rate of at least 0 /s, as a number, got {beta!r}")
    if credit not in CREDITS:
        raise TermsError(f"credit must be one of {', '.join(CREDITS)}, got {credit!r}")
    shape = shape_of(simulation)
    features = shape.own + shape.slot * shape.width
    return Terms(
        shape=shape,
        names=tuple(simulation.nodes[agent].name for agent in found),
        agents=tuple(found),
        first=tuple(found.values()),
        length=horizon if length is None else length,
        credit=credit,
        beta=discount_rate(simulation) if beta is None else beta,
        central=central,
        asks=asks,
        low=np.array([feature.low for feature in features], dtype=np.float32),
        high=np.array([feature.high for feature in features], dtype=np.float32),
    )


def callers(simulation: Simulation) -> dict[int, tuple[int, int]]:
    """The agents that can have a turn, in the order of their nodes, each with the first (application, vertex) that it can be asked about."""
    fewest = 1 if simulation.asks_always else 2
    reached: set[tuple[int, int, int]] = set()
    found: dict[int, tuple[int, int]] = {}
    ahead = [(source.application, root, node) for source in simulation.sources for root in source.application.roots for node in source.ingresses]
    while ahead:
        application, number, agent = ahead.pop()
        if (application.index, number, agent) in reached:
            continue
        reached.add((application.index, number, agent))
        vertex = application.vertices[number]
        candidates = vertex.slots[agent] or vertex.service.find_slots(agent)
        if len(candidates) >= fewest:
            found[agent] = min(found.get(agent, (application.index, number)), (application.index, number))
        ahead += [(application, after.index, candidate.index) for after in vertex.successors for candidate in candidates]
    return dict(sorted(found.items()))


class Echo:
    """The request of a call that is only imagined."""

    __slots__ = ("application", "arrival", "id", "number", "source", "world")

    application: Application
    arrival: float
    id: int
    number: int
    source: Any
    world: Simulation

    def inputs(self, vertex: Vertex) -> list[tuple[int, float]]:
        """Everything is at hand."""
        return []


class Imagined(Decision):
    """A decision that nobody has to make, to be looked at."""

    __slots__ = ()
    lane = 0


class Turns:
    """A running episode: `decision` is the one whose turn it is, None when the episode is over."""

    __slots__ = ("before", "decision", "encoder", "last", "ledger", "loop", "places", "seen", "simulation", "terms", "time")

    def __init__(self, simulation: Simulation, terms: Terms):
        self.simulation = simulation
        self.terms = terms
        if terms.asks:
            simulation.skips_forced = False
        agents = () if terms.central else terms.agents
        simulation.ledger = self.ledger = Ledger(simulation, terms.credit, terms.beta, agents, terms.central)
        self.encoder = Encoder(terms.shape, simulation)
        if terms.length is not None:
            simulation.environment.call(terms.length, simulation.environment.stop, EPISODE_END)
        self.last: dict[int, tuple[Vertex, Application, Any, int]] = {}  # by agent: its last call and that one's request
        for agent, (application, vertex) in zip(terms.agents, terms.first, strict=True):
            app = simulation.applications[application]
            source = next(source for source in simulation.sources if source.application is app)
            self.last[agent] = (app.vertices[vertex], app, source, 0)
        self.places = {agent: 0 if terms.central else agent for agent in terms.agents}  # whose account it is in the ledger
        self.before = dict.fromkeys(terms.agents, 0.0)  # when its turn before this one was
        self.loop: Any = simulation.decisions()
        self.decision: Decision | None = None
        self.time = 0.0
        self.seen: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by agent, since the last turn
        self.advance()

    def advance(self) -> None:
        """On to the next turn, or to the end."""
        previous = self.decision
        if previous is not None:
            self.before[previous.agent] = self.time
            request = previous.request
            self.last[previous.agent] = (previous.vertex, request.application, request.source, request.number)
        self.decision = decision = next(self.loop, None)
        self.time = float(self.simulation.environment.now)
        self.seen.clear()
        if decision is not None and self.simulation.is_closed:
            self.decision = None
            self.loop.close()
            self.simulation.finish()

    def answer(self, action: int) -> None:
        """Takes the turn with one of the actions; IndexError where the decision has no such candidate."""
        assert self.decision is not None
        self.choose(self.terms.shape.answer(self.decision, action))

    def choose(self, answer: Any) -> None:
        """Takes the turn as policies do."""
        assert self.decision is not None
        self.encoder.chose(self.decision, answer)
        self.decision.choose(answer)
        self.advance()

    def earned(self, agent: int) -> Earned:
        """What the agent of a node has earned since it was last asked."""
        return self.ledger.take(self.places[agent], self.time)

    def look(self, agent: int) -> tuple[np.ndarray, np.ndarray]:
        """(float32 [F + S G] within their bounds, legal actions int8 [A]) of an agent, whose turn it may be; not to be written to."""
        found = self.seen.get(agent)
        if found is not None:
            return found
        decision = self.decision
        if decision is None or decision.agent != agent:
            decision = self.imagine(agent)
        encoder = self.encoder
        encoder.last[agent] = self.before[agent]  # whether or not anybody looked at its turns before
        values, legal = encoder.values(decision)
        row = np.array(values, dtype=np.float32)
        np.clip(row, self.terms.low, self.terms.high, out=row)
        found = self.seen[agent] = row, np.array(encoder.mask(decision, legal), dtype=np.int8)
        return found

    def settled(self, action: int) -> int:
        """The action itself where it is legal for the agent whose turn it is, else the first that is: the nearest open slot."""
        assert self.decision is not None
        mask = self.look(self.decision.agent)[1]
        return action if 0 <= action < len(mask) and mask[action] else int(mask.argmax())

    def imagine(self, agent: int) -> Decision:
        """The agent's last call as if it became ready now."""
        vertex, application, source, number = self.last[agent]
        request = Echo()
        request.application, request.arrival, request.source, request.number = application, self.time, source, number
        request.world, request.id = self.simulation, -1
        decision: Any = Imagined()
        decision.agent, decision.vertex, decision.time, decision.request, decision.choice = agent, vertex, self.time, request, None
        decision.candidates = vertex.slots[agent] or vertex.service.find_slots(agent)
        return decision  # type: ignore[no-any-return]

    def states(self) -> np.ndarray:
        """The true state of every node now, float32 [N, H]."""
        return self.encoder.node_states()

    def close(self) -> None:
        """Nothing more will be asked of it."""
        self.loop.close()
        self.simulation.ledger = None
