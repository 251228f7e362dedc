"""A simulation as a PettingZoo environment: agents take turns as their decisions come up.

    env = Agents(make)                     # AECEnv; `make(seed)` gives a new simulation
    env.reset(seed=1)
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, info = env.last()
        env.step(None if truncated else env.action_space(agent).sample(observation["action_mask"]))

The time between an agent's turns is irregular. The reward is the plain sum of what it has earned since its last turn; `info` holds
`discounted_reward`, the same discounted at rate beta to that turn, `elapsed`, the seconds between, `discount` = exp(-beta elapsed),
`time`, the second of the episode, and `replaced`, 1 where its last action was not legal and the first legal one was taken instead.
At the horizon all agents are truncated at once, none is terminated: bootstrap from the last observation.
"""

from __future__ import annotations

from math import exp
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import turn_based_aec_to_parallel

from agents.environments.spaces import Seeds, action_space, observation, observation_space
from agents.environments.turns import Make, TermsError, Turns, terms_of
from agents.rewards import Credit


class Agents(AECEnv, EzPickle):
    """The agents of a scenario, one for every node where calls have to be placed; named as their nodes."""

    metadata: ClassVar[dict[str, Any]] = {"name": "vamappo_v0", "render_modes": ["rgb_array"], "is_parallelizable": False, "render_fps": 10}

    def __init__(
        self, make: Make, credit: Credit = "share", beta: float | None = None, length: float | None = None,
        illegal: str = "replace", render_mode: str | None = None,
    ):  # fmt: skip
        EzPickle.__init__(self, make, credit, beta, length, illegal, render_mode)
        AECEnv.__init__(self)
        if illegal not in ("replace", "raise"):
            raise TermsError(f"illegal must be 'replace' or 'raise', got {illegal!r}")
        if render_mode not in (None, "rgb_array"):
            raise TermsError(f"render_mode must be 'rgb_array' or None, got {render_mode!r}")
        self.make = make
        self.illegal = illegal
        self.render_mode = render_mode
        simulation = make(0)
        self.terms = terms = terms_of(simulation, credit, beta, length)
        self.possible_agents = list(terms.names)
        self.agents: list[str] = []
        self.index = dict(zip(terms.names, terms.agents, strict=True))
        self.observation_spaces = {name: observation_space(terms) for name in terms.names}
        self.action_spaces = {name: action_space(terms) for name in terms.names}
        self.state_space = spaces.Box(0.0, 1.0, (len(simulation.nodes), len(terms.shape.node)), np.float32)
        self.seeds = Seeds()
        self.seed = -1  # of the present episode
        self.turns: Turns | None = None
        self.picture: Any = None

    def observation_space(self, agent: str) -> spaces.Dict:
        """The same object at each call."""
        return self.observation_spaces[agent]  # type: ignore[return-value]

    def action_space(self, agent: str) -> spaces.Discrete:
        """The same object at each call."""
        return self.action_spaces[agent]  # type: ignore[return-value]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """A new episode, of `seed` or of one that follows from the last seed given; there are no options."""
        if self.turns is not None:
            self.turns.close()
        self.seed = self.seeds.following(seed)
        self.turns = Turns(self.make(self.seed), self.terms)
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: self.told(0.0, 0.0, 0) for agent in self.agents}
        self.counted = dict.fromkeys(self.agents, 0.0)  # of its account, already in `rewards`
        self.replaced = dict.fromkeys(self.agents, 0)
        self._skip_agent_selection = None
        self.agent_selection = self.agents[0]
        self.turn()  # what the first agent has earned before its first turn is no action's

    def told(self, discounted: float, elapsed: float, replaced: int) -> dict[str, Any]:
        """What an agent is told beside its observation and reward."""
        time = 0.0 if self.turns is None else self.turns.time
        return {"discounted_reward": discounted, "elapsed": elapsed, "discount": exp(-self.terms.beta * elapsed), "time": time, "replaced": replaced}

    def pay(self) -> None:
        """Takes what has been earned since the last step into `rewards`."""
        assert self.turns is not None
        plain = self.turns.ledger.plain
        for agent in self.agents:
            total = plain[self.index[agent]]
            self.rewards[agent] = total - self.counted[agent]
            self.counted[agent] = total
        self._accumulate_rewards()

    def turn(self) -> None:
        """Whose turn it is now; at the end everybody's, to be told that it is over."""
        assert self.turns is not None
        decision = self.turns.decision
        asked = self.agents if decision is None else [self.terms.names[self.terms.agents.index(decision.agent)]]
        for agent in asked:
            earned = self.turns.earned(self.index[agent])
            self.counted[agent] = 0.0
            self.infos[agent] = self.told(earned.discounted, earned.elapsed, self.replaced[agent])
        self.agent_selection = asked[0]
        if decision is None:
            self.truncations = dict.fromkeys(self.agents, True)

    def step(self, action: int | None) -> None:
        """Takes the turn of `agent_selection` with one of its actions, or None once it is truncated."""
        agent = self.agent_selection
        if self.truncations[agent]:
            self._was_dead_step(action)
            return
        assert self.turns is not None
        assert action is not None
        chosen = self.turns.settled(int(action))
        self.replaced[agent] = int(chosen != action)
        if chosen != action and self.illegal == "raise":
            raise TermsError(f"action {action} is not legal for {agent}: the observation's action_mask says which are")
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self.turns.answer(chosen)
        self.pay()
        self.turn()

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """What an agent sees now, whoever's turn it is."""
        assert self.turns is not None
        return observation(self.turns, self.index[agent])

    def state(self) -> np.ndarray:
        """The true state of every node, float32 [N, H]: for critics, in training."""
        assert self.turns is not None
        return self.turns.states()

    def render(self) -> np.ndarray | None:
        """The network now, uint8 [height, width, 3], under `render_mode='rgb_array'`."""
        if self.render_mode is None:
            return None
        assert self.turns is not None
        if self.picture is None:
            from agents.environments.drawing import Picture

            self.picture = Picture(self.turns.simulation)
        return self.picture.draw(self.turns)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Gives back what is held."""
        if self.turns is not None:
            self.turns.close()


def parallel(env: Agents) -> Any:
    """The parallel face: every agent sends an action at each step, and the one whose turn it is (`info['active_agent']`) is heard."""
    return turn_based_aec_to_parallel(env)
