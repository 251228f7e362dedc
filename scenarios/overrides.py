"""`--set PATH=VALUE`: changes one value of a scenario before it is checked. List items go by name (`spikes.stragglers.probability`) or index."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from scenarios.problems import Problem, suggestion

PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def apply(data: dict[str, Any], overrides: Sequence[str]) -> list[Problem]:
    """Applies every override to `data` in place; returns what is wrong with them."""
    problems = []
    for text in overrides:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            problems.append(Problem(0, f"--set {text}", "expected PATH=VALUE, such as workload.chat.arrivals.rate='12 /s'"))
            continue
        said = set_value(data, path.strip(), value)
        if said is not None:
            problems.append(Problem(0, f"--set {path.strip()}", said))
    return problems


def parts_of(path: str) -> list[str | int]:
    """("network", "links", 1, "bandwidth") for network.links[1].bandwidth."""
    return [int(index) if index else name for name, index in PART.findall(path)]


def set_value(data: dict[str, Any], path: str, text: str) -> str | None:
    """Sets one value; returns a sentence when the path leads nowhere."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(io.StringIO(text))
    except YAMLError:
        return f"the value is not YAML: {text!r}"
    parts = parts_of(path)
    at: Any = data
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(at, list):
            index = part if isinstance(part, int) else next((i for i, item in enumerate(at) if isinstance(item, dict) and item.get("name") == part), None)
            if index is None or index >= len(at):
                names = [item["name"] for item in at if isinstance(item, dict) and "name" in item]
                return f"there is no item {part!r}{suggestion(part, names)}"
            if last:
                at[index] = value
            else:
                at = at[index]
        elif isinstance(at, dict):
            if last:
                at[str(part)] = value
            elif part not in at and depth == 0:
                at[str(part)] = {}
                at = at[str(part)]
            elif part not in at:
                known = suggestion(part, at)
                if known:
                    return f"there is no key {part!r}{known}"
                at[str(part)] = {}
                at = at[str(part)]
            else:
                at = at[part]
        else:
            return f"{part!r} is inside a plain value, not a mapping or a list"
    return None
