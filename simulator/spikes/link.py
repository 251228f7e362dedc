"""Links that get worse for a while: slower, longer, lossier, or failed.

Routes stay as they are while links are only worse; when one fails they are found anew (`simulator.changing_link`). What a message
is transmitted or propagates longer than it would over the healthy link is written down as this entry's; where several work
together it is that of the last to begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.changing_link import ChangingLink, Hazard, fail_links, restore_links
from simulator.descriptions import description
from simulator.laws import Deterministic, NumberLaw, TimeLaw
from simulator.link_places import Links
from simulator.randomness import Streams
from simulator.source import LinkColumns
from simulator.spikes.episodes import Episode, Episodes
from simulator.spikes.schedule import Chain, draws, scenario_key, schedule_problem
from simulator.spikes.targets import OnLinks
from simulator.units import Seconds, Share

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class LinkSpike(OnLinks):
    """While an episode lasts `links` fail (`fails`), or have their bandwidth divided by `factor`, `propagation` added, and `loss` besides their own."""

    name: str
    links: Links
    factor: NumberLaw | None = None
    propagation: TimeLaw | None = None
    loss: Share = 0.0
    fails: bool = False
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    chain: Chain | None = None
    kind: Literal["link"] = "link"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        worse = self.factor is not None or self.propagation is not None or self.loss > 0.0
        if self.fails == worse:
            return "give what happens to the links: 'fails: true', or some of 'factor', 'propagation' and 'loss'"
        return schedule_problem(self.at, self.duration, self.up, self.down, self.chain)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams, self.effect(world, entry, streams), None if self.fails else Severity(self))

    def effect(self, world: Simulation, entry: int, streams: Streams) -> Failed | Degraded:
        """What an episode does, in the name of `entry`."""
        return Failed(world) if self.fails else Degraded(self, entry, streams)


class Severity:
    """The law of what is recorded as an episode's magnitude: the factor, else the added propagation [s], else the loss."""

    __slots__ = ("law",)

    def __init__(self, spike: LinkSpike):
        self.law = spike.factor or spike.propagation or Deterministic(spike.loss)

    def sample(self, generator: Any, size: int) -> Any:
        """Draws."""
        return self.law.sample(generator, size)


class Degraded:
    """Links are slower, longer, lossier."""

    __slots__ = ("coins", "entry", "extras", "hazards", "spike")

    def __init__(self, spike: LinkSpike, entry: int, streams: Streams):
        self.spike = spike
        self.entry = entry
        self.coins = LinkColumns(streams)
        self.hazards: dict[ChangingLink, Hazard] = {}
        self.extras: Iterator[float] | None = None
        if spike.factor is not None and spike.propagation is not None:
            self.extras = draws(spike.propagation, streams, spike.name, "propagation")

    def prepare(self, part: ChangingLink) -> None:
        """Nothing: the link is one that can change."""

    def begin(self, episode: Episode) -> None:
        spike = self.spike
        factor = episode.magnitude if spike.factor is not None else 1.0
        if episode.more is None:
            episode.more = next(self.extras) if self.extras is not None else episode.magnitude if spike.propagation is not None else 0.0
        for link in episode.parts:
            link.degrade(self.entry, factor, episode.more, self.hazard(link) if spike.loss > 0.0 else None)

    def hazard(self, link: ChangingLink) -> Hazard:
        """The loss that this spike adds on one link: one object a link, with the spike's own coins."""
        found = self.hazards.get(link)
        if found is None:
            found = self.hazards[link] = Hazard(self.spike.loss, self.coins.uniform(f"lost by {self.spike.name}", link.name))
        return found

    def end(self, episode: Episode) -> None:
        spike = self.spike
        factor = episode.magnitude if spike.factor is not None else 1.0
        for link in episode.parts:
            link.mend(factor, episode.more, self.hazards.get(link))


class Failed:
    """Links are down."""

    __slots__ = ("world",)

    def __init__(self, world: Simulation):
        self.world = world

    def prepare(self, part: ChangingLink) -> None:
        """Nothing: the link is one that can change."""

    def begin(self, episode: Episode) -> None:
        fail_links(self.world, episode.parts)

    def end(self, episode: Episode) -> None:
        restore_links(self.world, episode.parts)
