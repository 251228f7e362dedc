"""Which keys a mapping of a scenario file may have, and which scalars a key takes, read off the schema's own types.

Pydantic names a mistake by where it stands; what could stand there instead is asked here, from the location and the data around
it (a `kind` decides which description a mapping is).
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from scenarios.fields import After, Drain, DrainType, Ingress, IngressType, Telemetry, TelemetryType
from scenarios.schema import Scenario
from simulator.descriptions import Choice
from simulator.inference.settings import COUNT, TokenMarker
from simulator.laws import INNER, SizeLaw
from simulator.laws.composite import InnerMarker

Location = tuple[str | int, ...]


@cache
def keys_of(cls: type) -> dict[str, Any]:
    """The type of every key that a description of `cls` has in a file."""
    written = getattr(cls, "__pydantic_config__", {}).get("alias_generator", str)
    hints = get_type_hints(cls, include_extras=True)
    return {written(field.name): hints[field.name] for field in fields(cls)}


def options(hint: Any) -> Iterator[Any]:
    """The alternatives in a type: classes, `tuple[...]`, `dict[...]`, `Literal[...]`, choices by `kind`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        for mark in arguments[1:]:
            if isinstance(mark, Choice):
                yield mark
            elif isinstance(mark, InnerMarker):
                yield INNER
            elif isinstance(mark, After):
                yield dict[str, SizeLaw]
            elif isinstance(mark, IngressType):
                yield Ingress
            elif isinstance(mark, TokenMarker):
                yield COUNT
            elif isinstance(mark, DrainType):
                yield Drain
            elif isinstance(mark, TelemetryType):
                yield Telemetry
            elif arguments[0] is not float:  # a float with a mark of its own is a quantity, which checks itself
                yield from options(arguments[0])
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from options(argument)
    else:
        yield hint


def description_of(hint: Any, value: Any) -> type | None:
    """The class of description that the mapping `value` is to become."""
    for option in options(hint):
        if isinstance(option, Choice):
            kind = value.get("kind") if isinstance(value, dict) else None
            cls = option_kinds(option).get(kind) if isinstance(kind, str) else None
            if cls is not None:
                return cls
        elif is_dataclass(option) and isinstance(option, type):
            return option
    return None


@cache
def option_kinds(choice: Choice) -> dict[str, type]:
    """Classes by kind."""
    return choice.kinds()


def hint_inside(hint: Any, value: Any, part: str | int) -> Any:
    """The type of what stands under `part` in `value`, which is of type `hint`; None where the schema has no such place."""
    cls = description_of(hint, value)
    if cls is not None:
        return keys_of(cls).get(str(part))
    for option in options(hint):
        origin, arguments = get_origin(option), get_args(option)
        if origin is tuple and isinstance(part, int):
            return arguments[0] if arguments[-1] is ... or part >= len(arguments) else arguments[part]
        if origin is dict and isinstance(part, str):
            return arguments[1]
    return None


def hint_at(location: Location, data: Any) -> Any:
    """The type of what stands at `location`."""
    hint: Any = Scenario
    at = data
    for part in location:
        hint = hint_inside(hint, at, part)
        at = at.get(part) if isinstance(at, dict) else at[part] if isinstance(at, list) and isinstance(part, int) and part < len(at) else None
    return hint


def known_keys(location: Location, data: Any) -> list[str]:
    """The keys that the mapping at `location` may have; none where they are names of the user's own."""
    at = data
    for part in location:
        at = at[part]
    cls = description_of(hint_at(location, data), at)
    return [key for key in keys_of(cls) if not (cls.__name__ == "Trace" and key == "data")] if cls is not None else []


def is_list(hint: Any) -> bool:
    """Whether a list belongs there."""
    return any(get_origin(option) is tuple for option in options(hint))


def is_names(hint: Any) -> bool:
    """Whether a mapping from names of the user's own belongs there."""
    return any(get_origin(option) is dict for option in options(hint))


def loose_scalars(data: Any) -> Iterator[tuple[Location, str]]:
    """Where `true` or a text stands for a plain number, which Python would let pass as 1 or convert."""
    stack: list[tuple[Any, Any, Location]] = [(Scenario, data, ())]
    while stack:
        hint, value, place = stack.pop()
        if isinstance(value, dict):
            stack += [(inner, item, (*place, key)) for key, item in value.items() if (inner := hint_inside(hint, value, key)) is not None]
        elif isinstance(value, list):
            stack += [(inner, item, (*place, i)) for i, item in enumerate(value) if (inner := hint_inside(hint, value, i)) is not None]
        elif isinstance(value, bool | str):
            found = list(options(hint))
            number = "a whole number" if int in found else "a number" if float in found else None
            if found == [bool] and isinstance(value, str):
                yield place, f"expected true or false, got {value!r}"
            words = str in found or any(get_origin(option) is Literal for option in found)
            if number is not None and bool not in found and (isinstance(value, bool) or not words):
                yield place, f"expected {number}, got {value!r}" if isinstance(value, str) else f"expected {number}, got {str(value).lower()}"
