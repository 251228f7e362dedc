"""Recorded decisions of a result folder, read back as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from agents.recording import VERSION, Recording
from scenarios.results import DESCRIBED, ResultsError
from simulator.trace import Trace

HOW = "record them with 'vamappo run SCENARIO --set record.decisions=true --out DIR'"
NEEDED = ("nodes", "hops", "services", "width", "own", "slot", "node", "credit", "beta_per_s", "policy")


def decided(traces: Iterable[Trace]) -> bool:
    """Whether there are decisions in any of the traces, or none were to be recorded."""
    return any(trace.recorded is None or len(trace.recorded.tables["decisions"]["action"]) > 0 for trace in traces)


def read_recording(folder: Path) -> Recording:
    """The decisions and rewards in a result folder; ResultsError says what is missing or broken."""
    decisions, described = read_table(folder, "decisions")
    rewards, _ = read_table(folder, "rewards")
    requests, _ = read_table(folder, "requests", ["replication", "request_id", "ingress"])
    try:
        tables = {"decisions": columns_of(decisions), "rewards": columns_of(rewards)}
        entries = columns_of(requests)
        return recording_of(described, tables, {int(r): entries["ingress"][entries["replication"] == r] for r in np.unique(entries["replication"])})
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ResultsError(f"{folder}: its recorded decisions do not hold what they should ({error}); {HOW}") from None


def read_table(folder: Path, name: str, columns: list[str] | None = None) -> tuple[Any, dict[str, Any]]:
    """(the table, what its metadata describes) of a Parquet file in a folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.exists():
        what = "no recorded decisions" if (folder / "manifest.json").exists() else "no result folder"
        raise ResultsError(f"{folder}: {what} (there is no {path.name}); {HOW}")
    try:
        table = pq.read_table(path, columns=columns)
        described = json.loads((table.schema.metadata or {}).get(DESCRIBED.encode(), b"{}"))
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from None
    if columns is None:
        if not isinstance(described, dict) or any(key not in described for key in NEEDED):
            raise ResultsError(f"{path} does not say what its columns mean: it was not written by 'vamappo run'; {HOW}")
        if described["version"] != VERSION:
            raise ResultsError(f"{path} is of format {described['version']}, this program reads {VERSION}: record again")
    return table, described


def columns_of(table: Any) -> dict[str, np.ndarray]:
    """Columns as numpy arrays: names as objects, lists of fixed length as rows, other lists as tuples."""
    import pyarrow as pa

    found: dict[str, np.ndarray] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_fixed_size_list(column.type):
            found[name] = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
        elif pa.types.is_list(column.type):
            found[name] = tuples(column)
        else:
            found[name] = column.to_numpy(zero_copy_only=False)
    return found


def tuples(column: Any) -> np.ndarray:
    """A column of lists as an object array of tuples, each distinct one made once."""
    offsets, values = column.offsets.to_numpy(), column.values.to_numpy(zero_copy_only=False)
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    found = np.empty(len(column), dtype=object)
    for i, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        row = tuple(values[start:end])
        found[i] = known.setdefault(row, row)
    return found


def recording_of(described: dict[str, Any], tables: dict[str, dict[str, np.ndarray]], ingress: dict[int, np.ndarray]) -> Recording:
    """The recording that tables of plain columns hold; `ingress` names by replication and request."""
    decisions, rewards = tables["decisions"], tables["rewards"]
    number = {name: i for i, name in enumerate(described["nodes"])}
    own, width, slot = len(described["own"]), int(described["width"]), len(described["slot"])
    observation = decisions["observation"]
    state = decisions.get("state")
    checked(decisions, rewards)
    return Recording(
        described=described,
        replication=decisions["replication"].astype(np.int64), agent=numbered(decisions["agent"], number), request=decisions["request_id"],
        time=decisions["time_s"], own=observation[:, :own], slots=observation[:, own:].reshape(len(observation), width, slot),
        mask=decisions["mask"].astype(bool), action=decisions["action"].astype(np.int64), log_prob=decisions["log_prob"],
        slot_names=decisions["slots"], call=decisions["call"], probabilities=decisions.get("probabilities"),
        state=None if state is None else state.reshape(len(state), len(number), len(described["node"])),
        rewards={
            "replication": rewards["replication"].astype(np.int64), "agent": numbered(rewards["agent"], number), "time": rewards["time_s"],
            "request": rewards["request_id"], "reward": rewards["reward"],
        },
        ingress={replication: numbered(names, number) for replication, names in ingress.items()},
    )  # fmt: skip


def checked(decisions: dict[str, np.ndarray], rewards: dict[str, np.ndarray]) -> None:
    """ValueError says what no recording can hold."""
    action, mask = decisions["action"], decisions["mask"]
    if len(action) and not (action.min() >= 0 and action.max() < mask.shape[1]):
        raise ValueError(f"column action: actions are from 0 to {mask.shape[1] - 1}")
    for name, column in [(name, decisions.get(name)) for name in ("time_s", "observation", "state")] + [(name, rewards[name]) for name in ("time_s", "reward")]:
        if column is not None and not np.isfinite(column).all():
            raise ValueError(f"column {name}: not all values are finite numbers")
    for table in (decisions, rewards):
        if (np.diff(table["time_s"])[np.diff(table["replication"]) == 0] < 0.0).any():
            raise ValueError("column time_s: times do not ascend within a replication")


def numbered(names: np.ndarray, number: dict[str, int]) -> np.ndarray:
    """Nodes' names as their numbers."""
    kinds, codes = np.unique(names.astype(str), return_inverse=True)
    return np.array([number[str(kind)] for kind in kinds], dtype=np.int64)[codes] if len(kinds) else np.zeros(0, np.int64)


def recording_in(traces: list[Trace]) -> Recording:
    """The recording that traces in memory hold, all of one scenario and policy."""
    plain: dict[str, dict[str, np.ndarray]] = {}
    for table in ("decisions", "rewards"):
        parts = [trace.recorded.tables[table] for trace in traces if trace.recorded is not None]
        plain[table] = {
            name: np.concatenate([part[name].values() if hasattr(part[name], "names") else part[name] for part in parts]) for name in parts[0]
        }
    ingress = {trace.replication: trace.tables()["requests"]["ingress"].values() for trace in traces}
    assert traces[0].recorded is not None
    return recording_of(traces[0].recorded.described, plain, ingress)
