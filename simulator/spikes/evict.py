"""Evictions: models leave the memory of nodes all at once, as after a redeployment; the next calls find the nodes cold.

Models that are idle go at the start of the episode, which has no length; those in use go once they are idle. Loads go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from simulator.descriptions import description
from simulator.laws import Deterministic, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episodes
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.station import Station


@description
class Evict:
    """The models of `services` leave the memory of `nodes`, at times given or `up` after one another."""

    name: str
    nodes: Nodes
    services: tuple[str, ...] | Literal["all"] = "all"
    at: tuple[Seconds, ...] | None = None
    up: TimeLaw | None = None
    kind: Literal["evict"] = "evict"

    duration = 0.0  # an eviction takes no time
    down = Deterministic(0.0)

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return "give either 'at' (a list of times) or 'up' (a law of the time between evictions)" if (self.at is None) == (self.up is None) else None

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, Emptied(world, None if self.services == "all" else self.services))


class Emptied:
    """The memory of the station's node is emptied."""

    __slots__ = ("services", "world")

    def __init__(self, world: Simulation, services: tuple[str, ...] | None):
        self.world = world
        self.services = services

    def prepare(self, station: Station) -> None:
        """Nothing: the memory is there."""

    def begin(self, station: Station, magnitude: float) -> None:
        memory = self.world.nodes[station.node].memory
        if memory is not None:
            memory.clear(self.services)

    def end(self, station: Station, magnitude: float) -> None:
        """Nothing comes back by itself."""
