"""Meters: raw times of visits and hops, turned into figures in numpy once there are enough of them.

Hot paths append times to plain lists; nothing is computed there. Lists are packed while they are still in the cache (a list of
floats that outgrows it costs more than all else here), and analysed in large pieces. A station's figures are of jobs that reach it in the counting
window [opened, closed); its time averages are over the window, and so is a link's busy time. The same sums over the whole run
serve the invariants (the integral of the number present equals the sum of sojourn times; busy time equals service received).
"""

from __future__ import annotations

from struct import Struct

import numpy as np

from simulator.samples import Samples

VISIT = HOP = 4  # floats a visit to a station, a hop over a link
CHUNK = 255 * VISIT  # floats packed at once
PACKED = 32  # chunks before they are analysed
KEPT = 64  # floats that stay at hand when they are packed
pack = Struct(f"{CHUNK}d").pack


class RawTimes:
    """A list of floats that is packed piece by piece; `times` is the list itself, which hot paths extend."""

    __slots__ = ("before", "packed", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.packed: list[bytes] = []
        self.before: list[float] = []  # what came last before `times`

    def compact(self) -> None:
        """Packs full chunks."""
        while len(self.times) >= CHUNK:
            self.packed.append(pack(*self.times[:CHUNK]))
            self.before = self.times[CHUNK - KEPT : CHUNK]
            del self.times[:CHUNK]

    def last(self, count: int) -> list[float]:
        """The last `count` floats, at most KEPT; fewer at the beginning."""
        found = self.times[-count:]
        return found if len(found) == count or not self.before else self.before[len(found) - count :] + found

    def take(self, columns: int) -> np.ndarray:
        """Everything so far as an array of shape (rows, columns); empties itself."""
        self.packed.append(np.array(self.times, dtype=np.float64).tobytes())
        rows = np.frombuffer(b"".join(self.packed), dtype=np.float64).reshape(-1, columns)
        self.before = self.last(KEPT)
        self.times.clear()
        self.packed.clear()
        return rows


class StationMeter:
    """Figures of one station."""

    __slots__ = (
        "abandoned",
        "arrivals",
        "closed",
        "opened",
        "present",
        "rejected",
        "run_service_s",
        "run_sojourn_s",
        "run_time_at",
        "services",
        "since",
        "sojourns",
        "speed",
        "time_at",
        "visits",
        "waits",
        "workers",
    )  # fmt: skip

    def __init__(self, workers: float, speed: float):
        self.arrivals = RawTimes()  # when jobs reached the station
        self.visits = RawTimes()  # reached, started, ended, work of every job served
        self.workers = workers
        self.speed = speed
        self.opened = 0.0
        self.closed = float("inf")
        self.waits = Samples()
        self.sojourns = Samples()
        self.services = Samples()  # work / speed, spikes excluded
        self.rejected = 0
        self.abandoned: list[float] = []  # reached, started, left of every job that was cancelled
        self.present = 0
        self.since = 0.0
        self.time_at = np.zeros(1)  # time in the window with 0, 1, 2 ... jobs present
        self.run_time_at = np.zeros(1)
        self.run_sojourn_s = 0.0
        self.run_service_s = 0.0

    def reject(self, now: float) -> None:
        """A job found the station full."""
        if self.opened <= now < self.closed:
            self.rejected += 1

    def abandon(self, reached: float, started: float, now: float) -> None:
        """A job left unserved."""
        self.abandoned.extend((reached, started, now))

    def compact(self, now: float) -> None:
        """Packs what is long, analyses it once there is much of it."""
        self.visits.compact()
        self.arrivals.compact()
        if len(self.visits.packed) >= PACKED:
            self.fold(now)

    def fold(self, now: float) -> None:
        """Turns all raw times up to `now` into figures."""
        reached, started, ended, work = self.visits.take(VISIT).T
        arrivals = self.arrivals.take(1)[:, 0]
        left = np.array(self.abandoned).reshape(-1, 3)
        self.abandoned.clear()
        self.run_sojourn_s += float((ended - reached).sum() + (left[:, 2] - left[:, 0]).sum())
        self.run_service_s += float((ended - started).sum() + (left[:, 2] - left[:, 1]).sum())
        mine = (reached >= self.opened) & (reached < self.closed)
        self.waits.absorb((started - reached)[mine])
        self.sojourns.absorb((ended - reached)[mine])
        self.services.absorb(work[mine] / self.speed)
        self._occupy(arrivals, np.concatenate([ended, left[:, 2]]), now)

    def _occupy(self, arrivals: np.ndarray, departures: np.ndarray, now: float) -> None:
        """Adds the time spent at each number present, from arrivals and departures since the last fold."""
        times = np.concatenate([arrivals, departures])
        order = np.argsort(times, kind="stable")  # arrivals first at one instant: a job comes before it leaves
        steps = np.repeat([1, -1], [len(arrivals), len(departures)])[order]
        levels = np.concatenate([[self.present], self.present + np.cumsum(steps)])
        edges = np.concatenate([[self.since], times[order], [now]])
        self.run_time_at = add_up(self.run_time_at, levels, np.diff(edges))
        self.time_at = add_up(self.time_at, levels, np.diff(np.clip(edges, self.opened, self.closed)) if self.opened < float("inf") else None)
        self.present = int(levels[-1])
        self.since = now


def add_up(totals: np.ndarray, levels: np.ndarray, durations: np.ndarray | None) -> np.ndarray:
    """`totals` with the durations spent at each level added; None for no time at all."""
    if durations is None:
        return totals
    added = np.bincount(levels, weights=durations, minlength=len(totals))
    added[: len(totals)] += totals
    return added


class LinkMeter:
    """Figures of one link direction."""

    __slots__ = ("rate", "hops", "opened", "closed", "waits", "transit_s", "busy_s", "bits_in", "dropped", "lost", "under_way")

    def __init__(self, rate: float) -> None:
        self.rate = rate  # bit/s; fold before it changes
        self.hops = RawTimes()  # reached, transmission starts, arrived, bits
        self.opened = 0.0
        self.closed = float("inf")
        self.waits = Samples()
        self.transit_s = 0.0  # sum over counted messages
        self.busy_s = 0.0  # time spent transmitting within the window
        self.bits_in = 0.0  # all that the link took, over the whole run
        self.under_way = np.zeros((0, 2))  # (arrival, bits) of what had not arrived at the last fold
        self.dropped = 0  # counted messages
        self.lost = 0

    def counts(self, now: float) -> bool:
        """Whether what happens now is counted."""
        return self.opened <= now < self.closed

    def compact(self, now: float) -> None:
        """Packs what is long, analyses it once there is much of it."""
        self.hops.compact()
        if len(self.hops.packed) >= PACKED:
            self.fold(now)

    def fold(self, now: float) -> None:
        """Turns all raw times into figures."""
        reached, starts, arrived, bits = self.hops.take(HOP).T
        ends = starts + bits / self.rate
        sent = np.concatenate([self.under_way, np.column_stack([arrived, bits])])
        self.under_way = sent[sent[:, 0] > now]
        self.bits_in += float(bits.sum())
        if self.opened == float("inf"):
            return
        mine = (reached >= self.opened) & (reached < self.closed)
        self.waits.absorb((starts - reached)[mine])
        self.transit_s += float((arrived - reached)[mine].sum())
        self.busy_s += float((np.clip(ends, self.opened, self.closed) - np.clip(starts, self.opened, self.closed)).sum())
