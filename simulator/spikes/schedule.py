"""When a spike's episodes start and end: at explicit times, by up-time and down-time laws, or by a two-state chain.

`up` is the time from the end of one episode to the start of the next, `down` is how long an episode lasts; the first up-time
starts at time 0. A chain moves every `step`: from calm into an episode with probability `enter`, and in one it stays with
probability `stay` (persistent regimes: Gilbert 1960). Draws come from the spike's own streams, so episodes do not depend on
anything else in the scenario.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from simulator.descriptions import description
from simulator.laws import TimeLaw
from simulator.randomness import Streams
from simulator.units import Seconds, Share

BLOCK = 64
FORMS = "'at' and 'for', 'up' and 'down' laws, or a 'chain'"


@description
class Chain:
    """Two states, calm (at time 0) and struck, which may change every `step`: `enter` from calm to struck, `stay` in struck."""

    step: Seconds
    enter: Share
    stay: Share

    def problem(self) -> str | None:
        if self.step <= 0:
            return "step must be above 0"
        return "stay must be below 100 %, or the first episode never ends" if self.stay >= 1.0 else None

    def intervals(self, generator: Any) -> Iterator[tuple[float, float]]:
        """(start, end) of every episode; the lengths of stays are geometric."""
        step = -1
        while self.enter > 0.0:
            step += int(generator.geometric(self.enter))
            start, step = step, step + int(generator.geometric(1.0 - self.stay))
            yield start * self.step, step * self.step


def scenario_key(field: str) -> str:
    """The key that a scenario file uses for `field`: `duration` is written `for`, a word that Python keeps to itself."""
    return "for" if field == "duration" else field


def schedule_problem(
    at: tuple[float, ...] | None, duration: float | None, up: TimeLaw | None, down: TimeLaw | None, chain: Chain | None = None
) -> str | None:
    """What is wrong with a schedule's keys, in one sentence, or None."""
    explicit = at is not None or duration is not None
    laws = up is not None or down is not None
    if explicit + laws + (chain is not None) > 1:
        return "give either 'at' and 'for', or 'up' and 'down', not both" if chain is None else f"give one of {FORMS}, not two"
    if explicit and (at is None or duration is None):
        return "explicit times need both 'at' (a list of times) and 'for' (how long)"
    if chain is None and not explicit and (up is None or down is None):
        return f"a schedule is missing: give {FORMS}"
    return "up must be above 0 on average, or an episode never ends" if up is not None and mean_of(up) == 0.0 else None


def mean_of(law: Any) -> float:
    """The mean of a law; nan where nobody knows it."""
    return float(law.moments().mean) if hasattr(law, "moments") else math.nan


def draws(law, streams: Streams, name: str, purpose: str) -> Iterator[float]:
    """Endless draws of `law` from the stream of this spike and purpose."""
    generator = streams.generator("spike", name, purpose)
    while True:
        yield from law.sample(generator, BLOCK).tolist()


def intervals(spike: Any, streams: Streams) -> Iterator[tuple[float, float]]:
    """(start, end) of every episode of `spike` in order, in seconds; endless for laws and chains, one for each explicit time otherwise."""
    if spike.at is not None:
        for start in sorted(spike.at):
            yield start, start + spike.duration
        return
    if spike.chain is not None:
        yield from spike.chain.intervals(streams.generator("spike", spike.name, "chain"))
        return
    ups, downs = draws(spike.up, streams, spike.name, "up"), draws(spike.down, streams, spike.name, "down")
    now = 0.0
    while True:
        start = now + next(ups)
        end = start + next(downs)
        if end <= now:  # laws that give only zeros would never let the clock move
            return
        yield start, end
        now = end
