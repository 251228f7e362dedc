"""From a scenario file to a `Scenario`: YAML 1.2 with line numbers, the schema, references between names, data files, warnings.

Every mistake is found before anything is built, and all are reported together as `file:line: path: what was expected, what was
found`. `--set PATH=VALUE` overrides are applied to what was read, before it is checked.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.overrides import apply
from scenarios.problems import Problem, ScenarioError, merged, path_text, sentence, suggestion
from scenarios.references import reference_problems
from scenarios.schema import Scenario
from simulator.descriptions import adapter

LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Loaded:
    """A scenario that was read: the description, where it came from, and what to know about it."""

    scenario: Scenario
    path: Path
    warnings: tuple[str, ...]

    def build(self, seed: int | None = None, replication: int = 0, policy: Any = None):
        """A live simulation of one replication."""
        from scenarios.build import build

        return build(self.scenario, self.path.parent, seed=seed, replication=replication)


def bundled() -> list[str]:
    """Names of the scenarios that come with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(name: str) -> Path:
    """The file of a scenario given as a path or as the name of a bundled one."""
    path = Path(name)
    if path.is_dir():
        raise ScenarioError(name, [Problem(0, "", "this is a folder; name a scenario file in it")])
    if path.exists():
        return path
    if path.suffix in (".yaml", ".yml") or "/" in name:
        raise ScenarioError(name, [Problem(0, "", "there is no such file")])
    if (LIBRARY / f"{name}.yaml").exists():
        return LIBRARY / f"{name}.yaml"
    raise ScenarioError(name, [Problem(0, "", f"neither a file nor a bundled scenario{suggestion(name, bundled())}; 'vamappo list scenarios' shows those")])


def load(name: str | Path, overrides: Sequence[str] = ()) -> Loaded:
    """Reads a scenario by path or bundled name; ScenarioError holds every mistake."""
    path = find(str(name))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError(str(path), [Problem(0, "", "expected YAML in UTF-8, found other bytes")]) from None
    except OSError as error:
        raise ScenarioError(str(path), [Problem(0, "", f"cannot be read ({error.strerror})")]) from None
    return parse(text, path, overrides)


def parse(text: str, path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Reads a scenario from text; `path` is for messages and for files named in it."""
    data, lines = read_yaml(text, str(path))
    problems = apply(data, overrides)
    if problems:
        raise ScenarioError(str(path), problems)
    problems = [*structural_problems(data, lines), *reference_problems(data, lines, path.parent)]
    if problems:
        raise ScenarioError(str(path), problems)
    scenario = with_digests(adapter(Scenario).validate_python(data), path.parent)
    from scenarios.checks import warnings_of

    return Loaded(scenario, path, tuple(warnings_of(scenario, path.parent)))


class Lines:
    """Line numbers by location in the file; a location that is not there has the line of the nearest one around it."""

    def __init__(self) -> None:
        self.at: dict[tuple[str | int, ...], int] = {}

    def of(self, location: Sequence[str | int]) -> int:
        """The line of `location`, 0 when nothing around it has one."""
        place = tuple(location)
        while place and place not in self.at:
            place = place[:-1]
        return self.at.get(place, 1)


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
        said = (error.problem or error.context or "not YAML").replace("\n", " ")
        raise ScenarioError(file, [Problem(mark.line + 1 if mark else 0, "", f"not YAML: {said}")]) from None
    except YAMLError as error:
        raise ScenarioError(file, [Problem(0, "", f"not YAML: {str(error).splitlines()[0]}")]) from None
    if tree is None:
        raise ScenarioError(file, [Problem(0, "", "the file is empty; 'vamappo list scenarios' shows examples to start from")])
    if not isinstance(tree, dict):
        raise ScenarioError(file, [Problem(1, "", "expected a mapping with the keys name, network, services and so on")])
    lines = Lines()
    return plain(tree, (), lines), lines


def plain(tree: Any, place: tuple[str | int, ...], lines: Lines) -> Any:
    """ruamel's tree as plain dicts, lists and scalars, noting lines on the way."""
    position: Any = getattr(tree, "lc", None)
    if isinstance(tree, dict):
        found = {}
        for key, value in tree.items():
            name = key if isinstance(key, str) else str(key)
            lines.at[(*place, name)] = position.key(key)[0] + 1 if key in (position.data or {}) else lines.of(place)
            found[name] = plain(value, (*place, name), lines)
        return found
    if isinstance(tree, list):
        for i in range(len(tree)):
            lines.at[(*place, i)] = position.item(i)[0] + 1 if i in (position.data or {}) else lines.of(place)
        return [plain(value, (*place, i), lines) for i, value in enumerate(tree)]
    if isinstance(tree, bool) or tree is None:
        return tree
    for base in (int, float, str):
        if isinstance(tree, base):
            return base(tree)
    return str(tree)


def structural_problems(data: dict[str, Any], lines: Lines) -> list[Problem]:
    """What the schema has against the data."""
    from pydantic import ValidationError

    try:
        adapter(Scenario).validate_python(data)
    except ValidationError as error:
        return merged(translate(error.errors(), (), data, lines))  # type: ignore[arg-type]
    return []


def translate(
    errors: Iterable[dict[str, Any]], place: tuple[str | int, ...], data: Any, lines: Lines, known: Sequence[str] | None = None
) -> Iterable[Problem]:
    """Pydantic's errors as problems with their place in the file; those carried inside a choice are unfolded.

    `known` are the keys that a mapping at `place` may have, where that is known.
    """
    for error in errors:
        location = (*place, *error["loc"])
        if error["type"] == "nested":
            yield from translate(error["ctx"]["errors"], location, data, lines, error["ctx"].get("known"))
            continue
        kept = existing(location, data)
        near = known if known is not None and len(error["loc"]) == 1 else schema_keys()
        yield Problem(lines.of(kept), path_text(kept), sentence(error, near))


def existing(location: tuple[str | int, ...], data: Any) -> tuple[str | int, ...]:
    """The location without the union tags that pydantic adds: only what is in the file."""
    kept: list[str | int] = []
    at: Any = data
    for part in location:
        if (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            kept.append(part)
            at = at[part]  # type: ignore[index]
    return tuple(kept)


@cache
def schema_keys() -> list[str]:
    """Every key that the schema's own descriptions have."""
    from scenarios import schema

    classes = [cls for cls in vars(schema).values() if isinstance(cls, type) and is_dataclass(cls)]
    return sorted({field.name for cls in classes for field in fields(cls)})


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_digests(scenario: Scenario, base: Path) -> Scenario:
    """The scenario with every data file by absolute path and sha256, so that the resolved file means the same anywhere."""

    def settled(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            changes = {field.name: settled(getattr(value, field.name)) for field in fields(value)}
            file = changes.get("file")
            if isinstance(file, str) and "sha256" in changes:
                path = (base / file).resolve()
                changes["file"], changes["sha256"] = str(path), digest(path)
            return value if all(changes[field.name] is getattr(value, field.name) for field in fields(value)) else replace(value, **changes)
        if isinstance(value, tuple):
            items = tuple(settled(item) for item in value)
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        if isinstance(value, dict):
            return {key: settled(item) for key, item in value.items()}
        return value

    return settled(scenario)


def resolved(scenario: Scenario) -> dict[str, Any]:
    """The scenario with every default written out, as plain data in a file's form."""
    return adapter(Scenario).dump_python(scenario, mode="json", by_alias=True)


def dump_yaml(scenario: Scenario) -> str:
    """The resolved scenario as YAML; reading it again gives an equal scenario."""
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.width = 140
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    writer.dump(resolved(scenario), text)
    return text.getvalue()
