"""Which links a spike names, checked on the raw data against those that the network has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scenarios.problems import suggestion
from simulator.link_places import BOTH_WAYS, ONE_WAY, read_ends, read_links

Location = tuple[str | int, ...]
Found = Iterator[tuple[Location, str]]


def spike_links(checker: Any, place: Location, value: Any) -> Found:
    """Unknown nodes, groups and links in the links of a spike; what has the wrong form is the schema's to report."""
    if isinstance(value, bool):
        return  # an outage's own key
    try:
        read_links(value)
    except ValueError:
        return
    if isinstance(value, dict):
        key, inner = next(iter(value.items()))
        if key == "one_of":
            yield from spike_links(checker, (*place, key), inner)
        elif key in ("within", "touching"):
            yield from checker.nodes.check_place((*place, key), inner)
        else:
            yield from checker.nodes.check_place(place, value)
        return
    if value == "all":
        if not checker.nodes.ends:
            yield place, "the network has no link"
        return
    one = not isinstance(value, list) or all(read_ends(link) is None for link in value)
    for i, link in enumerate([value] if one else value):
        here = place if one else (*place, i)
        first, second, one_way = read_ends(link) or ("", "", False)
        unknown = [*checker.nodes.check(here, first), *checker.nodes.check(here, second)]
        yield from unknown
        ends = checker.nodes.ends
        if unknown or checker.nodes.known is None or (first, second) in ends or (not one_way and (second, first) in ends):
            continue
        written = f"{first}{ONE_WAY if one_way else BOTH_WAYS}{second}"
        yield here, f"there is no link {written!r}{suggestion(written, [f'{a}{ONE_WAY if one_way else BOTH_WAYS}{b}' for a, b in sorted(ends)])}"
