"""Makes `gymnasium.make("vamappo/Scenario-v0", scenario="edge-chat", agent="edge-a")` work.

Gymnasium 1.0 took out the loading of plug-ins by entry point: environments are known once the package that has them is imported, as with
`import ale_py`. Importing `scenarios` must stay cheap, though, and Gymnasium is not. So it is told at once where it has been imported already, else
as soon as it is. `gymnasium.make("scenarios:vamappo/Scenario-v0", ...)` has Gymnasium import the package itself.

The version rises when the same actions no longer lead to the same observations and rewards, or mean something else.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "vamappo/Scenario-v0"


def register() -> None:
    """Tells Gymnasium of the environment."""
    from gymnasium.envs.registration import register as add
    from gymnasium.envs.registration import registry

    if NAME not in registry:
        add(id=NAME, entry_point="scenarios.environments:make_single_env")


class Expecting:
    """Finds Gymnasium as Python would, and registers the environment once it has been imported."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Nothing but Gymnasium, and that once."""
        if name != "gymnasium":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                register()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def announce() -> None:
    """Registers the environment now or as soon as Gymnasium is imported."""
    if "gymnasium" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, Expecting())
