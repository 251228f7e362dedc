"""Arrival processes whose rate changes: Markov-modulated and non-homogeneous Poisson, bursts, superpositions.

All are exact: a modulated process draws the stays of its states and, given a stay, a Poisson number of uniform arrivals; a
time-varying one thins a Poisson process at its highest rate (Lewis and Shedler 1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import merge
from typing import Annotated, Any, Literal

import numpy as np

from simulator.descriptions import description
from simulator.laws import NumberLaw
from simulator.units import Rate, Seconds, Share

OPEN_ONLY = "of must be an open process: the users of a closed loop wait for their own requests"
PIECE = 1024  # arrivals in a block, about


class InnerArrivalsMarker:
    """Marks an arrival process inside another (the union is only known once every process is)."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from simulator.arrivals import CHOICE

        return CHOICE.__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"x-choice": "arrival process"}


InnerArrivals = Annotated[Any, InnerArrivalsMarker()]


class Streamed:
    """A live process over an endless iterator of arrays of arrival times."""

    __slots__ = ("pieces", "columns")

    def __init__(self, pieces: Iterator[np.ndarray]):
        self.pieces = pieces
        self.columns: dict[str, np.ndarray] = {}

    def next_block(self) -> list[float]:
        """The next times; empty at the end."""
        for piece in self.pieces:
            if len(piece):
                return piece.tolist()
        return []


@description
class Mmpp:
    """Markov-modulated Poisson: `rates` of states visited in turn, which last exponential times of mean `stays`; started stationary."""

    rates: tuple[Rate, ...]
    stays: tuple[Seconds, ...]
    kind: Literal["mmpp"] = "mmpp"

    def problem(self) -> str | None:
        if len(self.rates) != len(self.stays) or len(self.rates) < 2:
            return f"'rates' and 'stays' must be equally long, two states or more, got {len(self.rates)} and {len(self.stays)}"
        if min(self.stays) <= 0:
            return "stays must be above 0"
        if max(self.rates) <= 0:
            return "rates must have one above 0"
        return None

    def source(self, generator: np.random.Generator) -> Streamed:
        return Streamed(self.pieces(generator))

    def pieces(self, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Arrival times, a stay at a time."""
        shares = np.cumsum(self.stays) / sum(self.stays)
        state = int(np.searchsorted(shares, generator.random(), side="right"))
        now = 0.0
        while True:
            stay = float(generator.exponential(self.stays[state]))
            number = int(generator.poisson(self.rates[state] * stay))
            yield now + np.sort(generator.random(number)) * stay
            now += stay
            state = (state + 1) % len(self.rates)

    def mean_rate(self) -> float:
        """Arrivals a second in the long run."""
        return sum(rate * stay for rate, stay in zip(self.rates, self.stays, strict=True)) / sum(self.stays)


def thinned(generator: np.random.Generator, highest: float, rate: Any, end: float = math.inf) -> Iterator[np.ndarray]:
    """A Poisson process with `rate(times)` [1/s], at most `highest`, up to `end`."""
    now = 0.0
    while now < end:
        times = now + np.cumsum(generator.exponential(1.0 / highest, PIECE))
        kept = times[generator.random(PIECE) * highest < rate(times)]
        now = float(times[-1])
        yield kept[kept < end]


@description
class Profile:
    """Poisson with a rate that runs in straight lines through `rates` at `times`; repeated, or ended with the last point."""

    times: tuple[Seconds, ...]
    rates: tuple[Rate, ...]
    repeat: bool = True
    kind: Literal["profile"] = "profile"

    def problem(self) -> str | None:
        if len(self.times) != len(self.rates) or len(self.times) < 2:
            return "'times' and 'rates' must be equally long, two points or more"
        if self.times[0] != 0.0 or any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            return "the times must start at 0 s and rise"
        return None if max(self.rates) > 0 else "at least one rate must be above 0"

    def source(self, generator: np.random.Generator) -> Streamed:
        period = self.times[-1]

        def rate(times: np.ndarray) -> np.ndarray:
            return np.interp(np.mod(times, period) if self.repeat else times, self.times, self.rates)

        return Streamed(thinned(generator, max(self.rates), rate, math.inf if self.repeat else period))

    def mean_rate(self) -> float:
        """Arrivals a second, averaged over the profile."""
        return float(np.trapezoid(self.rates, self.times) / self.times[-1])


@description
class Diurnal:
    """Poisson with a rate that swings like a sine around `mean` by `amplitude`, once a `period`, rising at `phase`."""

    mean: Rate
    amplitude: Share
    period: Seconds
    phase: Seconds = 0.0
    kind: Literal["diurnal"] = "diurnal"

    def problem(self) -> str | None:
        return None if self.mean > 0 and self.period > 0 else "mean and period must be above 0"

    def source(self, generator: np.random.Generator) -> Streamed:
        def rate(times: np.ndarray) -> np.ndarray:
            return self.mean * (1.0 + self.amplitude * np.sin(2.0 * np.pi * (times - self.phase) / self.period))

        return Streamed(thinned(generator, self.mean * (1.0 + self.amplitude), rate))

    def mean_rate(self) -> float:
        """Arrivals a second over whole periods."""
        return self.mean


@description
class Bursts:
    """Every arrival of the process `of` brings `size` requests at one instant (a law is rounded, at least 1)."""

    size: NumberLaw
    of: InnerArrivals
    kind: Literal["bursts"] = "bursts"

    def problem(self) -> str | None:
        if not hasattr(self.of, "source"):
            return OPEN_ONLY
        return None if self.size.moments().mean >= 1.0 else "size must be at least 1"

    def source(self, generator: np.random.Generator) -> Streamed:
        sizes, times = generator.spawn(2)
        inner = self.of.source(times)

        def pieces() -> Iterator[np.ndarray]:
            while block := inner.next_block():
                number = np.maximum(np.rint(self.size.sample(sizes, len(block))), 1.0).astype(np.int64)
                yield np.repeat(np.array(block), number)

        return Streamed(pieces())

    def mean_rate(self) -> float:
        """Requests a second in the long run (the mean size as it is declared)."""
        return self.of.mean_rate() * self.size.moments().mean


@description
class Superposition:
    """All arrivals of several processes together."""

    of: tuple[InnerArrivals, ...]
    kind: Literal["superposition"] = "superposition"

    def problem(self) -> str | None:
        if any(not hasattr(process, "source") for process in self.of):
            return OPEN_ONLY
        return None if self.of else "'of' must name at least one process"

    def source(self, generator: np.random.Generator) -> Streamed:
        parts = [process.source(child) for process, child in zip(self.of, generator.spawn(len(self.of)), strict=True)]

        def times(part: Any) -> Iterator[float]:
            while block := part.next_block():
                yield from block

        def pieces() -> Iterator[np.ndarray]:
            together, piece = merge(*map(times, parts)), []
            for time in together:
                piece.append(time)
                if len(piece) == PIECE:
                    yield np.array(piece)
                    piece = []
            yield np.array(piece)

        return Streamed(pieces())

    def mean_rate(self) -> float:
        """Arrivals a second in the long run."""
        return sum(process.mean_rate() for process in self.of)
