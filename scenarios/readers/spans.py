"""Spans of distributed tracing as CSV: which service worked when, and called by which span.

Columns: TraceID, SpanID, ParentID (`root` or nothing for a root), PodName, OperationName, StartTimeUnixNano, EndTimeUnixNano; others
are passed over. A pod of a Kubernetes Deployment is called SERVICE-HASH-SUFFIX, both endings from an alphabet without vowels, 0, 1 and
3 (apimachinery, util/rand), so they can be told from words and are removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scenarios.readers import InputError
from scenarios.readers.traces import rows_of

COLUMNS = ("TraceID", "SpanID", "ParentID", "PodName", "OperationName", "StartTimeUnixNano", "EndTimeUnixNano")
NO_PARENT = {"", "root", "none", "null", "nan", "-", "0", "0000000000000000"}
HASHED = "[bcdfghjklmnpqrstvwxz2456789]"
POD = re.compile(rf"(?P<service>.+?)(-{HASHED}{{5,10}}-{HASHED}{{5}}|-(?=[a-z]*\d){HASHED}{{5}})")


@dataclass(frozen=True, slots=True)
class Span:
    """One span: times in ns since the epoch, the file's line for messages."""

    trace: str
    id: str
    parent: str | None
    pod: str
    operation: str
    start: int
    end: int
    line: int = 0

    @property
    def service(self) -> str:
        """The pod's service."""
        return service_of(self.pod)


@dataclass(frozen=True)
class SpanTree:
    """The spans of one trace under one root: `children` by the parent's id, in the order of their starts."""

    root: Span
    children: dict[str, list[Span]]


@dataclass(frozen=True)
class SpanFile:
    """Trees in the order in which their roots start, and what was left out."""

    trees: tuple[SpanTree, ...]
    spans: int
    traces: int
    orphans: int  # spans below a parent that is not in the file
    outside: int = field(default=0)  # spans that end after their parent or start before it


def service_of(pod: str) -> str:
    """The service of a pod: its name without the hash of its replica set and its own suffix."""
    match = POD.fullmatch(pod)
    return match["service"] if match is not None else pod


def read_spans(path: Path) -> SpanFile:
    """The spans at `path` as trees. InputError for what is no such file, for spans that stand twice and for cycles."""
    header, rows = rows_of(path)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path}:1: expected the columns {', '.join(COLUMNS)}, missing {', '.join(missing)}")
    places = [header.index(name) for name in COLUMNS]
    traces: dict[str, dict[str, Span]] = {}
    for line, row in rows:
        span = span_of(path, line, row, places, len(header))
        own = traces.setdefault(span.trace, {})
        if span.id in own:
            raise InputError(f"{path}:{line}: the span {span.id!r} stands twice in trace {span.trace!r} (first in line {own[span.id].line})")
        own[span.id] = span
    trees: list[SpanTree] = []
    orphans = outside = 0
    for spans in traces.values():
        grown, lost = trees_of(path, spans)
        trees += grown
        orphans += lost
        outside += sum(is_outside(span, spans[span.parent]) for span in spans.values() if span.parent in spans)
    if not trees:
        raise InputError(f"{path}: no span is a root; roots have the ParentID 'root' or none")
    return SpanFile(tuple(sorted(trees, key=lambda tree: tree.root.start)), sum(map(len, traces.values())), len(traces), orphans, outside)


def is_outside(span: Span, parent: Span) -> bool:
    """Whether a span reaches beyond its parent."""
    return span.start < parent.start or span.end > parent.end


def span_of(path: Path, line: int, row: Sequence[str], places: Sequence[int], width: int) -> Span:
    """The span in a row."""
    where = f"{path}:{line}"
    if len(row) != width:
        raise InputError(f"{where}: expected {width} fields, found {len(row)}")
    trace, id, parent, pod, operation, start, end = (row[place].strip() for place in places)
    for name, value in (("TraceID", trace), ("SpanID", id), ("PodName", pod), ("OperationName", operation)):
        if not value or not value.isprintable():
            raise InputError(f"{where}: {name}: expected a name, got {value!r}")
    times = nanoseconds(start, f"{where}: StartTimeUnixNano"), nanoseconds(end, f"{where}: EndTimeUnixNano")
    if times[1] < times[0]:
        raise InputError(f"{where}: the span {id!r} ends before it starts")
    return Span(trace, id, None if parent.lower() in NO_PARENT else parent, pod, operation, *times, line)


def nanoseconds(text: str, where: str) -> int:
    """A time in whole nanoseconds."""
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise InputError(f"{where}: expected nanoseconds since 1970 such as 1674984066135000000, got {text!r}")
    return int(text)


def trees_of(path: Path, spans: dict[str, Span]) -> tuple[list[SpanTree], int]:
    """(the trees of one trace, spans that hang on a parent that is not there)."""
    children: dict[str, list[Span]] = {}
    tops = [span for span in spans.values() if span.parent is None or span.parent not in spans]
    for span in sorted(spans.values(), key=lambda span: (span.start, span.end, span.line)):
        if span.parent is not None:
            children.setdefault(span.parent, []).append(span)
    reached: dict[str, bool] = {}  # whether it hangs on a root
    for top in tops:
        left = [top]
        while left:
            span = left.pop()
            reached[span.id] = top.parent is None
            left += children.get(span.id, [])
    if len(reached) < len(spans):
        trail = [next(span for span in spans.values() if span.id not in reached)]
        while trail[-1].parent not in {span.id for span in trail}:
            trail.append(spans[str(trail[-1].parent)])
        round_trip = trail[[span.id for span in trail].index(str(trail[-1].parent)) :][::-1]  # callers first
        first = min(round_trip, key=lambda span: span.line)
        start = round_trip.index(first)
        cycle = [span.id for span in (*round_trip[start:], *round_trip[:start], first)]
        raise InputError(f"{path}:{first.line}: the spans of trace {first.trace!r} form a cycle: {' -> '.join(cycle)}")
    return [SpanTree(top, children) for top in tops if top.parent is None], sum(not rooted for rooted in reached.values())
