"""What became of an agent's own calls, without any cost to those who do not ask.

A decision stays readable after it has been answered: `status` says whether the call is still under way, `finished` when it ended. So
a policy that wants to know keeps its decisions and looks at them when it decides again. That is all there is to the hook:

    feedback.note(decision, candidate, expected)      # having chosen
    feedback.ratio(agent, view, now)                    # before choosing
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Any

from simulator.decisions import Candidate, Decision
from simulator.request import OK, UNDER_WAY

if TYPE_CHECKING:
    from simulator.simulation import Simulation

WEIGHT = 0.3  # of the latest outcome in the moving average
FAILED = 4.0  # a call that failed counts as so many times its expected time


class Feedback:
    """For every agent and server a moving average of observed over expected time of its own calls, forgotten at the rate 1 / memory.

    An outcome is known once the news has travelled back over the unloaded route. A call that is already later than the average says
    counts as what it has taken so far.
    """

    __slots__ = ("averages", "looked", "memory", "overdue", "pending", "world")

    def __init__(self, world: Simulation, memory: float):
        self.world = world
        self.memory = memory  # s
        self.pending: dict[int, list[tuple[Any, Candidate, float]]] = {}  # by agent: call, where, expected time
        self.averages: dict[tuple[int, Any], tuple[float, float]] = {}  # (average, when) by agent and view
        self.overdue: dict[tuple[int, Any], float] = {}
        self.looked: dict[int, float] = {}

    def note(self, decision: Decision, candidate: Candidate, expected: float) -> None:
        """The agent is about to place the call there, and expects it to end after `expected` [s]."""
        self.pending.setdefault(decision.agent, []).append((decision, candidate, expected))

    def look(self, agent: int, now: float) -> None:
        """Takes in what has become known to the agent since it last looked."""
        if self.looked.get(agent) == now:
            return
        self.looked[agent] = now
        left = []
        for item in self.pending.get(agent, ()):
            call, candidate, expected = item
            key = (agent, candidate.view)
            if call.status != UNDER_WAY and call.finished + min(self.world.unloaded_time(candidate.index, agent, 0.0), self.memory) <= now:
                self.learn(key, (call.finished - call.time) / expected if call.status == OK and expected > 0.0 else FAILED, now)
                continue
            late = (now - call.time) / expected if expected > 0.0 else 1.0
            if late > self.overdue.get(key, 1.0):
                self.overdue[key] = late
            left.append(item)
        self.pending[agent] = left

    def learn(self, key: tuple[int, Any], ratio: float, now: float) -> None:
        """One outcome more."""
        self.overdue.pop(key, None)
        before = self.average(key, now)
        self.averages[key] = (before + WEIGHT * (ratio - before), now)

    def average(self, key: tuple[int, Any], now: float) -> float:
        """The moving average, on its way back to 1."""
        found = self.averages.get(key)
        if found is None:
            return 1.0
        value, when = found
        return 1.0 + (value - 1.0) * exp((when - now) / self.memory)

    def known(self, agent: int, view: Any, now: float) -> tuple[float, float]:
        """(the moving average, how late the latest of its calls is; 0.0 where none is late) of an agent's calls at a server."""
        key = (agent, view)
        return self.average(key, now), self.overdue.get(key, 0.0)

    def ratio(self, agent: int, view: Any, now: float) -> float:
        """How many times longer than expected the agent's calls take there; 1.0 where nothing is known."""
        return max(self.known(agent, view, now))
