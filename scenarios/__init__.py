"""Scenario files and everything that puts simulator, agents and analysis together: loading, building, running, the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.registration import announce

if TYPE_CHECKING:
    from scenarios.reading import Loaded

__all__ = ["load", "make_env", "make_parallel_env"]

announce()


def load(name: str | Path, overrides: Any = (), spikes: Any = ()) -> Loaded:
    """Reads a scenario by path or bundled name; `.build(seed)` makes a live simulation of it, `.with_spikes(...)` another scenario."""
    from scenarios.reading import load as read

    return read(name, overrides, spikes)


def make_env(scenario: str | Path | Loaded, **options: Any) -> Any:
    """A PettingZoo environment of a scenario by path or bundled name, or as `load` gives it; see `scenarios.environments.make_env` for its options."""
    from scenarios.environments import make_env as make

    return make(scenario, **options)


def make_parallel_env(scenario: str | Path | Loaded, **options: Any) -> Any:
    """The same as a PettingZoo parallel environment, by PettingZoo's own conversion for environments of turns."""
    from scenarios.environments import make_parallel_env as make

    return make(scenario, **options)
