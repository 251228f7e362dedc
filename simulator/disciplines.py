"""Queueing disciplines: which waiting job is next, how capacity is shared, how many may be present.

A discipline is a description; `station(...)` makes the station that lives by it. A new one is one frozen dataclass here, joined to
the union on the last lines. `capacity` always bounds the jobs at the station, those in service included; a job that finds it
full is rejected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from simulator.batch import BatchStation
from simulator.descriptions import Choice, description
from simulator.preemption import PreemptiveStation
from simulator.queues import AnyOrder, ByPriority, LastFirst
from simulator.sharing import SharingStation
from simulator.station import Station
from simulator.units import Seconds

Generator = Callable[..., np.random.Generator]


def capacity_problem(capacity: int | None) -> str | None:
    """What is wrong with a capacity, or None."""
    if capacity is not None and capacity < 1:
        return f"capacity must be at least 1 (it counts the jobs in service), got {capacity}"
    return None


@description
class Fifo:
    """First in, first out."""

    capacity: int | None = None
    kind: Literal["fifo"] = "fifo"

    def problem(self) -> str | None:
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        return Station(agenda, name, node, workers, speed, self.capacity, deque())


@description
class Lifo:
    """Last in, first out, without preemption."""

    capacity: int | None = None
    kind: Literal["lifo"] = "lifo"

    def problem(self) -> str | None:
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        return Station(agenda, name, node, workers, speed, self.capacity, LastFirst())


@description
class RandomOrder:
    """Any waiting job with equal probability (service in random order); draws belong to the station."""

    capacity: int | None = None
    kind: Literal["random"] = "random"

    def problem(self) -> str | None:
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        return Station(agenda, name, node, workers, speed, self.capacity, AnyOrder(generator("station", name, "order")))


@description
class Priority:
    """The smallest `priority` of a call first, ties first in, first out; `preemptive` interrupts and later resumes the worst in service."""

    preemptive: bool = False
    capacity: int | None = None
    kind: Literal["priority"] = "priority"

    def problem(self) -> str | None:
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        make = PreemptiveStation if self.preemptive else Station
        return make(agenda, name, node, workers, speed, self.capacity, ByPriority())


@description
class ProcessorSharing:
    """All jobs at once: the speed of min(n, workers) workers is shared equally by the n jobs present."""

    capacity: int | None = None
    kind: Literal["processor_sharing"] = "processor_sharing"

    def problem(self) -> str | None:
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        return SharingStation(agenda, name, node, workers, speed, self.capacity)


@description
class Batch:
    """Up to `size` jobs together: full batches, or what is there once the oldest has waited for `wait`; they end together.

    A batch lasts as long as its first job (`once`: one draw for all), its longest (`max`), or all of them (`sum`).
    """

    size: int
    wait: Literal["unlimited"] | Seconds = "unlimited"
    duration: Literal["once", "max", "sum"] = "once"
    capacity: int | None = None
    kind: Literal["batch"] = "batch"

    def problem(self) -> str | None:
        if self.size < 1:
            return f"size must be at least 1, got {self.size}"
        if self.capacity is not None and self.capacity < self.size and self.wait == "unlimited":
            return f"capacity must let a batch of {self.size} come together, got {self.capacity}"
        return capacity_problem(self.capacity)

    def station(self, agenda: Any, name: str, node: int, workers: float, speed: float, generator: Generator) -> Station:
        """A station with this discipline."""
        patience = float("inf") if self.wait == "unlimited" else self.wait
        return BatchStation(agenda, name, node, workers, speed, self.capacity, self.size, patience, self.duration)


DISCIPLINES = (Fifo, Lifo, RandomOrder, Priority, ProcessorSharing, Batch)
Discipline = Annotated[Any, Choice("discipline", DISCIPLINES, names=True)]
