"""Freezes: stop-the-world pauses. No work is done on the nodes hit, nothing is lost, and all goes on where it was afterwards.

A freeze is a slow-down by a factor so large that no clock shows what is done meanwhile: preemptive resume. Messages still arrive,
and calls may be sent there; they wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episodes
from simulator.spikes.schedule import scenario_key, schedule_problem
from simulator.station import FROZEN
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.station import Station


@description
class Freeze:
    """No work is done on `nodes` while an episode lasts; it goes on afterwards where it was."""

    name: str
    nodes: Nodes
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    kind: Literal["freeze"] = "freeze"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return schedule_problem(self.at, self.duration, self.up, self.down)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, Stopped(entry))


class Stopped:
    """All work stands still."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, station: Station) -> None:
        station.track()

    def begin(self, station: Station, magnitude: float) -> None:
        station.slow_down(FROZEN, self.entry)

    def end(self, station: Station, magnitude: float) -> None:
        station.speed_up(FROZEN)
