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

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.station import Station


class Target:
    """Something an episode hits: a node's name and the stations on it."""

    __slots__ = ("name", "stations")

    def __init__(self, name: str, stations: Sequence[Station]):
        self.name = name
        self.stations = stations


class Effect(Protocol):
    """What an episode does to a station."""

    def prepare(self, station: Station) -> None:
        """Before the run."""

    def begin(self, station: Station, magnitude: float) -> None:
        """The episode starts."""

    def end(self, station: Station, magnitude: float) -> None:
        """It ends."""


class Episode:
    """One episode: what it hits, from when to when, and how hard."""

    __slots__ = ("end", "magnitude", "start", "targets")

    def __init__(self, start: float, end: float, magnitude: float, targets: Sequence[Target]):
        self.start = start
        self.end = end
        self.magnitude = magnitude
        self.targets = targets


class Starts:
    """Handles the starts of episodes."""

    __slots__ = ("owner", "rank")

    def __init__(self, owner: Episodes):
        self.rank = EPISODE_START
        self.owner = owner

    def handle(self, episode: Episode) -> None:
        self.owner.start(episode)


class Ends:
    """Handles the ends of episodes."""

    __slots__ = ("owner", "rank")

    def __init__(self, owner: Episodes):
        self.rank = EPISODE_END
        self.owner = owner

    def handle(self, episode: Episode) -> None:
        self.owner.end(episode)


class Episodes:
    """A live spike on stations: `spike` has a name, nodes and a schedule; without a law of magnitudes they are infinite."""

    __slots__ = ("effect", "ends", "entry", "magnitudes", "members", "restarts", "shift", "spike", "starts", "targets", "times", "world")

    def __init__(self, spike: Any, world: Simulation, entry: int, streams: Streams, effect: Effect, magnitude: Any = None, restart: Any = None):
        self.spike = spike
        self.world = world
        self.entry = entry
        self.effect = effect
        self.times: Iterator[tuple[float, float]] = intervals(spike.name, spike.at, spike.duration, spike.up, spike.down, streams)
        self.magnitudes: Iterator[float] | None = draws(magnitude, streams, spike.name, "factor") if magnitude is not None else None
        self.restarts: Iterator[float] | None = draws(restart, streams, spike.name, "restart") if restart is not None else None
        self.shift = 0.0  # s that restarts have taken so far: up-times count from the end of a restart
        self.members = streams.generator("spike", spike.name, "member")
        self.targets = [Target(world.nodes[node].name, world.nodes[node].stations) for node in spike.nodes.members(world.nodes)]
        self.starts = Starts(self)
        self.ends = Ends(self)
        for target in self.targets:
            for station in target.stations:
                effect.prepare(station)

    def begin(self) -> None:
        """Plans the first episode; explicit ones may overlap, so they are all planned at once."""
        if self.spike.at is not None:
            for start, end in self.times:
                self.plan(start, end)
        else:
            self.plan_next()

    def plan_next(self) -> None:
        """Plans the next episode of the up and down laws."""
        times = next(self.times, None)
        if times is not None:
            self.plan(times[0] + self.shift, times[1] + self.shift)

    def plan(self, start: float, end: float) -> None:
        """Draws what the episode is and plans its start."""
        targets = self.targets
        if self.spike.nodes.one_at_random:
            targets = [targets[int(self.members.random() * len(targets))]]
        if self.restarts is not None:
            restart = next(self.restarts)
            end += restart
            self.shift += restart
        magnitude = next(self.magnitudes) if self.magnitudes is not None else math.inf
        self.world.environment.at(start, self.starts, Episode(start, end, magnitude, targets))

    def start(self, episode: Episode) -> None:
        """Everything that the episode hits feels it."""
        for target in episode.targets:
            self.world.episodes.append([self.entry, target.name, episode.start, episode.end, episode.magnitude])
            for station in target.stations:
                self.effect.begin(station, episode.magnitude)
        self.world.environment.at(episode.end, self.ends, episode)

    def end(self, episode: Episode) -> None:
        """All is as it was."""
        for target in episode.targets:
            for station in target.stations:
                self.effect.end(station, episode.magnitude)
        if self.spike.at is None:
            self.plan_next()
