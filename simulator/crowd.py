"""Flash crowds: requests that come in addition to a workload entry's own while an episode lasts.

The stream has numbers and draws of its own, so the entry's requests are the same with and without it. For a Poisson entry its
arrivals are Poisson with (f - 1) times the rate; for any other they are those of f - 1 independent copies of the entry's process on
the same clock (so that a varying rate varies alike), of which the last is thinned where f is not whole. A trace has no other copy of
itself: its rows of that time come again, f - 1 times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.arrivals import Listed, Poisson
from simulator.errors import SimulationError
from simulator.randomness import Streams
from simulator.source import Source
from simulator.spikes.schedule import draws, intervals

if TYPE_CHECKING:
    from simulator.simulation import Simulation

MOST_COPIES = 1000  # of a process that is not Poisson
PIECE = 4096  # arrivals made at once, about


class CrowdSource(Source):
    """The requests of one flash crowd at one workload entry; they come in episodes and do not keep a run going."""

    __slots__ = ("coins", "copies", "entry", "generator", "pieces", "spike")

    def __init__(self, world: Simulation, spike: Any, entry: Source, index: int, streams: Streams):
        weights = np.diff(entry.cumulative, prepend=0.0).tolist()
        super().__init__(world, f"{entry.name}+{spike.name}", index, entry.application, Listed(np.zeros(0), {}), entry.ingresses, weights, streams)
        self.process = entry.process
        self.entry = entry
        self.spike = spike
        self.coins = streams.generator("entry", self.name, "thinning")
        self.generator = streams.generator("entry", self.name, "arrivals")
        self.copies: list[Copy] = []
        self.pieces: Iterator[np.ndarray] = iter(())
        if isinstance(entry.arrivals, Listed):
            self.arrivals = self.repeated(entry.arrivals)

    def repeated(self, listed: Listed) -> Listed:
        """The rows of a trace that come again in all episodes, with their attributes."""
        last = float(listed.times[-1]) if len(listed.times) else -1.0
        rows = [np.zeros(0, dtype=np.int64)]
        factors = draws(self.spike.factor, self.streams, self.spike.name, "factor")
        for (start, end), factor in zip(intervals(self.spike, self.streams), factors, strict=False):
            if start > last:
                break
            these = np.arange(*np.searchsorted(listed.times, (start, end)))
            whole, part = divmod(max(factor - 1.0, 0.0), 1.0)
            rows.append(np.repeat(these, int(whole) + (self.coins.random(len(these)) < part)))
        chosen = np.concatenate(rows)
        return Listed(listed.times[chosen], {name: column[chosen] for name, column in listed.columns.items()})

    def begin(self) -> None:
        """Nothing comes before the first episode, and the run does not wait for it."""
        self.world.exhausted(self)

    def rush(self, start: float, end: float, factor: float) -> None:
        """An episode starts."""
        self.pieces = self.between(start, end, max(factor - 1.0, 0.0))
        self.plan_next()

    def plan_next(self) -> None:
        """Plans the next arrival of the episode, if there is one."""
        while not self.times:
            piece = next(self.pieces, None)
            if piece is None:
                return
            self.times = piece[::-1].tolist()
        time = self.times.pop()
        if time < self.world.stop_arrivals:
            self.world.environment.at(time, self, None)

    def between(self, start: float, end: float, extra: float) -> Iterator[np.ndarray]:
        """Arrival times in [start, end), ascending, piece by piece; `extra` times the entry's own."""
        if isinstance(self.arrivals, Listed) and isinstance(self.entry.arrivals, Listed):
            first, last = np.searchsorted(self.arrivals.times, (start, end))
            yield self.arrivals.times[first:last]
            return
        if extra == 0.0:
            return
        expected = extra * self.process.mean_rate() * (end - start)
        edges = np.linspace(start, end, int(expected / PIECE) + 2 if np.isfinite(expected) else 2)
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            yield self.poisson(low, high, extra) if isinstance(self.process, Poisson) else self.copied(low, high, extra)

    def poisson(self, low: float, high: float, extra: float) -> np.ndarray:
        """Poisson arrivals in [low, high)."""
        number = self.generator.poisson(extra * self.process.rate * (high - low))
        return low + np.sort(self.generator.random(number)) * (high - low)

    def copied(self, low: float, high: float, extra: float) -> np.ndarray:
        """Arrivals of copies in [low, high)."""
        whole, part = divmod(extra, 1.0)
        wanted = int(whole) + (part > 0.0)
        if wanted > MOST_COPIES:
            raise SimulationError(
                f"{self.name}: a flash crowd of {extra + 1.0:g} times arrivals of kind {self.process.kind!r} takes {wanted:,} copies of them, "
                f"and there are at most {MOST_COPIES:,}"
            )
        while len(self.copies) < wanted:
            generator = self.streams.generator("entry", self.name, "copy", len(self.copies))
            self.copies.append(Copy(self.process.source(generator)))
        found = [copy.between(low, high) for copy in self.copies[:wanted]]
        if part > 0.0:
            found[-1] = found[-1][self.coins.random(len(found[-1])) < part]
        return np.sort(np.concatenate(found))


class Copy:
    """An independent copy of an arrival process, read window by window."""

    __slots__ = ("source", "times")

    def __init__(self, source: Any):
        self.source = source
        self.times = np.zeros(0)

    def between(self, low: float, high: float) -> np.ndarray:
        """Arrivals in [low, high); windows must not go back."""
        found = []
        while True:
            if len(self.times) == 0 or self.times[-1] < low:
                self.times = np.array(self.source.next_block())
                if len(self.times) == 0:
                    break
                continue
            first, last = np.searchsorted(self.times, (low, high))
            found.append(self.times[first:last])
            if last < len(self.times):
                self.times = self.times[last:]
                break
            self.times = np.zeros(0)
        return np.concatenate(found) if found else np.zeros(0)
