"""Slow-downs: the speed of nodes is divided by a factor during an episode.

`applies: in_progress` slows the work already being served as well (time-varying capacity); `at_start` multiplies the work of
services that start during the episode and leaves the others alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.descriptions import description
from simulator.engine import EPISODE_END, EPISODE_START
from simulator.laws import NumberLaw, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.schedule import draws, intervals, scenario_key, schedule_problem
from simulator.station import FROZEN
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.spikes.freeze import Freeze


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
        return Episodes(self, world, entry, streams)


class Episode:
    """One episode: the nodes it hits, from when to when, by what factor."""

    __slots__ = ("end", "factor", "nodes", "start")

    def __init__(self, start: float, end: float, factor: float, nodes: tuple[int, ...]):
        self.start = start
        self.end = end
        self.factor = factor
        self.nodes = nodes


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
    """The live slow-down: plans one episode at a time from its own streams."""

    __slots__ = ("ends", "entry", "factors", "members", "spike", "starts", "targets", "times", "world")

    def __init__(self, spike: SlowDown | Freeze, world: Simulation, entry: int, streams: Streams):
        self.spike = spike
        self.world = world
        self.entry = entry
        self.times: Iterator[tuple[float, float]] = intervals(spike.name, spike.at, spike.duration, spike.up, spike.down, streams)
        self.factors: Iterator[float] = draws(spike.factor, streams, spike.name, "factor")
        self.members = streams.generator("spike", spike.name, "member")
        self.targets = spike.nodes.members(world.nodes)
        self.starts = Starts(self)
        self.ends = Ends(self)
        if spike.applies == "in_progress":
            for node in self.targets:
                for station in world.nodes[node].stations:
                    station.track()

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
            self.plan(*times)

    def plan(self, start: float, end: float) -> None:
        """Draws what the episode is and plans its start."""
        targets = self.targets
        if self.spike.nodes.one_at_random:
            targets = (targets[int(self.members.random() * len(targets))],)
        self.world.environment.at(start, self.starts, Episode(start, end, next(self.factors), targets))

    def start(self, episode: Episode) -> None:
        """The speed of every station on the nodes hit is divided."""
        world = self.world
        magnitude = episode.factor if episode.factor < FROZEN else math.inf
        for node in episode.nodes:
            world.episodes.append([self.entry, world.nodes[node].name, episode.start, episode.end, magnitude])
            for station in world.nodes[node].stations:
                if self.spike.applies == "in_progress":
                    station.slow_down(episode.factor, self.entry)
                else:
                    station.slow_starts(episode.factor, self.entry)
        world.environment.at(episode.end, self.ends, episode)

    def end(self, episode: Episode) -> None:
        """The speed comes back."""
        for node in episode.nodes:
            for station in self.world.nodes[node].stations:
                if self.spike.applies == "in_progress":
                    station.speed_up(episode.factor)
                else:
                    station.free_starts(episode.factor)
        if self.spike.at is None:
            self.plan_next()
