"""A model on a node: who waits for it, who uses it, where it comes from. `simulator.residency` decides what stays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.record import NEVER
from simulator.request import UNDER_WAY

if TYPE_CHECKING:
    from simulator.call import Job
    from simulator.loading import Loading
    from simulator.residency import Memory
    from simulator.source import Draws
    from simulator.station import Station

DISK, NEAREST = -1, -2  # where a model comes from, where it is no node


class Model:
    """One variant of a service on one node: whether it is resident, who waits for it, where it comes from."""

    __slots__ = (
        "bits", "chunk", "condemned", "label", "loading", "loads", "mean_stall", "mean_time", "memory", "number", "origin", "peers",
        "resident", "server", "service", "stalls", "stations", "times", "users", "waiting",
    )  # fmt: skip

    def __init__(self, memory: Memory, service: str, label: str, bits: float, server: Any):
        self.memory = memory
        self.number = len(memory.models)  # among them
        self.service = service
        self.label = label
        self.bits = bits
        self.server = server
        self.stations: list[Station] = getattr(server, "stations", [server])
        self.resident = False
        self.condemned = False  # evicted once it is idle
        self.users = 0  # calls at its stations
        self.loading: Loading | None = None
        self.loads = 0  # asked for so far
        self.waiting: list[tuple[Job, float, list[float] | None]] = []  # (call, since when, its log)
        self.origin = DISK  # a node's index, DISK or NEAREST
        self.peers: list[tuple[int, Model | None]] = []  # the other nodes that run it; None where it is always there
        self.chunk = float("inf")  # bits
        self.stalls: Draws | None = None
        self.times: Draws | None = None
        self.mean_stall = 0.0  # s
        self.mean_time = 0.0

    def enter(self, job: Job, now: float) -> None:
        """A call with all its inputs is here, at the present instant, `now`."""
        memory = self.memory
        counted = memory.counts(now)
        if self.resident or self.is_down():  # a server that is down loses it
            memory.hits += counted and self.resident
            self.admit(job, now)
            return
        memory.misses += counted
        self.waiting.append((job, now, self.note(job, now)))
        if self.loading is None:
            memory.ask(self, False, now)

    def admit(self, job: Job, now: float) -> None:
        """A call goes to its server."""
        memory = self.memory
        if self in memory.idle:
            del memory.idle[self]
            memory.idle_bits -= self.bits
        self.users += 1
        self.server.enter(job, now)

    def note(self, job: Job, now: float) -> list[float] | None:
        """Begins the wait in the log of the input that came last, as one hop more over a place below zero."""
        if not job.request.traced:
            return None
        log = job.last_log
        if log is None:
            log = job.last_log = []
            job.logs.append(log)
        log.extend((-1.0 - self.server.index, now, now, now, NEVER))
        return log

    def open(self, now: float) -> None:
        """It has been loaded: those who still wait go on."""
        memory, waiting = self.memory, self.waiting
        self.resident = True
        self.loading = None
        self.waiting = []
        self.users += 1  # until all of them are in, so that nothing evicts it meanwhile
        for job, since, log in waiting:
            if log is not None and log[-1] == NEVER:
                log[-1] = now
            if job.status == UNDER_WAY:
                if memory.counts(since):
                    memory.wait_s += now - since
                self.admit(job, now)
        self.left(now)

    def left(self, now: float) -> None:
        """One call less at its stations."""
        self.users -= 1
        if self.users == 0 and self.resident:
            self.memory.rest(self, now)

    def lose(self, now: float) -> None:
        """Its server has broken down: the model is gone, and so is whoever waits for it."""
        memory, loading, waiting = self.memory, self.loading, self.waiting
        if self in memory.idle:
            del memory.idle[self]
            memory.idle_bits -= self.bits
        if self.resident:
            memory.drop(self)
        self.loading = None
        self.waiting = []
        if loading is not None and loading.begun < 0.0:
            memory.line.remove(loading)
        elif loading is not None:
            loading.over = True
            memory.disk.stop(loading, now)
            memory.used -= self.bits
            memory.write(loading, now, 0.0)
        for job, _, log in waiting:
            if log is not None and log[-1] == NEVER:
                log[-1] = now
            if job.status == UNDER_WAY:
                job.give_up(self.server)
                job.lost(now)

    def is_wanted(self) -> bool:
        """Whether anybody still waits for it, or it was fetched ahead."""
        assert self.loading is not None
        return self.loading.prefetched or any(job.status == UNDER_WAY for job, _, _ in self.waiting)

    def is_down(self) -> bool:
        """Whether its server is out of order."""
        return all(station.broken for station in self.stations)

    def prefetch(self, now: float) -> None:
        """Loads it ahead of any call, unless it is there, on its way, or its server is down."""
        if self.resident or self.is_down():
            return
        if self.loading is None:
            self.memory.prefetches += self.memory.counts(now)
            self.memory.ask(self, True, now)
        else:
            self.loading.prefetched = True

    def find_origin(self) -> int:
        """Index of the node from which it is downloaded now; DISK where that is its own disk."""
        if self.origin != NEAREST:
            return self.origin if self.origin != self.memory.node else DISK
        best, least = DISK, float("inf")
        for node, peer in self.peers:
            if peer is None or peer.resident:
                distance = self.memory.world.network.distance(node, self.memory.node)
                if distance < least:
                    best, least = node, distance
        return best

    def usual_time(self) -> float:
        """Mean time of a load that waits for nothing [s], from the disk where the nearest holder is not known."""
        return self.expected(DISK if self.origin == NEAREST else self.origin)

    def remaining(self) -> float:
        """Expected time until it is resident [s], without waits for room, disk or links."""
        if self.resident:
            return 0.0
        if self.loading is None or self.loading.begun < 0.0:
            return self.expected(self.find_origin())
        return max(self.expected(self.loading.origin) - (self.memory.agenda._now - self.loading.begun), 0.0)

    def expected(self, origin: int) -> float:
        """Mean time of a load from there that waits for nothing [s]."""
        if self.times is not None:
            return self.mean_time
        if origin in (DISK, self.memory.node):
            return self.bits / self.memory.disk.rate + self.mean_stall
        return self.memory.world.network.unloaded_time(origin, self.memory.node, self.bits, self.chunk) + self.mean_stall
