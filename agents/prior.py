"""The greedy prior: a policy's logits begin at what the expected-utility baseline predicts, and learning adds to that.

The logit of a slot is raised by `greedy_prior` times the utility that `agents.baselines.utility` predicts for it, with the settings'
`prior_price`, `prior_outcomes`, `prior_recent`, `prior_slowness` and `prior_memory`. A rejection counts as a predicted utility of zero. An
untrained policy then already acts like that baseline, so a result with a prior must be shown beside one without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.baselines.utility import ExpectedUtility, ExpectedUtilityActor

if TYPE_CHECKING:
    from agents.observation import Shape
    from agents.settings import Learning
    from simulator.decisions import Decision
    from simulator.simulation import Simulation

LEAST = -10.0  # a predicted utility below counts as this: where no utility is declared it is minus a time, which may be infinite


class Prior:
    """The prior of one simulation; `values(decision)`, then `chose(decision, action)` once the action is known."""

    def __init__(self, settings: Learning, simulation: Simulation, shape: Shape):
        rule = ExpectedUtility(settings.prior_price, settings.prior_outcomes, settings.prior_recent, settings.prior_slowness, settings.prior_memory)
        self.actor = ExpectedUtilityActor(rule, simulation)
        self.weight, self.actions = settings.greedy_prior, shape.actions
        self.expected: list[float] = []

    @property
    def remembers(self) -> bool:
        """Whether what it says depends on decisions before."""
        return self.actor.feedback is not None

    def values(self, decision: Decision) -> list[float]:
        """What is added to the logits of all actions [A]."""
        rated = self.actor.rated(decision)
        self.expected = [time for _, time in rated]
        values = [self.weight * max(value, LEAST) for value, _ in rated]
        return values + [0.0] * (self.actions - len(values))

    def chose(self, decision: Decision, action: int) -> None:
        """The decision whose `values` were asked for last gets this action."""
        if action < len(self.expected):
            self.actor.chose(decision, decision.candidates[action], self.expected[action])
