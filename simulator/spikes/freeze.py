"""Freezes: stop-the-world pauses. No work is done on the nodes hit, nothing is lost, and all goes on where it was afterwards.

A freeze is a slow-down by a factor so large that no clock shows what is done meanwhile: preemptive resume. Messages still arrive,
and calls may be sent there; they wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.schedule import Chain, scenario_key, schedule_problem
from simulator.spikes.targets import OnNodes
from simulator.station import FROZEN
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class Freeze(OnNodes):
    """No work is done on `nodes`, or by `services` (there), while an episode lasts; it goes on afterwards where it was."""

    name: str
    nodes: Nodes | None = None
    services: tuple[str, ...] | None = None
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    chain: Chain | None = None
    kind: Literal["freeze"] = "freeze"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return self.target_problem() or schedule_problem(self.at, self.duration, self.up, self.down, self.chain)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, self.effect(world, entry, streams))

    def effect(self, world: Simulation, entry: int, streams: Streams) -> Stopped:
        """What an episode does, in the name of `entry`."""
        return Stopped(entry)


class Stopped:
    """All work stands still."""

    __slots__ = ("entry",)

    def __init__(self, entry: int):
        self.entry = entry

    def prepare(self, part: Any) -> None:
        part.track()

    def begin(self, episode: Episode) -> None:
        for part in episode.parts:
            part.slow_down(FROZEN, self.entry)

    def end(self, episode: Episode) -> None:
        for part in episode.parts:
            part.speed_up(FROZEN, self.entry)
