"""Episodes: what every spike and fault with a schedule has in common.

A live spike plans its episodes one at a time from its own streams; each hits its targets (all of them, or one at random) with a
magnitude drawn for it, and every one is written down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from simulator.engine import EPISODE_END, EPISODE_START
from simulator.randomness import Streams
from simulator.spikes.schedule import draws, intervals
from simulator.spikes.targets import Target

if TYPE_CHECKING:
    from simulator.simulation import Simulation


class Effect(Protocol):
    """What an episode does to everything that it hits: stations, the jobs of some services there, or directions of links."""

    def prepare(self, part: Any) -> None:
        """Before the run."""

    def begin(self, episode: Episode) -> None:
        """The episode starts: its `parts` feel it."""

    def end(self, episode: Episode) -> None:
        """It ends."""


class Episode:
    """One episode: what it hits, from when to when, and how hard."""

    __slots__ = ("end", "magnitude", "more", "number", "parts", "start", "targets")

    def __init__(self, number: int, start: float, end: float, magnitude: float, targets: Sequence[Target]):
        self.number = number  # among its spike's
        self.start = start
        self.end = end
        self.magnitude = magnitude
        self.targets = targets
        self.parts: list[Any] = [part for target in targets for part in target.parts]
        self.more: Any = None  # what the effect wants to remember of it


class Starts:
    """Handles the starts of the episodes of `owner`."""

    __slots__ = ("owner", "rank")

    def __init__(self, owner: Any):
        self.rank = EPISODE_START
        self.owner = owner

    def handle(self, episode: Episode) -> None:
        self.owner.start(episode)


class Ends:
    """Handles the ends of the episodes of `owner`."""

    __slots__ = ("owner", "rank")

    def __init__(self, owner: Any):
        self.rank = EPISODE_END
        self.owner = owner

    def handle(self, episode: Episode) -> None:
        self.owner.end(episode)


class Episodes:
    """A live spike: `spike` has a name, targets and a schedule; without a law of magnitudes they are infinite."""

    __slots__ = ("count", "effect", "ends", "entry", "followers", "magnitudes", "members", "restarts", "shift", "spike", "starts", "targets", "times", "world")

    def __init__(self, spike: Any, world: Simulation, entry: int, streams: Streams, effect: Effect, magnitude: Any = None, restart: Any = None):
        self.spike = spike
        self.world = world
        self.entry = entry
        self.effect = effect
        self.times: Iterator[tuple[float, float]] = intervals(spike, streams)
        self.magnitudes: Iterator[float] | None = draws(magnitude, streams, spike.name, "factor") if magnitude is not None else None
        self.restarts: Iterator[float] | None = draws(restart, streams, spike.name, "restart") if restart is not None else None
        self.shift = 0.0  # s that restarts have taken so far: up-times count from the end of a restart
        self.count = 0
        self.members = streams.generator("spike", spike.name, "member")
        self.targets: list[Target] = spike.targets(world)
        self.followers: list[Any] = []  # cascades that its episodes may start
        self.starts = Starts(self)
        self.ends = Ends(self)
        for target in self.targets:
            for part in target.parts:
                effect.prepare(part)

    def begin(self) -> None:
        """Plans the first episode; explicit ones may overlap, so they are all planned at once."""
        if self.spike.at is not None:
            for start, end in self.times:
                self.plan(start, end)
        else:
            self.plan_next()

    def plan_next(self) -> None:
        """Plans the next episode of the laws or the chain."""
        times = next(self.times, None)
        if times is not None:
            self.plan(times[0] + self.shift, times[1] + self.shift)

    def plan(self, start: float, end: float) -> None:
        """Draws what the episode is and plans its start."""
        targets = self.targets
        if self.spike.at_random:
            targets = [targets[int(self.members.random() * len(targets))]]
        if self.restarts is not None:
            restart = next(self.restarts)
            end += restart
            self.shift += restart
        magnitude = next(self.magnitudes) if self.magnitudes is not None else math.inf
        self.world.environment.at(start, self.starts, Episode(self.count, start, end, magnitude, targets))
        self.count += 1

    def start(self, episode: Episode) -> None:
        """Everything that the episode hits feels it."""
        begin(self.world, self.entry, self.effect, episode)
        for follower in self.followers:
            follower.follow(episode)
        self.world.environment.at(episode.end, self.ends, episode)

    def end(self, episode: Episode) -> None:
        """All is as it was."""
        self.effect.end(episode)
        if self.spike.at is None:
            self.plan_next()


def begin(world: Simulation, entry: int, effect: Effect, episode: Episode) -> None:
    """The episode is written down and felt."""
    for target in episode.targets:
        world.episodes.append([entry, target.name, episode.start, episode.end, episode.magnitude])
    effect.begin(episode)
