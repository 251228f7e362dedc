"""A simulation as a Gymnasium environment: one agent learns, a policy places the calls of the others; or one dispatcher places all.

    env = gymnasium.make("vamappo/Scenario-v0", scenario="edge-chat", agent="edge-a", others="least-loaded")
    env = gymnasium.make("vamappo/Scenario-v0", scenario="edge-chat", agent="central")

Observations, masks, rewards and what `info` holds are those of `multi`. An action that the mask rules out is replaced by the first legal one
(`info['replaced']`), so that learners without masks can train; `illegal="raise"` refuses it instead.
"""

from __future__ import annotations

from math import exp
from typing import Any, ClassVar

import gymnasium
import numpy as np

from agents.environments.spaces import Drawn, Seeds, action_space, begun, numbered, observation, observation_space, ruled_out, seed_of
from agents.environments.turns import CENTRAL, Make, TermsError, Turns, terms_of
from agents.rewards import Credit


class Single(Drawn, gymnasium.Env):  # type: ignore[type-arg]
    """One agent of a scenario, `others` a policy (with `actor(simulation)`) for the rest; or `agent="central"` for all."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}  # type: ignore[misc]

    def __init__(
        self, make: Make, agent: str, others: Any, credit: Credit = "share", beta: float | None = None, length: float | None = None,
        illegal: str = "replace", render_mode: str | None = None,
    ):  # fmt: skip
        if illegal not in ("replace", "raise"):
            raise TermsError(f"illegal must be 'replace' or 'raise', got {illegal!r}")
        if render_mode not in (None, "rgb_array"):
            raise TermsError(f"render_mode must be 'rgb_array' or None, got {render_mode!r}")
        self.make = make
        self.name = agent
        self.others = others
        self.illegal = illegal
        self.render_mode = render_mode
        self.terms = terms = terms_of(make(0), credit, beta, length, agent == CENTRAL)
        if agent != CENTRAL and agent not in terms.names:
            raise TermsError(f"no agent {agent!r} has a choice in this scenario; there are {', '.join(terms.names)}, and {CENTRAL} for all of them")
        self.mine = set(terms.agents) if agent == CENTRAL else {terms.agents[terms.names.index(agent)]}
        self.observation_space = observation_space(terms)
        self.action_space = action_space(terms)
        self.seeds = Seeds()
        self.seed = -1  # of the present episode
        self.turns: Turns | None = None
        self.at = min(self.mine)  # where the last turn was
        self.picture: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A new episode, of `seed` or of one that follows from the last seed given; there are no options."""
        super().reset(seed=None if seed is None else seed_of(seed))
        if self.turns is not None:
            self.turns.close()
        self.seed = self.seeds.following(seed)
        simulation = self.make(self.seed)
        self.actor = self.others.actor(simulation)
        self.turns = Turns(simulation, self.terms)
        self.over = False
        self.await_turn()
        _, info = self.told(0)
        return observation(self.turns, self.at), info

    def await_turn(self) -> None:
        """The others have their turns until it is the agent's own."""
        turns = self.turns
        assert turns is not None
        while turns.decision is not None and turns.decision.agent not in self.mine:
            turns.choose(self.actor.act(turns.decision))
        if turns.decision is not None:
            self.at = turns.decision.agent

    def told(self, replaced: int) -> tuple[float, dict[str, Any]]:
        """(reward since the last turn, what else there is to know)."""
        assert self.turns is not None
        earned = self.turns.earned(self.at)
        info = {"discounted_reward": earned.discounted, "elapsed": earned.elapsed, "discount": exp(-self.terms.beta * earned.elapsed)}
        return earned.reward, {**info, "time": self.turns.time, "replaced": replaced}

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Takes the turn; (observation, reward, never terminated, truncated, info). An episode without a turn of the agent is over with its first step."""
        turns = begun(self.turns, "step()")
        number = numbered(action, self.action_space, self.name)  # type: ignore[arg-type]
        if turns.decision is None:
            if self.over:
                raise TermsError("the episode is over: reset() the environment before step()")
            self.over = True
            return observation(turns, self.at), 0.0, False, True, self.told(0)[1]
        chosen = turns.settled(number)
        if chosen != number and self.illegal == "raise":
            raise ruled_out(number, self.name)
        turns.answer(chosen)
        self.await_turn()
        reward, info = self.told(int(chosen != number))
        self.over = turns.decision is None
        return observation(turns, self.at), reward, False, self.over, info
