"""The greedy prior: a policy's logits begin at what the expected-utility baseline predicts, and learning adds to that.

The logit of a slot is raised by `greedy_prior` times the utility that `agents.baselines.utility` predicts for it, with the settings'
`prior_price`, `prior_outcomes`, `prior_recent`, `prior_slowness` and `prior_memory`. A rejection counts as a predicted utility of zero. An
untrained policy then already acts like that baseline, so a result with a prior must be shown beside one without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.baselines.utility import ExpectedUtility, ExpectedUtilityActor
from agents.observation import MEMORY, Encoder

if TYPE_CHECKING:
    from agents.settings import Learning
    from simulator.decisions import Decision

LEAST = -10.0  # a predicted utility below counts as this: where no utility is declared it is minus a time, which may be infinite


class Prior:
    """The prior of one simulation; `values(decision)` once the encoder has seen it, then `chose(decision, action)` once the action is known."""

    def __init__(self, settings: Learning, encoder: Encoder):
        rule = ExpectedUtility(settings.prior_price, settings.prior_outcomes, settings.prior_recent, settings.prior_slowness, settings.prior_memory)
        self.actor = ExpectedUtilityActor(rule, encoder.world)
        self.encoder, self.weight, self.actions = encoder, settings.greedy_prior, encoder.shape.actions
        if self.actor.feedback is not None and settings.prior_memory == MEMORY:
            self.actor.feedback = encoder.feedback
        self.expected: list[float] = []

    def values(self, decision: Decision) -> list[float]:
        """What is added to the logits of all actions [A]."""
        rated = self.actor.rated(decision, self.encoder.expected)
        self.expected = [time for _, time in rated]
        values = [self.weight * max(value, LEAST) for value, _ in rated]
        return values + [0.0] * (self.actions - len(values))

    def chose(self, decision: Decision, action: int) -> None:
        """The decision whose `values` were asked for last gets this action."""
        if action < len(self.expected) and self.actor.feedback is not self.encoder.feedback:
            self.actor.chose(decision, decision.candidates[action], self.expected[action])
