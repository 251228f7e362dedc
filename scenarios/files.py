"""Data files that a scenario names: whether they can be read as what they were declared to be, and are the very same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.problems import cut
from scenarios.readers import InputError
from simulator.arrivals import Trace
from simulator.descriptions import adapter

Location = tuple[str | int, ...]
Found = Iterator[tuple[Location, str]]


def digest(path: Path) -> str:
    """sha256 of a file, or of all that fit a pattern, one after another."""
    from scenarios.readers.rtt import matching

    return hashlib.sha256(b"".join(file.read_bytes() for file in matching(path))).hexdigest()


class Files:
    """Checks the files of one scenario, relative ones sought in `base`."""

    def __init__(self, base: Path):
        self.base = base

    def same_bytes(self, place: Location, holder: Any) -> Found:
        """Says where a file is not the one whose digest stands beside it."""
        file, wanted = holder.get("file"), holder.get("sha256")
        if isinstance(wanted, str) and isinstance(file, str):
            found = digest(self.base / file)
            if found != wanted:
                yield (*place, "sha256"), f"the file {file} is not the one this scenario was made with: expected sha256 {cut(wanted)}, got {found[:12]}..."

    def trace(self, place: Location, arrivals: dict[str, Any]) -> Found:
        """What is wrong with a replayed trace."""
        from pydantic import ValidationError

        from scenarios.readers.traces import trace_of

        if "data" in arrivals:
            yield (*place, "data"), "unknown key 'data'"
        try:
            trace = adapter(Trace).validate_python(arrivals)
        except ValidationError:
            return  # the schema's to report
        try:
            trace_of(self.base, trace)
        except InputError as error:
            yield (*place, error.key if error.key in arrivals else "file"), str(error)
            return
        yield from self.same_bytes(place, arrivals)

    def traces(self, place: Location, arrivals: Any) -> Found:
        """What is wrong with the traces that an arrival process replays, also as a part of another."""
        if isinstance(arrivals, dict):
            if arrivals.get("kind") == "trace":
                yield from self.trace(place, arrivals)
            elif arrivals.get("kind") in ("bursts", "superposition"):
                yield from self.traces((*place, "of"), arrivals.get("of"))
        elif isinstance(arrivals, list):
            for i, part in enumerate(arrivals):
                yield from self.traces((*place, i), part)

    def profiles(self, place: Location, inference: dict[str, Any]) -> Found:
        """What is wrong with the file of profiles that an inference names."""
        from scenarios.readers.profiles import profiles_for

        if isinstance(inference.get("file"), str):
            try:
                profiles_for(self.base / inference["file"])
            except InputError as error:
                yield (*place, "file"), str(error)
                return
            yield from self.same_bytes(place, inference)

    def checkpoint(self, place: Location, policy: Any) -> Found:
        """What is wrong with the checkpoint that is to place calls."""
        from agents.acting import SUFFIXES, stored
        from agents.checkpoint import CheckpointError

        bare = isinstance(policy, str) and policy.endswith(SUFFIXES)
        holder = {"file": policy} if bare else policy if isinstance(policy, dict) and policy.get("kind") == "checkpoint" else {}
        if isinstance(holder.get("file"), str):
            try:
                stored(self.base / holder["file"])
            except CheckpointError as error:
                yield (place if bare else (*place, "file")), str(error)
                return
            yield from self.same_bytes(place, holder)

    def columns(self, value: Any, place: Location) -> Found:
        """What is wrong with the columns of empirical laws, anywhere in `value`."""
        from scenarios.readers.traces import read_column

        if isinstance(value, dict):
            file, column = value.get("file"), value.get("column")
            if value.get("kind") == "empirical" and isinstance(file, str) and isinstance(column, str | None):
                try:
                    read_column(self.base / file, column)
                except InputError as error:
                    yield (*place, "file"), str(error)
                    return
                yield from self.same_bytes(place, value)
            for key, inner in value.items():
                yield from self.columns(inner, (*place, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                yield from self.columns(inner, (*place, i))
