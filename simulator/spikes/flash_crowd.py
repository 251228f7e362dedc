"""Flash crowds: for a while a workload entry gets f times its requests; those in addition are a stream of their own (`simulator.crowd`)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.crowd import CrowdSource
from simulator.descriptions import description
from simulator.laws import NumberLaw, TimeLaw
from simulator.randomness import Streams
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.schedule import Chain, scenario_key, schedule_problem
from simulator.spikes.targets import Target
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class FlashCrowd:
    """While an episode lasts the entries of `workload` get `factor` times their requests (drawn for each); the added ones are numbered apart."""

    name: str
    workload: tuple[str, ...] | Literal["all"]
    factor: NumberLaw
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    chain: Chain | None = None
    kind: Literal["flash_crowd"] = "flash_crowd"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}
    at_random: ClassVar[bool] = False

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if self.at is not None and self.duration is not None:
            times = sorted(self.at)
            if any(after - before < self.duration for before, after in pairwise(times)):
                return "at must leave 'for' between its times: episodes of one flash crowd do not overlap"
        return schedule_problem(self.at, self.duration, self.up, self.down, self.chain)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        base = [source for source in world.sources if self.workload == "all" or source.name in self.workload]
        for source in base:
            if not isinstance(source, CrowdSource):
                world.sources.append(CrowdSource(world, self, source, len(world.sources), streams))
        return Episodes(self, world, entry, streams, Rush(), self.factor)

    def targets(self, world: Simulation) -> list[Target]:
        """The entries, each with its crowd."""
        return [Target(source.entry.name, (), [source]) for source in world.sources if isinstance(source, CrowdSource) and source.spike is self]


class Rush:
    """A crowd comes."""

    __slots__ = ()

    def prepare(self, part: Any) -> None:
        """Nothing: the crowd waits for its time."""

    def begin(self, episode: Episode) -> None:
        for crowd in episode.parts:
            crowd.rush(episode.start, episode.end, episode.magnitude)

    def end(self, episode: Episode) -> None:
        """The last has come already."""
