"""Explaining decisions: what an agent saw, what it gave each slot, what it expected; and how routing changes as spikes begin and end.

Every policy runs a few of the evaluation's replications again, on the same seeds, with its decisions recorded. Of a baseline there are no
probabilities, and no values; of a checkpoint both, the values by its critic on the true state, which acting never sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agents.recording import Recording
from analysis.routing import Hit, Placements, Routing, reach_of, routing
from scenarios.execute import Factory, run_replications
from scenarios.policies import under
from scenarios.recorded import recording_in
from scenarios.results import ResultsError
from scenarios.schema import Record, Scenario
from simulator.trace import Trace

REPLICATIONS, EACH = 10, 1  # at most so many are run again; so many decisions are shown on each side of a begin and an end
PLACES = 5  # of feature values


@dataclass(frozen=True)
class Explained:
    """One policy's decisions in some replications, with the episodes that hit nodes."""

    recording: Recording
    hits: list[list[Hit]]  # by replication, in the order of `replications`
    names: list[list[str]]  # of the spikes of these
    replications: list[int]
    shown: list[dict[str, Any]]

    @property
    def nodes(self) -> list[str]:
        """Where a call may go: the nodes, and nowhere."""
        return [*self.recording.described["nodes"], *(["rejected"] if self.recording.described["rejects"] else [])]

    def placements(self) -> list[Placements]:
        """Where calls went, by replication."""
        recording, nodes = self.recording, self.nodes
        number = {name: i for i, name in enumerate(nodes)}
        known: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        node, possible = np.zeros(len(recording), np.int64), np.zeros((len(recording), len(nodes)), bool)
        width = recording.slots.shape[1]
        for i, (slots, action) in enumerate(zip(recording.slot_names.tolist(), recording.action.tolist(), strict=True)):
            if slots not in known:
                at = np.array([number[slot.split("/")[0]] for slot in slots])
                known[slots] = at, np.isin(np.arange(len(nodes)), at)
            at, there = known[slots]
            node[i] = at[action] if action < len(at) else len(nodes) - 1
            possible[i] = there
        placing = recording.action < width + bool(recording.described["rejects"])  # a prefetch places nothing
        found = []
        for replication in self.replications:
            rows = placing & (recording.replication == replication)
            found.append(Placements(recording.time[rows], node[rows], possible[rows]))
        return found


def explain(
    scenario: Scenario, base: Path, policies: Mapping[str, Any], replications: Sequence[int], workers: int, at: Sequence[float], progress: Any = None
) -> dict[str, Explained]:
    """What there is to explain by policy; `at` are times [s] in the first replication whose next decisions are shown instead of the usual."""
    recorded = replace(scenario, record=Record(spans="none", decisions=True))
    chosen = list(replications)[:REPLICATIONS]
    found = {}
    for label, policy in policies.items():
        traces = list(run_replications(Factory(under(recorded, policy), base, scenario.seed), chosen, workers, progress))
        recording = recording_in(traces)
        hits, names = zip(*(hits_of(trace) for trace in traces), strict=True)
        rows = rows_to_show(recording, chosen[0], hits[0], at)
        values = values_of(policy, recording, [row for row, _ in rows])
        forecasts = forecasts_of(policy, recording, [row for row, _ in rows])
        known = zip(rows, values, forecasts, strict=True)
        shown = [shown_decision(recording, row, when, value, forecast) for (row, when), value, forecast in known]
        found[label] = Explained(recording, list(hits), list(names), chosen, shown)
    return found


def hits_of(trace: Trace) -> tuple[list[Hit], list[str]]:
    """The episodes of a trace that hit a node or a station on one, and their spikes' names."""
    number = {name: i for i, name in enumerate(trace.nodes)}
    rows = [(number.get(str(target).split("/")[0]), start, end, trace.spikes[entry]) for entry, target, start, end, _ in trace.episodes]
    known = sorted((row for row in rows if row[0] is not None), key=lambda row: row[1])
    return [Hit(node, float(start), float(end)) for node, start, end, _ in known if node is not None], [name for *_, name in known]


def rows_to_show(recording: Recording, replication: int, hits: Sequence[Hit], at: Sequence[float]) -> list[tuple[int, str]]:
    """(row, why) of decisions of one replication: around the first episode that has some on all sides, else the first few."""
    rows = np.flatnonzero(recording.replication == replication)
    time = recording.time[rows]
    if len(at):
        late = [f"{when:g} s" for when in at if not (time >= when).any()]
        if late:
            last = f"the last is at {time[-1]:g} s" if len(time) else "there are none"
            raise ResultsError(f"--explain-at {', '.join(late)}: replication {replication} has no decision after that; {last}")
        return [(int(row), f"from {when:g} s on") for when in at for row in rows[time >= when][: 4 * EACH]]
    nodes = recording.described["nodes"]
    for hit in hits:
        name = nodes[hit.node]
        concerned = np.array([any(slot.split("/")[0] == name for slot in slots) for slots in recording.slot_names[rows].tolist()], dtype=bool)
        sides = [
            (rows[concerned & (time < hit.start)][-EACH:], f"before {name} is hit"),
            (rows[concerned & (time >= hit.start) & (time < hit.end)][:EACH], f"{name} has just been hit"),
            (rows[concerned & (time >= hit.start) & (time < hit.end)][-EACH:], f"{name} is about to recover"),
            (rows[concerned & (time >= hit.end)][:EACH], f"{name} has recovered"),
        ]
        if all(len(side) == EACH for side, _ in sides) and not set(sides[1][0]) & set(sides[2][0]):
            return [(int(row), why) for side, why in sides for row in side]
    return [(int(row), "from the start") for row in rows[: 4 * EACH]]


def shown_decision(recording: Recording, row: int, when: str, value: dict[str, Any] | None, forecast: list[dict[str, float]] | None) -> dict[str, Any]:
    """One decision as plain data."""
    told, slots = recording.described, recording.slot_names[row]
    probabilities = None if recording.probabilities is None else recording.probabilities[row]
    rejected = [("reject", told["width"])] if told["rejects"] else []
    prefetches = [(f"prefetch {name}", told["width"] + told["rejects"] + i) for i, name in enumerate(slots)] if told["prefetches"] else []
    actions = []
    for name, action in [*((name, i) for i, name in enumerate(slots)), *rejected, *prefetches]:
        features = dict(zip(told["slot"], recording.slots[row, action].tolist(), strict=True)) if action < len(slots) else {}
        actions.append({
            "action": name, "chosen": action == int(recording.action[row]), "legal": bool(recording.mask[row, action]),
            "probability": None if probabilities is None else float(probabilities[action]),
            "forecast": forecast[action] if forecast is not None and action < len(slots) else None,
            "features": {key: round(item, PLACES) for key, item in features.items() if key != "there"},
        })  # fmt: skip
    return {
        "when": when, "replication": int(recording.replication[row]), "time_s": float(recording.time[row]), "agent": told["nodes"][int(recording.agent[row])],
        "request_id": int(recording.request[row]), "call": str(recording.call[row]),
        "own": {name: round(item, PLACES) for name, item in zip(told["own"], recording.own[row].tolist(), strict=True)},
        "actions": actions, "value": value,
    }  # fmt: skip


def forecasts_of(policy: Any, recording: Recording, rows: Sequence[int]) -> list[list[dict[str, float]] | None]:
    """How long a checkpoint forecasts that a call would take at each slot of these decisions, over the time expected: the mean (of ratios
    up to the largest level), and the chance of twice as long and more; None for each where it forecasts nothing.
    """
    from agents.acting import stored
    from agents.forecast import RATIOS

    nothing: list[list[dict[str, float]] | None] = [None] * len(rows)
    if getattr(policy, "kind", "") != "checkpoint" or not rows:
        return nothing
    found = stored(policy.file)
    if found.forecast is None or found.observed["own"] != recording.described["own"]:
        return nothing
    told: list[list[dict[str, float]] | None] = []
    for row in rows:
        slots = recording.slots[row, : len(recording.slot_names[row])]
        chances = found.forecast(np.concatenate([np.tile(recording.own[row], (len(slots), 1)), slots], 1))
        told.append([{"mean": float(chance @ RATIOS), "twice": float(chance[RATIOS >= 2.0].sum())} for chance in chances])
    return told


def values_of(policy: Any, recording: Recording, rows: Sequence[int]) -> list[dict[str, Any] | None]:
    """What a checkpoint's critic expected at each of these decisions; None for each where it has none, or none for this map."""
    from agents.checkpoint import read, restore
    from agents.valuation import expected

    nothing: list[dict[str, Any] | None] = [None] * len(rows)
    if getattr(policy, "kind", "") != "checkpoint" or recording.state is None or not rows:
        return nothing
    described, arrays = read(Path(policy.file))
    if described.get("weights_only"):
        return nothing
    hops = np.array(recording.described["hops"])
    for graph, (matrix, present) in enumerate(zip(arrays["graphs/hops"], arrays["graphs/present"], strict=True)):
        n = int(present.sum())
        if len(hops) == n and np.array_equal(np.minimum(matrix[:n, :n], n), np.minimum(hops, n)):
            return list(expected(restore(Path(policy.file))[0], *padded_states(recording, rows, described, matrix.shape[0]), graph))
    return nothing


def padded_states(recording: Recording, rows: Sequence[int], described: dict[str, Any], nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(states [R, nodes, H], contexts [R, C], agents [R]) as the critic wants them: its own work classes, its own number of nodes."""
    assert recording.state is not None
    state = recording.state[rows]
    state = np.pad(state, ((0, 0), (0, nodes - state.shape[1]), (0, 0)))
    wanted, have = described["more"]["observation"]["own"], recording.described["own"]
    context = np.zeros((len(rows), described["sizes"]["context"]), np.float32)
    for i, name in enumerate(wanted[: context.shape[1]]):
        if name in have:
            context[:, i] = recording.own[rows, have.index(name)]
    return state, context, recording.agent[rows]


def routes_of(found: Mapping[str, Explained]) -> dict[str, Routing]:
    """Routing around episodes by policy, all over the same reach; empty where no episode hits a node."""
    reach = reach_of([of for each in found.values() for of in each.hits])
    made = {label: routing(each.placements(), each.hits, reach=reach) for label, each in found.items()}
    return {label: of for label, of in made.items() if of is not None}


def as_data(found: Mapping[str, Explained], routes: Mapping[str, Routing]) -> dict[str, Any]:
    """Everything as plain data, for JSON."""
    told: dict[str, Any] = {}
    for label, each in found.items():
        told[label] = {"replications": each.replications, "decisions": each.shown, "routing": None}
        of = routes.get(label)
        if of is not None:
            told[label]["routing"] = {
                "episodes": of.episodes, "bins_s": of.edges.tolist(), "target": each.nodes[of.target],
                "share_on_the_node_hit": {phase: estimate.as_dict() for phase, estimate in of.hit.items()},
                "around": {which: [estimate.as_dict() for estimate in row] for which, row in of.around.items()},
                "shares": {
                    phase: {name: estimate.as_dict() for name, estimate in zip(each.nodes, row, strict=True)} for phase, row in of.shares.items()
                },
            }  # fmt: skip
    return told


def write(folder: Path, found: Mapping[str, Explained], routes: Mapping[str, Routing], labels: Mapping[str, str]) -> None:
    """explanations.json, and routing.png where some node was hit."""
    from analysis.plots import figure, plot_around, plot_phases, save
    from scenarios.results import write_json

    write_json(folder / "explanations.json", as_data(found, routes))
    if not routes:
        return
    named = {labels[label]: of for label, of in routes.items()}
    made, axes = figure(2, 11.0, 4.2)
    for one, which in zip(axes, ("begin", "end"), strict=True):
        plot_around(one, named, which)
    save(made, folder / "routing.png")
    made, axes = figure(len(named), 2.8 * len(named) + 1.4, 4.0)
    for i, (one, (label, of), each) in enumerate(zip(axes, named.items(), found.values(), strict=True)):
        plot_phases(one, of, each.nodes, label, legend=i == len(axes) - 1)
    save(made, folder / "routing-by-node.png")
