"""From spans to the call graph of an application: visits of services, merged over all traces of one root operation.

A *visit* is what one service does for one call: a span with all spans below it in the same service (or a single span, at the level of
operations). Its self time is its duration minus the union of the visits below it, clipped to it.

Under one caller, the visits of one operation that overlap are one *stage*; a later, separate one is the next stage. Merged over the
traces, a stage becomes a `Stage`: how often it occurs, how many visits it has side by side, and what it follows. Two visits overlap
where they share more than a tenth of the shorter one, or more than 1 ms (clocks of different pods differ).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from scenarios.readers.spans import SpanTree

CLOCK = 1_000_000  # ns
Key = tuple[str, str]  # service, operation


@dataclass(slots=True)
class Visit:
    """One visit of a service: times in ns, visits of others below it in the order of their starts."""

    key: Key
    pod: str
    start: int
    end: int
    children: list[Visit] = field(default_factory=list)

    def self_time(self) -> int:
        """Duration minus the union of the children, clipped [ns]."""
        left, covered = self.end - self.start, self.start
        for child in self.children:
            start, end = max(child.start, covered), min(child.end, self.end)
            if end > start:
                left -= end - start
                covered = end
        return left

    def all(self) -> Iterable[Visit]:
        """It and everything below it."""
        left = [self]
        while left:
            visit = left.pop()
            yield visit
            left += visit.children


def visits_of(tree: SpanTree, level: str = "service") -> Visit:
    """The visits of a trace: of services, or of single operations where `level` is "operation"."""
    root = Visit((tree.root.service, tree.root.operation), tree.root.pod, tree.root.start, tree.root.end)
    left = [(tree.root, root)]
    while left:
        span, visit = left.pop()
        for child in tree.children.get(span.id, []):
            if level == "service" and child.service == visit.key[0]:
                left.append((child, visit))
                continue
            below = Visit((child.service, child.operation), child.pod, child.start, child.end)
            visit.children.append(below)
            left.append((child, below))
    for visit in root.all():
        visit.children.sort(key=lambda child: (child.start, child.end))
    return root


def follows(later: tuple[int, int], earlier: tuple[int, int]) -> bool:
    """Whether an interval comes after another, up to what clocks and rounding explain."""
    shorter = min(later[1] - later[0], earlier[1] - earlier[0])
    return later[0] >= earlier[0] and earlier[1] - later[0] <= min(CLOCK, shorter // 10)


@dataclass(slots=True)
class Stage:
    """The visits of one operation at one place of the call graph, merged over traces.

    `of` callers were seen, `present` of them had the stage, with `widths` visits side by side each; `children` are what the visits
    call. `after` are the siblings that end before it starts, `choice` the number of the exclusive choice it belongs to.
    """

    key: Key
    number: int
    of: int
    present: int
    widths: list[int]
    visits: list[list[Visit]]
    offset: float
    where: frozenset[int] = frozenset()  # the callers that have it
    children: list[Stage] = field(default_factory=list)
    after: list[Stage] = field(default_factory=list)
    choice: int | None = None

    @property
    def probability(self) -> float:
        """Share of the callers that have it."""
        return self.present / self.of

    def condition(self) -> Stage | None:
        """The optional sibling that it never occurs without and that comes last of all those it follows, where there is one."""
        for other in reversed(self.after):
            if other.present < other.of and self.where <= other.where and {id(s) for s in self.after} <= {id(s) for s in (other, *other.after)}:
                return other
        return None

    @property
    def width(self) -> float:
        """Visits side by side, on average where it occurs."""
        return sum(self.widths) / len(self.widths)


def merged(roots: list[Visit]) -> Stage:
    """The call graph of traces with the same root operation."""
    top = Stage(roots[0].key, 1, len(roots), len(roots), [1] * len(roots), [[root] for root in roots], 0.0)
    left = [top]
    while left:
        stage = left.pop()
        stage.children = stages_below([visit for side_by_side in stage.visits for visit in side_by_side])
        left += stage.children
    return top


def stages_below(callers: list[Visit]) -> list[Stage]:
    """What visits call, in the order in which it starts, with what follows what and what excludes what."""
    seen = [split(caller) for caller in callers]
    found: dict[tuple[Key, int], list[int]] = {}
    for i, own in enumerate(seen):
        for place in own:
            found.setdefault(place, []).append(i)
    stages = {}
    for (key, number), where in found.items():
        groups = [seen[i][key, number] for i in where]
        offset = median(group[0].start - callers[i].start for i, group in zip(where, groups, strict=True))
        stages[key, number] = Stage(key, number, len(callers), len(where), [len(group) for group in groups], groups, offset, frozenset(where))
    ordered = sorted(stages, key=lambda place: (stages[place].offset, place[1], place[0]))
    spans = [{place: (group[0].start, max(visit.end for visit in group)) for place, group in own.items()} for own in seen]
    for i, late in enumerate(ordered):
        for early in ordered[:i]:
            if early[0] == late[0]:  # by their numbers
                stages[late].after.append(stages[early])
                continue
            both = [own for own in spans if early in own and late in own]
            apart = sum(follows(own[late], own[early]) for own in both)
            if 2 * apart > len(both):
                stages[late].after.append(stages[early])
    inside = [stages[place] for place in ordered]
    mark_choices(inside)
    return inside


def split(caller: Visit) -> dict[tuple[Key, int], list[Visit]]:
    """The children of a visit by operation and stage."""
    found: dict[tuple[Key, int], list[Visit]] = {}
    latest: dict[Key, tuple[int, int, int]] = {}  # number, start and end of the stage that is open
    for child in caller.children:
        number, start, end = latest.get(child.key, (0, 0, 0))
        if number == 0 or follows((child.start, child.end), (start, end)):
            number, start, end = number + 1, child.start, child.end
        latest[child.key] = (number, start, max(end, child.end))
        found.setdefault((child.key, number), []).append(child)
    return found


def mark_choices(stages: list[Stage]) -> None:
    """Marks stages of which every caller has exactly one as an exclusive choice."""
    number = 0
    for i, first in enumerate(stages):
        if first.choice is not None or first.present == first.of:
            continue
        members, covered = [first], first.where
        for other in stages[i + 1 :]:
            if other.choice is None and not covered & other.where:
                members.append(other)
                covered |= other.where
        if len(members) > 1 and len(covered) == first.of:
            for member in members:
                member.choice = number
            number += 1
