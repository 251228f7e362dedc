"""Replicas: n equal stations on one node behind a balancer, which chooses when a call arrives there.

A balancer is one frozen dataclass; `picker(pool)` makes the live object whose `pick(job)` returns a station.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from simulator.descriptions import Choice, description
from simulator.server import Server

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.residency import Memory
    from simulator.station import Station

BALANCER_DRAW = 1 << 20  # the balancer's draws stand apart from the policy's


class Pool(Server):
    """The server of a deployment with replicas: counts what was placed on all of them."""

    __slots__ = (
        "balancer", "memory", "name", "outstanding", "places", "speed", "stations", "workers",
    )  # fmt: skip

    def __init__(self, name: str, stations: list[Station], balancer: Any):
        self.name = name
        self.stations = stations
        self.workers = sum(station.workers for station in stations)
        self.speed = stations[0].speed
        self.outstanding = 0
        self.places = len(stations)  # how many copies can run here apart
        self.balancer = balancer.picker()
        self.memory: Memory | None = None  # of its node, where a model of these calls lives there
        for number, station in enumerate(stations):
            station.pool = self
            station.replica = number
            station.plain = False

    def enter(self, job: Job, now: float) -> None:
        """A call with all its inputs arrives: one replica takes it."""
        stations = self.stations if job.vertex.care is None else job.free_stations(self.stations)
        station: Station = self.balancer.pick(stations, job)
        station.outstanding += 1
        station.enter(job, now)

    @property
    def index(self) -> int:
        """Stands for the pool where none of its stations has the call: its first station's."""
        return self.stations[0].index

    @property
    def number(self) -> int:  # type: ignore[override]
        """Jobs present at the replicas."""
        return sum(station.number for station in self.stations)

    @property
    def silent(self) -> bool:
        """Whether none of the replicas can tell how it is."""
        return all(station.silent for station in self.stations)

    @property
    def down(self) -> bool:
        """Whether all replicas are out of order."""
        return all(station.down for station in self.stations)

    @property
    def slowness(self) -> float:
        """That of the replicas on average."""
        return sum(station.slowness for station in self.stations) / len(self.stations)

    @property
    def unit(self) -> float:  # type: ignore[override]
        """As of any of its stations."""
        return self.stations[0].unit

    def last_visits(self) -> list[float]:
        """Those of all replicas together."""
        return [value for station in self.stations for value in station.last_visits()]

    def waiting(self) -> float:
        """How many jobs wait at the replica with the fewest."""
        return min(station.waiting() for station in self.stations)

    def expected_backlog(self, mean: float) -> float:
        """Expected work of the calls placed on the replicas and not yet served [s at reference speed]."""
        there = sum(station.outstanding for station in self.stations)
        return sum(station.expected_backlog(mean) for station in self.stations) + (self.outstanding - there) * mean

    def left(self, job: Job) -> None:
        """A call has left its replica, served or not."""
        self.outstanding -= 1
        if self.memory is not None:
            self.memory.left(job)

    def held(self) -> int:
        """The models in memory at its node, as the bits of a number."""
        return 0 if self.memory is None else self.memory.held()

    def broke_down(self, station: Station) -> None:
        """A replica has stopped."""
        if self.memory is not None:
            self.memory.broke_down(station)


@description
class TurnBalancer:
    """Each replica in turn."""

    kind: Literal["round_robin"] = "round_robin"

    def picker(self) -> Turns:
        return Turns()


class Turns:
    __slots__ = ("turn",)

    def __init__(self) -> None:
        self.turn = -1

    def pick(self, stations: list[Station], job: Job) -> Station:
        self.turn = (self.turn + 1) % len(stations)
        return stations[self.turn]


@description
class RandomBalancer:
    """One replica at random, all alike or by `weights`."""

    weights: tuple[float, ...] = ()
    kind: Literal["random"] = "random"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if any(not 0.0 <= weight < math.inf for weight in self.weights):
            return "weights must not be negative"
        return "weights must be above 0 for at least one replica" if self.weights and sum(self.weights) == 0.0 else None

    def picker(self) -> Weighted | Sampled:
        return Weighted(self.weights) if self.weights else Sampled(1)


class Weighted:
    __slots__ = ("weights",)

    def __init__(self, weights: tuple[float, ...]):
        self.weights = weights

    def pick(self, stations: list[Station], job: Job) -> Station:
        weights = [self.weights[station.replica] for station in stations]
        left = job.uniform(BALANCER_DRAW) * sum(weights)
        for station, weight in zip(stations, weights, strict=True):
            left -= weight
            if left < 0.0:
                return station
        return stations[-1]


@description
class PowerOfD:
    """The least loaded of `d` different replicas drawn at random (Mitzenmacher 2001)."""

    d: int = 2
    kind: Literal["power_of_d"] = "power_of_d"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return None if self.d >= 1 else f"d must be at least 1, got {self.d}"

    def picker(self) -> Sampled:
        return Sampled(self.d)


class Sampled:
    __slots__ = ("d",)

    def __init__(self, d: int):
        self.d = d

    def pick(self, stations: list[Station], job: Job) -> Station:
        left = list(range(len(stations)))
        best: Station | None = None
        for k in range(min(self.d, len(left))):
            drawn = stations[left.pop(int(job.uniform(BALANCER_DRAW + k) * len(left)))]
            if best is None or drawn.outstanding < best.outstanding:
                best = drawn
        assert best is not None
        return best


@description
class ShortestBalancer:
    """The replica with the fewest calls present, ties to the first (join the shortest queue)."""

    kind: Literal["join_shortest_queue"] = "join_shortest_queue"

    def picker(self) -> Shortest:
        return Shortest()


class Shortest:
    __slots__ = ()

    def pick(self, stations: list[Station], job: Job) -> Station:
        best: Station = stations[0]
        for station in stations:
            if station.outstanding < best.outstanding:
                best = station
        return best


BALANCERS = (TurnBalancer, RandomBalancer, PowerOfD, ShortestBalancer)
Balancer = Annotated[Any, Choice("balancer", BALANCERS, names=True)]
