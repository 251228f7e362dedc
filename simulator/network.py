"""The network: nodes, directed links and next-hop tables; what a transfer costs at rest.

Routes are shortest paths by delay (propagation plus a reference size's transmission), hops, or a declared weight, ties to the
neighbour declared first (`simulator.routes`), over the links that are not down. Nothing waits here: queues are in the links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.energy import Power
from simulator.errors import SimulationError
from simulator.link import NOWHERE, Link
from simulator.routes import distances, next_hops
from simulator.station import Station

if TYPE_CHECKING:
    from simulator.residency import Memory

TABLES_KEPT = 64  # routing tables of different failures


@dataclass
class Node:
    """A place where services run and requests enter."""

    name: str
    index: int
    tier: str = "edge"
    groups: tuple[str, ...] = ()
    workers: float = 1.0
    speed: float = 1.0
    power: Power | None = None
    price: float = 0.0  # a second

    def __post_init__(self) -> None:
        self.station: Station | None = None  # shared by all services deployed here without workers of their own
        self.memory: Memory | None = None  # for models; None where none need it
        self.stations: list[Station] = []  # every station on the node, the shared one included


class Network:
    """Directed links between nodes and the next hop from everywhere to everywhere."""

    __slots__ = ("by", "cache", "down", "healthy", "links", "matrix", "nodes", "onward", "reference", "sources", "tables", "towards", "weights")

    def __init__(self, nodes: list[Node], links: list[Link], sources: list[int], by: str, reference: float, weights: list[float | None]):
        self.nodes = nodes
        self.links = links
        self.sources = sources  # by link: index of the node it leaves
        self.by = by
        self.reference = reference  # bits
        self.weights = [self._weight(link, declared) for link, declared in zip(links, weights, strict=True)]
        self.cache: dict[tuple[int, int], tuple[float, float, float]] = {}
        self.matrix: np.ndarray | None = None
        self.towards: list[list[Link | None]] = []  # next link by node and target; a new table comes with every change
        self.onward = self.towards  # the same for what is under way: NOWHERE where no path is left
        self.down: set[int] = set()  # links that have failed
        self.tables: dict[frozenset[int], list[list[Link | None]]] = {}  # by the links that are down
        self.reroute()
        self.healthy = self.towards

    def _weight(self, link: Link, declared: float | None) -> float:
        if self.by == "hops":
            return 1.0
        if self.by == "weight":
            if declared is None:
                raise SimulationError(f"link {link.name}: routing by weight needs a weight on every link")
            return declared
        return link.propagation + self.reference / link.rate

    def reroute(self) -> None:
        """Makes the next-hop tables for the links that are not down, and hands every link the row of the node it leads to."""
        failed = frozenset(self.down)
        towards = self.tables.get(failed)
        if towards is None:
            if len(self.tables) > TABLES_KEPT:
                self.tables.clear()
            table = next_hops(len(self.nodes), self.sources, [link.far for link in self.links], self.weights, failed)
            towards = self.tables[failed] = [[self.links[hop] if hop >= 0 else None for hop in row] for row in table]
        self.towards = self.onward = towards
        if failed:
            self.onward = [[NOWHERE if link is None and target != at else link for target, link in enumerate(row)] for at, row in enumerate(towards)]
        for link in self.links:
            link.towards = self.onward[link.far]
        self.cache.clear()

    def distance(self, source: int, target: int) -> float:
        """Weight of the shortest path while no link is down; inf where there is none."""
        if self.matrix is None:
            self.matrix = distances(len(self.nodes), self.sources, [link.far for link in self.links], self.weights)
        return float(self.matrix[source, target])

    def path(self, source: int, target: int) -> list[Link]:
        """The links from `source` to `target`, empty when they are one node; SimulationError where there is no path."""
        links = []
        at = source
        while at != target:
            link = self.towards[at][target]
            if link is None:
                raise SimulationError(f"no path from {self.nodes[source].name} to {self.nodes[target].name}")
            links.append(link)
            at = link.far
        return links

    def unloaded_time(self, source: int, target: int, bits: float, mtu: float = float("inf")) -> float:
        """Time a message of `bits` takes over empty links [s], store and forward; inf where there is no path.

        Whole: sum(S/B + d). In packets of at most `mtu` bits: sum(l/B) + (m - 1) max(l/B) + sum d (Kurose and Ross, ch. 1).
        """
        if source == target:
            return 0.0
        if self.towards[source][target] is None:
            return float("inf")
        if (source, target) not in self.cache:
            path = self.path(source, target)
            self.cache[source, target] = (
                sum(link.propagation for link in path),
                sum(1.0 / link.rate for link in path),
                max(1.0 / link.rate for link in path),
            )
        propagation, per_bit, slowest = self.cache[source, target]
        if bits <= mtu:
            return propagation + bits * per_bit
        return propagation + mtu * per_bit + (bits - mtu) * slowest
