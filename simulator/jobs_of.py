"""The jobs of some services at a station that serves others too: a part of it that spikes can hit alone.

To divide the speed of some jobs is to multiply what is left of their work, and to divide it again when the episode ends: the
station itself need not know that they go at different speeds. A batch that has begun goes on as it is; jobs of the next one feel it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.station import Station, product

if TYPE_CHECKING:
    from simulator.call import Job


class JobsOf:
    """What a spike may do to a station, done to the jobs of `services` only."""

    __slots__ = ("broken", "by", "factor", "factors", "services", "starts", "station")

    def __init__(self, station: Station, services: frozenset[str]):
        self.station = station
        self.services = services
        self.factors: list[float] = []
        self.factor = 1.0
        self.starts: list[tuple[int, float]] = []  # entries and factors that hit only those that start meanwhile
        self.by = -1  # the entry that slows them
        self.broken = 0
        station.parts.append(self)
        station.calm = False

    def has(self, job: Job) -> bool:
        """Whether the job is one of these."""
        return job.vertex.service.name in self.services

    def mark(self, job: Job) -> None:
        """Notes what lengthens the job."""
        job.spike = self.by
        job.request.spiked = True

    def track(self) -> None:
        """From the start of the run on, jobs in service are kept at hand."""
        self.station.track()

    def slow_down(self, factor: float, entry: int) -> None:
        """Their speed is divided by `factor`, work in progress included."""
        before = self.factor
        self.station.settle()
        self.station.active.append((self, entry, factor))
        self.multiply(factor, entry)
        self.station.rework(self, self.factor / before)

    def speed_up(self, factor: float, entry: int) -> None:
        """That is over."""
        before = self.factor
        self.station.settle()
        self.station.active.remove((self, entry, factor))
        self.divide(factor)
        self.station.rework(self, self.factor / before)

    def slow_starts(self, factor: float, entry: int) -> None:
        """The work of those that start from now on is multiplied."""
        self.starts.append((entry, factor))
        self.multiply(factor, entry)

    def free_starts(self, factor: float, entry: int) -> None:
        """That is over."""
        self.starts.remove((entry, factor))
        self.divide(factor)

    def multiply(self, factor: float, entry: int) -> None:
        """One more factor."""
        self.by = entry
        self.factors.append(factor)
        self.factor = product(self.factors)

    def divide(self, factor: float) -> None:
        """One factor less."""
        self.factors.remove(factor)
        self.factor = product(self.factors)

    def break_down(self) -> None:
        """Those that are here are lost, and so are those that come."""
        self.broken += 1
        self.station.lose_some(self)

    def repair(self) -> None:
        """That is over."""
        self.broken -= 1
        self.station.admit_again()
