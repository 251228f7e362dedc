"""Writes the page of every key with what it is when left out, from the descriptions themselves.

    python -m scenarios.defaults_page > docs/defaults.md
"""

from __future__ import annotations

import math
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from agents.settings import Learning, Randomise
from scenarios import schema
from scenarios.fields import Drain
from simulator.arrivals import ARRIVALS
from simulator.disciplines import DISCIPLINES
from simulator.inference.profiles import PROFILES
from simulator.inference.settings import Inference
from simulator.laws import LAWS
from simulator.loading import Load
from simulator.pool import BALANCERS
from simulator.resilience import Breaker, Hedge, Retry, Shed
from simulator.spikes import SPIKES
from simulator.spikes.schedule import Chain
from simulator.units import format as quantity

HEAD = """# Keys and defaults

Every key of a scenario file by where it stands, with what it is when left out. Written by `python -m scenarios.defaults_page` from the
program's own descriptions; [the reference](reference.md) has the meanings, `vamappo schema` the units and bounds.
"""
NETWORK = (schema.Network, schema.Node, schema.Link, schema.Routing, schema.NodeDefaults, schema.LinkDefaults)
WORK = (schema.Service, schema.Variant, schema.Deployment, schema.Application, schema.Call)
GROUPS: dict[str, tuple[Any, ...]] = {
    "The file": (schema.Scenario, Drain, schema.Record, schema.Control),
    "Network": NETWORK,
    "Services and applications": WORK,
    "Arrivals": ARRIVALS,
    "Laws": LAWS,
    "Models in memory": (Load,),
    "Generative inference": (Inference, *PROFILES),
    "Spikes": (*SPIKES, Chain),
    "Disciplines and balancers": (*DISCIPLINES, *BALANCERS),
    "When calls are slow or fail": (Retry, Hedge, Shed, Breaker),
    "Learning (where none is said, the algorithm's preset counts)": (Learning, Randomise),
}
NAMES = {"Scenario": "(top)", "NodeDefaults": "node_defaults", "LinkDefaults": "link_defaults"}
UNITS = {"Seconds": "time", "Bits": "size"}
LEFT_OUT = {"inf": "unlimited", "None": "none", "()": "none", "{}": "none"}


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for title, descriptions in GROUPS.items():
        parts += [f"## {title}\n", "| | key: value when left out |", "|---|---|", *map(row, descriptions), ""]
    return "\n".join(parts)


def row(described: Any) -> str:
    """One description's keys; what must be given comes first."""
    keys = [field for field in fields(described) if field.name != "kind"]
    name = next((field.default for field in fields(described) if field.name == "kind"), NAMES.get(described.__name__, described.__name__.lower()))
    written = getattr(described, "__pydantic_config__", {}).get("alias_generator", str)  # `for` and `from`, words that Python keeps to itself
    needed = [f"`{written(field.name)}` (needed)" for field in keys if default_of(field) is MISSING]
    free = [f"`{written(field.name)}: {text}`" for field in keys if (text := said(default_of(field), unit_of(field)))]
    return f"| {name} | {', '.join([*needed, *free])} |"


def default_of(field: Field[Any]) -> Any:
    """A field's default, MISSING where there is none."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def unit_of(field: Field[Any]) -> str | None:
    """The kind of quantity that a field holds, where it has a unit."""
    return next((kind for name, kind in UNITS.items() if name in str(field.type)), None)


def said(value: Any, unit: str | None = None) -> str | None:
    """A default as a file would write it; None where there is nothing to write."""
    if value is MISSING:
        return None
    if is_dataclass(value):
        return str(getattr(value, "kind", "{...}, see there"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and value:
        return f"[{', '.join(map(str, value))}]"
    if unit is not None and isinstance(value, float) and 0.0 < value < math.inf:
        return quantity(value, unit)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return LEFT_OUT.get(text, text)


if __name__ == "__main__":
    print(page(), end="")
