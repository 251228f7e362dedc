"""`vamappo list` and `vamappo schema`: what there is to write in a scenario file."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def tables() -> dict[str, list[tuple[str, str]]]:
    """(name, one line) of everything that can be named, by what it is."""
    from agents.baselines import POLICIES
    from scenarios.reading import LIBRARY, bundled, read_yaml
    from simulator.arrivals import ARRIVALS, Tokens
    from simulator.disciplines import DISCIPLINES
    from simulator.laws import LAWS
    from simulator.pool import BALANCERS
    from simulator.spikes import SPIKES

    def lines(classes: tuple[type, ...]) -> list[tuple[str, str]]:
        return [(cls.__dataclass_fields__["kind"].default, " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())) for cls in classes]  # type: ignore[attr-defined]

    shown = [(name, str(read_yaml((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"), name)[0].get("description", ""))) for name in bundled()]
    profiles, devices = inference_tables()
    return {
        "scenarios": shown,
        "policies": lines(POLICIES),
        "laws": lines((*LAWS, Tokens)),
        "arrivals": lines(ARRIVALS),
        "spikes": lines(SPIKES),
        "disciplines": lines(DISCIPLINES),
        "balancers": lines(BALANCERS),
        "profiles": profiles,
        "devices": devices,
    }


def inference_tables() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(profiles, devices) that come with the project: what a request alone gets, and what a device holds."""
    from scenarios.readers.profiles import profiles_for
    from simulator.inference.profiles import alone
    from simulator.units import format

    profiles: list[tuple[str, str]] = []
    devices: dict[str, tuple[str, list[str]]] = {}
    for p in profiles_for(None):
        first, decode = alone(p.profile, 512, 1, 512), p.profile.iteration(0, 0, 1) + 512 * p.profile.kv_time
        speed = f"512 prompt tokens in {1e3 * first:.0f} ms, then {1 / decode:.0f} tokens/s; {p.profile.kind}"
        profiles.append((f"{p.model} on {p.device}", speed))
        devices.setdefault(p.device, (format(p.memory, "size"), []))[1].append(p.model)
    return profiles, [(name, f"{memory}; profiles of {', '.join(models)}") for name, (memory, models) in devices.items()]


What = Annotated[str | None, typer.Argument(help="scenarios, policies, laws, arrivals, spikes, disciplines, balancers, profiles or devices; all when absent.")]


def list_(what: What = None) -> None:
    """The bundled scenarios, policies, laws, arrival processes, spikes, disciplines."""
    from scenarios.commands import fail
    from scenarios.problems import suggestion

    found = tables()
    if what is not None and what not in found:
        raise fail(f"there is no list of {what!r}{suggestion(what, found)}; there are {', '.join(found)}")
    from rich.table import Table

    from scenarios.commands.tables import output

    console = output()
    for title, rows in found.items():
        if what is None or what == title:
            table = Table(title, "", box=None, pad_edge=False)
            for name, line in rows:
                table.add_row(name, line)
            console.print(table)
            if what is None:
                console.print()


def schema() -> None:
    """The JSON Schema of scenario files, for editors."""
    from scenarios.jsonschema import json_schema

    print(json.dumps(json_schema(), indent=1))
