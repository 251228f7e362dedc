"""The JSON Schema of scenario files, made from the descriptions; editors complete and check with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from agents.baselines import POLICIES
from scenarios.schema import Scenario
from simulator.arrivals import ARRIVALS, Tokens
from simulator.descriptions import adapter
from simulator.disciplines import DISCIPLINES
from simulator.inference.profiles import PROFILES
from simulator.laws import LAWS
from simulator.pool import BALANCERS
from simulator.spikes import SPIKES

CHOICES: dict[str, tuple[type, ...]] = {
    "law": (*LAWS, Tokens),
    "arrival process": ARRIVALS,
    "discipline": DISCIPLINES,
    "balancer": BALANCERS,
    "spike": SPIKES,
    "policy": POLICIES,
    "profile": PROFILES,
}
TEXT_FORMS = {"law", "policy", "balancer", "discipline"}  # a quantity, or a name, may stand for the description


def json_schema() -> dict[str, Any]:
    """The schema as plain data."""
    whole = adapter(Scenario).json_schema(by_alias=True)
    definitions: dict[str, Any] = whole.pop("$defs", {})
    for what, classes in CHOICES.items():
        options = []
        for cls in classes:
            part = adapter(cls).json_schema(by_alias=True)
            definitions |= part.pop("$defs", {})
            part["required"] = sorted({*part.get("required", []), "kind"})
            name = f"{what} {part['properties']['kind']['const']}"
            definitions[name] = part
            options.append({"$ref": f"#/$defs/{quote(name)}"})
        outside = {"type": "object", "properties": {"kind": {"type": "string", "pattern": ":"}}, "required": ["kind"]}
        text = [{"type": ["string", "number"]}] if what in TEXT_FORMS else []
        definitions[what] = {"anyOf": [*text, *options, outside]}
    result = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vamappo scenario", **whole, "$defs": definitions}
    return referred(result)


def referred(value: Any) -> Any:
    """Replaces the mark of a choice by a reference to its definition; drops what only Python needs."""
    if isinstance(value, dict):
        if "x-choice" in value:
            reference = {"$ref": f"#/$defs/{quote(value['x-choice'])}"}
            return {"anyOf": [reference, {"type": "null"}]} if value.get("default", ...) is None else reference
        return {key: referred(item) for key, item in value.items() if key != "data"}
    if isinstance(value, list):
        return [referred(item) for item in value]
    return value
