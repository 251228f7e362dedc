"""Slow-downs: the speed of nodes is divided by a factor during an episode.

`applies: in_progress` slows the work already being served as well (time-varying capacity); `at_start` multiplies the work of
services that start during the episode and leaves the others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import NumberLaw, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episodes
from simulator.spikes.schedule import scenario_key, schedule_problem
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.station import Station


@description
class SlowDown:
    """The speed of `nodes` is divided by `factor` (drawn anew each episode) while an episode lasts."""

    name: str
    nodes: Nodes
    factor: NumberLaw
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    applies: Literal["in_progress", "at_start"] = "in_progress"
    kind: Literal["slow_down"] = "slow_down"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return schedule_problem(self.at, self.duration, self.up, self.down)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        effect = InProgress(entry) if self.applies == "in_progress" else AtStart(entry)
        return Episodes(self, world, entry, streams, effect, self.factor)


class InProgress:
    """Divides the speed, work in progress included."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, station: Station) -> None:
        station.track()

    def begin(self, station: Station, magnitude: float) -> None:
        station.slow_down(magnitude, self.entry)

    def end(self, station: Station, magnitude: float) -> None:
        station.speed_up(magnitude)


class AtStart:
    """Multiplies the work of services that start meanwhile."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, station: Station) -> None:
        """Nothing: the station sees the factor as it starts a service."""

    def begin(self, station: Station, magnitude: float) -> None:
        station.slow_starts(magnitude, self.entry)

    def end(self, station: Station, magnitude: float) -> None:
        station.free_starts(magnitude)
