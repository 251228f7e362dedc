"""The record of one replication: columns of requests, what stations and links measured, spans, episodes.

Everything here is data: numpy arrays and plain values that pickle, so that replications travel between processes; `analysis`
reads it and `write_parquet` stores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.batch import BatchMeter
from simulator.energy import Power
from simulator.inference.record import token_rows, tokens_table
from simulator.record import CALL_FIELDS, HOP_FIELDS, LANES, PAUSE_FIELDS, SHARE_FIELDS, by_entry
from simulator.request import COMPLETED, OUTCOMES, STATUSES
from simulator.residency import MemoryRecord, memory_record
from simulator.samples import Samples

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@dataclass
class StationRecord:
    """A station's figures: over the window, and over the whole run for the invariants."""

    name: str
    node: str
    workers: float
    window_s: float
    time_at: np.ndarray  # (n,) time in the window with 0, 1, 2 ... jobs present [s]
    waits: Samples
    sojourns: Samples
    services: Samples  # work / speed, spikes excluded
    rejected: int
    run_time_at: np.ndarray  # the same over the whole run
    run_sojourn_s: float
    run_service_s: float
    busy_s: float | None = None  # worker time in the window, where a worker serves several jobs at once
    queue_s: float | None = None  # integral of the number waiting over the window, there
    run_busy_s: float | None = None

    def busy_time(self) -> float:
        """Worker time over the whole run [s]."""
        if self.run_busy_s is not None:
            return self.run_busy_s
        return float(np.minimum(np.arange(len(self.run_time_at)), self.workers) @ self.run_time_at)

    def window_busy_time(self) -> float:
        """Worker time within the window [s]."""
        return self.busy_s if self.busy_s is not None else float(np.minimum(np.arange(len(self.time_at)), self.workers) @ self.time_at)


@dataclass
class LinkRecord:
    """A link direction's figures."""

    name: str
    window_s: float
    busy_s: float
    waits: Samples
    transit_s: float  # sum over counted messages
    dropped: int
    lost: int
    run_bits: dict[str, float]  # in, out, dropped, lost, withdrawn over the whole run, and under way when it ended


@dataclass
class CallNames:
    """What a vertex number stands for."""

    application: str
    call: str
    copy: int
    variants: list[str | None]
    copies: int = 1


@dataclass
class Trace:
    """What happened in one replication."""

    replication: int
    requests: dict[str, np.ndarray]
    entries: list[tuple[str, int]]  # (workload entry's name, application's index)
    closed: list[bool]  # by entry: whether its users wait for their requests to end
    applications: list[str]
    objectives: list[float | None]
    nodes: list[str]
    power: list[tuple[Power | None, float]]  # and price a second, by node
    stations: list[StationRecord]
    links: list[LinkRecord]
    vertices: list[CallNames]
    calls: np.ndarray  # (rows, len(CALL_FIELDS))
    hops: np.ndarray  # (rows, len(HOP_FIELDS))
    pauses: np.ndarray  # (rows, len(PAUSE_FIELDS)): back-off, and waits until a hedge was sent
    shares: np.ndarray  # (rows, len(SHARE_FIELDS)): whose the excess of calls is that several entries lengthened
    slowest_only: bool  # whether spans are of the slowest requests instead of a fair sample
    attempts: dict[tuple[str, str], list[int]]  # ATTEMPT_COUNTS of counted requests, by application and call, where calls can be tried again
    episodes: list[list[Any]]
    spikes: list[str]
    scheduled: list[str]  # the spikes that come in episodes: all but those that hit call by call
    window: tuple[float, float]
    end: float
    events: int
    decisions: int
    exceed: tuple[float, ...]  # s; how often latencies and waits are above these is told
    memories: list[MemoryRecord]  # of the nodes that have models in memory
    tokens: np.ndarray  # (calls served by inference engines, 1 + len(TOKEN_FIELDS)): station, then TOKEN_FIELDS
    left_behind: int  # requests and attempts still there when the run ended
    timeline: np.ndarray  # (samples, 2 + stations): time, in flight, jobs present by station
    recorded: Recorded | None = None  # decisions and rewards, where they were asked for

    @property
    def latency(self) -> np.ndarray:
        """Latency of every request [s], from its intended arrival to its end, whatever the outcome; shape (requests,)."""
        return self.requests["end"] - self.requests["arrival"]

    @property
    def counted(self) -> np.ndarray:
        """Whether each request is counted; shape (requests,)."""
        return self.requests["counted"] != 0

    @property
    def completed(self) -> np.ndarray:
        """Whether each request completed; shape (requests,)."""
        return self.requests["outcome"] == COMPLETED

    @property
    def application_of(self) -> np.ndarray:
        """Index of each request's application; shape (requests,)."""
        return np.array([application for _, application in self.entries], dtype=np.int64)[self.requests["entry"]]

    @property
    def loop(self) -> str:
        """open, closed, or mixed: whether arrivals wait for what is served."""
        return "closed" if all(self.closed) and self.closed else "mixed" if any(self.closed) else "open"

    def outcome_counts(self, chosen: np.ndarray) -> dict[str, int]:
        """Number of requests by outcome among `chosen` (a mask)."""
        counts = np.bincount(self.requests["outcome"][chosen], minlength=len(OUTCOMES))
        return {name: int(counts[code]) for code, name in enumerate(OUTCOMES) if name != "in_flight"}

    def tables(self) -> dict[str, dict[str, Any]]:
        """The columns of `requests`, `spans` and `episodes` as INTERFACES names them, by table."""
        return {
            "requests": self._requests_table(),
            "spans": self._spans_table(),
            "episodes": self._episodes_table(),
            "timeline": self._timeline_table(),
            **({"tokens": tokens_table(self)} if len(self.tokens) else {}),
            **(self.recorded.tables if self.recorded is not None else {}),
        }

    def _requests_table(self) -> dict[str, Any]:
        columns = self.requests
        n = len(columns["arrival"])
        entries = np.array([name for name, _ in self.entries], dtype=object)
        return {
            "replication": np.full(n, self.replication, dtype=np.int32),
            "request_id": np.arange(n, dtype=np.int64),
            "workload": Names(columns["entry"], entries),
            "application": Names(self.application_of, np.array(self.applications, dtype=object)),
            "ingress": Names(columns["ingress"], np.array(self.nodes, dtype=object)),
            "arrival_s": columns["arrival"],
            "end_s": columns["end"],
            "latency_s": self.latency,
            "outcome": Names(columns["outcome"], np.array(OUTCOMES, dtype=object)),
            "utility": columns["utility"],
            "quality": columns["quality"],
            "attempts": columns["attempts"],
            "counted": self.counted,
        }

    def _spans_table(self) -> dict[str, Any]:
        call = dict(zip(CALL_FIELDS, self.calls.T, strict=True))
        over_links = self.hops[:, HOP_FIELDS.index("link")] >= 0.0
        added = self.hops[:, HOP_FIELDS.index("spike")] >= 0.0
        hop = dict(zip(HOP_FIELDS, self.hops[over_links & ~added].T, strict=True))
        excess = dict(zip(HOP_FIELDS, self.hops[added].T, strict=True))
        load = dict(zip(HOP_FIELDS, self.hops[~over_links].T, strict=True))
        pause = dict(zip(PAUSE_FIELDS, self.pauses.T, strict=True))
        done = call["started"] + np.minimum(call["work_s"], call["finished"] - call["started"])
        struck, since, until = by_entry(call, self.shares, done)
        kinds = ("queue", "service", "spike", "link_queue", "transmission", "propagation", "back_off", "model_load")
        segments = [
            (call, 0, call["reached"], call["started"]),
            (call, 1, call["started"], done),
            (struck, 2, since, until),
            (hop, 3, hop["reached"], hop["transmits"]),
            (hop, 4, hop["transmits"], hop["transmitted"]),
            (hop, 5, hop["transmitted"], hop["arrived"]),
            (pause, 6, pause["since"], pause["until"]),
            (load, 7, load["reached"], load["arrived"]),
            (excess, 2, excess["reached"], excess["arrived"]),
        ]
        columns = ("request", "vertex", "variant", "kind", "place", "start", "end", "spike", "status", "critical")
        parts: dict[str, list[np.ndarray]] = {name: [] for name in columns}
        stations = len(self.stations)
        for rows, kind, start, end in segments:
            some = end - start > 1e-12 if kind != 1 else np.ones(len(start), dtype=bool)
            n = int(some.sum())
            of_call = rows is call or rows is struck
            parts["request"].append(rows["request"][some])
            vertex = rows["vertex"][some]
            parts["vertex"].append(np.where(rows["response"][some] > 0, -1.0 - vertex, vertex) if rows is hop or rows is excess else vertex)
            parts["variant"].append(rows["variant"][some] if of_call else np.full(n, -1.0))
            parts["kind"].append(np.full(n, float(kind)))
            if of_call:
                place = rows["station"]
            else:
                place = stations + rows["link"] if rows is hop or rows is excess else -1.0 - rows["link"] if rows is load else np.full(len(start), -1.0)
            parts["place"].append(place[some])
            parts["start"].append(start[some])
            parts["end"].append(end[some])
            parts["spike"].append(rows["spike"][some] if kind == 2 else np.full(n, -1.0))
            parts["status"].append(rows["status"][some])
            parts["critical"].append(rows["critical"][some])
        flat = {name: np.concatenate(arrays) if arrays else np.zeros(0) for name, arrays in parts.items()}
        order = np.lexsort((flat["kind"], flat["start"], flat["request"]))
        flat = {name: values[order] for name, values in flat.items()}
        signed = flat["vertex"].astype(np.int64)  # below zero: the response of that vertex
        real = np.where(signed < 0, -1 - signed, signed)
        n = len(signed)
        names = [v.call for v in self.vertices]
        copies = np.array([v.copy for v in self.vertices] or [0], dtype=np.int32)
        widths = np.array([v.copies for v in self.vertices] or [1], dtype=np.int32)
        coded = flat["status"].astype(np.int64)
        lane = coded // LANES
        variants, variant_names = self._variants(real, flat["variant"].astype(np.int64))
        return {
            "replication": np.full(n, self.replication, dtype=np.int32),
            "request_id": flat["request"].astype(np.int64),
            "call": Names(np.where(signed < 0, len(names), real), np.array([*names, "response"], dtype=object)),
            "copy": (copies[real] + lane % 2 * widths[real]).astype(np.int32) if n else np.zeros(0, dtype=np.int32),
            "attempt": (lane // 2).astype(np.int32),
            "variant": Names(variants, np.array(variant_names, dtype=object)),
            "kind": Names(flat["kind"].astype(np.int64), np.array(kinds, dtype=object)),
            "place": Names(flat["place"].astype(np.int64), np.array([s.name for s in self.stations] + [link.name for link in self.links] + [""], dtype=object)),
            "start_s": flat["start"],
            "end_s": flat["end"],
            "spike": Names(flat["spike"].astype(np.int64), np.array([*self.spikes, ""], dtype=object)),
            "status": Names(coded % LANES, np.array(STATUSES, dtype=object)),
            "critical": flat["critical"] > 0,
        }

    def _variants(self, vertex: np.ndarray, variant: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Codes and names of variants; the empty name where there is none."""
        names = sorted({name for v in self.vertices for name in v.variants if name})
        codes = {name: code for code, name in enumerate(names)}
        width = max((len(v.variants) for v in self.vertices), default=1)
        table = np.full((len(self.vertices) + 1, width + 1), len(names))
        for row, v in enumerate(self.vertices):
            for column, name in enumerate(v.variants):
                table[row, column] = codes[name] if name else len(names)
        return table[vertex, variant] if len(vertex) else np.zeros(0, dtype=np.int64), [*names, ""]

    def _timeline_table(self) -> dict[str, Any]:
        table: dict[str, Any] = {
            "replication": np.full(len(self.timeline), self.replication, dtype=np.int32),
            "time_s": self.timeline[:, 0],
            "in_flight": self.timeline[:, 1].astype(np.int64),
        }
        for i, station in enumerate(self.stations):
            table[f"{station.name}.present"] = self.timeline[:, 2 + i].astype(np.int64)
        return table

    def _episodes_table(self) -> dict[str, Any]:
        entry, target, start, end, magnitude = (list(column) for column in zip(*self.episodes, strict=True)) if self.episodes else ([], [], [], [], [])
        return {
            "replication": np.full(len(entry), self.replication, dtype=np.int32),
            "name": Names(np.array(entry, dtype=np.int64), np.array([*self.spikes, ""], dtype=object)),
            "target": Names(np.arange(len(target)), np.array(target, dtype=object)),
            "start_s": np.array(start, dtype=float),
            "end_s": np.array(end, dtype=float),
            "magnitude": np.array(magnitude, dtype=float),
        }


@dataclass
class Recorded:
    """What whoever drove the simulation wrote down: more tables, and what is to be known to read them (plain data, stored with them)."""

    tables: dict[str, dict[str, Any]]
    described: dict[str, Any]


@dataclass
class Names:
    """A column of names, or of tuples of names: codes into a short list (stored as a dictionary column); a code of -1 is the last."""

    codes: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def values(self) -> np.ndarray:
        """The names themselves, as an object array."""
        return self.names[self.codes.astype(np.int64)] if len(self.codes) else np.zeros(0, dtype=object)


def utilities(simulation: Simulation, columns: dict[str, np.ndarray], application: np.ndarray) -> np.ndarray:
    """Utility of every request; NaN where its application declares none."""
    value = np.full(len(application), np.nan)
    latency = columns["end"] - columns["arrival"]
    for index, app in enumerate(simulation.applications):
        if app.utility is None:
            continue
        mine = application == index
        done = mine & (columns["outcome"] == COMPLETED)
        value[mine] = -app.utility.penalty
        value[done] = app.utility.of(latency[done], columns["quality"][done])
    return value


def station_record(station: Any, node: str, window: float) -> StationRecord:
    """What a station measured."""
    meter = station.meter
    record = StationRecord(
        station.name, node, station.workers, window, np.trim_zeros(meter.time_at, "b"), meter.waits, meter.sojourns, meter.services,
        meter.rejected, np.trim_zeros(meter.run_time_at, "b"), meter.run_sojourn_s, meter.run_service_s,
    )  # fmt: skip
    if isinstance(meter, BatchMeter):
        record.busy_s, record.queue_s, record.run_busy_s = meter.busy_s, meter.queue_s, meter.run_busy_s
    return record


def collect(simulation: Simulation) -> Trace:
    """The trace of a simulation that has just ended."""
    columns = simulation.requests.arrays(simulation.generated)
    entries = [(source.name, source.application.index) for source in simulation.sources]
    application = np.array([a for _, a in entries], dtype=np.int64)[columns["entry"]] if len(entries) else np.zeros(0, dtype=np.int64)
    columns["utility"] = utilities(simulation, columns, application)
    opened, closed = simulation.window_opened, simulation.window_closed
    window = max(closed - opened, 0.0)
    names = [node.name for node in simulation.nodes]
    stations = [station_record(station, names[station.node], window) for station in simulation.stations]
    links = [
        LinkRecord(
            link.name,
            window,
            meter.busy_s,
            meter.waits,
            meter.transit_s,
            meter.dropped,
            meter.lost,
            {
                "in": meter.bits_in + link.bits_dropped,
                "out": link.bits_out,
                "dropped": link.bits_dropped,
                "lost": link.bits_lost,
                "withdrawn": link.bits_withdrawn,
                "under_way": float(meter.under_way[:, 1].sum()),
            },
        )
        for link in simulation.links
        for meter in (link.meter,)
    ]
    vertices = [
        CallNames(app.name, vertex.name, vertex.copy, [name for name, _, _ in vertex.service.variants], app.calls[vertex.call].fan_out)
        for app in simulation.applications
        for vertex in app.vertices
    ]
    return Trace(
        replication=simulation.sources[0].streams.replication if simulation.sources else 0,
        requests=columns,
        entries=entries,
        closed=[source.closed for source in simulation.sources],
        applications=[app.name for app in simulation.applications],
        objectives=[app.objective for app in simulation.applications],
        nodes=names,
        power=[(node.power, node.price) for node in simulation.nodes],
        stations=stations,
        links=links,
        vertices=vertices,
        calls=np.array(simulation.span_rows.calls).reshape(-1, len(CALL_FIELDS)),
        hops=np.array(simulation.span_rows.hops).reshape(-1, len(HOP_FIELDS)),
        pauses=np.array(simulation.span_rows.pauses).reshape(-1, len(PAUSE_FIELDS)),
        shares=np.array(simulation.span_rows.shares).reshape(-1, len(SHARE_FIELDS)),
        slowest_only=simulation.span_rows.tail,
        attempts={(app.name, vertex.name): vertex.care.counts for app in simulation.applications for vertex in app.vertices if vertex.care is not None},
        episodes=simulation.episodes,
        spikes=simulation.spike_names,
        scheduled=[live.spike.name for live in simulation.spikes],
        window=(min(opened, closed), closed),
        end=float(simulation.environment.now),
        events=simulation.environment.entries,
        decisions=int(columns["attempts"].sum()),
        exceed=simulation.exceed,
        memories=[memory_record(memory, opened, closed) for memory in simulation.memories],
        tokens=token_rows(simulation.stations),
        left_behind=sum(station.number for station in simulation.stations) + len(simulation.in_flight),
        timeline=np.array(simulation.timeline.rows if simulation.timeline is not None else []).reshape(-1, 2 + len(stations)),
    )
