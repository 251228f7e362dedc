"""Cascades: an episode of another entry starts others on its neighbours, with a probability, after a delay, up to a depth.

From a node it goes to the nodes that share a link with it, from a link to the links that meet it at a node. Within what follows from
one episode everything is hit at most once, with the magnitude of the cause. The draws of a step belong to the episode that began it
all, to where the step comes from and where it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from simulator.descriptions import description
from simulator.laws import Deterministic, TimeLaw
from simulator.randomness import Streams
from simulator.spikes.episodes import Ends, Episode, Starts, begin
from simulator.units import Share

if TYPE_CHECKING:
    from simulator.simulation import Simulation
    from simulator.spikes.targets import Target

DEEPEST = 100


@description
class Cascade:
    """Episodes of the entry `of` start others on neighbours with `probability`, after `delay`, up to `depth` steps away; they last as long as
    their cause, or `lasts`."""

    name: str
    of: str
    probability: Share
    delay: TimeLaw = Deterministic(0.0)
    depth: int = 1
    lasts: TimeLaw | None = None
    kind: Literal["cascade"] = "cascade"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return None if 1 <= self.depth <= DEEPEST else f"depth must be from 1 to {DEEPEST}, got {self.depth}"

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Spreading:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Spreading(self, world, entry, streams)


class Outbreak:
    """What follows from one episode of the cause: its number, and what it has hit so far."""

    __slots__ = ("hit", "number")

    def __init__(self, cause: Episode):
        self.number = cause.number
        self.hit = {target.key for target in cause.targets}


class Step(Episode):
    """An episode of a cascade."""

    __slots__ = ("depth", "outbreak")

    def __init__(self, outbreak: Outbreak, depth: int, start: float, end: float, magnitude: float, target: Target):
        super().__init__(outbreak.number, start, end, magnitude, [target])
        self.outbreak = outbreak
        self.depth = depth


class Spreading:
    """A live cascade."""

    __slots__ = ("effect", "ends", "entry", "neighbours", "spike", "starts", "streams", "world")

    effect: Any  # what its cause does, in its own name

    def __init__(self, spike: Cascade, world: Simulation, entry: int, streams: Streams):
        self.spike = spike
        self.world = world
        self.entry = entry
        self.streams = streams
        self.starts = Starts(self)
        self.ends = Ends(self)
        self.neighbours: dict[tuple[int, ...], list[Target]] = {}

    def begin(self) -> None:
        """Follows the episodes of its cause."""
        cause = next(live for live in self.world.spikes if live.spike.name == self.spike.of)
        cause.followers.append(self)
        self.effect = cause.spike.effect(self.world, self.entry, self.streams)
        targets = cause.spike.all_targets(self.world)
        self.neighbours = cause.spike.neighbours(self.world, targets)
        for target in targets:
            for part in target.parts:
                self.effect.prepare(part)

    def follow(self, cause: Episode) -> None:
        """An episode of the cause has started."""
        outbreak = Outbreak(cause)
        for target in cause.targets:
            self.spread(outbreak, cause, target, 1)

    def spread(self, outbreak: Outbreak, cause: Episode, origin: Target, depth: int) -> None:
        """Draws which neighbours of `origin` follow, and plans their episodes."""
        spike = self.spike
        for target in self.neighbours.get(origin.key, ()):
            if target.key in outbreak.hit:
                continue
            generator = self.streams.generator("spike", spike.name, outbreak.number, origin.name, target.name)
            if generator.random() >= spike.probability:
                continue
            start = cause.start + float(spike.delay.sample(generator, 1)[0])
            length = cause.end - cause.start if spike.lasts is None else float(spike.lasts.sample(generator, 1)[0])
            step = Step(outbreak, depth, start, start + length, cause.magnitude, target)
            step.more = cause.more
            outbreak.hit.add(target.key)
            self.world.environment.at(start, self.starts, step)

    def start(self, step: Step) -> None:
        """A neighbour is hit, and may hit its own."""
        begin(self.world, self.entry, self.effect, step)
        if step.depth < self.spike.depth:
            self.spread(step.outbreak, step, step.targets[0], step.depth + 1)
        self.world.environment.at(step.end, self.ends, step)

    def end(self, step: Step) -> None:
        """It is as it was."""
        self.effect.end(step)
