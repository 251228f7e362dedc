"""Request traces: the Azure LLM inference format and plain `arrived_at` files; and single columns of numbers.

Azure: `TIMESTAMP,ContextTokens,GeneratedTokens`, stamps with 7 fractional digits and no zone. Plain:
`arrived_at,num_prefill_tokens,num_decode_tokens`, seconds. Arrivals count from the first row on.
"""

from __future__ import annotations

import csv
import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from scenarios.readers import InputError
from simulator.arrivals import TraceData

COLUMNS = {
    "azure-llm": ("TIMESTAMP", "ContextTokens", "GeneratedTokens"),
    "arrived-at": ("arrived_at", "num_prefill_tokens", "num_decode_tokens"),
}


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


def read_trace(path: Path, format: str) -> TraceData:
    """The trace at `path`; columns `prompt` and `output` in tokens. InputError says which line to mend."""
    names = COLUMNS[format]
    header, rows = rows_of(path)
    missing = [name for name in names if name not in header]
    if missing:
        raise InputError(f"{path}:1: expected the columns {', '.join(names)} of the format {format!r}, missing {', '.join(missing)}")
    if not rows:
        raise InputError(f"{path}: there is a header but no row")
    places = [header.index(name) for name in names]
    stamp = azure_seconds if format == "azure-llm" else plain_seconds
    times, prompts, outputs = [], [], []
    first: Decimal | None = None
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: expected {len(header)} fields, found {len(row)}")
        at = stamp(row[places[0]], f"{path}:{line}")
        first = at if first is None else first
        times.append(float(at - first))
        if len(times) > 1 and times[-1] < times[-2]:
            raise InputError(f"{path}:{line}: the time {row[places[0]]!r} is before that of the row above; sort the file by time")
        prompts.append(tokens(row[places[1]], f"{path}:{line}", names[1]))
        outputs.append(tokens(row[places[2]], f"{path}:{line}", names[2]))
    return TraceData(np.array(times), {"prompt": np.array(prompts, dtype=float), "output": np.array(outputs, dtype=float)})


def azure_seconds(text: str, where: str) -> Decimal:
    """Seconds since an arbitrary day, exact to the 100 ns of the stamps."""
    whole, _, fraction = text.strip().partition(".")
    try:
        moment = datetime.datetime.strptime(whole, "%Y-%m-%d %H:%M:%S")
        seconds = moment.toordinal() * 86400 + moment.hour * 3600 + moment.minute * 60 + moment.second
        return Decimal(seconds) + (Decimal(f"0.{fraction}") if fraction else Decimal(0))
    except (ValueError, InvalidOperation):
        raise InputError(f"{where}: expected a time such as '2023-11-16 18:17:03.9799600', got {text!r}") from None


def plain_seconds(text: str, where: str) -> Decimal:
    """Seconds."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise InputError(f"{where}: expected seconds such as 12.5, got {text!r}") from None
    if not value.is_finite() or value < 0:
        raise InputError(f"{where}: expected seconds such as 12.5, got {text!r}")
    return value


def tokens(text: str, where: str, column: str) -> int:
    """A number of tokens."""
    try:
        value = int(text)
    except ValueError:
        raise InputError(f"{where}: {column}: expected a number of tokens, got {text!r}") from None
    if value < 0:
        raise InputError(f"{where}: {column}: a number of tokens cannot be negative, got {value}")
    return value


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
