"""The text of a scenario file: YAML 1.2 as plain data, with the line of every key and item.

YAML allows more than a scenario means: tags, aliases that unfold without end, nesting without bound, keys that are no names.
Those are refused here, so that everything behind this module sees dicts with text keys, lists and plain scalars.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from scenarios.problems import Problem, ScenarioError, path_text

Location = tuple[str | int, ...]
MOST_VALUES = 1_000_000  # aliases of aliases can unfold a short text to more than any memory holds
CORE_TAG = "tag:yaml.org,2002:"


class Lines:
    """Line numbers by location in the file; a location that is not there has the line of the nearest one around it.

    What `--set` put there stands under `overridden`, with the path as the user wrote it.
    """

    def __init__(self) -> None:
        self.at: dict[Location, int] = {}
        self.overridden: dict[Location, str] = {}
        self.source: dict[Location, str] = {}  # the option that put it there, where it is not `--set`

    def of(self, location: Sequence[str | int]) -> int:
        """The line of `location`; 1 when nothing around it has one."""
        place = tuple(location)
        while place and place not in self.at:
            place = place[:-1]
        return self.at.get(place, 1)

    def problem(self, location: Sequence[str | int], message: str) -> Problem:
        """The problem at `location`: of the file's line, or of the `--set` that put it there."""
        place = tuple(location)
        for depth in range(len(place), 0, -1):
            written = self.overridden.get(place[:depth])
            if written is not None:
                return Problem(0, path_text((written, *place[depth:])), message, self.source.get(place[:depth], "--set"))
        return Problem(self.of(place), path_text(place), message)


def read_yaml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """(plain data, line numbers) of a YAML 1.2 text; ScenarioError for what is not YAML or not a mapping."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="rt", pure=True)
    reader.version = (1, 2)  # type: ignore[assignment]
    try:
        tree = reader.load(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ScenarioError(file, [Problem(mark.line + 1 if mark else 0, "", f"not YAML: {yaml_sentence(error)}")]) from None
    except YAMLError as error:
        raise ScenarioError(file, [Problem(0, "", f"not YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise ScenarioError(file, [Problem(0, "", "not a scenario: brackets are nested hundreds deep")]) from None
    if tree is None:
        raise ScenarioError(file, [Problem(0, "", "the file is empty; 'vamappo list scenarios' shows examples to start from")])
    if not isinstance(tree, dict):
        raise ScenarioError(file, [Problem(1, "", "expected a mapping with the keys name, network, services and so on")])
    unfolding = Unfolding()
    data = unfolding.plain(tree, ())
    if unfolding.problems:
        raise ScenarioError(file, unfolding.problems)
    return data, unfolding.lines


def yaml_sentence(error: Any) -> str:
    """What the YAML reader says, in words of a scenario's author where its own are those of a parser's."""
    said = str(error.problem or error.context or "not readable").replace("\n", " ")
    if "'\\t'" in said:
        return "a tab; indent with spaces"
    if said.startswith("found duplicate key"):
        return f"the key {said.split(chr(34))[1]!r} stands twice"
    if said.startswith("but found another document"):
        return "a second document after '---'; a scenario is one"
    return said


class Unfolding:
    """Turns ruamel's tree into plain dicts, lists and scalars, noting lines and what has no meaning in a scenario."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.problems: list[Problem] = []
        self.values = 0

    def refuse(self, place: Location, message: str) -> None:
        self.problems.append(self.lines.problem(place, message))

    def plain(self, tree: Any, place: Location) -> Any:
        """The value at `place`."""
        self.values += 1
        if self.values == MOST_VALUES:
            self.refuse(place, f"the aliases in this file unfold to more than {MOST_VALUES:,} values")
        tag = getattr(getattr(tree, "tag", None), "value", None)
        if tag is not None and not str(tag).startswith(CORE_TAG):
            self.refuse(place, f"the tag {str(tag)!r} has no meaning here; leave it out")
        if not isinstance(tree, dict | list):
            return scalar(tree)
        if self.values >= MOST_VALUES:
            return None
        return self.mapping(tree, place) if isinstance(tree, dict) else self.sequence(tree, place)

    def mapping(self, tree: Any, place: Location) -> dict[str, Any]:
        found: dict[str, Any] = {}
        known = tree.lc.data or {}
        for key, value in tree.items():
            line = tree.lc.key(key)[0] + 1 if key in known else self.lines.of(place)
            name = key if isinstance(key, str) else str(scalar(key))
            if key is None or isinstance(key, tuple | dict | list) or name in found:
                what = f"the key {name!r} stands twice" if name in found else "expected a name before the colon"
                self.problems.append(Problem(line, path_text(place), what))
                continue
            self.lines.at[(*place, name)] = line
            found[name] = self.plain(value, (*place, name))
        return found

    def sequence(self, tree: Any, place: Location) -> list[Any]:
        known = tree.lc.data or {}
        for i in range(len(tree)):
            self.lines.at[(*place, i)] = tree.lc.item(i)[0] + 1 if i in known else self.lines.of(place)
        return [self.plain(value, (*place, i)) for i, value in enumerate(tree)]


def scalar(value: Any) -> Any:
    """A plain scalar: ruamel's own kinds of text and number remember how they were written."""
    if isinstance(value, bool) or value is None:
        return value
    for base in (int, float, str):
        if isinstance(value, base):
            return base(value)
    return str(value)
