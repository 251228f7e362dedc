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

    __slots__ = ("broken", "by", "factor", "factors", "services", "station")

    def __init__(self, station: Station, services: frozenset[str]):
        self.station = station
        self.services = services
        self.factors: list[float] = []
        self.factor = 1.0
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
        self.slow_starts(factor, entry)
        self.station.rework(self, self.factor / before)

    def speed_up(self, factor: float) -> None:
        """That is over."""
        before = self.factor
        self.free_starts(factor)
        self.station.rework(self, self.factor / before)

    def slow_starts(self, factor: float, entry: int) -> None:
        """The work of those that start from now on is multiplied."""
        self.by = entry
        self.factors.append(factor)
        self.factor = product(self.factors)

    def free_starts(self, factor: float) -> None:
        """That is over."""
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
