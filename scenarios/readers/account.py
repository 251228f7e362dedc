"""What became of the rows of a trace: how many were read, which were left out and why, and what its times and columns mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Account:
    """The account of one trace file; `rows` = `kept` + the sum of `dropped`."""

    format: str
    detected: bool  # the format was told from the header, not named
    rows: int
    kept: int
    dropped: dict[str, int]  # rows by reason, only reasons that occurred
    failures: str | None  # what is done with failed rows, where the format marks them
    failed: int  # failed rows among those that the filters leave
    out_of_order: int  # rows that come before one above them and were sorted in
    time_unit: str
    second_0: str  # what the simulated second 0 is
    first_s: float  # the first and the last arrival kept [s after second 0, before speed_up]
    last_s: float
    columns: dict[str, str]  # our name: the file's
    ignored: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "ignored": list(self.ignored)}

    def notes(self) -> list[str]:
        """What the user should hear without asking: rows left out, failed rows kept, rows put in order."""
        said = []
        if self.dropped:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
            said.append(f"dropped {sum(self.dropped.values()):,} of {self.rows:,} rows: {reasons}")
        if self.failures == "keep" and self.failed:
            said.append(f"kept {self.failed:,} failed rows")
        if self.out_of_order:
            said.append(f"sorted {self.out_of_order:,} of {self.rows:,} rows that were out of order")
        return said

    def table(self) -> list[tuple[str, str]]:
        """(what, value) for people."""
        rows = [
            ("format", f"{self.format}{' (told from the header)' if self.detected else ''}"),
            ("rows", f"{self.rows:,} read, {self.kept:,} kept"),
            *(("dropped", f"{count:,} {reason}") for reason, count in self.dropped.items()),
            ("second 0", self.second_0),
            ("arrivals", f"{self.first_s:.9g} s to {self.last_s:.9g} s, read in {self.time_unit}"),
            ("columns", ", ".join(f"{ours} = {theirs}" for ours, theirs in self.columns.items())),
        ]
        if self.failures == "keep":
            rows.insert(2, ("failures", f"{self.failed:,} kept"))
        if self.out_of_order:
            rows.insert(2, ("out of order", f"{self.out_of_order:,} rows, sorted by time"))
        if self.ignored:
            rows.append(("ignored", ", ".join(self.ignored)))
        return rows
