"""Policies from the command line: by name, as `{kind: ...}`, or as `package.module:Class` from outside the project.

`policy_of` is the one place that turns such a text into a policy: `--policy` of a run and `--policies` of an evaluation read alike. The
file of a checkpoint is sought from where the command is given; in a scenario file, from that file.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scenarios.injection import split
from scenarios.overrides import WrongPath, read_value
from scenarios.problems import sentence
from scenarios.schema import Scenario
from simulator.descriptions import adapter
from simulator.errors import DecisionError


class PolicyError(Exception):
    """Raised when a text names no policy; the message says what was expected, one line a text."""


class PolicyFailure(Exception):
    """Raised where a policy raises or answers what is no answer; the message ends with which policy it was, and where."""


@contextmanager
def blamed(policy: Any, replication: int, simulation: Any, running: bool = False) -> Iterator[None]:
    """What a policy does wrong inside becomes a PolicyFailure: its own traceback, then the policy, the replication and the decision.

    While the simulation is `running`, only what the policy itself raised is its fault, and wrong answers.
    """
    where = f"policy {label_of(policy)}, replication {replication}"
    try:
        yield
    except DecisionError as error:
        raise PolicyFailure(f"{where}: {error}") from error
    except Exception as error:
        decision = simulation.failed_at
        if (running and decision is None) or getattr(policy, "kind", "") == "checkpoint":
            raise
        at = "while its actor was made" if decision is None else (
            f"at {decision.time:.6g} s, asked where to place the call {decision.call_name!r} of request {decision.request.id} ({decision.application})"
        )  # fmt: skip
        lines = traceback.format_exception(type(error), error, own_part(error.__traceback__), chain=False)
        raise PolicyFailure(f"{''.join(lines)}{where}, raised {type(error).__name__} {at}") from error


def own_part(trace: Any) -> Any:
    """The part of a traceback that lies in the policy: below the last of the project's own frames."""
    own = trace
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").split(".")[0] in ("scenarios", "simulator", "agents") and trace.tb_next is not None:
            own = trace.tb_next
            trace = trace.tb_next
        else:
            break
    return own


def policy_of(text: str) -> Any:
    """The policy meant by a text: its description, with `actor(simulation)`; PolicyError where there is none."""
    from pydantic import ValidationError

    from agents.baselines import Baseline
    from agents.checkpoint import CheckpointError

    try:
        return settled(adapter(Baseline).validate_python(read_value(text)))
    except CheckpointError as error:
        raise PolicyError(str(error)) from None
    except WrongPath as error:
        raise PolicyError(f"policy {text.strip()!r}: {error}") from None
    except ValidationError as error:
        check_folder(text)
        raise PolicyError(f"policy {text.strip()!r}: {'; '.join(sentences(error.errors()))}") from None


def check_folder(text: str) -> None:
    """PolicyError where a text names a folder, which may hold a policy but is none."""
    folder = Path(text.strip())
    if folder.is_dir():
        held = sorted(path.name for path in folder.glob("*.pt"))
        raise PolicyError(f"policy {text.strip()!r} is a folder: name a checkpoint in it" + (f", such as {folder / held[0]}" if held else ""))


def settled(policy: Any) -> Any:
    """The policy; a checkpoint by absolute path and with the digest of its file, CheckpointError where that cannot act."""
    if getattr(policy, "kind", "") != "checkpoint":
        return policy
    from agents.acting import stored

    path = Path(policy.file).resolve()
    return replace(policy, file=str(path), sha256=policy.sha256 or stored(path).sha256)


def from_here(text: str) -> str:
    """The text of `--policy`, with a checkpoint's file by its absolute path; other policies as they are. PolicyError for a folder."""
    try:
        value = read_value(text)
    except WrongPath:
        return text
    from agents.acting import SUFFIXES

    if isinstance(value, str) and value.endswith(SUFFIXES):
        return json.dumps(str(Path(value).resolve()))
    if isinstance(value, dict) and value.get("kind") == "checkpoint" and isinstance(value.get("file"), str):
        return json.dumps({**value, "file": str(Path(value["file"]).resolve())})
    if isinstance(value, str) and "/" in value:
        check_folder(value)
    return text


def sentences(errors: Any) -> list[str]:
    """What is wrong, with the key where it is wrong."""
    found = []
    for error in errors:
        if error["type"] == "nested":
            found += sentences(error["ctx"]["errors"])
        else:
            place = ".".join(str(part) for part in error["loc"])
            said = sentence(error, ())
            found.append(f"{place}: {said}" if place and error["type"] != "unexpected_keyword_argument" else said)
    return found


def policies_of(text: str) -> dict[str, Any]:
    """Policies by label from a list with commas between (those in braces do not count); every mistake in one PolicyError."""
    found: dict[str, Any] = {}
    mistakes = []
    for part in split(text):
        try:
            policy = policy_of(part)
        except PolicyError as error:
            mistakes.append(str(error))
            continue
        label = label_of(policy)
        if label in found:
            mistakes.append(f"policy {part.strip()!r} stands twice")
        found[label] = policy
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    return found


def label_of(policy: Any) -> str:
    """`power-of-d`, or `power-of-d(d=3)` where it is not as it comes; a policy from outside by its class."""
    from dataclasses import fields

    if hasattr(policy, "label"):
        return policy.label
    if hasattr(policy, "arguments"):
        given = policy.arguments
    else:
        given = {f.name: getattr(policy, f.name) for f in fields(policy) if f.name != "kind" and getattr(policy, f.name) != default_of(f)}
    inside = ", ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in given.items())
    return f"{policy.kind}({inside})" if inside else policy.kind


def version_of(policy: Any) -> str:
    """Which policy it is, as recorded decisions name it: a checkpoint also by the digest of its file."""
    digest = getattr(policy, "sha256", None)
    return label_of(policy) if digest is None else f"{label_of(policy)} sha256:{digest[:16]}"


def default_of(field: Any) -> Any:
    """A dataclass field's default."""
    from dataclasses import MISSING

    return field.default if field.default is not MISSING else field.default_factory() if field.default_factory is not MISSING else None


def is_oracle(policy: Any) -> bool:
    """Whether it sees what no agent is told."""
    return getattr(policy, "kind", "") == "oracle"


def under(scenario: Scenario, policy: Any) -> Scenario:
    """The scenario with another policy."""
    return replace(scenario, control=replace(scenario.control, policy=policy))
