"""The course of a batch that does not change: when each of its iterations ends, in closed form.

With b requests that all decode, S tokens in their KV caches at the start and A the time of an iteration without its KV part, iteration
i works A + c_kv (S + (i - 1) b), so that the first j work

    f(j) = j A + c_kv (j S + b j (j - 1) / 2)

and iteration j ends at t0 + f(j) / pace. A change of pace moves the anchor (t0, f done by then); that one expression gives every end,
whether it is asked for each j in turn or for the last one only: that is why both ways agree bit for bit.
"""

from __future__ import annotations


class Course:
    """Iterations of one batch. A prefill course has a single one."""

    __slots__ = ("anchor", "before", "decode", "done", "each", "extra", "grows", "kv", "kv_time", "offset", "pace", "scale", "steps")

    def __init__(self, now: float, pace: float, each: float, kv_time: float, kv: int, grows: int, scale: float, extra: float, before: float):
        self.anchor = now  # t0
        self.offset = 0.0  # f done at the anchor [s of work]
        self.pace = pace
        self.each = each  # A
        self.kv_time = kv_time  # c_kv
        self.kv = kv  # S
        self.grows = grows  # b
        self.scale = scale  # of every iteration: slow-downs that apply at a start
        self.extra = extra  # s of work that call spikes add to the first iteration
        self.before = before  # engine work before the course, spikes excluded [s]
        self.decode = True
        self.done = 0  # iterations whose tokens have been handed out
        self.steps = 1  # iterations until something may change

    def plain(self, j: int) -> float:
        """f(j) without spikes [s of work]."""
        return j * self.each + self.kv_time * (j * self.kv + self.grows * (j * (j - 1) // 2))

    def end(self, j: int) -> float:
        """When iteration j (from 1 on) ends [s], if the pace stays as it is."""
        return self.anchor + (self.plain(j) * self.scale + self.extra - self.offset) / self.pace

    def running(self, now: float) -> int:
        """The iteration that runs at `now`: the first that ends later, at most `steps`."""
        low, high = self.done + 1, self.steps
        while low < high:
            middle = (low + high) // 2
            if self.end(middle) > now:
                high = middle
            else:
                low = middle + 1
        return low

    def change_pace(self, now: float, pace: float) -> None:
        """From `now` on work is done at another pace; what has been done stays done."""
        self.offset += (now - self.anchor) * self.pace
        self.anchor = now
        self.pace = pace
