"""Measurements of generative inference from a CSV in the format of Splitwise's performance model (Patel et al. 2024).

Columns: model, hardware, tensor_parallel, prompt_size, batch_size, token_size, prompt_time and token_time in milliseconds; others are
left alone. A *configuration* is a prompt size and a batch size of one model on one device; rows that repeat it are its medians.
"""

from __future__ import annotations

import csv
import statistics
from dataclasses import dataclass
from pathlib import Path

from scenarios.readers import InputError

NUMBERS = ("tensor_parallel", "prompt_size", "batch_size", "token_size", "prompt_time", "token_time")
DROP = 0.05  # a larger batch may be this much faster than a smaller one by noise; what is faster still breaks monotonicity


@dataclass(frozen=True)
class Point:
    """Medians of the rows of one prompt size, batch size and output length: `prompt_s` of the whole prefill, `token_s` an output token."""

    prompt: int
    batch: int
    tokens: int
    prompt_s: float
    token_s: float
    rows: int

    @property
    def configuration(self) -> tuple[int, int]:
        """(prompt size, batch size)."""
        return self.prompt, self.batch


@dataclass(frozen=True)
class Group:
    """One model on one device: the points used, and those left out because a larger batch was faster than a smaller one."""

    model: str
    hardware: str
    parallel: int
    points: tuple[Point, ...]
    left_out: tuple[Point, ...]

    @property
    def device(self) -> str:
        """The device's name in a scenario, such as h100-80gb-x2."""
        return self.hardware if self.parallel == 1 else f"{self.hardware}-x{self.parallel}"


def read_measurements(path: Path) -> list[Group]:
    """Every model on every device in the file, in its order; InputError says which column or line is amiss."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ("model", "hardware", *NUMBERS) if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: no column {missing[0]!r}; the columns model, hardware, {', '.join(NUMBERS)} are needed")
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
    found: dict[tuple[str, str, int], dict[tuple[int, int, int], list[tuple[float, float]]]] = {}
    for line, row in enumerate(rows, 2):
        parallel, prompt, batch, tokens, prompt_ms, token_ms = numbers(path, line, row)
        where = found.setdefault((row["model"], row["hardware"], int(parallel)), {})
        where.setdefault((int(prompt), int(batch), int(tokens)), []).append((prompt_ms / 1e3, token_ms / 1e3))
    if not found:
        raise InputError(f"{path} holds no measurements")
    return [group_of(*name, medians(points)) for name, points in found.items()]


def numbers(path: Path, line: int, row: dict[str, str]) -> list[float]:
    """The numeric columns of a row."""
    values = []
    for name in NUMBERS:
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            value = 0.0
        if not 0.0 < value < float("inf"):
            raise InputError(f"{path}:{line}: {name}: expected a number above 0, got {row[name]!r}")
        values.append(value)
    return values


def medians(rows: dict[tuple[int, int, int], list[tuple[float, float]]]) -> list[Point]:
    """A point for each prompt size, batch size and output length."""
    return [Point(*size, statistics.median(p for p, _ in times), statistics.median(t for _, t in times), len(times)) for size, times in sorted(rows.items())]


def group_of(model: str, hardware: str, parallel: int, points: list[Point]) -> Group:
    """Parts the points: at one prompt size and output length, times must not fall as the batch grows."""
    kept, left_out = [], []
    largest: dict[tuple[int, int], tuple[float, float]] = {}
    for point in sorted(points, key=lambda p: (p.prompt, p.tokens, p.batch)):
        prompt_s, token_s = largest.get((point.prompt, point.tokens), (0.0, 0.0))
        if point.prompt_s < (1.0 - DROP) * prompt_s or point.token_s < (1.0 - DROP) * token_s:
            left_out.append(point)
        else:
            kept.append(point)
            largest[point.prompt, point.tokens] = max(prompt_s, point.prompt_s), max(token_s, point.token_s)
    return Group(model, hardware, parallel, tuple(kept), tuple(left_out))
