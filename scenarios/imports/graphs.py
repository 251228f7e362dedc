"""Calls of an application as they will stand in a scenario: who comes after whom, in data flow.

No worker is held while a later call runs, so a caller's own time is put before its callees: a call comes after its caller; a callee
that follows another one comes after everything that this one causes; and the request ends with the last of all.

`after` names only calls that are needed: one whose successor in the list is certain to run whenever it runs itself is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scenarios.imports.visits import Key, Stage
from scenarios.readers import InputError
from scenarios.readers.dependencies import Dependencies

MOST_CALLS = 1_000
MOST_DEPTH = 300


@dataclass(slots=True)
class PlannedCall:
    """One call of the scenario."""

    name: str
    service: str
    after: list[str] = field(default_factory=list)
    probability: float = 1.0
    one_of: str = ""
    fan_out: int = 1
    comment: str = ""

    @property
    def certain(self) -> bool:
        """Whether it runs whenever one of its predecessors does."""
        return self.probability == 1.0 and not self.one_of


class Names:
    """Gives names that stand once: a second `a` becomes `a-2`."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def new(self, wanted: str) -> str:
        """`wanted`, or with a number behind it."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name


def slug(text: str) -> str:
    """A text as part of a name: words with hyphens, without the `api` and `v1` of paths."""
    words = re.split(r"[^\w]+", re.sub(r"^/?api/(v\d+/)?", "", text))
    return "-".join(word for word in words if word)


def service_names(keys: Iterable[Key]) -> dict[Key, str]:
    """What operations are called in the scenario: by their service, and by the operation where it has several."""
    ordered = list(dict.fromkeys(keys))
    operations: dict[str, int] = {}
    for service, _ in ordered:
        operations[service] = operations.get(service, 0) + 1
    names = Names()
    found = {}
    for service, operation in ordered:
        base = plain_name(service)
        if operations[service] > 1:
            words = slug(operation).split("-")
            if operation.startswith("/") and len(words) > 1 and words[0].lower().endswith("service"):
                words = words[1:]  # /api/v1/orderservice/order of order-service
            base = f"{base}/{'-'.join(words) or 'any'}"
        found[service, operation] = names.new(base)
    return found


def plain_name(service: str) -> str:
    """A service's name without what paths of `--set` take for something else."""
    return re.sub(r"[^\w-]+", "-", service).strip("-") or "service"


def calls_of(top: Stage, names: dict[Key, str], where: str) -> list[PlannedCall]:
    """The calls of an application, callers first and siblings in the order of their starts."""
    calls: list[PlannedCall] = []
    taken = Names()
    choices = Names()
    depth = [0]
    successors: dict[str, list[PlannedCall]] = {}

    def add(stage: Stage, caller: PlannedCall | None, before: Sequence[Sequence[PlannedCall]], chained: Stage | None, choice: str) -> list[PlannedCall]:
        """Adds the calls of a stage and of what it calls; returns them. `chained` is the stage that it cannot do without."""
        if len(calls) >= MOST_CALLS or depth[0] >= MOST_DEPTH:
            raise InputError(f"{where}: the call graph of {top.key[0]} {top.key[1]} has more than {MOST_CALLS:,} calls, or {MOST_DEPTH} below each other")
        depth[0] += 1
        copies = caller.fan_out if caller is not None else 1
        call = PlannedCall(taken.new(names[stage.key]), names[stage.key], fan_out=max(1, round(stage.width * copies)))
        call.comment = words_of(stage, copies)
        call.one_of = choice
        call.probability = stage.probability if chained is None else stage.present / chained.present
        wanted = [] if caller is None or chained is not None else [caller]
        for others in before:
            wanted += others
        call.after = [other.name for other in needed(wanted, successors)]
        for name in call.after:
            successors.setdefault(name, []).append(call)
        calls.append(call)
        below: dict[int, list[PlannedCall]] = {}
        labels = {number: choices.new(f"{call.name}-choice") for number in sorted({c.choice for c in stage.children if c.choice is not None})}
        for child in stage.children:
            previous = child.condition() if child.choice is None else None
            earlier = [below[id(other)] for other in (child.after if previous is None else [previous])]
            label = labels[child.choice] if child.choice is not None else ""
            below[id(child)] = add(child, call, earlier, previous, label)
        depth[0] -= 1
        return [call, *(inner for own in below.values() for inner in own)]

    add(top, None, (), None, "")
    level_choices(calls)
    return calls


def needed(wanted: Sequence[PlannedCall], successors: dict[str, list[PlannedCall]]) -> list[PlannedCall]:
    """Those of the calls that no other of them is certain to follow."""
    names = {call.name for call in wanted}
    kept = []
    for call in {call.name: call for call in wanted}.values():
        left, seen = list(successors.get(call.name, [])), {call.name}
        covered = False
        while left and not covered:
            after = left.pop()
            if after.certain and after.name not in seen:
                seen.add(after.name)
                covered = after.name in names
                left += successors.get(after.name, [])
        if not covered:
            kept.append(call)
    return kept


def level_choices(calls: list[PlannedCall]) -> None:
    """Rounds the probabilities of each choice to 0.01 % so that they sum to 1 as they are written."""
    groups: dict[str, list[PlannedCall]] = {}
    for call in calls:
        if call.one_of:
            groups.setdefault(call.one_of, []).append(call)
    for members in groups.values():
        parts = [max(1, round(10_000 * call.probability)) for call in members]
        parts[parts.index(max(parts))] += 10_000 - sum(parts)
        for call, part in zip(members, parts, strict=True):
            call.probability = part / 10_000


def words_of(stage: Stage, copies: int) -> str:
    """What was counted, for the comment beside a call."""
    said = [f"{stage.present:,} of {stage.of:,}"] if stage.present < stage.of else []
    if min(stage.widths) != max(stage.widths):
        counts = {width: stage.widths.count(width) for width in sorted(set(stage.widths))}
        said.append(f"side by side {', '.join(f'{width} ({count:,} times)' for width, count in counts.items())}, mean {stage.width:.3g} rounded")
    if copies > 1:
        said.append(f"for all {copies} copies of its caller")
    return "; ".join(said)


def calls_of_dependencies(graph: Dependencies, root: str, each: bool, weights: bool, where: str) -> list[PlannedCall]:
    """The calls below a service nobody calls. `each`: every caller makes a call of its own; else one call joins all its callers.

    With `weights` a weight is how many calls of the target one call of the source makes: n copies, or a probability below 1.
    """
    callees: dict[str, list[str]] = {service: [] for service in graph.services}
    for source, target in graph.calls:
        callees[source].append(target)
    if not each:
        return joined_calls(graph, root, callees, weights)
    calls: list[PlannedCall] = []
    taken = Names()
    left: list[tuple[str, PlannedCall | None]] = [(root, None)]
    for service, caller in left:  # which grows
        if len(calls) >= MOST_CALLS:
            raise InputError(f"{where}: more than {MOST_CALLS:,} calls below {root}; make one call of each service with --shared once")
        call = PlannedCall(taken.new(service), service)
        if caller is not None:
            call.after = [caller.name]
            weigh(call, graph.calls[caller.service, service] if weights else 1.0, caller.fan_out)
        calls.append(call)
        left += [(callee, call) for callee in callees[service]]
    return calls


def joined_calls(graph: Dependencies, root: str, callees: dict[str, list[str]], weights: bool) -> list[PlannedCall]:
    """One call of each service below `root`, after all its callers (Kahn's algorithm; there are no cycles)."""
    reached, left = {root}, [root]
    while left:
        for callee in callees[left.pop()]:
            if callee not in reached:
                reached.add(callee)
                left.append(callee)
    callers: dict[str, list[str]] = {service: [] for service in graph.services if service in reached}
    for source, target in graph.calls:
        if source in reached:
            callers[target].append(source)
    waiting = {service: len(own) for service, own in callers.items()}
    ready = [root]
    calls = []
    for service in ready:  # which grows
        call = PlannedCall(service, service, list(callers[service]))
        if callers[service] and weights:
            weigh(call, max(graph.calls[source, service] for source in callers[service]), 1)
        calls.append(call)
        for callee in callees[service]:
            waiting[callee] -= 1
            if waiting[callee] == 0:
                ready.append(callee)
    return calls


def weigh(call: PlannedCall, weight: float, copies: int) -> None:
    """A weight as copies or as a probability."""
    call.fan_out = max(1, round(weight)) * copies
    call.probability = min(weight, 1.0)
    if weight > 1.0 and weight != round(weight):
        call.comment = f"weight {weight:g}, rounded"
