"""What an episode hits: the stations of nodes, the jobs of some services there, or directions of links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.jobs_of import JobsOf
from simulator.link_places import LinkPlace
from simulator.places import Place

if TYPE_CHECKING:
    from simulator.simulation import Simulation


class Target:
    """Something that an episode hits: its name, the nodes where it is, and the live parts of it that feel the effect."""

    __slots__ = ("name", "nodes", "parts")

    def __init__(self, name: str, nodes: tuple[int, ...], parts: Sequence[Any]):
        self.name = name
        self.nodes = nodes
        self.parts = parts

    @property
    def key(self) -> tuple[int, ...]:
        """Its nodes in ascending order: the same for both directions of a link."""
        return tuple(sorted(self.nodes))


class OnNodes:
    """What descriptions of spikes on `nodes` and `services` have in common."""

    nodes: Place | None
    services: tuple[str, ...] | None

    @property
    def at_random(self) -> bool:
        """Whether each episode hits one member of the place."""
        return self.nodes is not None and self.nodes.one_at_random

    def target_problem(self) -> str | None:
        """What is wrong with the targets, in one sentence, or None."""
        return "a target is missing: give 'nodes', 'services', or both" if self.nodes is None and self.services is None else None

    def targets(self, world: Simulation) -> list[Target]:
        """The nodes, or the services on those of them where they run."""
        nodes = range(len(world.nodes)) if self.nodes is None else self.nodes.members(world.nodes)
        found = [self.target(world, node) for node in nodes]
        return [target for target in found if target.parts or self.services is None]

    def target(self, world: Simulation, number: int) -> Target:
        """One node, or the services on it: whole stations where nothing else is served there."""
        node = world.nodes[number]
        if self.services is None:
            return Target(node.name, (number,), node.stations)
        parts: list[Any] = []
        for station in node.stations:
            mine = [service for service in station.services if service in self.services]
            if mine and len(mine) == len(station.services):
                parts.append(station)
            elif mine:
                parts.append(JobsOf(station, frozenset(mine)))
        return Target(f"{', '.join(self.services)} on {node.name}", (number,), parts)

    def all_targets(self, world: Simulation) -> list[Target]:
        """Everything of the kind, where a cascade may go."""
        found = [self.target(world, node) for node in range(len(world.nodes))]
        return [target for target in found if target.parts or self.services is None]

    def neighbours(self, world: Simulation, targets: Sequence[Target]) -> dict[tuple[int, ...], list[Target]]:
        """Where a cascade goes from each target: over every link, in either direction."""
        ends = directions(world)
        joined = {*ends, *((b, a) for a, b in ends)}
        return {one.key: [other for other in targets if (one.nodes[0], other.nodes[0]) in joined] for one in targets}


class OnLinks:
    """What descriptions of spikes on `links` have in common."""

    links: LinkPlace

    @property
    def at_random(self) -> bool:
        """Whether each episode hits one of the links."""
        return self.links.one_at_random

    def changes(self, nodes: Sequence[Any], directions: Sequence[tuple[int, int]]) -> list[int]:
        """Indices of the link directions that it may change."""
        return [i for _, members in self.links.members(nodes, directions) for i in members]

    def targets(self, world: Simulation) -> list[Target]:
        """The links."""
        return link_targets(world, self.links)

    def all_targets(self, world: Simulation) -> list[Target]:
        """Every link, where a cascade may go."""
        return link_targets(world, LinkPlace(everything=True))

    def neighbours(self, world: Simulation, targets: Sequence[Target]) -> dict[tuple[int, ...], list[Target]]:
        """Where a cascade goes from each link: to those that meet it at a node."""
        meeting: dict[int, list[Target]] = {}
        for target in targets:
            for node in target.nodes:
                meeting.setdefault(node, []).append(target)
        return {one.key: [other for node in one.key for other in meeting[node] if other is not one] for one in targets}


def link_targets(world: Simulation, links: LinkPlace) -> list[Target]:
    """Links as targets: both directions together, unless only one is meant."""
    ends = directions(world)
    return [Target(name, ends[members[0]], [world.links[i] for i in members]) for name, members in links.members(world.nodes, ends)]


def directions(world: Simulation) -> list[tuple[int, int]]:
    """(from, to) of every direction of a link, as indices of nodes."""
    return [(source, link.far) for source, link in zip(world.network.sources, world.links, strict=True)]
