"""When a spike's episodes start and end: at explicit times, or by up-time and down-time laws.

`up` is the time from the end of one episode to the start of the next, `down` is how long an episode lasts; the first up-time
starts at time 0. Draws come from the spike's own streams, so episodes do not depend on anything else in the scenario.
"""

from collections.abc import Iterator

from simulator.laws import TimeLaw
from simulator.randomness import Streams

BLOCK = 64


def scenario_key(field: str) -> str:
    """The key that a scenario file uses for `field`: `duration` is written `for`, a word that Python keeps to itself."""
    return "for" if field == "duration" else field


def schedule_problem(at: tuple[float, ...] | None, duration: float | None, up: TimeLaw | None, down: TimeLaw | None) -> str | None:
    """What is wrong with a schedule's keys, in one sentence, or None."""
    explicit = at is not None or duration is not None
    if explicit and (up is not None or down is not None):
        return "give either 'at' and 'for', or 'up' and 'down', not both"
    if explicit and (at is None or duration is None):
        return "explicit times need both 'at' (a list of times) and 'for' (how long)"
    if not explicit and (up is None or down is None):
        return "a schedule is missing: give 'at' and 'for', or 'up' and 'down' laws"
    return None


def draws(law, streams: Streams, name: str, purpose: str) -> Iterator[float]:
    """Endless draws of `law` from the stream of this spike and purpose."""
    generator = streams.generator("spike", name, purpose)
    while True:
        yield from law.sample(generator, BLOCK).tolist()


def intervals(
    name: str, at: tuple[float, ...] | None, duration: float | None, up: TimeLaw | None, down: TimeLaw | None, streams: Streams
) -> Iterator[tuple[float, float]]:
    """(start, end) of every episode in order, in seconds; endless for laws, one for each explicit time otherwise."""
    if at is not None and duration is not None:
        for start in sorted(at):
            yield start, start + duration
        return
    ups, downs = draws(up, streams, name, "up"), draws(down, streams, name, "down")
    now = 0.0
    while True:
        start = now + next(ups)
        end = start + next(downs)
        if end <= now:  # laws that give only zeros would never let the clock move
            return
        yield start, end
        now = end
