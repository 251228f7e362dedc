"""Outages: nodes stop and forget. What they had in service and in line is lost, what arrives meanwhile is lost too.

Every attempt there fails at once, and is tried again elsewhere or later where its call has retries. After the episode the nodes
restart, which takes its own time. Links of the node go on: a node's switch has its own power supply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episodes
from simulator.spikes.schedule import scenario_key, schedule_problem
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.station import Station


@description
class Outage:
    """All work on `nodes` is lost and none is taken while an episode lasts, and then until they have restarted (`restart`)."""

    name: str
    nodes: Nodes
    restart: TimeLaw | None = None
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    kind: Literal["outage"] = "outage"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return schedule_problem(self.at, self.duration, self.up, self.down)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, Down(), restart=self.restart)


class Down:
    """The station is out of order."""

    __slots__ = ()

    def prepare(self, station: Station) -> None:
        station.track()

    def begin(self, station: Station, magnitude: float) -> None:
        station.break_down()

    def end(self, station: Station, magnitude: float) -> None:
        station.repair()
