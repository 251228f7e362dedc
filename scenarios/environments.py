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


def described(scenario: str | Path | Loaded, overrides: Sequence[str] = ()) -> Loaded:
    """A scenario as read; a file is read once as long as it does not change."""
    if isinstance(scenario, Loaded):
        return scenario.with_values(*overrides) if overrides else scenario
    path = find(str(scenario))
    return read(str(scenario), tuple(overrides), path.stat().st_mtime)


def maker(loaded: Loaded) -> Maker:
    """Its simulations, without spans, which nobody reads there."""
    return Maker(replace(loaded.scenario, record=Record(spans="none")), loaded.path.parent)


def seconds(length: float | str | None) -> float | None:
    """An episode's length [s], given in seconds or with a unit."""
    if isinstance(length, str):
        from simulator.units import parse

        return parse(length, "time")
    return length


def make_env(scenario: str | Path | Loaded, overrides: Sequence[str] = (), episode: float | str | None = None, **options: Any) -> Any:
    """A PettingZoo AECEnv of a scenario, by path or name or as it was read; `options` are those of `multi.Agents`: credit, beta, illegal, render_mode."""
    from agents.environments.multi import Agents

    return Agents(maker(described(scenario, overrides)), length=seconds(episode), **options)


def make_parallel_env(scenario: str | Path | Loaded, overrides: Sequence[str] = (), episode: float | str | None = None, **options: Any) -> Any:
    """The same through PettingZoo's `turn_based_aec_to_parallel`."""
    from agents.environments.multi import parallel

    return parallel(make_env(scenario, overrides, episode, **options))


def make_single_env(
    scenario: str | Path | Loaded, agent: str = "central", others: str | None = None, overrides: Sequence[str] = (),
    episode: float | str | None = None, **options: Any,
) -> Any:  # fmt: skip
    """A Gymnasium environment of one agent, or of one dispatcher for all; `others` names a policy, else it is the scenario's own."""
    from agents.environments.single import Single
    from scenarios.policies import policy_of

    loaded = described(scenario, overrides)
    policy = loaded.scenario.control.policy if others is None else policy_of(others)
    return Single(maker(loaded), agent, policy, length=seconds(episode), **options)
