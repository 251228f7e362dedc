"""Queueing disciplines: which waiting job is next and how many may be present.

A discipline is a description; the station asks it for its capacity and its queue. The first kind is FIFO; a new one is one
frozen dataclass here, joined to the union on the last line.
"""

from collections import deque
from typing import Annotated, Any, Literal

from simulator.descriptions import Choice, description


@description
class Fifo:
    """First in, first out. `capacity` bounds the jobs at the station, those in service included; a job that finds it full is rejected."""

    capacity: int | None = None
    kind: Literal["fifo"] = "fifo"

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if self.capacity is not None and self.capacity < 1:
            return f"capacity must be at least 1 (it counts the jobs in service), got {self.capacity}"
        return None

    def queue(self) -> deque:
        """An empty queue of waiting jobs, taken from the left."""
        return deque()


DISCIPLINES = (Fifo,)
Discipline = Annotated[Any, Choice("discipline", DISCIPLINES)]
