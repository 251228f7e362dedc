"""Applications: dependency DAGs of microservice calls, compiled to vertices with the columns of their draws.

A call with `fan_out: n` becomes n vertices (copies); an edge goes from every copy of a predecessor to every copy of the call.
All draws of one request stand in one row of floats; each column has its own stream per workload entry, keyed by the call's
name, its copy and the purpose, so a column's values never depend on what other columns there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulator.care import Care
from simulator.decisions import Candidate


@dataclass(frozen=True)
class CallPlan:
    """One call of an application, as `build` hands it over: plain values and laws.

    `after` maps each predecessor to the law of the payload [bits] that its output has; `payload` is the root's input, from the ingress.
    """

    name: str
    service: Service
    after: dict[str, Any]
    payload: Any = None
    probability: float = 1.0
    one_of: str | None = None
    fan_out: int = 1
    priority: int = 0
    care: Care | None = None


@dataclass(frozen=True)
class Column:
    """One draw of every request: `sample(source, first, count)` gives the next `count` values, from request `first` on."""

    key: tuple[str | int, ...]
    law: Any

    def sample(self, generator: np.random.Generator, attributes: dict[str, np.ndarray], first: int, count: int) -> np.ndarray:
        """Values for requests `first` .. `first + count - 1` of an entry; trace attributes by column name."""
        if hasattr(self.law, "of_attributes"):
            return self.law.of_attributes(attributes, first, count)
        return self.law.sample(generator, count)


class Service:
    """A service and where it may run: candidates by the node of the deciding agent, made when first asked for."""

    __slots__ = ("make_slots", "means", "name", "outputs", "slots", "spikes", "variants")

    def __init__(self, name: str, variants: list[tuple[str | None, float, Any]]):
        self.name = name
        self.variants = variants  # (name, quality, law of the service time, or of the prompt's tokens where it generates)
        self.outputs: dict[int, Any] = {}  # law of the tokens that a variant generates, where it does
        self.means: list[float] = []  # mean work of each variant [s]
        self.slots: list[tuple[Candidate, ...]] = []  # by agent node; empty until asked for
        self.make_slots: Any = None  # (service, agent) -> tuple of candidates
        self.spikes: list[tuple[int, Any, frozenset[int] | None]] = []  # (entry's index, CallSpike, nodes) that can hit it; None: anywhere

    def find_slots(self, agent: int) -> tuple[Candidate, ...]:
        """The candidates as seen from the node `agent`."""
        found: tuple[Candidate, ...] = self.make_slots(self, agent)
        self.slots[agent] = found
        return found


class Vertex:
    """One copy of a call: its place in the DAG and the columns of its draws."""

    __slots__ = (
        "call", "copy", "index", "inputs", "name", "service", "spike", "spikes", "successors", "work", "single", "may_end",
        "slots", "priority", "care", "outputs",
    )  # fmt: skip

    def __init__(self, index: int, name: str, copy: int, call: int, service: Service):
        self.index = index
        self.name = name
        self.copy = copy
        self.call = call  # which call of the application it is a copy of
        self.service = service
        self.inputs: list[tuple[int, int, int]] = []  # (predecessor's vertex or -1 for the ingress, edge, column of its bits)
        self.successors: list[Vertex] = []
        self.work = 0  # column of the first variant's work
        self.outputs: dict[int, int] = {}  # by variant that generates: the column of its output tokens
        self.spike = -2  # column that is not 0.0 where a call spike hits; the last but one of a row is always 0.0
        self.spikes: list[tuple[int, int, bool, frozenset[int] | None]] = []  # (column, entry's index, whether it multiplies, nodes)
        self.single: tuple[int, int, int] | None = None  # the input, where there is just one
        self.may_end = False  # whether nothing may run after it
        self.slots = service.slots
        self.priority = 0  # smaller first
        self.care: Care | None = None  # the rules of a call that can be tried again, copied or given up


@dataclass(frozen=True)
class SpikeDraw:
    """The magnitude of a call spike where its coin says so, 0.0 elsewhere."""

    spike: Any

    def sample(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """One draw for each of `count` calls; both the coin and the magnitude are drawn for every call, so that keys stay keys."""
        hit = generator.random(count) < self.spike.probability
        law = self.spike.factor if self.spike.factor is not None else self.spike.add
        return np.where(hit, law.sample(generator, count), 0.0)


@dataclass(frozen=True)
class Uniform:
    """A coin: uniform on [0, 1)."""

    def sample(self, generator: np.random.Generator, count: int) -> np.ndarray:
        return generator.random(count)


@dataclass(frozen=True)
class Sum:
    """Not a draw: 1.0 where any of the columns before it hits."""

    columns: tuple[int, ...] = field(default=())


class Application:
    """A compiled application: vertices in topological order of the file, columns of draws, how its requests are valued."""

    __slots__ = (
        "calls", "columns", "first_vertex", "index", "name", "objective", "random", "response", "response_edge", "roots",
        "sink_count", "sinks", "sums", "utility", "vertices", "waiting", "graded", "timeout", "careful", "quorums",
    )  # fmt: skip

    def __init__(
        self, name: str, plans: list[CallPlan], response: Any = None, utility: Any = None, objective: float | None = None, timeout: float | None = None
    ):
        self.name = name
        self.calls = plans
        self.index = 0  # among the simulation's applications
        self.first_vertex = 0  # number of this application's first vertex among all
        self.utility = utility
        self.objective = objective
        self.timeout = timeout  # s from the intended arrival, after which a request is given up
        self.careful = any(plan.care is not None for plan in plans)
        self.quorums = {i: plan.fan_out - plan.care.wait_for for i, plan in enumerate(plans) if plan.care is not None}  # copies not waited for, by call
        self.columns: list[Column] = []
        self.sums: list[tuple[int, tuple[int, ...]]] = []  # (column, columns of which any must hit)
        self.vertices: list[Vertex] = []
        copies: dict[str, list[Vertex]] = {}
        for position, plan in enumerate(plans):
            copies[plan.name] = [self._vertex(plan, position, copy) for copy in range(plan.fan_out)]
        edges = 0
        for plan in plans:
            for vertex in copies[plan.name]:
                edges = self._connect(plan, vertex, copies, edges)
        self.roots = [v.index for v in self.vertices if not any(before >= 0 for before, _, _ in v.inputs)]
        self.waiting = [self.to_wait_for([before for before, _, _ in v.inputs if before >= 0]) for v in self.vertices]
        self.sinks = [not v.successors for v in self.vertices]
        self.sink_count = self.to_wait_for([v.index for v in self.vertices if self.sinks[v.index]])
        self.response = -1 if response is None else self._column(("response",), response)
        self.response_edge = edges
        self.random = self._branches(plans, copies)
        self.graded = any(quality != 1.0 for plan in plans for _, quality, _ in plan.service.variants)
        for vertex in self.vertices:
            vertex.single = vertex.inputs[0] if len(vertex.inputs) == 1 else None
            vertex.may_end = bool(self.random) or not vertex.successors

    def to_wait_for(self, vertices: list[int]) -> int:
        """How many of `vertices` must answer: a quorum waits for some of its copies only."""
        spare = {self.vertices[v].call: self.quorums.get(self.vertices[v].call, 0) for v in vertices}
        return len(vertices) - sum(spare.values())

    def _column(self, key: tuple[str | int, ...], law: Any) -> int:
        self.columns.append(Column(key, law))
        return len(self.columns) - 1

    def _vertex(self, plan: CallPlan, position: int, copy: int) -> Vertex:
        vertex = Vertex(len(self.vertices), plan.name, copy, position, plan.service)
        vertex.priority = plan.priority
        vertex.care = plan.care
        self.vertices.append(vertex)
        vertex.work = len(self.columns)
        for name, _, law in plan.service.variants:
            self._column((plan.name, copy, "work", name or ""), law)
        for variant, law in plan.service.outputs.items():
            vertex.outputs[variant] = self._column((plan.name, copy, "output", plan.service.variants[variant][0] or ""), law)
        for entry, spike, nodes in plan.service.spikes:
            column = self._column((plan.name, copy, "spike", spike.name), SpikeDraw(spike))
            vertex.spikes.append((column, entry, spike.factor is not None, nodes))
        if len(vertex.spikes) == 1:
            vertex.spike = vertex.spikes[0][0]
        elif vertex.spikes:
            vertex.spike = self._column((plan.name, copy, "any spike"), Sum(tuple(c for c, *_ in vertex.spikes)))
            self.sums.append((vertex.spike, tuple(c for c, *_ in vertex.spikes)))
        return vertex

    def _connect(self, plan: CallPlan, vertex: Vertex, copies: dict[str, list[Vertex]], edges: int) -> int:
        if not plan.after:
            column = self._column((plan.name, vertex.copy, "payload"), plan.payload)
            vertex.inputs.append((-1, edges, column))
            return edges + 1
        for before, law in plan.after.items():
            for sender in copies[before]:
                column = self._column((plan.name, vertex.copy, "payload", before, sender.copy), law)
                vertex.inputs.append((sender.index, edges, column))
                sender.successors.append(vertex)
                edges += 1
        return edges

    def _branches(self, plans: list[CallPlan], copies: dict[str, list[Vertex]]) -> list[tuple[list[int], int, float, float]]:
        """(vertices, column of the coin, low, high) of every call that may be skipped: it runs when low <= coin < high."""
        found = []
        coins: dict[str, int] = {}
        reached: dict[str, float] = {}
        for plan in plans:
            members = [vertex.index for vertex in copies[plan.name]]
            if plan.one_of is not None:
                if plan.one_of not in coins:
                    coins[plan.one_of] = self._column(("one_of", plan.one_of), Uniform())
                low = reached.get(plan.one_of, 0.0)
                high = low + plan.probability
                reached[plan.one_of] = high
                found.append((members, coins[plan.one_of], low, high if high < 1.0 - 1e-9 else 2.0))
            elif plan.probability < 1.0:
                found.append((members, self._column((plan.name, "probability"), Uniform()), 0.0, plan.probability))
        return found

    def branches_taken(self, row: list[float]) -> tuple[list[bool], list[int], list[bool]]:
        """(runs, predecessors that run, is a sink) by vertex for the coins in `row`.

        A call whose predecessors were all skipped is skipped; a join waits for those that run.
        """
        runs = [True] * len(self.vertices)
        for members, column, low, high in self.random:
            if not low <= row[column] < high:
                for vertex in members:
                    runs[vertex] = False
        waiting = [0] * len(self.vertices)
        sinks = [True] * len(self.vertices)
        for index in self.order():
            before = [b for b, _, _ in self.vertices[index].inputs if b >= 0]
            alive = [b for b in before if runs[b]]
            runs[index] = runs[index] and (not before or bool(alive))
            waiting[index] = self.to_wait_for(alive)
            if runs[index]:
                for b in alive:
                    sinks[b] = False
        return runs, waiting, [sink and run for sink, run in zip(sinks, runs, strict=True)]

    def results_of(self, sinks: list[bool]) -> int:
        """How many results a request with these sinks (by vertex) ends with."""
        return self.to_wait_for([vertex for vertex, is_sink in enumerate(sinks) if is_sink])

    def order(self) -> list[int]:
        """A topological order of the vertices (Kahn's algorithm, ties in file order)."""
        left = list(self.waiting)
        ready = list(self.roots)
        for index in ready:
            for after in self.vertices[index].successors:
                left[after.index] -= 1
                if left[after.index] == 0:
                    ready.append(after.index)
        return ready
