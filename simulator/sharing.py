"""Processor sharing: n jobs share the speed of min(n, c) workers equally (Kleinrock 1967).

With V the work that each job present has received since the station was last empty, a job that came at V0 with work w ends when V
reaches V0 + w: one heap of those marks, one planned event, whatever the number present. W is the same in worker seconds, so that a
job's service is the worker time it had and all else of its stay is queueing.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from simulator.engine import Environment
from simulator.station import NEVER, SLOWEST, Station, product

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.jobs_of import JobsOf


class SharingStation(Station):
    """A station without a waiting line."""

    __slots__ = ("marks", "order", "given", "worker_time", "touched", "due", "settled")

    def __init__(self, agenda: Environment, name: str, node: int, workers: float, speed: float, capacity: int | None):
        super().__init__(agenda, name, node, workers, speed, capacity, [])
        self.marks: list[tuple[float, int, Job]] = []
        self.order = 0
        self.given = 0.0  # V: work that each job present has received [s at reference speed]
        self.worker_time = 0.0  # W [s]
        self.touched = 0.0  # when V and W were last brought up to date
        self.due = NEVER  # when the next job ends, if nothing changes
        self.settled: dict[Job, float] = {}  # W when slow-downs last changed, of who was here then [s]

    def share(self) -> float:
        """The part of a worker that each job has."""
        n = self.number
        return 1.0 if n <= self.workers else self.workers / n

    def catch_up(self, now: float) -> None:
        """Brings V and W up to date."""
        had = (now - self.touched) * self.share()
        self.worker_time += had
        self.given += had * self.pace
        self.touched = now

    def plan(self, now: float) -> None:
        """Plans the end of the job that ends first."""
        if not self.marks:
            self.due = NEVER
            self.given = self.worker_time = 0.0
            return
        self.due = due = now + max(self.marks[0][0] - self.given, 0.0) / (self.pace * self.share())
        self.agenda.at(due, self, None)

    def enter(self, job: Job, now: float) -> None:
        """A job reaches the station and is served from now on."""
        if self.number >= self.capacity:
            self.turn_away(job, now)
            return
        self.catch_up(now)
        self.number += 1
        self.arrivals.append(now)
        job.station = self
        job.reached = job.started = job.due = now
        job.received = self.worker_time
        work = self.burden(job, now)
        if self.pace != self.speed:
            self.mark(job)
        self.order += 1
        heappush(self.marks, (self.given + work, self.order, job))
        self.plan(now)

    def handle(self, job: Any) -> None:
        """The job whose mark is reached leaves."""
        now = self.agenda._now
        if self.due != now:
            return  # something changed since this was planned
        self.catch_up(now)
        self.given, _, done = heappop(self.marks)
        self.number -= 1
        self.outstanding -= 1
        done.due = NEVER
        done.started = max(now - (self.worker_time - done.received), done.reached)
        if self.active:
            self.charge_since(done)
        self.visits.extend((done.reached, done.started, now, done.work))
        if self.pool is not None:
            self.pool.left(done)
        self.plan(now)
        done.served(now)

    def cancel(self, job: Job) -> None:
        """Takes a job out at once."""
        now = self.agenda._now
        self.catch_up(now)
        self.marks = [entry for entry in self.marks if entry[2] is not job]
        heapify(self.marks)
        self.number -= 1
        self.leave_out(job)
        job.started = max(now - (self.worker_time - job.received), job.reached)
        self.charge_since(job)
        job.due = NEVER
        self.meter.abandon(job.reached, job.started, now)
        self.plan(now)

    def expected_backlog(self, mean: float) -> float:
        """Expected work of the calls placed here and not yet served, `mean` each [s at reference speed]."""
        return self.outstanding * mean

    def in_service(self) -> list[Job]:
        """Every job present."""
        return [job for _, _, job in self.marks]

    def track(self) -> None:
        """Every job in service is at hand already."""

    def charge_since(self, job: Job) -> None:
        """Charges what the job lost since slow-downs last changed."""
        self.charge(job, self.worker_time - self.settled.get(job, job.received))

    def settle(self) -> None:
        """The slow-downs are about to change: tells what those so far have cost every job present."""
        self.catch_up(self.agenda._now)
        present = self.in_service()
        for job in present:
            self.charge_since(job)
        self.settled = dict.fromkeys(present, self.worker_time)

    def replan(self) -> None:
        """The pace changes now."""
        now = self.agenda._now
        self.catch_up(now)
        self.pace = self.speed / product(self.factors)
        for _, _, job in self.marks:
            self.mark(job)
        self.plan(now)

    def rework(self, part: JobsOf, ratio: float) -> None:
        """What is left of the jobs of a part is multiplied now."""
        now = self.agenda._now
        self.catch_up(now)
        marks = []
        for at, order, job in self.marks:
            if part.has(job):
                at = self.given + min(max(at - self.given, 0.0) * ratio, SLOWEST)
                part.mark(job)
            marks.append((at, order, job))
        self.marks = marks
        heapify(marks)
        self.plan(now)
