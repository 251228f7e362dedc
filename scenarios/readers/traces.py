"""Request traces: Azure LLM inference, BurstGPT, Mooncake, and plain files; and single columns of numbers.

Azure: `TIMESTAMP,ContextTokens,GeneratedTokens`, dates and times. BurstGPT (Wang et al. 2024): `Timestamp`, `Request tokens`,
`Response tokens` among others, seconds or dates; a row without response tokens is a failure. Mooncake (Qin et al. 2024): JSON lines
of `timestamp` [ms], `input_length`, `output_length`, and hashes of prefix blocks. Plain: `arrived_at,num_prefill_tokens,num_decode_tokens`.
Arrivals count from the first row of the file, left out or not, so that two selections of one file keep their common clock.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.problems import cut, suggestion
from scenarios.readers import InputError
from scenarios.readers.account import Account
from scenarios.readers.rows import csv_rows, header_of, json_rows
from scenarios.readers.stamps import Clock, Unreadable, tokens
from simulator.arrivals import Trace, TraceData


@dataclass(frozen=True)
class Format:
    """Where a format has what a request needs, and which keys of the scenario it takes."""

    arrival: str
    prompt: str
    output: str
    numbers: bool = True  # a stamp may be a number
    dates: bool = False  # a stamp may be a date
    unit: str = "s"
    json: bool = False  # JSON lines instead of CSV
    filters: tuple[tuple[str, str], ...] = ()  # (key of the scenario, column)
    failures: bool = False  # a row without output tokens failed
    open_unit: bool = False  # the format does not say its unit

    def names(self) -> tuple[str, str, str]:
        """The columns that every file of the format must have."""
        return self.arrival, self.prompt, self.output

    def takes(self, key: str) -> bool:
        """Whether the key means something with this format."""
        return {"failures": self.failures, "time_unit": self.open_unit}.get(key, key in dict(self.filters))


PLAIN = Format("arrived_at", "num_prefill_tokens", "num_decode_tokens", open_unit=True)
FORMATS = {
    "azure-llm": Format("TIMESTAMP", "ContextTokens", "GeneratedTokens", numbers=False, dates=True),
    "burstgpt": Format("Timestamp", "Request tokens", "Response tokens", dates=True, filters=(("model", "Model"), ("log_type", "Log Type")), failures=True),
    "mooncake": Format("timestamp", "input_length", "output_length", unit="ms", json=True),
    "plain": PLAIN,
    "arrived-at": PLAIN,  # the name it had first
}


@dataclass(frozen=True, kw_only=True)
class ReadTrace(TraceData):
    """The rows of a trace that are replayed, and the account of all of them."""

    account: Account


def trace_of(base: Path, trace: Trace) -> ReadTrace:
    """The rows of a scenario's trace; read once a process unless the file changes."""
    path = base / trace.file
    try:
        stat = path.stat()
        state = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        state = (0, 0)  # reading will say it
    return read_once(path, trace.format, (trace.failures, trace.model, trace.log_type, trace.time_unit, trace.unsorted), state)


@lru_cache(maxsize=16)
def read_once(path: Path, format: str | None, options: tuple[Any, ...], state: tuple[int, int]) -> ReadTrace:
    """`read_trace`, remembered."""
    failures, model, log_type, time_unit, unsorted = options
    return read_trace(path, format, failures=failures, model=model, log_type=log_type, time_unit=time_unit, unsorted=unsorted)


def read_trace(
    path: Path,
    format: str | None = None,
    *,
    failures: str = "drop",
    model: str | None = None,
    log_type: str | None = None,
    time_unit: str | None = None,
    unsorted: str = "refuse",
) -> ReadTrace:
    """The trace at `path`; columns `prompt` and `output` in tokens. InputError says which line or key to mend.

    `format` is told from the header where it is None. `model` and `log_type` keep the rows of that text; `failures` ("drop", "keep")
    decides on failed rows; `unsorted` ("refuse", "sort") on rows that come before one above them.
    """
    header, is_json = header_of(path)
    name = format if format is not None else detected(path, header, is_json)
    kind = FORMATS[name]
    given = {"model": model, "log_type": log_type, "time_unit": time_unit, "failures": None if failures == "drop" else failures}
    for key, value in given.items():
        if value is not None and not kind.takes(key):
            fit = ", ".join(other for other, one in FORMATS.items() if one.takes(key) and other != "arrived-at")
            raise InputError(f"only the format {fit} takes the key {key!r}, and {path} is read as {name}", key)
    filters = [(key, column, str(given[key])) for key, column in kind.filters if given[key] is not None]
    clock = Clock(kind.numbers, kind.dates, time_unit or kind.unit)
    columns = (*kind.names(), *(column for _, column, _ in filters))
    keys = dict.fromkeys(header)
    rows = json_rows(path, columns, keys) if kind.json else csv_rows(path, columns, header, name)
    selected = Selection(kind, filters, clock, failures, unsorted == "sort")
    selected.read(path, rows)
    return selected.trace(path, name, format is None, tuple(key for key in keys if key not in columns))


class Selection:
    """Goes through the rows of a file once: reads all, keeps those that are to be replayed, counts the rest by reason."""

    def __init__(self, kind: Format, filters: list[tuple[str, str, str]], clock: Clock, failures: str, sort: bool):
        self.kind = kind
        self.filters = filters
        self.clock = clock
        self.failures = failures
        self.sort = sort
        self.times: list[float] = []  # of the rows kept, after the first row of the file [s]
        self.prompts: list[int] = []
        self.outputs: list[int] = []
        self.rows = 0
        self.failed = 0
        self.out_of_order = 0
        self.earliest = 0.0  # after the first row, so below 0 where rows are out of order [s]
        self.zero = ""  # the earliest row in words
        self.left_out = {f"whose {column} is not {cut(repr(wanted))}": 0 for _, column, wanted in filters}
        self.seen: list[dict[str, int]] = [{} for _ in filters]  # rows by the texts of each filtered column

    def read(self, path: Path, rows: Iterator[tuple[int, tuple[str, ...]]]) -> None:
        """Takes every row; InputError at the first that cannot be read."""
        kind, first, latest = self.kind, None, 0.0
        for line, (stamp, prompt, output, *texts) in rows:
            try:
                at = self.clock.seconds(stamp)
                prompt_tokens, output_tokens = tokens(prompt, kind.prompt), tokens(output, kind.output)
            except Unreadable as error:
                raise InputError(f"{path}:{line}: {error}") from None
            if first is None:
                first = at
                self.zero = f"the first row, line {line}: {kind.arrival} {stamp.strip()}"
            time = float(at - first)
            if time < latest:
                if not self.sort:
                    advice = "sort the file by time, or give 'unsorted: sort'"
                    raise InputError(f"{path}:{line}: the time {stamp!r} is before that of the row above; {advice}")
                self.out_of_order += 1
                if time < self.earliest:
                    self.earliest, self.zero = time, f"the earliest row, line {line}: {kind.arrival} {stamp.strip()}"
            latest = max(time, latest)
            self.rows += 1
            if self.keeps(texts, output_tokens):
                self.times.append(time)
                self.prompts.append(prompt_tokens)
                self.outputs.append(output_tokens)

    def keeps(self, texts: list[str], output_tokens: int) -> bool:
        """Whether the row is replayed; counts it where it is not."""
        kept = True
        for (_, column, wanted), text, seen in zip(self.filters, texts, self.seen, strict=True):
            seen[text] = seen.get(text, 0) + 1
            if kept and text != wanted:
                self.left_out[f"whose {column} is not {cut(repr(wanted))}"] += 1
                kept = False
        if kept and self.kind.failures and output_tokens == 0:
            self.failed += 1
            kept = self.failures == "keep"
        return kept

    def trace(self, path: Path, name: str, told: bool, ignored: tuple[str, ...]) -> ReadTrace:
        """The arrays and the account; InputError where no row is left."""
        kind = self.kind
        dropped = {reason: count for reason, count in self.left_out.items() if count}
        if self.failed and self.failures == "drop":
            dropped[f"that failed ({kind.output} 0)"] = self.failed
        if not self.times:
            self.complain(path, dropped)
        times = np.array(self.times) - self.earliest
        order = np.argsort(times, kind="stable") if self.out_of_order else slice(None)
        times = times[order]
        columns = {"prompt": np.array(self.prompts, dtype=float)[order], "output": np.array(self.outputs, dtype=float)[order]}
        account = Account(
            format=name,
            detected=told,
            rows=self.rows,
            kept=len(times),
            dropped=dropped,
            failures=self.failures if kind.failures else None,
            failed=self.failed,
            out_of_order=self.out_of_order,
            time_unit=self.clock.described(),
            second_0=self.zero,
            first_s=float(times[0]),
            last_s=float(times[-1]),
            columns=dict(zip(("arrival", "prompt", "output"), kind.names(), strict=True)),
            ignored=ignored,
        )
        return ReadTrace(times, columns, account=account)

    def complain(self, path: Path, dropped: dict[str, int]) -> None:
        """InputError that says why there is no row to replay."""
        if not self.rows:
            raise InputError(f"{path}: there is no row" if self.kind.json else f"{path}: there is a header but no row")
        for (key, column, wanted), seen in zip(self.filters, self.seen, strict=True):
            if wanted not in seen:
                most = sorted(seen, key=lambda text: -seen[text])
                shown = ", ".join(f"{cut(repr(text))} ({seen[text]:,})" for text in most[:5]) + (", ..." if len(most) > 5 else "")
                raise InputError(f"no row of {path} has the {column} {cut(repr(wanted))}{suggestion(wanted, most)}; there are {shown}", key)
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        raise InputError(f"{path}: no row is left to replay of {self.rows:,}: dropped {reasons}")


def detected(path: Path, header: list[str], is_json: bool) -> str:
    """The format whose columns the file has; InputError unless it is exactly one."""
    fit = [name for name, kind in FORMATS.items() if kind.json == is_json and name != "arrived-at" and set(kind.names()) <= set(header)]
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise InputError(f"{path}:1: the columns are those of {' and of '.join(fit)}; name the 'format'")
    known = "; ".join(f"{name}: {', '.join(kind.names())}" for name, kind in FORMATS.items() if name != "arrived-at")
    raise InputError(f"{path}:1: the columns are of no known format ({known}); got {cut(', '.join(header))}")


def rows_of(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """(header, [(line number, fields)]) of a CSV file; InputError when it is not one."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            header = next(reader, None)
            rows = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a CSV file in UTF-8, found other bytes (a compressed file must be unpacked first)") from None
    except (csv.Error, OSError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None
    if header is None:
        raise InputError(f"{path}: the file is empty")
    return [name.strip() for name in header], rows


def read_column(path: Path, column: str | None = None) -> np.ndarray:
    """The numbers of one column of a CSV file (of the only one when `column` is None), shape (n,)."""
    header, rows = rows_of(path)
    if column is None:
        if len(header) != 1:
            raise InputError(f"{path}:1: there are {len(header)} columns; name one of {', '.join(header)}")
        place = 0
        try:
            float(header[0])
            rows = [(1, header), *rows]  # a bare list of numbers has no header
        except ValueError:
            pass
    elif column in header:
        place = header.index(column)
    else:
        raise InputError(f"{path}:1: there is no column {column!r}; the columns are {', '.join(header)}")
    values = []
    for line, row in rows:
        try:
            value = float(row[place])
        except (ValueError, IndexError):
            raise InputError(f"{path}:{line}: {column or 'value'}: expected a number, got {row[place] if place < len(row) else 'nothing'!r}") from None
        if not 0 <= value < float("inf"):
            raise InputError(f"{path}:{line}: {column or 'value'}: expected a finite number >= 0, got {row[place]!r}")
        values.append(value)
    if not values:
        raise InputError(f"{path}: there is a header but no row")
    return np.array(values)
