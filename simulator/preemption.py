"""Preemptive-resume priorities: a better job interrupts the worst in service, which later goes on where it was.

The victim is the job with the largest priority number, the latest started among those; it returns to the head of its class. A
job's service is what it received in all, so `started` is set back from its end when it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.station import NEVER, SLOWEST, Station, product

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.jobs_of import JobsOf


class PreemptiveStation(Station):
    """A station whose waiting line is by priority and whose workers can be taken away."""

    __slots__ = ()

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.track()

    def enter(self, job: Job, now: float) -> None:
        """A job reaches the station; where every worker is busy with something it beats, the worst gives way."""
        if self.number >= self.capacity:
            self.turn_away(job, now)
            return
        self.number += 1
        self.arrivals.append(now)
        job.station = self
        job.reached = now
        job.left = -1.0
        job.received = 0.0
        assert self.running is not None
        if len(self.running) < self.workers:
            self.start(job, now)
            return
        victim = max(self.running, key=lambda other: (other.vertex.priority, other.started))
        if victim.vertex.priority <= job.vertex.priority:
            self.queue.append(job)
            return
        self.pause(victim, now)
        self.queue.push_back(victim)
        self.start(job, now)

    def pause(self, job: Job, now: float) -> None:
        """Takes the worker away, keeping exactly what is left."""
        assert self.running is not None
        since = self.running.pop(job)
        if self.active:
            self.charge(job, now - since)
        job.left = max(job.left - (now - since) * self.pace, 0.0)
        job.received += now - since
        job.due = NEVER

    def start(self, job: Job, now: float) -> None:
        """A worker takes the job, for the first time or again."""
        assert self.running is not None
        if job.left < 0.0:
            self.burden(job, now)
        elif self.pace != self.speed:
            self.mark(job)
        self.running[job] = now
        job.started = now
        job.due = due = now + job.left / self.pace
        self.agenda.at(due, self, job)

    def handle(self, job: Job) -> None:
        """A service ends."""
        now = self.agenda._now
        if job.due != now:
            return
        assert self.running is not None
        job.started = max(now - (job.received + now - self.running[job]), job.reached)
        super().handle(job)

    def cancel(self, job: Job) -> None:
        """Takes a job out at once; its worker takes the next."""
        now = self.agenda._now
        serving = job.due != NEVER
        if serving:
            self.pause(job, now)
        else:
            self.queue.remove(job)
        self.number -= 1
        self.leave_out(job)
        job.started = max(now - job.received, job.reached)
        self.meter.abandon(job.reached, job.started, now)
        if serving and self.queue:
            following: Job = self.queue.popleft()
            self.start(following, now)

    def replan(self) -> None:
        """The pace changes now."""
        now = self.agenda._now
        before = self.pace
        self.pace = self.speed / product(self.factors)
        assert self.running is not None
        for job, since in self.running.items():
            job.left = max(job.left - (now - since) * before, 0.0)
            job.received += now - since
            self.running[job] = now
            self.mark(job)
            job.due = due = now + job.left / self.pace
            self.agenda.at(due, self, job)

    def rework(self, part: JobsOf, ratio: float) -> None:
        """What is left of the jobs of a part is multiplied now, also of those that were interrupted."""
        for job in self.queue:
            if job.left >= 0.0 and part.has(job):
                job.left = min(job.left * ratio, SLOWEST)
                part.mark(job)
        super().rework(part, ratio)
