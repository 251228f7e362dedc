"""Batch service: a worker serves up to `size` jobs together, first come first served, and they end together.

    waiting ──`size` wait, or the oldest has waited `patience`──> in a batch ──> departed

A worker that becomes free starts at once with whoever waits where there are enough or the oldest has waited long enough. A batch
lasts as long as its first job (once), its longest (max), or all of them (sum); spikes count for each job before that. A batch
keeps one worker busy; a job that is cancelled leaves its batch, which goes on for the others and ends with the last of them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import TIMER, Environment
from simulator.meters import RawTimes, StationMeter
from simulator.request import UNDER_WAY
from simulator.station import GONE, NEVER, Station, product

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.jobs_of import JobsOf

INFINITY = float("inf")
CHANGE = 3  # floats: when, workers busy, jobs waiting


class Batch:
    """Jobs in service together."""

    __slots__ = ("due", "jobs", "left", "since", "started")

    def __init__(self, jobs: list[Job], work: float, now: float):
        self.jobs = jobs
        self.started = now
        self.left = work  # s at reference speed, when it was last planned
        self.since = now  # when that was
        self.due = NEVER


class Alarm:
    """The oldest waiting job may have waited long enough."""

    __slots__ = ("rank", "station")

    def __init__(self, station: BatchStation):
        self.rank = TIMER  # after everything else that joins at this instant
        self.station = station

    def handle(self, item: None) -> None:
        self.station.alarmed = INFINITY
        self.station.fill(self.station.agenda._now, True)


class BatchMeter(StationMeter):
    """A station's figures where workers and jobs in service are not the same in number."""

    __slots__ = ("busy", "changes", "queue_s", "received", "run_busy_s", "busy_s", "seen", "waiting")

    def __init__(self, workers: float, speed: float):
        super().__init__(workers, speed)
        self.changes = RawTimes()
        self.seen = 0.0  # up to when changes have been analysed
        self.busy = 0.0  # workers, from then on
        self.waiting = 0.0  # jobs, from then on
        self.busy_s = 0.0  # worker time in the window
        self.queue_s = 0.0  # the integral of the number waiting over the window
        self.run_busy_s = 0.0
        self.received = 0.0  # worker time, each job's part of its batch added up

    def compact(self, now: float) -> None:
        """Packs what is long."""
        self.changes.compact()
        super().compact(now)

    def fold(self, now: float) -> None:
        """Turns all raw times up to `now` into figures."""
        super().fold(now)
        self.run_service_s = self.received
        rows = self.changes.take(CHANGE)
        edges = np.concatenate([[self.seen], rows[:, 0], [now]])
        busy = np.concatenate([[self.busy], rows[:, 1]])
        waiting = np.concatenate([[self.waiting], rows[:, 2]])
        self.run_busy_s += float(busy @ np.diff(edges))
        if self.opened < INFINITY:
            within = np.diff(np.clip(edges, self.opened, self.closed))
            self.busy_s += float(busy @ within)
            self.queue_s += float(waiting @ within)
        self.seen, self.busy, self.waiting = now, float(busy[-1]), float(waiting[-1])


class BatchStation(Station):
    """A station whose workers take several jobs at a time."""

    apportions = False  # a batch is longer by what hit others in it: all of a job's excess bears the name of the last entry that hit it

    __slots__ = ("alarm", "alarmed", "batch_of", "busy", "changes", "duration", "patience", "size")

    def __init__(
        self, agenda: Environment, name: str, node: int, workers: float, speed: float, capacity: int | None, size: int, patience: float, duration: str
    ):
        super().__init__(agenda, name, node, workers, speed, capacity, deque())
        self.size = size
        self.patience = patience  # s that the oldest waits for a full batch; inf for ever
        self.duration = duration  # once, max or sum
        self.busy = 0  # workers
        self.batch_of: dict[Job, Batch] = {}
        self.alarm = Alarm(self)
        self.alarmed = INFINITY  # when the alarm is planned for
        self.meter: BatchMeter = BatchMeter(self.workers, speed)
        self.arrivals = self.meter.arrivals.times
        self.visits = self.meter.visits.times
        self.changes = self.meter.changes.times
        self.plain = False

    def enter(self, job: Job, now: float) -> None:
        """A job reaches the station and waits, for a moment at least."""
        if self.number >= self.capacity:
            self.turn_away(job, now)
            return
        self.number += 1
        self.arrivals.append(now)
        job.station = self
        job.reached = now
        self.queue.append(job)
        self.fill(now, False)

    def fill(self, now: float, late: bool) -> None:
        """Starts every full batch, and where `late` also those whose oldest has waited enough; plans when the next one may start."""
        queue = self.queue
        while self.busy < self.workers and (len(queue) >= self.size or (late and queue and queue[0].reached + self.patience <= now)):
            self.start_batch([queue.popleft() for _ in range(min(self.size, len(queue)))], now)
        self.changes.extend((now, self.busy, len(queue)))
        if queue and self.busy < self.workers and self.patience < INFINITY:
            due = queue[0].reached + self.patience
            if due < self.alarmed:
                self.alarmed = due
                self.agenda.at(max(due, now), self.alarm, None)

    def start_batch(self, jobs: list[Job], now: float) -> None:
        """A worker takes the jobs."""
        self.busy += 1
        batch = Batch(jobs, self.together([self.burden(job, now) for job in jobs]), now)
        service = self.together([job.work for job in jobs])
        batch.due = due = now + batch.left / self.pace
        for job in jobs:
            job.started = now
            job.work = service  # what its span and its slowdown count as service
            job.due = due
            self.batch_of[job] = batch
            if self.pace != self.speed:
                self.mark(job)
        self.agenda.at(due, self, batch)

    def together(self, works: list[float]) -> float:
        """The work of a batch."""
        if self.duration == "once":
            return works[0]
        return max(works) if self.duration == "max" else sum(works)

    def handle(self, batch: Any) -> None:
        """A batch ends: the next starts, then every job goes on."""
        now = self.agenda._now
        if batch.due != now:
            return  # planned anew or given up since
        batch.due = NEVER
        self.busy -= 1
        part = (now - batch.started) / len(batch.jobs)
        for job in batch.jobs:
            job.due = GONE
            del self.batch_of[job]
            self.number -= 1
            self.outstanding -= 1
            self.visits.extend((job.reached, job.started, now, job.work))
            self.meter.received += part
            if self.pool is not None:
                self.pool.left(job)
        self.fill(now, True)
        for job in batch.jobs:
            if job.status == UNDER_WAY:  # not the copy of one that was served a moment ago
                job.served(now)

    def cancel(self, job: Job) -> None:
        """Takes a job out of the line or out of its batch."""
        if job.due == GONE:
            return
        now = self.agenda._now
        self.number -= 1
        self.leave_out(job)
        if job.due == NEVER:
            self.queue.remove(job)
            job.started = now
        else:
            job.due = NEVER
            batch = self.batch_of.pop(job)
            batch.jobs.remove(job)
            if not batch.jobs:
                batch.due = NEVER
                self.busy -= 1
                self.meter.received += now - batch.started
        self.meter.abandon(job.reached, job.started, now)
        self.fill(now, True)

    @property
    def unit(self) -> float:  # type: ignore[override]
        """A job counts as its part of a full batch, unless works add up."""
        return 1.0 if self.duration == "sum" else 1.0 / self.size

    def waiting(self) -> float:
        """How many jobs wait here."""
        return float(len(self.queue))

    def expected_backlog(self, mean: float) -> float:
        """Expected work ahead [s at reference speed]: that of full batches, or of single jobs where their works add up."""
        return self.outstanding * mean * self.unit

    def in_service(self) -> list[Job]:
        """The jobs of all batches."""
        return list(self.batch_of)

    def track(self) -> None:
        """Every batch in service is at hand already."""
        self.calm = False

    def replan(self) -> None:
        """The pace changes now."""
        now = self.agenda._now
        before = self.pace
        self.pace = self.speed / product(self.factors)
        for batch in dict.fromkeys(self.batch_of.values()):
            batch.left = max(batch.left - (now - batch.since) * before, 0.0)
            batch.since = now
            batch.due = due = now + batch.left / self.pace
            for job in batch.jobs:
                job.due = due
                self.mark(job)
            self.agenda.at(due, self, batch)

    def rework(self, part: JobsOf, ratio: float) -> None:
        """A batch that has begun goes on as it is."""
