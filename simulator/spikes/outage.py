"""Outages: nodes stop and forget. What they had in service and in line is lost, what arrives meanwhile is lost too.

Every attempt there fails at once, and is tried again elsewhere or later where its call has retries. After the episode the nodes
restart, which takes its own time. Links of the node go on, since a node's switch has its own power supply, unless `links: true`:
then every link that ends there is down as long, and what crosses it goes another way or ends (`simulator.changing_link`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.changing_link import ChangingLink, fail_links, restore_links
from simulator.descriptions import description
from simulator.laws import TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.schedule import Chain, scenario_key, schedule_problem
from simulator.spikes.targets import OnNodes, Target, directions
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class Outage(OnNodes):
    """All work on `nodes`, or of `services` (there), is lost and none is taken while an episode lasts, and then until they have restarted (`restart`)."""

    name: str
    nodes: Nodes | None = None
    services: tuple[str, ...] | None = None
    restart: TimeLaw | None = None
    links: bool = False
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    chain: Chain | None = None
    kind: Literal["outage"] = "outage"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if self.links and self.services is not None:
            return "links go down with nodes: leave out 'services'"
        return self.target_problem() or schedule_problem(self.at, self.duration, self.up, self.down, self.chain)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, self.effect(world, entry, streams), restart=self.restart)

    def effect(self, world: Simulation, entry: int, streams: Streams) -> Down:
        """What an episode does, in the name of `entry`."""
        return Down(world)

    def target(self, world: Simulation, number: int) -> Target:
        """A node, with the links that end there where they go down with it."""
        found = super().target(world, number)
        if not self.links:
            return found
        links = [link for ends, link in zip(directions(world), world.links, strict=True) if number in ends]
        return Target(found.name, found.nodes, [*found.parts, *links])

    def changes(self, nodes: Sequence[Any], directions: Sequence[tuple[int, int]]) -> Iterable[int]:
        """Indices of the link directions that it may change."""
        struck = self.nodes.members(nodes) if self.links and self.nodes is not None else ()
        return [i for i, ends in enumerate(directions) if ends[0] in struck or ends[1] in struck]


class Down:
    """Stations are out of order, and links down."""

    __slots__ = ("world",)

    def __init__(self, world: Simulation):
        self.world = world

    def prepare(self, part: Any) -> None:
        if not isinstance(part, ChangingLink):
            part.track()

    def begin(self, episode: Episode) -> None:
        for part in episode.parts:
            if not isinstance(part, ChangingLink):
                part.break_down()
        fail_links(self.world, [part for part in episode.parts if isinstance(part, ChangingLink)])

    def end(self, episode: Episode) -> None:
        for part in episode.parts:
            if not isinstance(part, ChangingLink):
                part.repair()
        restore_links(self.world, [part for part in episode.parts if isinstance(part, ChangingLink)])
