"""An inference engine: iteration-level continuous batching of token sequences (Yu et al. 2022) over a paged KV cache.

    waiting ──room in the batch and in the cache──> batch: prefill in chunks, then a token an iteration ──> departed

At the start of every iteration the engine (1) gives each decoding request the block that its next token needs, and where none is free
preempts the newest request, which goes back to the head of the line; (2) shares what the decoding ones leave of the token budget
`chunk` among the prompts in the batch, oldest first; (3) unless it has just preempted, admits from the line, in order, while the batch
has a place, the budget a token, and the cache room for the whole prompt beyond the watermark. Arrivals wait for the next start.
Between two changes of the batch all decode iterations are one event (`simulator.inference.course`).
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Any

from simulator.batch import BatchMeter
from simulator.engine import Environment
from simulator.inference.course import Course
from simulator.inference.memory import Blocks
from simulator.inference.sequence import Sequence, token_count
from simulator.request import UNDER_WAY
from simulator.station import GONE, NEVER, Station, product

if TYPE_CHECKING:
    from simulator.call import Job

TOKEN_FIELDS = ("request", "vertex", "variant", "lane", "prompt", "output", "reached", "started", "first", "ended", "preemptions")
UNLIMITED = 1 << 60  # tokens: no budget


class InferenceStation(Station):
    """One engine on a node. Its `workers` are the places in its batch."""

    apportions = False  # iterations are shared: all of a job's excess bears the name of the last entry that hit it

    __slots__ = (
        "batch", "blocks", "changed", "changes", "chunk", "course", "due", "extra", "noted", "own_mean", "preemptions", "profile",
        "saturation", "sequences", "size", "step_by_step", "tokens", "work",
    )  # fmt: skip

    def __init__(self, agenda: Environment, name: str, node: int, speed: float, capacity: int | None, profile: Any, settings: Any, blocks: Blocks):
        super().__init__(agenda, name, node, float(settings.batch), speed, capacity, deque())
        self.profile = profile
        self.size: int = settings.batch
        self.chunk: int = settings.budget()
        self.step_by_step: bool = settings.step_by_step
        self.blocks = blocks
        self.batch: list[Sequence] = []  # in the order of admission
        self.sequences: dict[Job, Sequence] = {}
        self.course: Course | None = None
        self.changed = False  # whether the batch is another one than the course's
        self.due = NEVER  # when its next event is
        self.work = 0.0  # done by the end of the last course, spikes excluded [s]
        self.extra = 0.0  # s of work that call spikes add to the next iteration
        self.own_mean = 0.0  # work of a mean request alone here [s]; set by build
        self.saturation = 0.0  # work of a mean request with a full batch, for all places together [s]; set by build
        self.noted = (0, 0)
        self.preemptions = 0
        self.tokens = array("d")  # TOKEN_FIELDS of every request served
        self.meter: BatchMeter = BatchMeter(self.workers, speed)
        self.arrivals = self.meter.arrivals.times
        self.visits = self.meter.visits.times
        self.changes = self.meter.changes.times
        self.plain = False

    # Jobs

    def enter(self, job: Job, now: float) -> None:
        """A job reaches the engine; one that its cache could never hold is rejected."""
        prompt, output = self.drawn(job)
        if self.number >= self.capacity or not self.blocks.fits(prompt + output - 1):
            self.turn_away(job, now)
            return
        self.number += 1
        self.arrivals.append(now)
        job.station = self
        job.reached = now
        self.sequences[job] = Sequence(job, prompt, output)
        self.queue.append(job)
        if self.course is None:
            self.schedule(now)
        elif len(self.queue) == 1 and len(self.batch) < self.size:
            self.cut(now)
        self.note(now)

    def drawn(self, job: Job) -> tuple[int, int]:
        """(prompt, output) tokens of a job; the prompt is its request's own, the output of a later attempt is drawn anew."""
        vertex, request = job.vertex, job.request
        variant = job.choice.variant  # type: ignore[union-attr]
        column = vertex.outputs[variant]
        output = request.row[column] if job.lane == 0 else request.source.later_draw(column, request, job.lane)
        return token_count(request.row[vertex.work + variant]), token_count(output)

    def admit(self, sequence: Sequence, now: float) -> None:
        """The job at the head of the line joins the batch."""
        job: Job = self.queue.popleft()
        need = self.blocks.needed(sequence.target)
        self.blocks.take(need)
        sequence.held = need
        sequence.joined = now
        if job.due == NEVER and sequence.preemptions == 0:
            job.started = now
            sequence.work = self.work
            if job.spiked != 0.0:
                self.extra += sequence.spike(self.blocks.room())
        job.due = now
        if self.pace != self.speed or self.start_factor != 1.0:
            self.mark_slowed(sequence)
        self.batch.append(sequence)
        self.changed = True

    def mark_slowed(self, sequence: Sequence) -> None:
        """A slow-down has a part in the job's time."""
        sequence.lengthened = True
        sequence.job.spike = self.by_pace if self.pace != self.speed else self.by_start
        sequence.job.request.spiked = True

    def preempt(self, sequence: Sequence, now: float) -> None:
        """The newest request gives its blocks up and waits at the head of the line."""
        self.leave_batch(sequence, now)
        sequence.forget()
        sequence.job.due = NEVER
        self.queue.appendleft(sequence.job)
        self.preemptions += 1

    def leave_batch(self, sequence: Sequence, now: float) -> None:
        """Takes a sequence out of the batch and its blocks back."""
        self.batch.remove(sequence)
        self.blocks.give_back(sequence.held)
        self.meter.received += now - sequence.joined
        self.changed = True

    def cancel(self, job: Job) -> None:
        """Takes a job out of the line, or out of the batch: the iteration that runs goes on for the others."""
        if job.due == GONE:
            return
        now = self.agenda._now
        sequence = self.sequences.pop(job)
        self.number -= 1
        self.leave_out(job)
        if job.due == NEVER:
            self.queue.remove(job)
            if sequence.preemptions == 0:
                job.started = now
        else:
            assert self.course is not None
            self.hand_out(self.course.running(now) - 1, now)
            self.leave_batch(sequence, now)
        job.due = GONE
        job.work = (now - job.started) * self.speed
        self.meter.abandon(job.reached, job.started, now)
        if not self.batch:
            self.course = None
            self.schedule(now)
        else:
            self.cut(now)
        self.note(now)

    def note(self, now: float) -> None:
        """Writes down how many are in the batch and in line, where that is new."""
        present = (len(self.batch), len(self.queue))
        if present != self.noted:
            self.noted = present
            self.changes.extend((now, *present))

    # Iterations

    def handle(self, item: Any) -> None:
        """An iteration ends after which something may change."""
        now = self.agenda._now
        if self.due != now:
            return  # something changed since this was planned
        course = self.course
        assert course is not None
        self.hand_out(course.done + 1 if self.step_by_step else course.steps, now)
        ended = [sequence for sequence in self.batch if sequence.generated >= sequence.stop]
        gone = [sequence for sequence in ended if self.passes_stop(sequence, now)]
        for sequence in gone:
            self.finish(sequence, now)
        self.schedule(now)
        self.note(now)
        for sequence in gone:
            if sequence.job.status == UNDER_WAY:  # not the copy of one that was served a moment ago
                sequence.job.served(now)

    def hand_out(self, j: int, now: float) -> None:
        """Brings tokens and blocks up to the end of the course's iteration `j`."""
        course = self.course
        assert course is not None
        more = j - course.done
        if more <= 0:
            return
        course.done = j
        self.work = course.before + course.plain(j)
        for sequence in self.batch:
            if course.decode:
                sequence.cached += more
                sequence.generated += more
                if j < course.steps:
                    self.grow(sequence)
            elif sequence.share > 0:
                sequence.cached += sequence.share
                if sequence.decodes:
                    sequence.generated += 1
                    self.changed = True
                    if sequence.first < 0.0:
                        sequence.first = now
            elif sequence.share < 0:  # decodes beside others' prompts
                sequence.cached += 1
                sequence.generated += 1

    def grow(self, sequence: Sequence) -> None:
        """Takes the block for the next token, where it needs one."""
        more = self.blocks.needed(sequence.cached + 1) - sequence.held
        self.blocks.take(more)
        sequence.held += more

    def passes_stop(self, sequence: Sequence, now: float) -> bool:
        """Whether a sequence that has reached its `stop` is done; one that a call spike has made longer goes on."""
        if sequence.plain < 0.0:
            sequence.plain, sequence.plain_work = now, self.work
        sequence.stop = sequence.output
        return sequence.generated >= sequence.output

    def finish(self, sequence: Sequence, now: float) -> None:
        """A request has all its tokens."""
        job = sequence.job
        self.leave_batch(sequence, now)
        del self.sequences[job]
        job.due = GONE
        job.work = sequence.plain_work - sequence.work if sequence.lengthened else (now - job.started) * self.speed
        self.number -= 1
        self.outstanding -= 1
        self.visits.extend((job.reached, job.started, now, job.work))
        choice = job.choice
        self.tokens.extend((job.request.id, job.request.application.first_vertex + job.vertex.index, choice.variant,  # type: ignore[union-attr]
                            job.lane, sequence.prompt, sequence.output, job.reached, job.started, sequence.first, now,
                            sequence.preemptions))  # fmt: skip
        if self.pool is not None:
            self.pool.left(job)

    def schedule(self, now: float) -> None:
        """Composes the next iteration and plans when something may change."""
        preempted = self.preemptions
        for sequence in list(self.batch):
            while sequence.decodes and self.blocks.needed(sequence.cached + 1) - sequence.held > self.blocks.free:
                self.preempt(self.batch[-1], now)
            if sequence.decodes:
                self.grow(sequence)
        budget = self.chunk
        for sequence in self.batch:
            if sequence.decodes:
                sequence.share = -1
                budget -= 1
        prefill = prompts = 0
        for sequence in self.batch:
            if not sequence.decodes:
                sequence.share = min(budget - prefill, sequence.target - sequence.cached)
                prefill += sequence.share
                prompts += sequence.share > 0
        if self.preemptions == preempted:
            while self.queue and len(self.batch) < self.size and prefill < budget:
                head = self.sequences[self.queue[0]]
                if self.batch and self.blocks.free - self.blocks.needed(head.target) < self.blocks.watermark:
                    break
                self.admit(head, now)
                head.share = min(budget - prefill, head.target)
                prefill += head.share
                prompts += 1
        if not self.batch:
            self.course, self.due = None, NEVER
            return
        self.embark(prefill, prompts, self.preemptions > preempted, now)

    def embark(self, prefill: int, prompts: int, preempted: bool, now: float) -> None:
        """Starts a new course, or goes on with the present one where nothing has changed; after a preemption admission is due again soon."""
        course = self.course
        if course is None or self.changed or not course.decode or prefill or self.extra or course.scale != self.start_factor:
            each = self.profile.iteration(prefill, prompts, len(self.batch))
            cached = sum(sequence.cached for sequence in self.batch)
            self.course = course = Course(
                now, self.pace, each, self.profile.kv_time, cached, len(self.batch), self.start_factor, self.extra, self.work
            )
            course.decode = prefill == 0
            self.changed = False
            self.extra = 0.0
        course.steps = course.done + 1
        if course.decode and not preempted:
            left = min(sequence.stop - sequence.generated for sequence in self.batch)
            course.steps = course.done + self.iterations_that_fit(left)
        self.plan(course)

    def iterations_that_fit(self, most: int) -> int:
        """How many decode iterations the blocks allow, at most `most`; the first has its blocks already."""
        size, free = self.blocks.size, self.blocks.free
        low, high = 1, most
        while low < high:
            middle = (low + high + 1) // 2
            if sum(-(-(sequence.cached + middle) // size) - sequence.held for sequence in self.batch) <= free:
                low = middle
            else:
                high = middle - 1
        return low

    def plan(self, course: Course) -> None:
        """Plans the next event of the course."""
        self.due = due = max(course.end(course.done + 1 if self.step_by_step else course.steps), self.agenda._now)
        self.agenda.at(due, self, None)

    def cut(self, now: float) -> None:
        """Something may change after the iteration that runs."""
        course = self.course
        assert course is not None
        running = course.running(now)
        if running < course.steps:
            course.steps = running
            self.plan(course)

    # What others see of it, and do to it

    def waiting(self) -> float:
        """How many jobs wait here."""
        return float(len(self.queue))

    def expected_backlog(self, mean: float) -> float:
        """Expected work of the calls placed here and not yet served, `mean` each [s at reference speed]."""
        return self.outstanding * mean

    def in_service(self) -> list[Job]:
        """The jobs in the batch."""
        return [sequence.job for sequence in self.batch]

    def track(self) -> None:
        """Every job in the batch is at hand already."""

    def replan(self) -> None:
        """The pace changes now: work done stays done, to the part of an iteration."""
        now = self.agenda._now
        self.pace = self.speed / product(self.factors)
        for sequence in self.batch:
            if self.pace != self.speed:
                self.mark_slowed(sequence)
        if self.course is not None:
            self.course.change_pace(now, self.pace)
            self.plan(self.course)

    def slow_starts(self, factor: float, entry: int) -> None:
        """An episode starts that lengthens the iterations starting meanwhile."""
        super().slow_starts(factor, entry)
        self.start_changes()

    def free_starts(self, factor: float, entry: int) -> None:
        """The episode of `factor` ends."""
        super().free_starts(factor, entry)
        self.start_changes()

    def start_changes(self) -> None:
        """The iterations after the present one last for another time."""
        if self.course is not None:
            self.cut(self.agenda._now)
            if self.start_factor != 1.0:
                for sequence in self.batch:
                    self.mark_slowed(sequence)
