"""Rows of CSV files and of JSON lines as texts, one at a time, with their line numbers; every failure says which line to mend."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from scenarios.problems import cut
from scenarios.readers import InputError


def opened(path: Path) -> Any:
    """The file as text; InputError where there is none."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    try:
        return path.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


NOT_TEXT = "found other bytes (a compressed file must be unpacked first)"


def header_of(path: Path) -> tuple[list[str], bool]:
    """(columns of a CSV file or keys of the first object of JSON lines, whether it is JSON lines)."""
    try:
        with opened(path) as lines:
            for number, text in enumerate(lines, 1):
                if text.strip().startswith("{"):
                    return list(json_object(path, number, text)), True
                if text.strip():
                    break
        with opened(path) as lines:
            header = next(csv.reader(lines), None)
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a CSV file in UTF-8, {NOT_TEXT}") from None
    except (csv.Error, OSError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None
    if header is None:
        raise InputError(f"{path}: the file is empty")
    return [name.strip() for name in header], False


def csv_rows(path: Path, columns: tuple[str, ...], header: list[str], format: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line number, texts of the columns) of every row that is not blank."""
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(f"{path}:1: expected the columns {', '.join(columns)} of the format {format!r}, missing {', '.join(missing)}")
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise InputError(f"{path}:1: there are {header.count(twice[0])} columns {twice[0]!r}; leave one")
    wanted, length = itemgetter(*(header.index(name) for name in columns)), len(header)
    try:
        with opened(path) as lines:
            reader = csv.reader(lines)
            next(reader)
            for row in reader:
                if not row:
                    continue
                if len(row) != length:
                    raise InputError(f"{path}:{reader.line_num}: expected {length} fields, found {len(row)}")
                yield reader.line_num, wanted(row)
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a CSV file in UTF-8, {NOT_TEXT}") from None
    except (csv.Error, OSError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None


def json_rows(path: Path, columns: tuple[str, ...], keys: dict[str, None]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line number, values of the columns as JSON text) of every line that is not blank; adds all keys met to `keys`."""
    try:
        with opened(path) as lines:
            for number, text in enumerate(lines, 1):
                if not text.strip():
                    continue
                row = json_object(path, number, text)
                keys.update(dict.fromkeys(row))
                missing = [name for name in columns if name not in row]
                if missing:
                    raise InputError(f"{path}:{number}: expected the keys {', '.join(columns)}, missing {', '.join(missing)}")
                yield number, tuple(json.dumps(row[name]) for name in columns)
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected JSON lines in UTF-8, {NOT_TEXT}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def json_object(path: Path, number: int, text: str) -> dict[str, Any]:
    """The object on one line."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}:{number}: expected a JSON object on one line, got {cut(repr(text.strip()))}") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}:{number}: expected a JSON object, got {cut(text.strip())}")
    return row
