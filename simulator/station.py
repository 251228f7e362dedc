"""Stations: a queue with c workers. The hot path of every service.

    reach ──> in service ──> departed          (a worker is free)
    reach ──> waiting ──> in service ──> departed
    reach ──> rejected                         (capacity jobs are present, those in service counted)

A job's service takes its work divided by the station's speed. A slow-down in progress changes that speed: what is left of
every job in service is planned anew, and the departure planned before is void because the job's `due` no longer equals it.
The hot path only writes down raw times; `StationMeter` turns them into figures, vectorised, every now and then.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, Any

from simulator.engine import DEPARTURE, Environment
from simulator.meters import VISIT, StationMeter
from simulator.request import UNDER_WAY
from simulator.server import RECENT, SLOWEST_SHOWN, Server, stretch

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.jobs_of import JobsOf
    from simulator.pool import Pool
    from simulator.residency import Memory

NEVER = -1.0  # `due` of a job that is not in service
GONE = -2.0  # `due` of a job that has left with its batch
FROZEN = 1e50  # a factor that leaves no work done that a clock could show, yet divides, and several of which can be multiplied
SLOWEST = 1e300  # freezes that overlap are no slower than this


class Station(Server):
    """c workers and one queue on a node."""

    __slots__ = (
        "active", "agenda", "arrivals", "by_pace", "by_start", "capacity", "factors", "index", "meter", "name", "node", "number",
        "outstanding", "pace", "pool", "queue", "rank", "running", "speed", "start_factor", "starts", "visits", "workers",
        "calm", "plain", "replica", "broken", "room", "parts", "services", "stretched", "stretched_at",
    )  # fmt: skip

    rank: int
    apportions = True  # whether what lengthens a job is told by entry
    places = 1  # how many copies can run here apart
    saturation = 0.0  # work of a mean call when all is busy, where it differs from its mean work [s]

    def __init__(self, agenda: Environment, name: str, node: int, workers: float, speed: float, capacity: int | None, queue: Any):
        self.agenda = agenda
        self.rank = DEPARTURE
        self.name = name
        self.node = node  # index of the node it stands on
        self.index = 0  # among the simulation's stations
        self.workers = float(workers)
        self.speed = speed
        self.room = float("inf") if capacity is None else float(capacity)
        self.capacity = self.room  # of jobs; none while it is out of order
        self.broken = 0  # outages that it is in
        self.services: list[str] = []  # deployed here
        self.parts: list[JobsOf] = []  # jobs of some services that spikes can hit alone
        self.queue = queue
        self.pool: Pool | Memory | None = None  # what wants to know who leaves: the balancer in front of it, or its node's memory
        self.replica = 0  # its number in the pool
        self.number = 0  # jobs present
        self.outstanding = 0  # calls placed here and not yet served
        self.factors: list[float] = []  # slow-downs in progress
        self.active: list[tuple[JobsOf | None, int, float]] = []  # those and those of its parts, by start: whom they hit (None: all), entry, factor
        self.pace = speed  # work done in a second by one worker
        self.starts: list[tuple[int, float]] = []  # slow-downs of services that start now: entry, factor
        self.plain = True  # no pool in front, and no need to keep the jobs in service at hand
        self.calm = True  # nothing but call spikes can change a job's work or pace
        self.start_factor = 1.0  # multiplies the work of services that start now
        self.by_start = -1  # index of the last entry that slowed starts down
        self.by_pace = -1  # index of the last entry that slowed work in progress down
        self.running: dict[Job, float] | None = None  # jobs in service and when their remaining work was last computed, where it can change
        self.meter = StationMeter(self.workers, speed)
        self.arrivals = self.meter.arrivals.times
        self.visits = self.meter.visits.times
        self.stretched = 1.0  # `recent` when it was last worked out, and how many floats there were then
        self.stretched_at = -1

    def enter(self, job: Job, now: float) -> None:
        """A job whose inputs are all there reaches the station at the present instant, `now`."""
        n = self.number
        if n >= self.capacity:
            self.turn_away(job, now)
            return
        self.number = n + 1
        self.arrivals.append(now)
        job.station = self
        job.reached = now
        if n < self.workers:
            self.start(job, now)
        else:
            self.queue.append(job)

    def turn_away(self, job: Job, now: float) -> None:
        """The station is full, or out of order."""
        broken = self.broken > 0
        if self.parts and not broken:
            broken = any(part.broken and part.has(job) for part in self.parts)
            if not broken and self.capacity < 0.0 and self.number < self.room:
                self.capacity = self.room  # only others are out of order
                self.enter(job, now)
                self.capacity = -1.0
                return
        self.meter.reject(now)
        self.leave_out(job)
        if broken:
            job.lost(now)
        else:
            job.rejected()

    def mark(self, job: Job) -> None:
        """Notes that a slow-down in progress lengthens the job, where there is one."""
        if self.factors:
            job.spike = self.by_pace
            job.request.spiked = True

    def start(self, job: Job, now: float) -> None:
        """A worker takes the job; spikes that are drawn at service start apply here."""
        job.started = now
        work = job.work if self.calm and job.spiked == 0.0 else self.burden(job, now)
        job.due = due = now + work / self.pace
        agenda = self.agenda  # as agenda.at(due, self, job), without the call
        agenda._sequence = sequence = agenda._sequence + 1
        heappush(agenda._queue, (due, DEPARTURE + sequence, self, job))  # type: ignore[misc]

    def burden(self, job: Job, now: float) -> float:
        """The work that a job brings once its spikes and the station's slow-downs are counted in."""
        left = job.work
        if job.spiked != 0.0:
            left = job.spiked_work()
        work = left
        if self.start_factor != 1.0:
            left *= self.start_factor
            job.spike = self.by_start
            job.request.spiked = True
            work = self.blame_starts(job, work, self.starts)
        for part in self.parts:
            if part.factors and part.has(job):
                left = min(left * part.factor, SLOWEST)
                part.mark(job)
                work = self.blame_starts(job, work, part.starts)
        if self.running is not None:
            job.left = left
            if self.pace != self.speed:
                job.spike = self.by_pace
                job.request.spiked = True
            self.running[job] = now
        return left

    def blame(self, job: Job, entry: int, seconds: float) -> None:
        """Notes that `entry` has lengthened the job's service by `seconds`, where somebody will read it."""
        if self.apportions and job.request.traced:
            shares: dict[int, float] | None = getattr(job, "shares", None)  # a slot left empty until now
            if shares is None:
                job.shares = shares = {}
            shares[entry] = shares.get(entry, 0.0) + seconds

    def blame_starts(self, job: Job, work: float, starts: list[tuple[int, float]]) -> float:
        """Each of `starts` multiplies the `work` with which the job comes, in their order; returns what it is then."""
        for entry, factor in starts:
            self.blame(job, entry, work * (factor - 1.0) / self.speed)
            work *= factor
        return work

    def charge(self, job: Job, seconds: float) -> None:
        """Tells the service that the job lost in the last `seconds` to the slow-downs that hit it all that time.

        The first to start has what it would have cost by itself, each later one its part of what those before it had left: 1 - 1/f1,
        (1 - 1/f2)/f1 ... of the time, together 1 - 1/(f1 f2 ...). So nobody has a part of what a freeze before it had stopped already.
        """
        through = seconds
        for part, entry, factor in self.active:
            if part is None or part.has(job):
                self.blame(job, entry, through - through / factor)
                through /= factor

    def settle(self) -> None:
        """The slow-downs are about to change: tells what those so far have cost every job in service."""
        now = self.agenda._now
        if self.active and self.running:
            for job, since in self.running.items():
                self.charge(job, now - since)

    @property
    def silent(self) -> bool:
        """Whether it cannot tell how it is: frozen, or out of order."""
        return self.broken > 0 or self.pace * SLOWEST_SHOWN < self.speed

    @property
    def down(self) -> bool:
        """Whether it is out of order."""
        return self.broken > 0

    @property
    def recent(self) -> float:
        """How long the last visits took."""
        floats = len(self.visits)
        if floats != self.stretched_at:
            self.stretched_at = floats
            self.stretched = stretch(self.last_visits(), self.speed)
        return self.stretched

    @property
    def slowness(self) -> float:
        """Full speed over the present pace of a worker."""
        return min(self.speed / self.pace, SLOWEST_SHOWN)

    def last_visits(self) -> list[float]:
        """(reached, started, ended, work) of the last visits."""
        return self.meter.visits.last(VISIT * RECENT)

    def held(self) -> int:
        """The models in memory at its node, as the bits of a number."""
        return 0 if self.pool is None else self.pool.held()

    def waiting(self) -> float:
        """How many jobs wait here."""
        return max(self.number - self.workers, 0.0)

    def expected_backlog(self, mean: float) -> float:
        """Expected work of the calls placed here and not yet served [s at reference speed]; those under way count as `mean` each.

        A job in service counts as its whole mean, as if work were exponential.
        """
        waiting = 0.0
        for job in self.queue:
            waiting += job.choice.mean_work
        return waiting + (self.outstanding - len(self.queue)) * mean

    def handle(self, job: Job) -> None:
        """A service ends: record it, start the next, hand the job on."""
        now = self.agenda._now
        if job.due != now:
            return  # planned anew or cancelled since
        job.due = NEVER
        self.number -= 1
        self.outstanding -= 1
        self.visits.extend((job.reached, job.started, now, job.work))
        if not self.plain:
            if self.running is not None:
                since = self.running.pop(job)
                if self.active:
                    self.charge(job, now - since)
            if self.pool is not None:
                self.pool.left(job)
        if self.queue:
            following: Job = self.queue.popleft()
            self.start(following, now)
        job.served(now)

    def leave_out(self, job: Job) -> None:
        """Takes a job off the books of what was placed here."""
        self.outstanding -= 1
        if self.pool is not None:
            self.pool.left(job)

    def cancel(self, job: Job) -> None:
        """Takes a job out of the queue or out of service at once; its worker takes the next."""
        now = self.agenda._now
        self.number -= 1
        self.leave_out(job)
        if job.due == NEVER:
            self.queue.remove(job)
            job.started = now
            self.meter.abandon(job.reached, now, now)
            return
        job.due = NEVER
        self.meter.abandon(job.reached, job.started, now)
        if self.running is not None:
            self.charge(job, now - self.running.pop(job))
        if self.queue:
            following: Job = self.queue.popleft()
            self.start(following, now)

    def in_service(self) -> list[Job]:
        """The jobs that are being served; known once `track` has been called."""
        return list(self.running or ())

    def break_down(self) -> None:
        """An outage: everything here is lost, the waiting first, and nothing is taken until it is repaired."""
        self.broken += 1
        self.capacity = -1.0
        if self.pool is not None:
            self.pool.broke_down(self)
        self.lose([*self.queue, *self.in_service()])

    def lose(self, jobs: list[Job]) -> None:
        """Jobs that are here are lost."""
        for job in jobs:
            if job.status == UNDER_WAY and job.due != GONE:  # not what the loss of another has taken along
                self.cancel(job)
                job.lost(self.agenda._now)

    def lose_some(self, part: JobsOf) -> None:
        """An outage of some services: their jobs are lost, the waiting first, and none is taken."""
        self.capacity = -1.0
        self.lose([job for job in [*self.queue, *self.in_service()] if part.has(job)])

    def repair(self) -> None:
        """An outage is over."""
        self.broken -= 1
        self.admit_again()

    def admit_again(self) -> None:
        """Jobs are taken once no outage is left."""
        if self.broken == 0 and not any(part.broken for part in self.parts):
            self.capacity = self.room

    def track(self) -> None:
        """From the start of the run on, keep the jobs in service at hand: their speed may change."""
        self.running = {}
        self.calm = self.plain = False

    def slow_down(self, factor: float, entry: int) -> None:
        """An episode starts that divides the speed by `factor`, work in progress included."""
        self.settle()
        self.active.append((None, entry, factor))
        self.factors.append(factor)
        self.by_pace = entry
        self.replan()

    def speed_up(self, factor: float, entry: int) -> None:
        """The episode of `factor` ends."""
        self.settle()
        self.active.remove((None, entry, factor))
        self.factors.remove(factor)
        self.replan()

    def slow_starts(self, factor: float, entry: int) -> None:
        """An episode starts that multiplies the work of services starting meanwhile."""
        self.calm = False
        self.starts.append((entry, factor))
        self.by_start = entry
        self.start_factor = product([factor for _, factor in self.starts])

    def free_starts(self, factor: float, entry: int) -> None:
        """The episode of `factor` ends."""
        self.starts.remove((entry, factor))
        self.start_factor = product([factor for _, factor in self.starts])
        self.calm = not self.starts and self.running is None and not self.parts

    def replan(self) -> None:
        """The pace changes now: keep the exact remaining work of every job in service and plan its end anew."""
        now = self.agenda._now
        before = self.pace
        assert self.running is not None, "track() comes before the run"
        self.pace = self.speed / product(self.factors)
        for job, since in self.running.items():
            job.left = max(job.left - (now - since) * before, 0.0)
            self.running[job] = now
            self.mark(job)
            job.due = due = now + job.left / self.pace
            self.agenda.at(due, self, job)

    def rework(self, part: JobsOf, ratio: float) -> None:
        """What is left of the jobs of a part is multiplied now."""
        self.replan()
        for job in self.in_service():
            if part.has(job):
                job.left = min(job.left * ratio, SLOWEST)
                part.mark(job)
        self.replan()


def product(factors: list[float]) -> float:
    """The product of `factors` in their order, at most SLOWEST; exactly 1.0 when there are none."""
    result = 1.0
    for factor in factors:
        result *= factor
    return min(result, SLOWEST)
