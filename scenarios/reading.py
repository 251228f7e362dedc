"""From a scenario file to a `Scenario`: YAML 1.2 with line numbers, the schema, references between names, data files, warnings.

Every mistake is found before anything is built, and all are reported together as `file:line: path: what was expected, what was
found`. `--set PATH=VALUE` overrides are applied to what was read, before it is checked.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from scenarios.files import digest
from scenarios.injection import inject, leave_out
from scenarios.keys import Location, known_keys, loose_scalars
from scenarios.overrides import apply
from scenarios.problems import Problem, ScenarioError, about_key, merged, sentence, shown, suggestion
from scenarios.references import reference_problems
from scenarios.schema import Scenario
from scenarios.text import Lines, read_yaml
from simulator.descriptions import adapter

__all__ = ["Lines", "Loaded", "bundled", "dump_yaml", "find", "load", "parse", "read_yaml", "resolved"]

LIBRARY = Path(__file__).parent / "library"
Change = tuple[str, Sequence[Any]]  # an option of the command line, and its values


@dataclass(frozen=True)
class Loaded:
    """A scenario that was read: the description, where it came from, what was changed of it, and what to know about it."""

    scenario: Scenario
    path: Path
    text: str
    warnings: tuple[str, ...]
    changes: tuple[Change, ...] = ()

    def with_values(self, *overrides: str) -> Loaded:
        """The scenario with values of its file replaced, each as 'PATH=VALUE'; ScenarioError holds every mistake."""
        return read(self.text, self.path, (*self.changes, ("--set", overrides)))

    def with_spikes(self, *spikes: str | Mapping[str, Any]) -> Loaded:
        """The scenario with spikes added, each as a text like that of `--spike` or as a mapping of the file's keys; ScenarioError holds every mistake."""
        return read(self.text, self.path, (*self.changes, ("--spike", spikes)))

    def without_spikes(self, *names: str) -> Loaded:
        """The scenario without the spikes of these names, or without any when none is named; ScenarioError names those that there are not."""
        return read(self.text, self.path, (*self.changes, ("--without", names or [spike.name for spike in self.scenario.spikes])))

    def build(self, seed: int | None = None, replication: int = 0) -> Any:
        """A live simulation of one replication; who decides is handed to its `run` or `decisions`."""
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


def load(name: str | Path, overrides: str | Sequence[str] = (), spikes: Sequence[Any] = (), swept: Sequence[str] = (), without: Sequence[str] = ()) -> Loaded:
    """Reads a scenario by path or bundled name, with `--set` overrides (or one text) and `--spike` texts (or mappings); ScenarioError holds every mistake.

    `swept` are overrides that come after the added spikes, and `without` names spikes to leave out in the end.
    """
    overrides = (overrides,) if isinstance(overrides, str) else overrides
    path = find(str(name))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError(str(path), [Problem(0, "", "expected YAML in UTF-8, found other bytes")]) from None
    except OSError as error:
        raise ScenarioError(str(path), [Problem(0, "", f"cannot be read ({error.strerror})")]) from None
    return read(text, path, (("--set", overrides), ("--spike", spikes), ("--sweep", swept), ("--without", without)))


def parse(text: str, path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Reads a scenario from text; `path` is for messages and for files named in it."""
    return read(text, path, (("--set", overrides),))


def read(text: str, path: Path, changes: Sequence[Change]) -> Loaded:
    """Reads a scenario from text and makes the changes, one option after the other."""
    changes = tuple((option, tuple(what)) for option, what in changes if what)
    data, lines = read_yaml(text, str(path))
    problems = [problem for option, what in changes for problem in changed(data, option, what, lines)]
    if problems:
        raise ScenarioError(str(path), problems)
    scenario, problems = validated(data, lines)
    said = {(problem.path, problem.file) for problem in problems}
    problems += [problem for problem in reference_problems(data, lines, path.parent) if (problem.path, problem.file) not in said]
    if scenario is None or problems:
        raise ScenarioError(str(path), problems)
    from scenarios.recordings import recording_problems

    problems = [lines.problem(place, message) for place, message in recording_problems(scenario, path.parent)]
    if problems:
        raise ScenarioError(str(path), problems)
    scenario = with_digests(scenario, path.parent)
    from scenarios.build_inference import inference_problems
    from scenarios.build_memory import memory_problems
    from scenarios.checks import law_problems, power_problems, warnings_of

    outside = [problem for find in (inference_problems, memory_problems, power_problems) for problem in find(scenario, path.parent)]
    problems = [lines.problem(place, message) for place, message in (*law_problems(scenario), *outside)]
    if problems:
        raise ScenarioError(str(path), problems)
    return Loaded(scenario, path, text, tuple(warnings_of(scenario, path.parent)), changes)


def changed(data: dict[str, Any], option: str, what: Sequence[Any], lines: Lines) -> list[Problem]:
    """Makes the changes of one option in place; returns what is wrong with them."""
    if option == "--spike":
        return inject(data, what, lines)
    return leave_out(data, what) if option == "--without" else apply(data, what, lines, option)


def validated(data: dict[str, Any], lines: Lines) -> tuple[Scenario | None, list[Problem]]:
    """(the scenario, what the schema has against the data); no scenario where there is a problem."""
    from pydantic import ValidationError

    unfit = [lines.problem(place, message) for place, message in unfit_values(data, ())]
    if any(problem.path.endswith("kind") for problem in unfit):
        return None, unfit  # which schema holds there cannot be told
    problems = [*unfit, *(lines.problem(place, message) for place, message in loose_scalars(data))]
    said = {problem.path for problem in problems}
    try:
        scenario = adapter(Scenario).validate_python(data)
    except ValidationError as error:
        found = merged(translate(error.errors(), (), data, lines))  # type: ignore[arg-type]
        return None, [*problems, *(problem for problem in found if problem.path not in said)]
    return (None if problems else scenario), problems


NAMED = {"services", "applications", "variants", "after", "weights", "quantiles", "rows"}  # keys that hold names of the user's own


def unfit_values(value: Any, place: Location) -> Iterator[tuple[Location, str]]:
    """Numbers that are not finite, and a `kind` that is no name: no key of any description takes them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, f"expected a finite number, got {value}"
    elif isinstance(value, dict):
        kind = value.get("kind")
        if isinstance(kind, dict | list) and (not place or place[-1] not in NAMED):
            yield (*place, "kind"), f"expected the name of a kind, got {shown(kind)}"
        for key, item in value.items():
            yield from unfit_values(item, (*place, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from unfit_values(item, (*place, i))


def translate(errors: Iterable[dict[str, Any]], place: Location, data: Any, lines: Lines) -> Iterable[Problem]:
    """Pydantic's errors as problems with their place in the file; those carried inside a choice are unfolded."""
    for error in errors:
        location = (*place, *error["loc"])
        if error["type"] == "nested":
            yield from translate(error["ctx"]["errors"], location, data, lines)
            continue
        kept, value = existing(location, data)
        unknown = error["type"] in ("unexpected_keyword_argument", "extra_forbidden")
        message = sentence(error, known_keys(kept[:-1], data) if unknown else ())
        if error["type"] == "kind" and isinstance(value, dict) and "kind" in value:
            kept = (*kept, "kind")
        elif error["type"] == "value_error":
            key, message = about_key(message, value)
            kept = kept if key is None else (*kept, key)
        yield lines.problem(kept, message)


def existing(location: Location, data: Any) -> tuple[Location, Any]:
    """(the location without the union tags that pydantic adds, what is there): only what is in the file."""
    kept: list[str | int] = []
    at: Any = data
    for part in location:
        if (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            kept.append(part)
            at = at[part]  # type: ignore[index]
    return tuple(kept), at


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
    written = adapter(Scenario).dump_python(scenario, mode="json", by_alias=True)
    for entry in written["workload"]:
        drop_rows(entry["arrivals"])
    return written


def drop_rows(arrivals: Any) -> None:
    """Takes the rows that were read out of every trace in an arrival process: they are no key."""
    if isinstance(arrivals, dict):
        if arrivals.get("kind") == "trace":
            arrivals.pop("data", None)
        drop_rows(arrivals.get("of"))
    elif isinstance(arrivals, list):
        for part in arrivals:
            drop_rows(part)


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
