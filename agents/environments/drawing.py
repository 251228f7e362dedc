"""A picture of a running simulation: nodes with their busy workers and queues, links with their backlogs, and the spikes that are on.

Nodes stand by tier, the cloud on top and devices at the bottom; maps of more than a dozen nodes are laid out by Kamada and Kawai's
springs over hops. Everything drawn is the true state, whatever agents are told.
"""

from __future__ import annotations

from itertools import combinations
from math import dist, inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.environments.turns import Turns

if TYPE_CHECKING:
    from simulator.network import Node
    from simulator.simulation import Simulation

TIERS = ("device", "edge", "metro", "cloud")
SMALL = 12  # nodes that are laid out by hand
INK, PALE, PAPER = "#22303c", "#c9d2d9", "#ffffff"
CALM, BUSY, ALARM = "#4c9f70", "#e3a72f", "#c8402f"  # idle to full; and for queues and spikes
DOTS = 10  # waiting jobs drawn one by one; more are written as a number
PIPS = 8  # workers drawn one by one


class Picture:
    """Draws the episodes of one environment, always with the same places."""

    def __init__(self, simulation: Simulation):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.places = layout(simulation)
        self.small = len(simulation.nodes) <= SMALL
        nearest = min((dist(a, b) for a, b in combinations(self.places, 2)), default=1.0)
        self.size = min(0.5, 0.38 * nearest) if self.small else 0.18
        self.figure = Figure(figsize=(8.0, 6.0), dpi=100, facecolor=PAPER)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))

    def draw(self, turns: Turns) -> np.ndarray:
        """uint8 [600, 800, 3]."""
        axes, world = self.axes, turns.simulation
        axes.clear()
        axes.set(xlim=(0.0, 8.0), ylim=(0.0, 6.0), aspect="equal")
        axes.axis("off")
        spiked = active(world, turns.time)
        self.links(world, turns.time, spiked)
        self.decision(turns)
        for node in world.nodes:
            self.node(node, node.name in spiked or any(station.name in spiked for station in node.stations))
        self.captions(turns, spiked)
        self.canvas.draw()
        return np.array(self.canvas.buffer_rgba())[:, :, :3].copy()

    def links(self, world: Simulation, now: float, spiked: dict[str, str]) -> None:
        """A line a pair of nodes, wider and warmer with the time that its worse direction's backlog takes."""
        pairs: dict[tuple[int, int], tuple[float, bool]] = {}
        for link, source in zip(world.links, world.network.sources, strict=True):
            pair = (min(source, link.far), max(source, link.far))
            wait, hit = pairs.get(pair, (0.0, False))
            pairs[pair] = max(wait, link.free_at - now), hit or link.name in spiked or link.index in world.network.down
        for (a, b), (wait, hit) in pairs.items():
            ends = [self.places[a], self.places[b]]
            level = min(max(wait, 0.0) / 0.1, 1.0)  # 100 ms is a full one
            colour = ALARM if hit else blend(PALE, BUSY, level)
            self.axes.plot(*zip(*ends, strict=True), color=colour, lw=1.2 + 3.0 * level, ls=(0, (4, 2)) if hit else "-", zorder=1, solid_capstyle="round")

    def decision(self, turns: Turns) -> None:
        """A halo around whose turn it is, and dotted lines to where the call may go."""
        decision = turns.decision
        if decision is None:
            return
        here = self.places[decision.agent]
        for candidate in decision.candidates:
            if candidate.index != decision.agent:
                there = self.places[candidate.index]
                self.axes.plot(*zip(here, there, strict=True), color=INK, lw=1.0, ls=(0, (1, 3)), zorder=2, alpha=0.7)
        self.disc(here, self.size + 0.1, "none", INK, 1.8, 2)

    def node(self, node: Node, hit: bool) -> None:
        """A disc coloured by how busy its workers are, its name, pips for workers and dots for what waits."""
        x, y = self.places[node.index]
        present = sum(station.number for station in node.stations)
        waiting = sum(station.waiting() for station in node.stations)
        workers = sum(station.workers for station in node.stations)
        share = min((present - waiting) / workers, 1.0) if 0.0 < workers < inf else float(present > 0)
        colour = blend(CALM, BUSY, 2.0 * share) if share < 0.5 else blend(BUSY, ALARM, 2.0 * share - 1.0)
        if not node.stations:
            colour = PALE
        size = self.size
        if hit:
            for wider, alpha in ((1.45, 0.16), (1.25, 0.3)):
                self.disc((x, y), size * wider, ALARM, "none", 0.0, 2, alpha)
        self.disc((x, y), size, PAPER, colour, 4.0 if self.small else 2.5, 3)
        if not self.small:
            self.disc((x, y), size * min(0.25 + 0.75 * waiting / DOTS, 1.0) if waiting else 0.0, ALARM, "none", 0.0, 4)
            return
        fits = min(9.0, 130 * size / max(len(node.name), 1))
        self.axes.text(x, y + 0.14, node.name, ha="center", va="center", fontsize=fits, color=INK, weight="bold", zorder=5)
        busy = int(present - waiting)
        if workers <= PIPS:
            for k in range(int(workers)):
                at = (x + 0.1 * (k - (workers - 1) / 2), y - 0.12)
                self.disc(at, 0.04, colour if k < busy else PAPER, colour, 1.0, 5)
        else:
            of = f"{busy} busy" if not isfinite(workers) else f"{busy} of {workers:g}"
            self.axes.text(x, y - 0.13, of, ha="center", va="center", fontsize=8, color=INK, zorder=5)
        drawn, below = int(min(waiting, DOTS)), y - size - 0.17
        for k in range(drawn):
            self.disc((x + 0.09 * (k - (drawn - 1) / 2), below), 0.036, ALARM, "none", 0.0, 5)
        if waiting > DOTS:
            self.axes.text(x + 0.53, below - 0.005, f"{waiting:.0f}", ha="left", va="center", fontsize=9, color=ALARM, weight="bold", zorder=5)

    def disc(self, at: Any, radius: float, face: str, edge: str, width: float, order: int, alpha: float = 1.0) -> None:
        """One circle."""
        from matplotlib.patches import Circle

        self.axes.add_patch(Circle(at, radius, facecolor=face, edgecolor=edge, lw=width, zorder=order, alpha=alpha))

    def captions(self, turns: Turns, spiked: dict[str, str]) -> None:
        """What time it is, whose turn, which spikes are on, and what the marks mean."""
        world, text = turns.simulation, self.axes.text
        text(0.25, 5.75, f"{turns.time:.2f} s", fontsize=15, weight="bold", color=INK, va="center")
        decision = turns.decision
        said = "the episode is over" if decision is None else f"{decision.agent_name} places '{decision.call_name}' of request {decision.request.id}"
        text(0.25, 5.45, said, fontsize=9.5, color=INK, va="center")
        text(7.75, 5.75, f"{len(world.in_flight)} requests in flight", fontsize=9.5, color=INK, va="center", ha="right")
        lines = [f"{name}: {', '.join(sorted(t for t, n in spiked.items() if n == name))}" for name in dict.fromkeys(spiked.values())]
        for k, line in enumerate(lines[:4]):
            text(7.75, 5.45 - 0.24 * k, line if len(line) < 60 else f"{line[:57]}...", fontsize=9, color=ALARM, va="center", ha="right")
        for k, (colour, words) in enumerate(((CALM, "idle"), (BUSY, "half busy"), (ALARM, "all workers busy"))):
            self.disc((0.35 + 1.15 * k, 0.22), 0.07, PAPER, colour, 2.5, 5)
            text(0.5 + 1.15 * k, 0.22, words, fontsize=8, color=INK, va="center")
        self.disc((4.45, 0.22), 0.05, ALARM, "none", 0.0, 5)
        text(4.57, 0.22, "waits", fontsize=8, color=INK, va="center")
        self.disc((5.3, 0.22), 0.1, ALARM, "none", 0.0, 4, 0.3)
        text(5.47, 0.22, "spike", fontsize=8, color=INK, va="center")
        self.axes.plot([6.2, 6.5], [0.22, 0.22], color=BUSY, lw=4.0)
        text(6.6, 0.22, "backlog on a link", fontsize=8, color=INK, va="center")


def active(world: Simulation, now: float) -> dict[str, str]:
    """The spike's name by target, for the episodes that are on."""
    return {target: world.spike_names[entry] for entry, target, start, end, _ in world.episodes if start <= now < end}


def blend(low: str, high: str, share: float) -> str:
    """A colour between two, as #rrggbb."""
    parts = [int(a, 16) + share * (int(b, 16) - int(a, 16)) for a, b in ((low[i : i + 2], high[i : i + 2]) for i in (1, 3, 5))]
    return "#" + "".join(f"{round(part):02x}" for part in parts)


def layout(simulation: Simulation) -> list[tuple[float, float]]:
    """Where each node stands, within (0.8 .. 7.2, 1.0 .. 4.9)."""
    nodes = simulation.nodes
    if len(nodes) == 1:
        return [(4.0, 3.0)]
    return by_tier(nodes) if len(nodes) <= SMALL else by_springs(simulation)


def by_tier(nodes: list[Node]) -> list[tuple[float, float]]:
    """A row a tier, an arc where there are several nodes, in the file's order."""
    rows = [[node for node in nodes if node.tier == tier] for tier in TIERS]
    rows = [row for row in rows if row]
    places: dict[int, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        height = 3.0 if len(rows) == 1 else 1.55 + 2.95 * level / (len(rows) - 1)
        for k, node in enumerate(row):
            across = (k + 0.5) / len(row)
            bend = 0.0 if len(row) < 3 else 1.1 * (2 * across - 1) ** 2 * (1 if level < len(rows) - 1 or len(rows) == 1 else -1)
            places[node.index] = (0.5 + 7.0 * across, height + (bend if len(row) < 7 else (0.55 if k % 2 else -0.2)))
    return [places[node.index] for node in nodes]


def by_springs(simulation: Simulation) -> list[tuple[float, float]]:
    """Kamada and Kawai's layout over the links."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(simulation.nodes)))
    graph.add_edges_from((source, link.far) for link, source in zip(simulation.links, simulation.network.sources, strict=True))
    found = networkx.kamada_kawai_layout(graph, weight=None)
    places = np.array([found[k] for k in range(len(simulation.nodes))])
    low, high = places.min(0), places.max(0)
    scaled = (places - low) / np.maximum(high - low, 1e-9) * [6.6, 4.0] + [0.7, 0.85]
    return [(float(x), float(y)) for x, y in scaled]
