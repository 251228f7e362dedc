"""`--set PATH=VALUE`: changes one value of a scenario before it is checked. List items go by name (`spikes.stragglers.probability`) or index.

A key that the file leaves out may be set where the schema has it. A new service, application or list item may be set as a whole,
but not by one of its keys: a misspelt name would pass for a new one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from scenarios.keys import Location, hint_at, hint_inside, is_list, is_names, known_keys
from scenarios.problems import Problem, path_text, suggestion
from scenarios.text import Lines, Unfolding

PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[\d+\])*")
PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
FILE = "--set"


class WrongPath(Exception):
    """Raised when a path leads nowhere; the text says where it ends and what is there."""


def apply(data: dict[str, Any], overrides: Sequence[str], lines: Lines | None = None, option: str = FILE) -> list[Problem]:
    """Applies every override of `option` to `data` in place and notes in `lines` what it put where; returns what is wrong with them."""
    problems = []
    for text in overrides:
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not PATH.fullmatch(path):
            problems.append(Problem(0, "", f"expected PATH=VALUE, such as workload.chat.arrivals.rate='12 /s', got {text!r}", option))
            continue
        try:
            location = put(data, parts_of(path), read_value(value))
        except WrongPath as error:
            problems.append(Problem(0, path, str(error), option))
            continue
        if lines is not None:
            lines.overridden = {place: name for place, name in lines.overridden.items() if place[: len(location)] != location}
            lines.overridden[location] = path
            lines.source[location] = option
    return problems


def parts_of(path: str) -> Location:
    """("network", "links", 1, "bandwidth") for network.links[1].bandwidth."""
    return tuple(int(index) if index else name for name, index in PART.findall(path))


def read_value(text: str) -> Any:
    """The value, as YAML reads it in a file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    reader = YAML(typ="rt", pure=True)
    reader.version = (1, 2)  # type: ignore[assignment]
    try:
        tree = reader.load(io.StringIO(text))
    except (YAMLError, RecursionError):
        raise WrongPath(f"the value is not YAML: {text!r}") from None
    unfolding = Unfolding()
    value = unfolding.plain(tree, ())
    if unfolding.problems:
        raise WrongPath(unfolding.problems[0].message)
    return value


def put(data: dict[str, Any], parts: Location, value: Any) -> Location:
    """Sets one value, making the mappings on the way that the file left out; returns its location. WrongPath when there is none."""
    at: Any = data
    place: Location = ()
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        key = in_list(at, part) if isinstance(at, list) else in_mapping(at, part, data, place, last)
        place = (*place, key)
        if last:
            at[key] = value
        elif isinstance(at, dict) and at.get(key) is None:
            at[key] = {}
        at = at[key]
    return place


def in_list(at: list[Any], part: str | int) -> int:
    """The index of the item meant by a name or an index."""
    if isinstance(part, int):
        if part < len(at):
            return part
        raise WrongPath(f"there is no item {part}, the list has {len(at)} (they count from 0)")
    names = [item.get("name") if isinstance(item, dict) else None for item in at]
    if part in names:
        return names.index(part)
    given = [name for name in names if name is not None]
    raise WrongPath(f"there is no item {part!r}{suggestion(part, given) or named(given) or ' (these items have no names: use [0], [1] ...)'}")


def named(names: Sequence[Any]) -> str:
    """" (there are a, b)", or nothing where that would be long."""
    return f" (there are {', '.join(map(str, names))})" if 0 < len(names) <= 6 else ""


def in_mapping(at: Any, part: str | int, data: Any, place: Location, last: bool) -> str:
    """The key meant, which is there, or which the schema has."""
    if not isinstance(at, dict):
        raise WrongPath(f"{path_text(place)!r} is {at!r}, not a mapping or a list: it has no {part!r}")
    if isinstance(part, int):
        raise WrongPath(f"{path_text(place) or 'the scenario'!r} is not a list: it has no item {part}")
    if part in at:
        return part
    hint = hint_at(place, data)
    if is_names(hint):
        if not last:
            raise WrongPath(f"there is no {part!r} in {path_text(place)!r}{suggestion(part, at) or named(list(at))}")
        return part
    inner = hint_inside(hint, at, part)
    known = known_keys(place, data)
    if inner is None and known:
        raise WrongPath(f"unknown key {part!r}{suggestion(part, known)}")
    if inner is not None and not last and is_list(inner):
        raise WrongPath(f"there are no {part} in this scenario; set the whole list")
    return part
