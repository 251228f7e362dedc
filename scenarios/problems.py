"""Mistakes in a scenario: where they are, what was expected, what was found; all of them at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: its line (0 when it has none), its path in the file and a sentence."""

    line: int
    path: str
    message: str

    def text(self, file: str) -> str:
        """`file:line: path: message`."""
        place = f"{file}:{self.line}" if self.line else file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ScenarioError(Exception):
    """Raised when a scenario cannot be run as it is written; `problems` holds every mistake, and the text one a line."""

    def __init__(self, file: str, problems: Iterable[Problem]):
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.text(file) for problem in self.problems))


def merged(problems: Iterable[Problem]) -> list[Problem]:
    """The problems, with those that say at one place "expected a" and "expected b" of the same thing made one."""
    kept: dict[tuple[int, str], Problem] = {}
    rest = []
    for problem in problems:
        key, before = (problem.line, problem.path), kept.get((problem.line, problem.path))
        head, comma, tail = problem.message.rpartition(", got ")
        if before is not None and comma and before.message.rpartition(", got ")[2].startswith(tail) and head.startswith("expected "):
            first = before.message.rpartition(", got ")[0]
            kept[key] = Problem(problem.line, problem.path, f"{first}, or {head.removeprefix('expected ')}, got {tail}")
        elif before is None:
            kept[key] = problem
        else:
            rest.append(problem)
    return [*kept.values(), *rest]


def path_text(location: Iterable[str | int]) -> str:
    """`network.links[1].bandwidth` for ("network", "links", 1, "bandwidth")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def suggestion(name: object, known: Iterable[object]) -> str:
    """" (did you mean 'x'?)" for the closest of the known names, or nothing."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known if str(k) != str(name)], 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def shown(value: Any) -> str:
    """What was found, short enough for a line."""
    if isinstance(value, dict):
        return f"a mapping with the keys {', '.join(map(str, value))}" if value else "an empty mapping"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def sentence(error: dict[str, Any], known: Iterable[str]) -> str:
    """Our own sentence for one of pydantic's errors; `known` are the keys that the mapping around it may have."""
    kind, found, context = error["type"], error.get("input"), error.get("ctx", {})
    where = error["loc"][-1] if error["loc"] else ""
    if kind == "quantity":
        return f"{context['expected']}, got {shown(found)}"
    if kind == "kind":
        return context["sentence"]
    if kind in ("missing", "missing_argument"):
        return f"missing key {where!r}" if isinstance(where, str) else "an item is missing"
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"unknown key {where!r}{suggestion(where, known)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"expected {context['expected']}, got {shown(found)}{suggestion(found, allowed)}"
    plain = {
        "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
        "float_parsing": "a number", "string_type": "a text", "bool_type": "true or false", "bool_parsing": "true or false",
        "tuple_type": "a list", "list_type": "a list", "dict_type": "a mapping", "dataclass_type": "a mapping", "dataclass_exact_type": "a mapping",
    }  # fmt: skip
    if kind in plain:
        return f"expected {plain[kind]}, got {shown(found)}"
    if kind == "too_short" or kind == "too_long":
        return f"expected {context.get('min_length', context.get('max_length'))} items, got {context.get('actual_length')}"
    return f"not accepted: {shown(found)}"
