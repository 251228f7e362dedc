"""Slow-downs: the speed of nodes, or of some services' jobs, is divided by a factor during an episode.

`applies: in_progress` slows the work already being served as well (time-varying capacity); `at_start` multiplies the work of
services that start during the episode and leaves the others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import NumberLaw, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.schedule import Chain, scenario_key, schedule_problem
from simulator.spikes.targets import OnNodes
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class SlowDown(OnNodes):
    """The speed of `nodes`, or of the jobs of `services` (there), is divided by `factor` while an episode lasts; drawn anew for each."""

    name: str
    factor: NumberLaw
    nodes: Nodes | None = None
    services: tuple[str, ...] | None = None
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    chain: Chain | None = None
    applies: Literal["in_progress", "at_start"] = "in_progress"
    kind: Literal["slow_down"] = "slow_down"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return self.target_problem() or schedule_problem(self.at, self.duration, self.up, self.down, self.chain)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, self.effect(world, entry, streams), self.factor)

    def effect(self, world: Simulation, entry: int, streams: Streams) -> InProgress | AtStart:
        """What an episode does, in the name of `entry`."""
        return InProgress(entry) if self.applies == "in_progress" else AtStart(entry)


class InProgress:
    """Divides the speed, work in progress included."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, part: Any) -> None:
        part.track()

    def begin(self, episode: Episode) -> None:
        for part in episode.parts:
            part.slow_down(episode.magnitude, self.entry)

    def end(self, episode: Episode) -> None:
        for part in episode.parts:
            part.speed_up(episode.magnitude, self.entry)


class AtStart:
    """Multiplies the work of services that start meanwhile."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, part: Any) -> None:
        """Nothing: the station sees the factor as it starts a service."""

    def begin(self, episode: Episode) -> None:
        for part in episode.parts:
            part.slow_starts(episode.magnitude, self.entry)

    def end(self, episode: Episode) -> None:
        for part in episode.parts:
            part.free_starts(episode.magnitude, self.entry)
