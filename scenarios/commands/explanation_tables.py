"""How explained decisions are printed: what the agent saw by feature and slot, its probabilities, what its critic expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.routing import PHASES, Routing
from scenarios.commands.comparison_tables import short_text
from scenarios.commands.tables import output
from scenarios.explanations import Explained
from simulator.units import count_of


def print_explanations(found: Mapping[str, Explained], routes: Mapping[str, Routing], labels: Mapping[str, str]) -> None:
    """Prints the decisions of every policy, then how it routes around episodes."""
    console = output()
    for label, each in found.items():
        console.print(f"\n{labels[label]}: what it saw and chose", style="bold", highlight=False, markup=False)
        for shown in each.shown:
            print_decision(console, shown)
        if each.shown and each.shown[0]["actions"][0]["probability"] is None:
            console.print("it tells no probabilities, and has no critic", highlight=False)
    print_routes(console, found, routes, labels)


def print_decision(console: Any, shown: Mapping[str, Any]) -> None:
    """One decision: a line about it, its own features, a column a slot."""
    from rich.table import Table

    what = f"{shown['agent']} places {shown['call']!r} of request {shown['request_id']}"
    console.print(f"\n{shown['when']}: t = {shown['time_s']:.3f} s, {what}", highlight=False, markup=False)
    seen = [f"{name} {value:.3g}" for name, value in shown["own"].items() if value]
    console.print("  it saw: " + ", ".join(seen) + "; all else 0", highlight=False, markup=False)
    if shown["value"] is not None:
        console.print("  " + value_text(shown["value"]), highlight=False, markup=False)
    actions = shown["actions"]
    table = Table("", *(action["action"].replace("/", "\n") for action in actions), box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_row("chosen", *("<==" if action["chosen"] else "" if action["legal"] else "(illegal)" for action in actions), style="bold")
    if actions[0]["probability"] is not None:
        table.add_row("probability", *(f"{action['probability']:.3f}" for action in actions))
    if actions[0]["forecast"] is not None:
        for name, key in (("forecast / expected time", "mean"), ("chance of twice as long", "twice")):
            table.add_row(name, *("" if action["forecast"] is None else f"{action['forecast'][key]:.2f}" for action in actions))
    for name in actions[0]["features"]:
        values = [action["features"].get(name) for action in actions]
        if len(set(values)) > 1:  # what is alike everywhere says nothing of the choice
            table.add_row(name, *("" if value is None else f"{value:.3g}" for value in values))
    console.print(table)


def value_text(value: Mapping[str, Any]) -> str:
    """`it expects 3.21 (members 3.10 to 3.32, epistemic 0.08; quantiles .1 to .9: 2.5 to 3.9, aleatoric 0.55)`."""
    parts = []
    if value["epistemic"] is not None:
        parts.append(f"members {min(value['members']):.3g} to {max(value['members']):.3g}, epistemic {value['epistemic']:.2g}")
    if value["quantiles"] is not None:
        parts.append(f"quantiles .1 to .9: {value['quantiles']['0.1']:.3g} to {value['quantiles']['0.9']:.3g}, aleatoric {value['aleatoric']:.2g}")
    return f"its critic expects {value['value']:.3g}" + (f" ({'; '.join(parts)})" if parts else "")


def print_routes(console: Any, found: Mapping[str, Explained], routes: Mapping[str, Routing], labels: Mapping[str, str]) -> None:
    """The share of placements on the node that an episode hits, before, during and after it."""
    from rich.table import Table

    if not routes:
        console.print("\nno episode of a spike hits a node in these replications: there is no routing around one to show", highlight=False)
        return
    reach = float(next(iter(routes.values())).edges[-1])
    table = Table("placed on the node that is hit", *PHASES, "episodes", box=None, pad_edge=False)
    for label, of in routes.items():
        table.add_row(labels[label], *(short_text(of.hit[phase], "share") for phase in PHASES), str(of.episodes))
    console.print()
    console.print(table)
    many = len(next(iter(found.values())).replications)
    console.print(f"means over {count_of(many, 'replication')}; before and after: within {reach:.3g} s, while nothing else hits that node", highlight=False)
