"""Baseline policies: simple rules that place calls, without learning and without torch.

A baseline is a frozen description; `actor(simulation)` makes the live object whose `act(decision)` returns one of
`decision.candidates`. Candidates come nearest first (or in the file's order where `control.order: declared`), and every
tie goes to the first of them. A baseline's random draws belong to its decision (`decision.uniform(k)`). All but the oracle read no
more of a server than `candidate.view`, which is what the agent is told.
"""

from typing import Annotated, Any

from agents.acting import Checkpoint
from agents.baselines.delay import EarliestFinish, LargestInTime, ShortestExpectedDelay
from agents.baselines.plain import LocalFirst, Random, RoundRobin, Weighted
from agents.baselines.queues import JoinShortestQueue, LeastLoaded, PowerOfD, PowerOfTwo
from agents.baselines.utility import ExpectedUtility, Oracle
from simulator.descriptions import Choice

BASELINES = (
    Random, RoundRobin, LocalFirst, LeastLoaded, JoinShortestQueue, PowerOfTwo, PowerOfD, Weighted, ShortestExpectedDelay,
    EarliestFinish, LargestInTime, ExpectedUtility, Oracle,
)  # fmt: skip
POLICIES = (*BASELINES, Checkpoint)
Baseline = Annotated[Any, Choice("policy", POLICIES, names=True)]

__all__ = [
    "BASELINES", "POLICIES", "Baseline", "EarliestFinish", "ExpectedUtility", "JoinShortestQueue", "LargestInTime", "LeastLoaded", "LocalFirst",
    "Oracle", "PowerOfD", "PowerOfTwo", "Random", "RoundRobin", "ShortestExpectedDelay", "Weighted",
]  # fmt: skip
