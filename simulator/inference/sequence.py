"""Sequences: a job at an engine seen token by token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.call import Job


class Sequence:
    """One job: `prompt` tokens in, `output` tokens out.

    waiting ──admitted──> prefill of `target` tokens ──first token──> decoding, a token an iteration ──> done
       └<──preempted: the cache is given up; what was generated so far is computed again with the prompt──┘
    """

    __slots__ = (
        "cached", "first", "generated", "held", "job", "joined", "lengthened", "output", "plain", "plain_work", "preemptions", "prompt",
        "share", "stop", "target", "work",
    )  # fmt: skip

    def __init__(self, job: Job, prompt: int, output: int):
        self.job = job
        self.prompt = prompt
        self.output = output
        self.stop = output  # tokens at which something happens next: its end, or what would be its end without call spikes
        self.generated = 0
        self.cached = 0  # tokens in the KV cache
        self.target = prompt  # tokens to be computed before the next one comes out
        self.share = 0  # of them, those in the present iteration
        self.held = 0  # blocks
        self.joined = 0.0  # when it last joined the batch
        self.first = -1.0  # when its first token was there
        self.work = 0.0  # engine work when it was first admitted [s]
        self.plain = -1.0  # when it would have ended without call spikes, where one makes it longer
        self.plain_work = 0.0  # engine work then
        self.lengthened = False  # whether a spike has a part in its time
        self.preemptions = 0

    @property
    def decodes(self) -> bool:
        """Whether its prompt is in the cache."""
        return self.cached >= self.target

    def forget(self) -> None:
        """Preempted: all that was in the cache must be computed again."""
        self.target = self.prompt + self.generated
        self.cached = self.share = self.held = 0
        self.preemptions += 1

    def spike(self, room: int) -> float:
        """Applies the job's call spikes as it is admitted: a factor multiplies its output, as far as the cache has room for it; returns
        what an added time adds to the iteration [s of work].

        The draws come through `spiked_work`, which is linear in the job's work: its value at 0 is what is added, its slope the factor.
        """
        job = self.job
        job.work = 0.0
        added = job.spiked_work()
        job.work = 1.0
        factor = job.spiked_work() - added
        self.output = max(self.output, min(math.ceil(self.output * factor - 1e-9), room - self.prompt + 1))
        self.lengthened = True
        return added


def token_count(drawn: float) -> int:
    """A drawn number of tokens as a whole one, at least 1."""
    return max(round(drawn), 1)
