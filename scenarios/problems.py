"""Mistakes in a scenario: where they are, what was expected, what was found; all of them at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: its line (0 when it has none), its path in the file and a sentence; `file` where it is not the scenario's own."""

    line: int
    path: str
    message: str
    file: str = ""

    def text(self, file: str) -> str:
        """`file:line: path: message`."""
        place = f"{file}:{self.line}" if self.line else self.file or file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ScenarioError(Exception):
    """Raised when a scenario cannot be run as it is written; `problems` holds every mistake, and the text one a line."""

    def __init__(self, file: str, problems: Iterable[Problem]):
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.text(file) for problem in self.problems))


def merged(problems: Iterable[Problem]) -> list[Problem]:
    """The problems, with those that say at one place "expected a" and "expected b" of the same thing made one."""
    kept: dict[tuple[int, str, str], Problem] = {}
    rest = []
    for problem in problems:
        key = (problem.line, problem.path, problem.file)
        before = kept.get(key)
        head, comma, tail = problem.message.rpartition(", got ")
        if before is not None and comma and before.message.rpartition(", got ")[2].startswith(tail) and head.startswith("expected "):
            first = before.message.rpartition(", got ")[0]
            kept[key] = replace(before, message=f"{first}, or {head.removeprefix('expected ')}, got {tail}")
        elif before is None:
            kept[key] = problem
        else:
            rest.append(problem)
    return [*kept.values(), *rest]


def path_text(location: Iterable[str | int]) -> str:
    """`network.links[1].bandwidth` for ("network", "links", 1, "bandwidth")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part or repr(part)}" if text else str(part)
    return text


def suggestion(name: object, known: Iterable[object]) -> str:
    """" (did you mean 'x'?)" for the closest of the known names, or nothing."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known if str(k) != str(name)], 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def shown(value: Any) -> str:
    """What was found, short enough for a line."""
    if isinstance(value, dict):
        return cut(f"a mapping with the keys {', '.join(map(str, value))}") if value else "an empty mapping"
    return cut("nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value))


def cut(text: str) -> str:
    """At most 60 characters of a text."""
    return text if len(text) <= 60 else text[:57] + "..."


PLAIN = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number", "int_parsing_size": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a finite number", "string_type": "a text",
    "string_unicode": "a text", "bool_type": "true or false", "bool_parsing": "true or false", "tuple_type": "a list", "list_type": "a list",
    "dict_type": "a mapping", "dataclass_type": "a mapping", "dataclass_exact_type": "a mapping",
}  # fmt: skip


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
    if kind in PLAIN:
        return f"expected {PLAIN[kind]}, got {shown(found)}"
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"expected {wanted} item{'s' if wanted != 1 else ''}, got {context.get('actual_length')}"
    return f"not accepted: {shown(found)}"


ABOUT_A_KEY = re.compile(r"^'?(\w+)'? (must|needs|takes) ")


def about_key(message: str, value: Any) -> tuple[str | None, str]:
    """(key, message) where a description's own sentence is about one key of the mapping `value`: "speed must be above 0, got 0.0"."""
    match = ABOUT_A_KEY.match(message)
    if match is None or not isinstance(value, dict) or match[1] not in value:
        return None, message
    rest = message[match.start(2) :]
    return match[1], rest if " got " in rest or " they " in rest or isinstance(value[match[1]], dict | list) else f"{rest}, got {shown(value[match[1]])}"
