"""Evictions: models leave the memory of nodes all at once, as after a redeployment; the next calls find the nodes cold.

Models that are idle go at the start of the episode, which has no length; those in use go once they are idle. Loads go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from simulator.descriptions import description
from simulator.laws import Deterministic, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.targets import Target
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.residency import Memory
    from simulator.simulation import Simulation


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
    chain = None

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return "give either 'at' (a list of times) or 'up' (a law of the time between evictions)" if (self.at is None) == (self.up is None) else None

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, Emptied(None if self.services == "all" else self.services))

    @property
    def at_random(self) -> bool:
        """Whether each episode hits one of the nodes."""
        return self.nodes.one_at_random

    def targets(self, world: Simulation) -> list[Target]:
        """The nodes, with their memories where they have any."""
        nodes = [(i, world.nodes[i]) for i in self.nodes.members(world.nodes)]
        return [Target(node.name, (i,), [node.memory] if node.memory is not None else []) for i, node in nodes]


class Emptied:
    """Memories are emptied."""

    __slots__ = ("services",)

    def __init__(self, services: tuple[str, ...] | None):
        self.services = services

    def prepare(self, memory: Memory) -> None:
        """Nothing: the memory is there."""

    def begin(self, episode: Episode) -> None:
        for memory in episode.parts:
            memory.clear(self.services)

    def end(self, episode: Episode) -> None:
        """Nothing comes back by itself."""
