"""Result folders: Parquet tables, the resolved scenario, the manifest and the summary, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.reading import dump_yaml
from scenarios.schema import Scenario
from simulator.trace import Names, Trace

DESCRIBED = "vamappo"  # key of a Parquet file's metadata that holds what is to be known to read it, as JSON


class ResultsError(Exception):
    """Raised when a result folder cannot be written or read; the message says what to change."""


def check_target(out: Path, force: bool) -> None:
    """Refuses a folder that would be overwritten or cannot be made, before anything is simulated."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{out} cannot be made ({error.strerror}); name another folder with --out") from None
    if not os.access(out.parent, os.W_OK):
        raise ResultsError(f"{out.parent} cannot be written to; name another folder with --out")
    if out.exists() and not out.is_dir():
        raise ResultsError(f"{out} is a file; name a folder with --out")
    if out.exists() and any(out.iterdir()):
        if not force:
            raise ResultsError(f"{out} exists; name another folder with --out, or replace it with --force")
        if not (out / "manifest.json").exists():
            raise ResultsError(f"{out} is not a result folder (it has no manifest.json) and is left alone; name another with --out")


def write_results(out: Path, scenario: Scenario, traces: Sequence[Trace], summary: dict[str, Any], facts: dict[str, Any]) -> None:
    """Writes the folder of a run."""

    def fill(part: Path) -> None:
        resolved = dump_yaml(scenario)
        (part / "scenario.yaml").write_text(resolved, encoding="utf-8")
        digests = write_tables(part, traces)
        write_json(part / "summary.json", summary)
        write_json(part / "manifest.json", manifest(resolved, digests, facts))

    swap_in(out, fill)


def swap_in(out: Path, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write everything into a folder beside `out` first, and then moves it there."""
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        fill(part)
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_json(path: Path, data: Any) -> None:
    """Readable JSON; what is not finite is refused, because JSON has no word for it."""
    path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def manifest(resolved: str, digests: dict[str, str], facts: dict[str, Any]) -> dict[str, Any]:
    """What made the results, so that they can be made again."""
    packages = ("vamappo", "simpy", "numpy", "networkx", "scipy", "pyarrow", "pydantic")
    return {
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in packages}},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "scenario_sha256": hashlib.sha256(resolved.encode()).hexdigest(),
        "columns_sha256": digests,
        "platform": {"system": platform.system(), "machine": platform.machine(), "release": platform.release()},
        **facts,
    }


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def write_tables(folder: Path, traces: Sequence[Trace]) -> dict[str, str]:
    """Writes a Parquet file a table, a row group a replication; returns a digest of every table's columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writers: dict[str, Any] = {}
    hashes: dict[str, Any] = {}
    try:
        for trace in traces:
            for name, columns in trace.tables().items():
                table = pa.table({key: arrow(column) for key, column in columns.items()})
                if trace.recorded is not None and name in trace.recorded.tables:
                    table = table.replace_schema_metadata({DESCRIBED: json.dumps(trace.recorded.described, allow_nan=False)})
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                    hashes[name] = hashlib.sha256()
                writers[name].write_table(table.cast(writers[name].schema))
                update_digest(hashes[name], columns)
    finally:
        for writer in writers.values():
            writer.close()
    return {name: digest.hexdigest() for name, digest in hashes.items()}


def update_digest(digest: Any, columns: dict[str, Any]) -> None:
    """Adds a table's columns to a digest: names, types and bytes."""
    for key, column in columns.items():
        values = column.codes if isinstance(column, Names) else np.asarray(column)
        digest.update(f"{key}:{values.dtype}:{len(values)}:".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
        if isinstance(column, Names):
            digest.update("\0".join(map(str, column.names)).encode())


def digest_of(trace: Trace) -> dict[str, str]:
    """A digest of every table of one trace."""
    found = {}
    for name, columns in trace.tables().items():
        digest = hashlib.sha256()
        update_digest(digest, columns)
        found[name] = digest.hexdigest()
    return found


def arrow(column: Any) -> Any:
    """A column as an arrow array; names as a dictionary column, rows and tuples of names as lists."""
    import pyarrow as pa

    if isinstance(column, np.ndarray) and column.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), column.shape[1])
    if isinstance(column, Names) and len(column.names) and isinstance(column.names[0], tuple):
        return pa.array([list(names) for names in column.names], pa.list_(pa.string())).take(pa.array(column.codes))
    if isinstance(column, Names):
        names = [str(name) for name in column.names]
        distinct = {name: code for code, name in enumerate(dict.fromkeys(names))}
        renumbered = np.array([distinct[name] for name in names], dtype=np.int32)
        codes = renumbered[column.codes.astype(np.int64)] if len(names) else np.zeros(0, np.int32)  # -1 is the last name
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(distinct), pa.string()))
    return pa.array(column)


def read_requests(folder: Path) -> dict[str, np.ndarray]:
    """Numeric columns of a result folder's requests, and `outcome` as text; ResultsError when it is not a result folder."""
    import pyarrow.parquet as pq

    path = folder / "requests.parquet"
    if not path.exists():
        raise ResultsError(f"{folder} is not a result folder: it has no requests.parquet (make one with 'vamappo run SCENARIO --out {folder}')")
    try:
        table = pq.read_table(path, columns=["replication", "arrival_s", "latency_s", "outcome", "counted"])
    except (OSError, ValueError, KeyError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a result folder."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None
