"""Models in memory: which models a node holds, what is evicted for which, and the calls that wait for one.

    absent ──asked for──> waiting for room ──> loading ──> resident: in use <──> idle ──> evicted
                             └────── calls for it wait here, in order ──┘

A `Model` stands before the server of its calls: a call whose inputs are all there passes at once where the model is resident, and
waits where it is not. A model is in use while calls of it are at its stations; the one that has been idle for longest is evicted
first (least recently used). Where too little is idle, loads wait in line, none overtaking another. Calls that give up do not stop
a load that has begun. An outage empties the memory.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.loading import Disk, Loading

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.engine import Environment
    from simulator.model import Model
    from simulator.simulation import Simulation
    from simulator.station import Station

LOAD_FIELDS = ("model", "asked", "begun", "end", "origin", "prefetched", "completed")


class Memory:
    """The models on one node: `used` of `capacity` bits hold those that are resident or loading."""

    __slots__ = (
        "agenda", "capacity", "disk", "evictions", "hits", "idle", "idle_bits", "line", "models", "misses", "name", "node", "peak",
        "prefetches", "rows", "used", "wait_s", "world",
    )  # fmt: skip

    world: Simulation

    def __init__(self, agenda: Environment, name: str, node: int, capacity: float, rate: float):
        self.agenda = agenda
        self.name = name
        self.node = node
        self.capacity = capacity
        self.disk = Disk(agenda, rate)
        self.models: list[Model] = []  # that it can hold
        self.used = 0.0
        self.idle: dict[Model, None] = {}  # resident and not in use, idle for longest first
        self.idle_bits = 0.0
        self.line: deque[Loading] = deque()  # loads that wait for room
        self.peak = 0.0  # over the whole run
        self.rows = array("d")  # LOAD_FIELDS of every load that has begun
        self.hits = 0  # in the window, as all that follows
        self.misses = 0
        self.evictions = 0
        self.prefetches = 0
        self.wait_s = 0.0  # that calls have waited for models

    def counts(self, now: float) -> bool:
        """Whether what happens now is counted."""
        return self.world.opened <= now < self.world.closed

    def hold(self, model: Model) -> None:
        """The model is resident from the start."""
        self.occupy(model.bits)
        model.resident = True
        self.rest(model, 0.0)

    def occupy(self, bits: float) -> None:
        """Takes room."""
        self.used += bits
        self.peak = max(self.peak, self.used)

    def ask(self, model: Model, prefetched: bool, now: float) -> None:
        """The model is wanted and not there."""
        model.loading = Loading(model, model.loads, prefetched, now)
        model.loads += 1
        self.line.append(model.loading)
        self.serve(now)

    def serve(self, now: float) -> None:
        """Begins the loads at the head of the line for which there is room."""
        line = self.line
        while line:
            model = line[0].model
            if not model.is_wanted():  # whoever waited has left
                line.popleft()
                model.loading = None
                model.waiting = []
            elif self.make_room(model.bits):
                self.occupy(model.bits)
                line.popleft().begin(now)
            else:
                return

    def make_room(self, bits: float) -> bool:
        """Evicts idle models, idle for longest first, until `bits` fit; none where that would not be enough."""
        if self.capacity - self.used + self.idle_bits < bits:
            return False
        while self.capacity - self.used < bits:
            self.evict(next(iter(self.idle)))
        return True

    def evict(self, model: Model) -> None:
        """An idle model goes."""
        del self.idle[model]
        self.idle_bits -= model.bits
        self.drop(model)
        if self.counts(self.agenda._now):
            self.evictions += 1

    def drop(self, model: Model) -> None:
        """A model is no longer resident."""
        model.resident = model.condemned = False
        self.used -= model.bits

    def rest(self, model: Model, now: float) -> None:
        """A resident model has become idle."""
        self.idle[model] = None
        self.idle_bits += model.bits
        if model.condemned:
            self.evict(model)
        if self.line:
            self.serve(now)

    def loaded(self, loading: Loading, now: float) -> None:
        """A model is there: the calls that waited for it go to their server."""
        self.write(loading, now, 1.0)
        loading.model.open(now)

    def write(self, loading: Loading, now: float, completed: float) -> None:
        """Writes down a load that has ended, or was cut off."""
        self.rows.extend((loading.model.number, loading.asked, loading.begun, now, loading.origin, loading.prefetched, completed))

    def left(self, job: Job) -> None:
        """A call has left its station, served or not."""
        model = job.choice.model  # type: ignore[union-attr]
        if model is not None:
            model.left(self.agenda._now)

    def held(self) -> int:
        """The resident models, as the bits of a number."""
        return sum(1 << model.number for model in self.models if model.resident)

    def broke_down(self, station: Station) -> None:
        """A station has stopped: models that no other station here serves are lost, and loads of them end."""
        now = self.agenda._now
        for model in self.models:
            if station in model.stations and model.is_down():
                model.lose(now)
        self.serve(now)

    def clear(self, services: Any) -> None:
        """Evicts the models of `services` (a container, or None for all): idle ones now, those in use once they are idle."""
        for model in self.models:
            if model.resident and (services is None or model.service in services):
                if model in self.idle:
                    self.evict(model)
                else:
                    model.condemned = True
        self.serve(self.agenda._now)


@dataclass
class MemoryRecord:
    """What a node's memory went through: counts of the window, the loads of the whole run."""

    node: str
    models: list[str]
    capacity_bits: float
    peak_bits: float
    hits: int
    misses: int
    evictions: int
    prefetches: int
    wait_s: float  # that counted calls have waited
    loads: np.ndarray  # (loads, len(LOAD_FIELDS))
    counted: np.ndarray  # (loads,): completed in the window


def memory_record(memory: Memory, opened: float, closed: float) -> MemoryRecord:
    """What a memory has written down in a run whose window was [opened, closed)."""
    loads = np.array(memory.rows).reshape(-1, len(LOAD_FIELDS))
    end = loads[:, LOAD_FIELDS.index("end")]
    counted = (loads[:, LOAD_FIELDS.index("completed")] > 0.0) & (end >= opened) & (end < closed)
    labels = [f"{model.service}.{model.label}" if model.label else model.service for model in memory.models]
    return MemoryRecord(
        memory.name, labels, memory.capacity, memory.peak, memory.hits, memory.misses, memory.evictions, memory.prefetches, memory.wait_s, loads, counted
    )
