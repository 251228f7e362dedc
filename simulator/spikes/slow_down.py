"""Slow-downs: the speed of nodes is divided by a factor during an episode.

`applies: in_progress` slows the work already being served as well (time-varying capacity); `at_start` multiplies the work of
services that start during the episode and leaves the others alone.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from simulator.laws import NumberLaw, TimeLaw
from simulator.places import Place
from simulator.spikes.schedule import scenario_key, schedule_problem
from simulator.units import Seconds


@dataclass(frozen=True)
class SlowDown:
    """The speed of `nodes` is divided by `factor` (drawn anew each episode) while an episode lasts."""

    name: str
    nodes: Place
    factor: NumberLaw
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    applies: Literal["in_progress", "at_start"] = "in_progress"
    kind: Literal["slow_down"] = "slow_down"

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "alias_generator": scenario_key}

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return schedule_problem(self.at, self.duration, self.up, self.down)
