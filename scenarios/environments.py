"""Environments of scenarios by name: what `scenarios.make_env` and `gymnasium.make("vamappo/Scenario-v0")` come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios.reading import Loaded, find, load
from scenarios.schema import Record, Scenario


@dataclass(frozen=True)
class Maker:
    """Makes simulations of one scenario by seed, from its description as it was read once; picklable."""

    scenario: Scenario
    base: Path

    def __call__(self, seed: int) -> Any:
        """A live simulation."""
        from scenarios.build import build

        return build(self.scenario, self.base, seed)


@lru_cache(maxsize=32)
def read(scenario: str, overrides: tuple[str, ...], changed: float) -> Loaded:
    """A scenario by name or path; `changed` is when its file was, so that one process sees a file's changes."""
    return load(scenario, overrides)


def described(scenario: str | Path | Loaded, overrides: str | Sequence[str] = ()) -> Loaded:
    """A scenario as read; a file is read once as long as it does not change. One override may come as plain text."""
    overrides = (overrides,) if isinstance(overrides, str) else overrides
    if isinstance(scenario, Loaded):
        return scenario.with_values(*overrides) if overrides else scenario
    path = find(str(scenario))
    return read(str(scenario), tuple(overrides), path.stat().st_mtime)


def maker(loaded: Loaded) -> Maker:
    """Its simulations, without spans, which nobody reads there."""
    return Maker(replace(loaded.scenario, record=Record(spans="none")), loaded.path.parent)


def seconds(length: float | str | None) -> float | None:
    """An episode's length [s], given in seconds or with a unit; ValueError names the option and what it was given."""
    if isinstance(length, str):
        from simulator.units import parse

        try:
            return parse(length, "time")
        except ValueError as error:
            raise ValueError(f"episode: {error}, got {length!r}") from None
    return length


def make_env(scenario: str | Path | Loaded, overrides: str | Sequence[str] = (), episode: float | str | None = None, **options: Any) -> Any:
    """A PettingZoo AECEnv of a scenario, by path or name or as it was read; `options` are those of `multi.Agents`: credit, beta, illegal, render_mode."""
    from agents.environments.multi import Agents

    return Agents(maker(described(scenario, overrides)), length=seconds(episode), **options)


def make_parallel_env(scenario: str | Path | Loaded, overrides: str | Sequence[str] = (), episode: float | str | None = None, **options: Any) -> Any:
    """The same as a parallel environment, in which only the action of the agent whose turn it is is heard; see `multi.Together`."""
    from agents.environments.multi import parallel

    return parallel(make_env(scenario, overrides, episode, **options))


def make_single_env(
    scenario: str | Path | Loaded | None = None, agent: str = "central", others: str | None = None, overrides: str | Sequence[str] = (),
    episode: float | str | None = None, **options: Any,
) -> Any:  # fmt: skip
    """A Gymnasium environment of one agent, or of one dispatcher for all; `others` names a policy, else it is the scenario's own."""
    from agents.environments.single import Single
    from agents.environments.turns import CENTRAL, TermsError
    from scenarios.policies import policy_of

    if scenario is None:
        raise TermsError("which scenario? Give it by name or path, as in gymnasium.make('vamappo/Scenario-v0', scenario='edge-chat')")
    if agent == CENTRAL and others is not None:
        raise TermsError(f"others={others!r} has nobody to act for, as the central dispatcher has every turn: leave it out, or name an agent")
    loaded = described(scenario, overrides)
    policy = loaded.scenario.control.policy if others is None else policy_of(others)
    return Single(maker(loaded), agent, policy, length=seconds(episode), **options)
