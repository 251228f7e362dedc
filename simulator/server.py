"""Servers: what a station and the balancer in front of several have in common, namely what can be known of them.

A `View` of a server is what an agent is told: the server itself under `telemetry: exact`, else one of `simulator.telemetry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulator.model import Model

RECENT = 8  # the last visits that `recent` speaks of
SLOWEST_SHOWN = 1000.0  # a frozen station is this much slower, for those who look


Report = tuple[float, int, float, float, float, bool]


class View(Protocol):
    """What a policy may read of a server."""

    @property
    def outstanding(self) -> float:
        """Calls there and not yet served, as far as is known."""

    @property
    def workers(self) -> float:
        """Workers, inf where they are unlimited."""

    @property
    def speed(self) -> float:
        """Speed of a worker in good days; 1.0 is the reference."""

    @property
    def recent(self) -> float:
        """How long the last visits took: the sum of their sojourns over that of their works at full speed; 1.0 before the first."""

    @property
    def slowness(self) -> float:
        """Full speed over the present pace of a worker, as the station measures it itself; 1.0 in good days."""

    @property
    def age(self) -> float:
        """How old this knowledge is [s]."""

    def holds(self, model: Model) -> bool:
        """Whether a model is in memory there."""

    def loading_time(self, model: Model) -> float:
        """Expected time until it is [s], without waits."""

    def expected_backlog(self, mean: float) -> float:
        """Expected work there [s at reference speed]; calls of which no more is known count `mean` each."""

    @property
    def down(self) -> bool:
        """Whether it is known to be out of order."""

    def waiting(self) -> float:
        """How many jobs wait there."""

    def report(self) -> Report:
        """(outstanding, of these own calls that it does not know of, recent, slowness, age, down), all at once."""


class Server:
    """Shared by stations and pools."""

    __slots__ = ()

    age = 0.0
    own_mean = 0.0  # mean work of a call here, where that depends on the device [s]; 0.0 where it is the service's
    unit = 1.0  # how much of a job's work counts as expected backlog; less where jobs are served together
    number: int
    outstanding: int
    speed: float
    workers: float

    @property
    def silent(self) -> bool:
        """Whether it cannot tell how it is: frozen, or out of order."""
        raise NotImplementedError

    @property
    def slowness(self) -> float:
        """See View."""
        raise NotImplementedError

    @property
    def down(self) -> bool:
        """Whether it is out of order."""
        raise NotImplementedError

    def report(self) -> Report:
        """See View."""
        return self.outstanding, 0, self.recent, self.slowness, 0.0, self.down

    def waiting(self) -> float:
        """How many jobs wait here."""
        raise NotImplementedError

    def expected_backlog(self, mean: float) -> float:
        """Expected work of the calls placed here and not yet served."""
        raise NotImplementedError

    def held(self) -> int:
        """The models in memory at the server, as the bits of a number."""
        return 0

    def holds(self, model: Model) -> bool:
        """See View."""
        return model.resident

    def loading_time(self, model: Model) -> float:
        """See View."""
        return model.remaining()

    def present_work(self) -> tuple[float, float]:
        """(a, b): the expected work of the jobs present is a + b * mean, calls still on their way left out."""
        listed = self.expected_backlog(0.0)
        return listed, self.expected_backlog(1.0) - listed - (self.outstanding - self.number) * self.unit

    def last_visits(self) -> Sequence[float]:
        """(reached, started, ended, work) of the last visits, one after another."""
        raise NotImplementedError

    @property
    def recent(self) -> float:
        """See View."""
        return stretch(self.last_visits(), self.speed)


def stretch(visits: Sequence[float], speed: float) -> float:
    """Sum of sojourns over sum of works at full speed; 1.0 where there is nothing to go by."""
    work = sum(visits[3::4])
    return (sum(visits[2::4]) - sum(visits[0::4])) * speed / work if work > 0.0 else 1.0
