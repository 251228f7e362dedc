"""Links whose delay follows a recording of round-trip times: matrices between nodes, one an interval.

For a direction from a to b the recording says M_0[i][j], M_1[i][j] ..., with i and j the rows of a and b (or one `pair` for all links).
While matrix k is in force, from k * interval on, the direction's propagation is longer by half the excess max(M_k[i][j] - reference, 0),
the reference being the least or the median value of this series: the declared propagation stands for the usual way, the recording for
what is unusual, half of it each way. An entry that is 0 or no number was not measured: the value before it stays, before the first
the reference. After the last matrix all is as declared, or the recording starts again (`repeat`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from simulator.changing_link import ChangingLink
from simulator.descriptions import description
from simulator.engine import EPISODE_START
from simulator.link_places import Links
from simulator.spikes.targets import OnLinks
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class RttRecording(OnLinks):
    """The propagation of `links` follows the RTT matrices in `file` (a pattern with *, in the order of their numbers), one an `interval`."""

    name: str
    links: Links
    file: str
    unit: Literal["s", "ms", "us"]
    interval: Seconds
    pair: tuple[int, int] | None = None
    rows: dict[str, int] | None = None
    reference: Literal["minimum", "median"] = "median"
    repeat: bool = False
    sha256: str | None = None
    kind: Literal["rtt_recording"] = "rtt_recording"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if self.interval <= 0:
            return "interval must be above 0"
        if (self.pair is None) == (self.rows is None):
            return "give either 'pair' (a row and a column for all links, counted from 0) or 'rows' (the row of each node)"
        if self.pair is not None and self.pair[0] == self.pair[1]:
            return "pair must be two different rows"
        return "links must be a place without one_of: each link follows the recording all along" if self.links.one_at_random else None

    def entry_of(self, near: str, far: str) -> tuple[int, int] | None:
        """(row, column) of the matrices that a direction follows; None where `rows` leaves one of its ends out."""
        if self.rows is None:
            return self.pair
        return (self.rows[near], self.rows[far]) if near in self.rows and far in self.rows else None

    def play(self, world: Simulation, entry: int, matrices: np.ndarray) -> Playback:
        """The live spike; `matrices` of shape (intervals, rows, columns) in seconds, NaN where nothing was measured."""
        return Playback(self, world, entry, matrices)


class Playback:
    """A recording that is played."""

    __slots__ = ("entry", "extras", "following", "links", "rank", "spike", "world")

    def __init__(self, spike: RttRecording, world: Simulation, entry: int, matrices: np.ndarray):
        self.spike = spike
        self.world = world
        self.entry = entry
        self.rank = EPISODE_START
        self.following = 0  # number of the next interval
        self.links: list[ChangingLink] = []
        self.extras: list[list[float]] = []  # by link, then by interval [s]
        for target in spike.targets(world):
            for link in target.parts:
                place = spike.entry_of(world.nodes[link.near].name, world.nodes[link.far].name)
                assert place is not None, "checked when the scenario is read"
                self.links.append(link)
                self.extras.append(added_propagation(matrices[:, place[0], place[1]], spike.reference).tolist())

    def begin(self) -> None:
        """Plans the first interval."""
        if self.links:
            self.world.environment.at(0.0, self, None)

    def handle(self, item: None) -> None:
        """The next matrix is in force."""
        number, now = self.following, self.world.environment._now
        count = len(self.extras[0])
        over = number >= count and not self.spike.repeat
        self.following = number + 1
        end = (number + 1) * self.spike.interval
        for link, extras in zip(self.links, self.extras, strict=True):
            before = extras[(number - 1) % count] if number else 0.0
            extra = 0.0 if over else extras[number % count]
            if extra != before:
                if before > 0.0:
                    link.mend(1.0, before, None)
                if extra > 0.0:
                    link.degrade(self.entry, 1.0, extra, None)
            if extra > 0.0:
                self.world.episodes.append([self.entry, link.name, now, end, extra])
        if not over:
            self.world.environment.at(end, self, None)


def added_propagation(rtts: np.ndarray, reference: str) -> np.ndarray:
    """max(RTT - reference, 0) / 2 for each value of a series of shape (n,); NaN is what was before it, at first the reference."""
    measured = rtts[~np.isnan(rtts)]
    if len(measured) == 0:
        return np.zeros(len(rtts))
    usual = float(measured.min() if reference == "minimum" else np.median(measured))
    last = np.maximum.accumulate(np.where(np.isnan(rtts), -1, np.arange(len(rtts))))
    values = np.where(last < 0, usual, rtts[np.maximum(last, 0)])
    return np.maximum(values - usual, 0.0) / 2.0
