"""Gymnasium spaces of observations and actions.

An observation is a dictionary: `observation`, float32 [F + S G], the agent's and its call's features and then those of every slot,
and `action_mask`, int8 [A], 1 where an action is legal. `vamappo describe` and docs/environments.md say what each number means.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from gymnasium import spaces

from agents.environments.turns import Terms, TermsError, Turns


def observation_space(terms: Terms) -> spaces.Dict:
    """A new space of observations."""
    mask = spaces.Box(0, 1, (terms.shape.actions,), np.int8)
    return spaces.Dict({"observation": spaces.Box(terms.low, terms.high, dtype=np.float32), "action_mask": mask})


def action_space(terms: Terms) -> spaces.Discrete:
    """A new space of actions."""
    return spaces.Discrete(terms.shape.actions)


def observation(turns: Turns, agent: int) -> dict[str, np.ndarray]:
    """What an agent sees, as new arrays."""
    row, mask = turns.look(agent)
    return {"observation": row.copy(), "action_mask": mask.copy()}


def numbered(action: Any, actions: spaces.Discrete, agent: str) -> int:
    """An action as its number; TermsError where it is none of the space."""
    if actions.contains(action):
        return int(action)
    raise TermsError(f"action {action!r} of {agent} is outside its action space, the whole numbers 0 to {int(actions.n) - 1} (action_mask: those legal now)")


def ruled_out(action: int, agent: str) -> TermsError:
    """What is said of an action that the mask rules out."""
    return TermsError(f"action {action} is not legal for {agent} now: the observation's action_mask says which are")


def begun(turns: Turns | None, what: str) -> Turns:
    """The episode under way; TermsError where there has been none yet."""
    if turns is None:
        raise TermsError(f"there is no episode yet: reset() the environment before {what}")
    return turns


class Drawn:
    """What both faces share: a picture of the network under `render_mode='rgb_array'`, and the end."""

    turns: Turns | None
    render_mode: str | None
    picture: Any  # made at the first `render`

    def render(self) -> np.ndarray | None:
        """The network now, uint8 [height, width, 3], under `render_mode='rgb_array'`."""
        if self.render_mode is None:
            return None
        turns = begun(self.turns, "render()")
        if self.picture is None:
            from agents.environments.drawing import Picture

            self.picture = Picture(turns.simulation)
        return self.picture.draw(turns)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Gives back what is held."""
        if self.turns is not None:
            self.turns.close()


class Seeds:
    """The seed of every episode: the given one for the first after it, then others that follow from it; from the system's entropy if none is."""

    def __init__(self) -> None:
        self.root: int | None = None
        self.episode = 0

    def following(self, given: int | None) -> int:
        """The seed of the next episode; TermsError where what is given cannot be one."""
        if given is not None:
            self.root, self.episode = seed_of(given), 0
        elif self.root is None:
            self.root, self.episode = int(np.random.SeedSequence().generate_state(1)[0]), 0
        else:
            self.episode += 1
        if self.episode == 0:
            return self.root
        return int(np.random.SeedSequence(self.root, spawn_key=(self.episode,)).generate_state(1, np.uint64)[0])


def seed_of(given: Any) -> int:
    """A seed as an integer."""
    try:
        seed = index(given)
    except TypeError:
        seed = -1
    if seed < 0:
        raise TermsError(f"seed must be a whole number of at least 0, or None, got {given!r}")
    return seed
