"""Scenario files and everything that puts simulator, agents and analysis together: loading, building, running, the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.reading import Loaded

__all__ = ["load"]


def load(name: str | Path, overrides: Any = (), spikes: Any = ()) -> Loaded:
    """Reads a scenario by path or bundled name; `.build(seed)` makes a live simulation of it, `.with_spikes(...)` another scenario."""
    from scenarios.reading import load as read

    return read(name, overrides, spikes)
