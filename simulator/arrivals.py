"""Arrival processes: when the requests of a workload entry come. Open loop: arrivals do not depend on what is served.

Each description has `source(generator)`, which makes the live process: `next_block()` returns the next absolute times [s], not
decreasing, and an empty list once there are no more. Times are sequential sums, so block boundaries leave no trace in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Protocol

import numpy as np

from simulator.closed import Closed
from simulator.descriptions import Choice, description
from simulator.laws import Gamma, TimeLaw
from simulator.modulated import Bursts, Diurnal, Mmpp, Profile, Superposition
from simulator.units import Rate, Seconds

FIRST_BLOCK, LARGEST_BLOCK = 64, 1024


class ArrivalSource(Protocol):
    """A live arrival process."""

    columns: dict[str, np.ndarray]  # attributes of the requests, by index, where the process brings them

    def next_block(self) -> list[float]:
        """The next absolute arrival times [s]; empty at the end."""
        ...


class Intervals:
    """Arrivals after independent intervals of one law."""

    __slots__ = ("block", "columns", "generator", "interval", "last")

    def __init__(self, interval: Any, generator: np.random.Generator):
        self.interval = interval
        self.generator = generator
        self.last = 0.0
        self.block = FIRST_BLOCK
        self.columns: dict[str, np.ndarray] = {}

    def next_block(self) -> list[float]:
        gaps = self.interval.sample(self.generator, self.block)
        gaps[0] += self.last
        times = np.cumsum(gaps).tolist()
        self.last = times[-1]
        self.block = min(2 * self.block, LARGEST_BLOCK)
        return times


class Listed:
    """Arrivals at given times, with columns of attributes where a trace brings them."""

    __slots__ = ("columns", "position", "times")

    def __init__(self, times: np.ndarray, columns: dict[str, np.ndarray]):
        self.times = times
        self.position = 0
        self.columns = columns

    def next_block(self) -> list[float]:
        start, self.position = self.position, self.position + LARGEST_BLOCK
        return self.times[start : self.position].tolist()


@description
class Poisson:
    """A Poisson process: exponential intervals, `rate` a second."""

    rate: Rate
    kind: Literal["poisson"] = "poisson"

    def problem(self) -> str | None:
        return "rate must be above 0" if self.rate <= 0 else None

    def source(self, generator: np.random.Generator) -> ArrivalSource:
        from simulator.laws import Exponential

        return Intervals(Exponential(1.0 / self.rate), generator)

    def mean_rate(self) -> float:
        """Arrivals a second in the long run."""
        return self.rate


@description
class Renewal:
    """Independent intervals: any law as `interval`, or a gamma law by `rate` and `cv`; the first arrival comes after one interval."""

    interval: TimeLaw | None = None
    rate: Rate | None = None
    cv: float | None = None
    kind: Literal["renewal"] = "renewal"

    def problem(self) -> str | None:
        by_moments = self.rate is not None or self.cv is not None
        if (self.interval is not None) == by_moments or (by_moments and (self.rate is None or self.cv is None)):
            return "give either 'interval' (a law), or 'rate' and 'cv'"
        if self.rate is not None and (self.rate <= 0 or (self.cv is not None and self.cv <= 0)):
            return "rate and cv must be above 0"
        if self.interval is not None and not self.interval.moments().mean > 0.0:
            return "the mean interval must be above 0"
        return None

    def law(self) -> Any:
        """The law of an interval."""
        return self.interval if self.interval is not None else Gamma(1.0 / self.rate, self.cv)  # type: ignore[operator, arg-type]

    def source(self, generator: np.random.Generator) -> ArrivalSource:
        return Intervals(self.law(), generator)

    def mean_rate(self) -> float:
        """Arrivals a second in the long run."""
        return 1.0 / self.law().moments().mean


@description
class Times:
    """Requests at explicit times."""

    at: tuple[Seconds, ...]
    kind: Literal["times"] = "times"

    def problem(self) -> str | None:
        return None if list(self.at) == sorted(self.at) else "the times must not decrease"

    def source(self, generator: np.random.Generator) -> ArrivalSource:
        return Listed(np.array(self.at, dtype=float), {})

    def mean_rate(self) -> float:
        """Arrivals a second from time 0 to the last one."""
        return len(self.at) / self.at[-1] if self.at and self.at[-1] > 0 else math.nan


@dataclass(frozen=True)
class TraceData:
    """Rows of a trace: times [s] from the first row of the file on, shape (n,), and attributes by column name, each (n,)."""

    times: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)


@description
class Trace:
    """Replays the arrivals of a file, `speed_up` times as fast; prompt and output tokens come along as attributes.

    The format is told from the file's header where it is not named. `failures`, `model` and `log_type` select rows of a BurstGPT
    trace, `time_unit` is that of a plain one; rows out of order are refused or sorted.
    """

    file: str
    format: Literal["azure-llm", "burstgpt", "mooncake", "plain", "arrived-at"] | None = None
    speed_up: float = 1.0
    failures: Literal["drop", "keep"] = "drop"
    model: str | None = None
    log_type: str | None = None
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    unsorted: Literal["refuse", "sort"] = "refuse"
    sha256: str | None = None
    data: Annotated[Any, "filled in by resolve()"] = field(default=None, repr=False)
    kind: Literal["trace"] = "trace"

    def problem(self) -> str | None:
        return None if self.speed_up > 0 and math.isfinite(self.speed_up) else f"speed_up must be above 0, got {self.speed_up}"

    def times(self) -> np.ndarray:
        """Simulated arrival times [s], shape (n,)."""
        if self.data is None:
            raise ValueError(f"the trace {self.file} has not been read yet")
        return self.data.times / self.speed_up

    def source(self, generator: np.random.Generator) -> ArrivalSource:
        return Listed(self.times(), self.data.columns)

    def mean_rate(self) -> float:
        """Rows a second over the trace's span."""
        times = self.times()
        return len(times) / times[-1] if len(times) and times[-1] > 0 else math.nan


@description
class Tokens:
    """A service time by tokens: `prompt` a prompt token plus `output` an output token, both columns of the entry's trace."""

    prompt: Seconds
    output: Seconds
    kind: Literal["tokens"] = "tokens"

    def of_attributes(self, attributes: dict[str, np.ndarray], first: int, count: int) -> np.ndarray:
        """Work of requests `first` .. `first + count - 1` [s]."""
        rows = slice(first, first + count)
        return self.prompt * attributes["prompt"][rows] + self.output * attributes["output"][rows]

    def mean_of(self, attributes: dict[str, np.ndarray]) -> float:
        """Mean work over a whole trace [s]."""
        return float(self.prompt * attributes["prompt"].mean() + self.output * attributes["output"].mean())


def resolve(arrivals: Any, read_trace: Any) -> Any:
    """The arrivals with every trace in them filled in; `read_trace(trace)` returns TraceData."""
    if isinstance(arrivals, Trace):
        return replace(arrivals, data=read_trace(arrivals))
    if isinstance(arrivals, Bursts):
        return replace(arrivals, of=resolve(arrivals.of, read_trace))
    if isinstance(arrivals, Superposition):
        return replace(arrivals, of=tuple(resolve(part, read_trace) for part in arrivals.of))
    return arrivals


def traces_in(arrivals: Any) -> Iterator[Trace]:
    """Every trace that a process replays, also as a part of another."""
    if isinstance(arrivals, Trace):
        yield arrivals
    elif isinstance(arrivals, Bursts):
        yield from traces_in(arrivals.of)
    elif isinstance(arrivals, Superposition):
        for part in arrivals.of:
            yield from traces_in(part)


ARRIVALS = (Poisson, Renewal, Times, Trace, Mmpp, Profile, Diurnal, Bursts, Superposition, Closed)
CHOICE = Choice("arrival process", ARRIVALS)
Arrivals = Annotated[Any, CHOICE]
