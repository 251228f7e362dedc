"""Workload entries at run time: arrivals and the draws of every request, made in blocks.

Each column of an application's draws has its own generator per entry, keyed by the entry's name; blocks have fixed sizes (64,
then doubling to 1,024), so what a request draws depends on nothing but its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.call import make_ready
from simulator.callgraph import Application, Sum, Vertex
from simulator.countdown import RequestTimeout
from simulator.engine import ARRIVAL
from simulator.errors import SimulationError
from simulator.randomness import Streams
from simulator.request import COMPLETED, IN_FLIGHT, SKIPPED, Request

if TYPE_CHECKING:
    from simulator.simulation import Simulation

FIRST_BLOCK, LARGEST_BLOCK = 64, 1024


class Source:
    """The requests of one workload entry."""

    __slots__ = (
        "application",
        "arrivals",
        "block",
        "cumulative",
        "first",
        "generators",
        "index",
        "ingress_column",
        "ingresses",
        "name",
        "number",
        "policy_columns",
        "position",
        "process",
        "rank",
        "rows",
        "streams",
        "timeout",
        "timeouts",
        "times",
        "vertices",
        "world",
    )  # fmt: skip

    rank: int
    process: Any  # the description of its arrivals, which build hands over
    closed = False  # whether arrivals wait for requests to end

    def __init__(
        self,
        world: Simulation,
        name: str,
        index: int,
        application: Application,
        arrivals: Any,
        ingresses: list[int],
        weights: list[float],
        streams: Streams,
    ):
        self.world = world
        self.rank = ARRIVAL
        self.name = name
        self.index = index
        self.application = application
        self.vertices = application.vertices
        self.streams = streams
        self.arrivals = arrivals
        self.ingresses = ingresses
        self.cumulative = np.cumsum(weights) / sum(weights)
        self.generators = [streams.generator("entry", name, *column.key) for column in application.columns]
        self.ingress_column = streams.generator("entry", name, "ingress")
        self.rows: list[list[float]] = []
        self.times: list[float] = []
        self.position = 0  # within the block of rows
        self.first = 0  # number of the block's first request
        self.block = FIRST_BLOCK
        self.number = 0
        self.policy_columns: dict[tuple[int, int], Draws] = {}
        self.timeout = float("inf") if application.timeout is None else application.timeout  # s
        self.timeouts = None if application.timeout is None else RequestTimeout(world.environment, application.timeout)

    def begin(self) -> None:
        """Plans the first arrival."""
        self.plan_next()

    def plan_next(self) -> None:
        """Plans the next arrival, unless there is none or arrivals have stopped."""
        if not self.times:
            self.times = self.arrivals.next_block()
            self.times.reverse()
            if not self.times:
                self.world.exhausted(self)
                return
        time = self.times.pop()
        if time < self.world.stop_arrivals:
            self.world.environment.at(time, self, None)
        else:
            self.times = []
            self.world.exhausted(self)

    def draw(self) -> None:
        """Draws the rows of the next block of requests: one list of floats a request."""
        application, count = self.application, self.block
        self.first = self.number
        attributes = getattr(self.arrivals, "columns", {})
        table = np.zeros((count, len(application.columns) + 2))  # then a column that stays 0.0, and the ingress
        for position, column in enumerate(application.columns):
            if isinstance(column.law, Sum):
                continue
            values = column.sample(self.generators[position], attributes, self.first, count)
            table[: len(values), position] = values
        for position, members in application.sums:
            table[:, position] = (table[:, list(members)] != 0.0).any(axis=1)
        if len(self.ingresses) > 1:
            table[:, -1] = np.searchsorted(self.cumulative, self.ingress_column.random(count), side="right")
        if not (table.min(initial=0.0) >= 0.0 and table.max(initial=0.0) < np.inf):
            bad = next(c for i, c in enumerate(application.columns) if not ((table[:, i] >= 0.0) & (table[:, i] < np.inf)).all())
            raise SimulationError(f"workload entry {self.name!r}: {bad.key} must be finite and >= 0, but {bad.law!r} gave a value that is not")
        self.rows = table.tolist()
        self.position = 0
        self.block = min(2 * count, LARGEST_BLOCK)

    def handle(self, item: None) -> None:
        """A request arrives."""
        if self.position >= len(self.rows):
            self.draw()
        world = self.world
        now = world.environment._now
        row: list[float] = self.rows[self.position]
        self.position += 1
        application = self.application
        request = Request()
        request.id = world.generated
        request.world = world
        request.source = self
        request.application = application
        request.number = self.number
        request.arrival = now
        request.ingress = ingress = self.ingresses[int(row[-1])]
        request.row = row
        request.calls = [None] * len(self.vertices)
        request.outcome = IN_FLIGHT
        request.spiked = False
        self.number += 1
        world.begin(request, now)
        if application.careful:
            request.groups = {}
        if self.timeouts is not None:
            self.timeouts.begin(request, now)
        if application.random:
            runs, waiting, request.sinks = application.branches_taken(row)
            request.waiting = [left if run else SKIPPED for left, run in zip(waiting, runs, strict=True)]
            request.remaining = application.results_of(request.sinks)
            roots = [root for root in application.roots if runs[root]]
        else:
            request.waiting = application.waiting.copy()
            request.sinks = application.sinks
            request.remaining = application.sink_count
            roots = application.roots
        for root in roots:
            make_ready(request, self.vertices[root], ingress, -1, now)
        if request.remaining == 0:
            world.end(request, COMPLETED, now)  # every branch was skipped
        self.plan_next()

    def ended(self, request: Request, now: float) -> None:
        """A request has ended: an open stream does not care."""

    def policy_draw(self, vertex: int, k: int, number: int) -> float:
        """Uniform draw k of a decision: the call of `vertex`, request `number`."""
        draws = self.policy_columns.get((vertex, k))
        if draws is None:
            draws = self.policy_columns[vertex, k] = Draws(Uniforms(), self.streams, ("entry", self.name, "policy", vertex, k))
        return draws.of(number)

    def later_draw(self, column: int, request: Request, lane: int) -> float:
        """A column's draw for a later attempt or copy; what a trace says of the request stays as it is."""
        draw = self.application.columns[column]
        if hasattr(draw.law, "of_attributes"):
            return request.row[column]
        generator = self.streams.later(request.number, lane, "entry", self.name, *draw.key)
        return float(draw.sample(generator, {}, request.number, 1)[0])

    def later_coin(self, vertex: Vertex, purpose: str, number: int, lane: int) -> float:
        """A uniform draw on [0, 1) for a later attempt or copy."""
        return float(self.streams.later(number, lane, "entry", self.name, vertex.name, vertex.copy, purpose).random())


class Uniforms:
    """The law of a coin."""

    __slots__ = ()

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return generator.random(size)


class Draws:
    """Draws of a law by number, in any order: block b comes from its own generator, and the last two blocks are kept."""

    __slots__ = ("blocks", "key", "law", "numbers", "streams")

    SIZE = 512

    def __init__(self, law: Any, streams: Streams, key: tuple[str | int, ...]):
        self.law = law
        self.streams = streams
        self.key = key
        self.numbers = [-1, -1]
        self.blocks: list[list[float]] = [[], []]

    def of(self, number: int) -> float:
        """The draw that belongs to `number`."""
        block = number // self.SIZE
        side = block & 1
        if self.numbers[side] != block:
            self.blocks[side] = self.law.sample(self.streams.generator(*self.key, block), self.SIZE).tolist()
            self.numbers[side] = block
        return self.blocks[side][number % self.SIZE]


class LinkDraws:
    """Draws for single messages on one link, keyed by entry, request, edge and packet."""

    __slots__ = ("columns", "law", "link", "purpose", "streams")

    def __init__(self, law: Any, streams: Streams, purpose: str, link: str):
        self.law = law
        self.streams = streams
        self.purpose = purpose
        self.link = link
        self.columns: dict[tuple[str, int, int], Draws] = {}

    def at(self, message) -> float:
        """The draw of `message` (or packet); that of a later attempt is its own."""
        request = message.call.request  # a call carries itself, a packet its message's
        lane = message.call.lane
        if lane:
            generator = self.streams.later(request.number, lane, "link", self.link, self.purpose, request.source.name, message.edge, message.packet)
            return float(self.law.sample(generator, 1)[0])
        key = (request.source.name, message.edge, message.packet)
        draws = self.columns.get(key)
        if draws is None:
            draws = self.columns[key] = Draws(self.law, self.streams, ("link", self.link, self.purpose, *key))
        return draws.of(request.number)


class LinkColumns:
    """Makes the keyed draws of links."""

    __slots__ = ("streams",)

    def __init__(self, streams: Streams):
        self.streams = streams

    def uniform(self, purpose: str, link: str) -> LinkDraws:
        """Coins."""
        return LinkDraws(Uniforms(), self.streams, purpose, link)

    def law(self, law: Any, purpose: str, link: str) -> LinkDraws:
        """Draws of a law."""
        return LinkDraws(law, self.streams, purpose, link)
