"""Freezes: stop-the-world pauses. No work is done on the nodes hit, nothing is lost, and all goes on where it was afterwards.

A freeze is a slow-down by a factor so large that no clock shows what is done meanwhile: preemptive resume. Messages still arrive,
and calls may be sent there; they wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.descriptions import description
from simulator.laws import Deterministic, TimeLaw
from simulator.places import Nodes
from simulator.randomness import Streams
from simulator.spikes.schedule import scenario_key, schedule_problem
from simulator.spikes.slow_down import Episodes
from simulator.station import FROZEN
from simulator.units import Seconds

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@description
class Freeze:
    """No work is done on `nodes` while an episode lasts; it goes on afterwards where it was."""

    name: str
    nodes: Nodes
    at: tuple[Seconds, ...] | None = None
    duration: Seconds | None = None
    up: TimeLaw | None = None
    down: TimeLaw | None = None
    kind: Literal["freeze"] = "freeze"

    __pydantic_config__: ClassVar[dict] = {"alias_generator": scenario_key}
    applies: ClassVar[str] = "in_progress"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return schedule_problem(self.at, self.duration, self.up, self.down)

    @property
    def factor(self) -> Deterministic:
        """What the speed is divided by."""
        return Deterministic(FROZEN)

    def inject(self, world: Simulation, entry: int, streams: Streams) -> Episodes:
        """The live spike; `entry` is its index among the scenario's spikes."""
        return Episodes(self, world, entry, streams)
