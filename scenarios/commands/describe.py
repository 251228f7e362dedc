"""`vamappo describe`: a scenario as an environment for learning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from scenarios.commands.run import Overrides, ScenarioName, Spikes
from simulator.units import count_of


def describe(
    scenario: ScenarioName,
    credit: Annotated[str, typer.Option(help="Who earns what a request is worth: share, ingress, full or team.")] = "share",
    episode: Annotated[str | None, typer.Option(metavar="TIME", help="Length of an episode, such as '30 s'; the scenario's horizon when absent.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to measure under each policy.")] = 2,
    set_: Overrides = None,
    spike: Spikes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Agents, slots, observation features with their ranges, actions, rewards, episodes and the time between decisions."""
    from agents.environments.turns import TermsError
    from scenarios.commands import fail
    from scenarios.description import describe as describe_
    from scenarios.environments import seconds
    from scenarios.reading import load

    try:
        length = seconds(episode)
    except ValueError as error:
        raise fail(f"--{error}") from None
    loaded = load(scenario, list(set_ or []), spike or [])
    try:
        found = describe_(loaded, credit, length, episodes)
    except TermsError as error:
        raise fail(str(error)) from None
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """The description as tables."""
    from scenarios.commands.tables import output

    console = output()
    told = found["telemetry"]
    console.print(f"{found['scenario']}: {found['description']}" if found["description"] else found["scenario"])
    exact = "exactly" if told == "exact" else f"by snapshots every {told['period_s']:g} s"
    console.print(f"{count_of(len(found['agents']), 'agent')}, asked about {found['asked']}; others' servers are known {exact}\n")
    rows = [(a["name"], a["tier"], ", ".join(a["workload"]), "; ".join(f"{k}: {', '.join(v)}" for k, v in a["slots"].items())) for a in found["agents"]]
    table(console, ("agent", "tier", "workload", "slots of each call"), rows)
    numbers = [f"{i} {name}" for i, name in enumerate(found["actions"])]
    console.print(f"actions: {', '.join(numbers)}\n")
    seen = found["observation"]
    own, slot = len(seen["own"]), len(seen["slot"])
    console.print(f"observation: {seen['floats']} floats, {own} of the agent and its call, then {slot} for each of {found['slots']} slots; squashed by")
    console.print(f"T0 = {', '.join(f'{scale:g} s ({app})' for app, scale in seen['scales_s'].items())}; action_mask: 1 for legal actions\n")
    for title, key in (("agent and call", "own"), ("each slot", "slot"), ("state of each node, for critics", "state")):
        table(console, (title, "range", "meaning"), [(f["name"], f"{f['low']:g} to {f['high']:g}", f["meaning"]) for f in seen[key]])
    reward = found["reward"]
    console.print(f"reward: credit {reward['credit']}, discounted at beta = {reward['beta_per_s']:g} /s")
    for app, worth in reward["of"].items():
        console.print(f"  a request of {app}: {worth}")
    length = "until its last request that counts has arrived" if found["episode_s"] is None else f"{found['episode_s']:g} s"
    console.print(f"episode: {length}; then all agents are truncated\n")
    table(console, ("policy", *(name for name, _ in figures({}))), [(name, *(v for _, v in figures(m))) for name, m in found["measured"]["policies"].items()])
    console.print(extent(found))


def extent(found: dict[str, Any]) -> str:
    """Of what the figures are, in words."""
    measured = found["measured"]
    text = f"measured in {count_of(measured['episodes'], 'episode')} under each policy; p5 .. p50 .. p95"
    if all(policy["whole"] for policy in measured["policies"].values()):
        return f"{text}; a return is an agent's of a whole episode, the mean"
    of = "it" if found["episode_s"] is None else f"its {found['episode_s']:g} s"
    return (
        f"{text}; an episode was left after {measured['cut_after_decisions']:,} decisions, so these are figures of the first seconds of {of} "
        "('s measured'), from the empty start, and returns are not known: --episode makes episodes short enough"
    )


def figures(measured: dict[str, Any]) -> list[tuple[str, str]]:
    """(heading, figure) of what was measured under one policy."""

    def spread(key: str) -> str:
        q = measured.get(key)
        return "" if q is None else f"{q['p5']:.3g} .. {q['p50']:.3g} .. {q['p95']:.3g}"

    return [
        ("decisions/s", f"{measured.get('decisions_per_s', 0.0):.4g}"),
        ("s between an agent's decisions", spread("interval_s")),
        ("reward at a decision", spread("reward")),
        ("reward/s of an agent", f"{measured.get('reward_per_s', 0.0):.4g}"),
        ("s measured", " + ".join(f"{seconds:.4g}" for seconds in measured.get("measured_s", ()))),
        ("return", "-" if measured.get("return") is None else f"{measured['return']:.4g}"),
    ]


def table(console: Any, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """One table and an empty line."""
    from rich.table import Table

    made = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        made.add_row(*row)
    console.print(made)
    console.print()
