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
from pettingzoo.utils.conversions import turn_based_aec_to_parallel_wrapper

from agents.environments.spaces import Drawn, Seeds, action_space, begun, numbered, observation, observation_space, ruled_out
from agents.environments.turns import Make, TermsError, Turns, terms_of
from agents.rewards import Credit


class Agents(Drawn, AECEnv, EzPickle):
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
        return self.observation_spaces[self.known(agent)]  # type: ignore[return-value]

    def action_space(self, agent: str) -> spaces.Discrete:
        """The same object at each call."""
        return self.action_spaces[self.known(agent)]  # type: ignore[return-value]

    def known(self, agent: str) -> str:
        """The agent itself; TermsError where there is none of that name."""
        if agent not in self.index:
            raise TermsError(f"there is no agent {agent!r}; there are {', '.join(self.possible_agents)}")
        return agent

    def asked(self, what: str) -> str:
        """Whose turn it is; TermsError before the first episode and after the end of one."""
        begun(self.turns, what)
        if not self.agents:
            raise TermsError(f"the episode is over: reset() the environment before {what}")
        return self.agent_selection

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """A new episode, of `seed` or of one that follows from the last seed given; there are no options."""
        self.seed = self.seeds.following(seed)
        if self.turns is not None:
            self.turns.close()
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
        agent = self.asked("step()")
        if self.truncations[agent]:
            if action is not None:
                raise TermsError(f"{agent} is truncated: the only step left to it is None, got {action!r}")
            self._was_dead_step(action)
            return
        if action is None:
            raise TermsError(f"{agent} is not truncated: its step needs an action; None is for agents whose episode is over")
        turns = begun(self.turns, "step()")
        number = numbered(action, self.action_space(agent), agent)
        chosen = turns.settled(number)
        if chosen != number and self.illegal == "raise":
            raise ruled_out(number, agent)
        self.replaced[agent] = int(chosen != number)
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        turns.answer(chosen)
        self.pay()
        self.turn()

    def last(self, observe: bool = True) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """(observation, reward, terminated, truncated, info) of the agent whose turn it is."""
        self.asked("last()")
        return super().last(observe)  # type: ignore[no-any-return]

    def agent_iter(self, max_iter: int = 2**63) -> Any:
        """Whose turn it is, until the end of the episode."""
        begun(self.turns, "agent_iter()")
        return super().agent_iter(max_iter)

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """What an agent sees now, whoever's turn it is."""
        return observation(begun(self.turns, "observe()"), self.index[self.known(agent)])

    def state(self) -> np.ndarray:
        """The true state of every node, float32 [N, H]: for critics, in training."""
        return begun(self.turns, "state()").states()


class Together(turn_based_aec_to_parallel_wrapper):  # type: ignore[misc]
    """The parallel face, by PettingZoo's conversion for environments of turns: every agent may send an action at each step, and the one
    whose turn it is, `infos[agent]["active_agent"]` of the `reset` or `step` before, is heard."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """(observations, infos) by agent, which tell whose turn is first; PettingZoo's own do not."""
        observations, infos = super().reset(seed, options)
        active = self.aec_env.agent_selection
        return observations, {agent: {**info, "active_agent": active} for agent, info in infos.items()}

    def step(self, actions: dict[str, Any]) -> Any:
        """(observations, rewards, terminations, truncations, infos) by agent; the others' actions may be left out."""
        active = self.aec_env.unwrapped.asked("step()")
        if not isinstance(actions, dict):
            raise TermsError(f"step() takes the actions as a dictionary by agent, got {actions!r}")
        for agent in actions:
            self.aec_env.unwrapped.known(agent)
        if active not in actions:
            raise TermsError(f"there is no action of {active}, whose turn it is (info['active_agent']), among those of {', '.join(actions) or 'nobody'}")
        return super().step(actions)


def parallel(env: Agents) -> Together:
    """The parallel face of an environment."""
    return Together(env)
