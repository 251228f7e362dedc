"""The greedy prior: a policy's logits begin at what each slot is predicted to be worth, and learning adds to that.

The logit of a slot is raised by `greedy_prior` times a prediction of the request's utility there. With `prior_forecast: fixed` it is that of
`agents.baselines.utility` with the settings' `prior_price`, `prior_outcomes`, `prior_recent`, `prior_slowness` and `prior_memory`. With
`learned` it is the mean utility over a forecast of how long the call will take (`agents.forecast`), less `prior_price` per second of work that
it is likely to occupy the server with for each call there: the same toll, stretched as the forecast says. Whatever places nothing counts as
what a rejected request is worth; where no utility is declared, and predictions are minus a time [s], it counts as the worst slot. An
untrained policy then already acts like that rule, so a result with a prior must be shown beside one without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.baselines.utility import ExpectedUtility, ExpectedUtilityActor, worths_of
from agents.forecast import RATIOS, Forecast, Outcomes
from agents.observation import MEMORY, Encoder

if TYPE_CHECKING:
    from agents.settings import Learning
    from simulator.decisions import Decision

LEAST = -10.0  # a predicted utility below counts as this: where no utility is declared it is minus a time, which may be infinite
LONGEST = 8.0  # times the expected work is the most that a toll is stretched to
TOLLS = np.minimum(RATIOS, LONGEST)


class Prior:
    """The prior of one simulation; `values(decision, row)` once the encoder has seen it, then `chose(decision, action)` once the action is known.

    `row` is the observation, float32 [F + S * G]; `forecast` is needed where forecasts are learned. With `outcomes` set, what became of calls is kept there.
    """

    def __init__(self, settings: Learning, encoder: Encoder, forecast: Forecast | None = None):
        learned = settings.prior_forecast == "learned"
        if learned:
            rule = ExpectedUtility(settings.prior_price)
        else:
            rule = ExpectedUtility(settings.prior_price, settings.prior_outcomes, settings.prior_recent, settings.prior_slowness, settings.prior_memory)
        self.actor = ExpectedUtilityActor(rule, encoder.world)
        self.encoder, self.weight, self.actions = encoder, settings.greedy_prior, encoder.shape.actions
        if self.actor.feedback is not None and settings.prior_memory == MEMORY:
            self.actor.feedback = encoder.feedback
        self.learned, self.forecast = learned, forecast
        self.worths = [worths_of(application) for application in encoder.world.applications]
        self.outcomes: Outcomes | None = None
        self.expected: list[float] = []
        self.rows = np.zeros((0, 0), np.float32)

    def values(self, decision: Decision, row: np.ndarray) -> list[float]:
        """What is added to the logits of all actions [A]."""
        self.look(decision, row)
        rated = self.rated(decision) if self.learned else [max(value, LEAST) for value, _ in self.actor.rated(decision, self.encoder.expected)]
        utility = decision.request.application.utility
        nothing = min(rated) if utility is None else -float(utility.penalty)
        return [self.weight * value for value in rated + [nothing] * (self.actions - len(rated))]

    def look(self, decision: Decision, row: np.ndarray) -> None:
        """Takes in what is known at a decision: the times expected, how own calls ended, and what a forecast reads."""
        self.expected = [transfer + there for transfer, there in self.encoder.expected]
        if self.actor.feedback is not None:
            self.actor.feedback.look(decision.agent, decision.time)
        if self.learned:
            n, own = len(self.expected), len(self.encoder.shape.own)
            slots = row[own:].reshape(self.encoder.shape.width, -1)[:n]
            self.rows = np.empty((n, own + slots.shape[1]), np.float32)
            self.rows[:, :own], self.rows[:, own:] = row[:own], slots

    def rated(self, decision: Decision) -> list[float]:
        """Mean utility under the forecast, less the toll, of every candidate."""
        assert self.forecast is not None, "a learned forecast is needed, and none was handed over"
        request, actor = decision.request, self.actor
        candidates = decision.candidates
        chances = self.forecast(self.rows)
        after = [actor.remaining.after(decision, candidate) for candidate in candidates]
        base = np.array(after) + (decision.time - request.arrival)
        latency = base[:, None] + np.array(self.expected)[:, None] * RATIOS
        worth = self.worths[request.application.index](latency, np.array([candidate.quality for candidate in candidates])[:, None])
        values = (chances * np.maximum(worth, LEAST)).sum(1)
        price = actor.rule.price
        if price:
            crowd = [candidate.mean_service * candidate.view.outstanding * candidate.share for candidate in candidates]
            values -= price * (chances @ TOLLS) * np.array(crowd)
        return np.maximum(values, LEAST).tolist()  # type: ignore[no-any-return]

    def chose(self, decision: Decision, action: int) -> None:
        """The decision whose `values` were asked for last gets this action."""
        if action >= len(self.expected):
            return
        if self.outcomes is not None:
            self.outcomes.note(decision, self.rows[action], self.expected[action])
        if self.actor.feedback is not None and self.actor.feedback is not self.encoder.feedback:
            self.actor.chose(decision, decision.candidates[action], self.expected[action])
