"""The traces that a scenario replays and what became of their rows: for `vamappo check`, the manifest, and the notes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.schema import Scenario
from simulator.arrivals import Trace, traces_in


def traces_of(scenario: Scenario, base: Path) -> Iterator[tuple[str, Trace, Any]]:
    """(workload entry, trace as described, account of its rows), in the order of the file; relative files are sought in `base`."""
    from scenarios.readers.traces import trace_of

    for entry in scenario.workload:
        for trace in traces_in(entry.arrivals):
            yield entry.name, trace, trace_of(base, trace).account


def inputs_of(scenario: Scenario, base: Path) -> list[dict[str, Any]]:
    """The accounts as plain data, each with its workload entry, its file and that file's digest."""
    return [
        {"workload": name, "file": trace.file, "sha256": trace.sha256, "speed_up": trace.speed_up, **account.as_json()}
        for name, trace, account in traces_of(scenario, base)
    ]


def input_notes(scenario: Scenario, base: Path) -> Iterator[str]:
    """One sentence for every trace of which rows were left out or put in order."""
    for name, trace, account in traces_of(scenario, base):
        said = account.notes()
        if said:
            yield f"workload.{name}: {Path(trace.file).name}: {'; '.join(said)}"
