"""Profiles: how long one iteration of a model on a device lasts, by formula or interpolated from measurements.

By formula (MODEL section 4, after the roofline model of Williams et al. 2009 and the linear costs of vidur, Agrawal et al. 2024):

    c0 + max(weights / bandwidth, prefill tokens * flop_per_token / flop_rate) + c_kv * KV tokens + c_b * batch

Interpolated, with P from `prompt_*`, s from `joined_*` and T from `batch_*`:

    max(P(prefill tokens) * s(prompts), T(batch)) + c_kv * KV tokens

KV tokens are those in the cache of all requests of the batch when the iteration starts. Both are linear in them, which is what lets k
decode iterations be summed in closed form.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Annotated, Any, Literal

from simulator.descriptions import Choice, description
from simulator.units import BitRate, Bits, Seconds


def interpolated(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """Piecewise linear through (xs, ys), xs increasing; the outer pieces go on, but never below the smaller of 0 and the first value."""
    if len(xs) == 1:
        return ys[0]
    i = min(max(bisect_right(xs, x) - 1, 0), len(xs) - 2)
    found = ys[i] + (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) * (x - xs[i])
    return max(found, min(ys) / 2.0)


@description
class Formula:
    """An iteration's time from physics: an overhead, weights read or prompt tokens computed (the longer), the KV cache, each request."""

    weights: Bits
    bandwidth: BitRate
    flop_per_token: float
    flop_rate: float
    overhead: Seconds = 0.0
    kv_time: Seconds = 0.0
    request_time: Seconds = 0.0
    kind: Literal["formula"] = "formula"

    def problem(self) -> str | None:
        if not self.bandwidth > 0:
            return "bandwidth must be above 0"
        if not 0.0 <= self.flop_per_token < math.inf:
            return f"flop_per_token must not be negative, got {self.flop_per_token}"
        return None if 0.0 < self.flop_rate < math.inf else f"flop_rate must be above 0, got {self.flop_rate}"

    def iteration(self, prefill: int, prompts: int, batch: int) -> float:
        """Time [s] of an iteration without its KV part: `prefill` tokens of `prompts` requests, `batch` requests in all."""
        read = self.weights / self.bandwidth
        return self.overhead + max(read, prefill * self.flop_per_token / self.flop_rate) + self.request_time * batch


@description
class Table:
    """An iteration's time through measured points: by prompt tokens, by prompts at once (`joined`), by requests in the batch."""

    prompt_tokens: tuple[float, ...]
    prompt_times: tuple[Seconds, ...]
    batch_sizes: tuple[float, ...]
    batch_times: tuple[Seconds, ...]
    kv_time: Seconds = 0.0
    joined: tuple[float, ...] = (1.0,)
    joined_factors: tuple[float, ...] = (1.0,)
    kind: Literal["table"] = "table"

    def problem(self) -> str | None:
        for x, y in (("prompt_tokens", "prompt_times"), ("batch_sizes", "batch_times"), ("joined", "joined_factors")):
            points, values = getattr(self, x), getattr(self, y)
            if not points or len(points) != len(values):
                return f"{x} and {y} must be equally long and not empty"
            if any(b <= a for a, b in zip((0.0, *points), points, strict=False)):
                return f"{x} must be above 0 and increase"
            if any(not 0.0 < value < math.inf for value in values):
                return f"{y} must be above 0"
        return None

    def iteration(self, prefill: int, prompts: int, batch: int) -> float:
        """Time [s] of an iteration without its KV part: `prefill` tokens of `prompts` requests, `batch` requests in all."""
        decode = interpolated(batch, self.batch_sizes, self.batch_times)
        if prefill == 0:
            return decode
        compute = interpolated(prefill, self.prompt_tokens, self.prompt_times) * interpolated(prompts, self.joined, self.joined_factors)
        return max(compute, decode)


def alone(profile: Any, prompt: float, output: float, chunk: int) -> float:
    """Time that a request takes alone in the engine [s], from its first iteration to its last token; the means of both may be fractions."""
    whole, rest = divmod(prompt, chunk)
    parts = [chunk] * int(whole) + ([rest] if rest > 0 else [])
    prefill = sum(profile.iteration(part, 1, 1) + profile.kv_time * chunk * i for i, part in enumerate(parts))
    return prefill + max(output - 1.0, 0.0) * (profile.iteration(0, 0, 1) + profile.kv_time * (prompt + output / 2.0))


def at_capacity(profile: Any, prompt: float, output: float, chunk: int, batch: int) -> float:
    """Engine time that a request costs while the batch is full [s]: its prompt's computation, and its part of every decode iteration."""
    decode = profile.iteration(0, 0, batch) / batch + profile.kv_time * (prompt + output / 2.0)
    size = min(chunk, max(prompt, 1.0))
    prefill = max(profile.iteration(size, 1, batch) - profile.iteration(0, 0, batch), 0.0) * prompt / size
    return prefill + max(output - 1.0, 0.0) * decode


PROFILES = (Formula, Table)
Profile = Annotated[Any, Choice("profile", PROFILES)]
