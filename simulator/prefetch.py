"""Prefetching: a policy that decides where a call goes may first ask for models ahead of other calls, where the scenario lets it.

    decision.choose(Prefetch(candidate))     # starts loading that candidate's model there; the decision stays open
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.errors import DecisionError

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.decisions import Candidate


class Prefetch:
    """An answer to a decision: load the candidate's model there, and ask again where the call goes.

    Nothing happens where the model is resident or on its way already, or its node is down. If there is no room yet it waits its turn.
    """

    __slots__ = ("candidate",)

    slots = None  # as no candidate has it: `choose` looks closer

    def __init__(self, candidate: Candidate):
        self.candidate = candidate

    def __repr__(self) -> str:
        return f"Prefetch({self.candidate!r})"


class Prefetches:
    """What the open decision has asked for so far."""

    __slots__ = ("allowed", "asked", "by", "open")

    def __init__(self, allowed: bool):
        self.allowed = allowed
        self.by: Call | None = None  # the last decision that asked
        self.asked: list[Candidate] = []  # by it
        self.open = False  # it has asked since it was last put

    def ask(self, call: Call, candidate: Any) -> None:
        """Starts loading, or says why not; a model may be asked for once a decision, so that every decision ends."""
        if not self.allowed:
            raise DecisionError("this scenario lets policies prefetch nothing: set control.prefetch to true")
        if candidate not in call.candidates:
            raise DecisionError(f"{candidate!r}, to be prefetched, is not a candidate of the call {call.vertex.name!r} of request {call.request.id}")
        if self.by is not call:
            self.by, self.asked = call, []
        if candidate in self.asked:
            raise DecisionError(f"the call {call.vertex.name!r} of request {call.request.id} has prefetched {candidate!r} already: choose where it goes")
        self.asked.append(candidate)
        self.open = True
        if candidate.model is not None:
            candidate.model.prefetch(call.time)

    def reopens(self, call: Call) -> bool:
        """Whether the decision that was just put is to be put again."""
        again = self.open and self.by is call
        self.open = False
        return again
