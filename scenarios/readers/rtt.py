"""RTT recordings: matrices of round-trip times, tab- or space-separated, a file each, all of one size."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from scenarios.readers import InputError

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def matching(pattern: Path) -> list[Path]:
    """The files that a path or a pattern with * in its last part means, numbers in their names in ascending order."""
    if "*" not in pattern.name:
        return [pattern]
    found = [path for path in pattern.parent.glob(pattern.name) if path.is_file()]
    return sorted(found, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)])


@lru_cache(maxsize=4)
def read_matrices(pattern: Path, unit: str) -> np.ndarray:
    """Round-trip times [s], shape (files, rows, columns), NaN where nothing was measured; InputError says which file is wrong."""
    files = matching(pattern)
    if not files:
        raise InputError(f"no file fits {pattern}")
    found: list[np.ndarray] = []
    for file in files:
        try:
            matrix = np.loadtxt(file, ndmin=2)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror or error})") from None
        except ValueError as error:
            raise InputError(f"{file}: expected a matrix of numbers, equally many a row ({error})") from None
        if matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"{file}: expected as many columns as rows, found {matrix.shape[0]} rows of {matrix.shape[1]}")
        if found and matrix.shape != found[0].shape:
            raise InputError(f"{file}: expected {found[0].shape[0]} rows as in {files[0].name}, found {matrix.shape[0]}")
        if (matrix < 0).any():
            raise InputError(f"{file}: a round-trip time is negative")
        found.append(np.where(matrix > 0, matrix, np.nan) * SECONDS[unit])
    return np.stack(found)
