"""RTT recordings of a scenario: whether they can be read, and say something about every link that follows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scenarios.build_network import network_parts
from scenarios.files import digest
from scenarios.problems import cut
from scenarios.readers import InputError
from scenarios.readers.rtt import read_matrices
from scenarios.schema import Scenario
from simulator.spikes import RttRecording

Found = Iterator[tuple[tuple[str | int, ...], str]]


def recording_problems(scenario: Scenario, base: Path) -> Found:
    """(location, sentence) of recordings that cannot be played."""
    for i, spike in enumerate(scenario.spikes):
        if isinstance(spike, RttRecording):
            yield from problems_of(("spikes", i), spike, scenario, base)


def problems_of(place: tuple[str | int, ...], spike: RttRecording, scenario: Scenario, base: Path) -> Found:
    """What is wrong with one recording."""
    try:
        rows = read_matrices(base / spike.file, spike.unit).shape[1]
    except InputError as error:
        yield (*place, "file"), str(error)
        return
    found = digest(base / spike.file)
    if spike.sha256 is not None and spike.sha256 != found:
        said = f"{spike.file} is not what this scenario was made with: expected sha256 {cut(spike.sha256)}, got {found[:12]}..."
        yield (*place, "sha256"), said
    named = [(("pair", i), row) for i, row in enumerate(spike.pair or ())] + [(("rows", node), row) for node, row in (spike.rows or {}).items()]
    for where, row in named:
        if not 0 <= row < rows:
            yield (*place, *where), f"expected a row from 0 to {rows - 1}, got {row}"
    nodes, links, _ = network_parts(scenario.network, base)
    index = {node.name: i for i, node in enumerate(nodes)}
    ends = [pair for link in links for pair in ((link.between,) if link.one_way else (link.between, link.between[::-1]))]
    for i in spike.changes(nodes, [(index[a], index[b]) for a, b in ends]):
        if spike.entry_of(*ends[i]) is None:
            lacking = next(end for end in ends[i] if end not in (spike.rows or {}))
            yield (*place, "rows"), f"the link {ends[i][0]} -- {ends[i][1]} ends at {lacking!r}, which has no row"
            return
    if spike.rows is not None:
        for a, b in ends:
            if spike.rows.get(a) is not None and spike.rows.get(a) == spike.rows.get(b):
                yield (*place, "rows"), f"the nodes {a!r} and {b!r}, which share a link, have the same row"
                return
