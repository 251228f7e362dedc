"""`--spike 'kind=slow_down,nodes=edge-a,factor=8,at=60 s,for=5 s'`: adds a spike to a scenario from outside its file.

Keys and values are those of the file, as `key=value` with commas between; a law is written as there, in braces. One node, service, entry
or time may stand without brackets, and a spike without a name gets one. From Python a spike may also be a mapping of those keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.overrides import WrongPath, named, read_value
from scenarios.problems import Problem, suggestion
from scenarios.text import Lines

FILE = "--spike"
EXAMPLE = "kind=slow_down,nodes=edge-a,factor=8,at=60 s,for=5 s"
LISTS = ("nodes", "services", "workload", "at")  # keys whose single value may stand without brackets
PLACES = ("all",)


def inject(data: dict[str, Any], given: Sequence[str | Mapping[str, Any]], lines: Lines) -> list[Problem]:
    """Adds every spike given as a text or a mapping to `data` in place, noting in `lines` where it came from; returns what cannot be read."""
    problems = []
    spikes = data.get("spikes") if isinstance(data.get("spikes"), list) else []
    spikes = list(spikes or [])
    for one in given:
        try:
            spike = read_spike(one) if isinstance(one, str) else listed(dict(one))
        except WrongPath as error:
            problems.append(Problem(0, "", str(error), FILE))
            continue
        taken = {item.get("name") for item in spikes if isinstance(item, dict)}
        spike.setdefault("name", next(name for n in range(1, len(taken) + 2) if (name := f"{spike.get('kind', 'spike')}-{n}") not in taken))
        lines.overridden[("spikes", len(spikes))] = f"spikes.{spike['name']}"
        lines.source[("spikes", len(spikes))] = FILE
        spikes.append(spike)
    if given:
        data["spikes"] = spikes
    return problems


def leave_out(data: dict[str, Any], names: Sequence[str]) -> list[Problem]:
    """Takes the spikes of these names out of `data` in place; returns which there are not.

    The lines of what stands behind them are then off, so it is for data that was found right as a whole.
    """
    if not names:
        return []
    spikes = data.get("spikes") if isinstance(data.get("spikes"), list) else []
    there = [item.get("name") for item in spikes or [] if isinstance(item, dict)]
    data["spikes"] = [item for item in spikes or [] if not (isinstance(item, dict) and item.get("name") in names)]
    missing = [name for name in names if name not in there]
    return [Problem(0, "", f"there is no spike {name!r}{suggestion(name, there) or named(there)}", "--without") for name in missing]


def read_spike(text: str) -> dict[str, Any]:
    """The keys and values of one spike; WrongPath where it is not of the form key=value,key=value."""
    spike: dict[str, Any] = {}
    for part in split(text):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or (not key.isidentifier() and key != "for"):
            raise WrongPath(f"expected key=value, with commas between, such as '{EXAMPLE}', got {part.strip()!r}")
        if key in spike:
            raise WrongPath(f"the key {key!r} stands twice")
        spike[key] = read_value(value)
    return listed(spike)


def listed(spike: dict[str, Any]) -> dict[str, Any]:
    """The spike with single values put into the lists that the schema has there."""
    return {key: [value] if key in LISTS and not isinstance(value, list | tuple | dict) and value not in PLACES else value for key, value in spike.items()}


def split(text: str) -> list[str]:
    """The parts between commas that stand in no bracket, brace or quote."""
    parts, depth, quote, begun = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[begun:i])
            begun = i + 1
    return [*parts, text[begun:]]
