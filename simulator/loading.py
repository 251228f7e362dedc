"""Loading: how a model that is not in a node's memory comes there.

    asked for -> waits for room -> read from disk, downloaded, or a drawn time -> stall -> resident

A disk is one reader, first come first served: one load alone takes bytes / rate. A download is real traffic: chunks of the model
leave the node that has it one after another and queue on the links like every other message. Workers are held by none of this, so
slow-downs and freezes of stations leave loads alone; an outage ends them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from simulator.descriptions import description
from simulator.engine import DELIVERY, Environment
from simulator.laws import TimeLaw
from simulator.link import Message, make_message
from simulator.units import Bits

if TYPE_CHECKING:
    from simulator.model import Model
    from simulator.residency import Memory
    from simulator.simulation import Simulation

TRY_AGAIN = 1.0  # s after which a chunk that was lost, or has no way to travel, is sent again


def file_key(field: str) -> str:
    """The key that a scenario file uses for `field`: `origin` is written `from`, a word that Python keeps to itself."""
    return "from" if field == "origin" else field


@description
class Load:
    """How a model is loaded: `from` the node's `disk`, a node by name, or the `nearest` that has it (else the disk); or in a drawn `time`.

    `stall` is added once the bytes are there; both laws are drawn anew for every load. A download travels in chunks.
    """

    origin: str = "disk"
    stall: TimeLaw | None = None
    time: TimeLaw | None = None
    chunk: Bits = 512e6

    __pydantic_config__: ClassVar[dict] = {"alias_generator": file_key}

    def problem(self) -> str | None:
        """What is wrong with the keys, in one sentence, or None."""
        if self.time is not None and self.origin != "disk":
            return "give either 'from' (the bytes take their time) or 'time' (a law for the whole load)"
        return "chunk must be above 0" if not self.chunk > 0 else None


class Disk:
    """A node's disk: reads one model at a time, in the order in which they are asked for."""

    __slots__ = ("agenda", "line", "rank", "rate", "reading")

    def __init__(self, agenda: Environment, rate: float):
        self.agenda = agenda
        self.rank = DELIVERY
        self.rate = rate  # bit/s
        self.reading: Loading | None = None
        self.line: deque[Loading] = deque()

    def read(self, loading: Loading, now: float) -> None:
        """A load wants its model's bytes."""
        if self.reading is None:
            self.begin(loading, now)
        else:
            self.line.append(loading)

    def begin(self, loading: Loading, now: float) -> None:
        """The reader takes it."""
        self.reading = loading
        self.agenda.at(now + loading.model.bits / self.rate, self, loading)

    def handle(self, loading: Loading) -> None:
        """The last byte is read."""
        if self.reading is not loading:
            return  # stopped since
        now = self.agenda._now
        self.follow(now)
        loading.fetched(now)

    def follow(self, now: float) -> None:
        """The next one's turn."""
        self.reading = None
        if self.line:
            self.begin(self.line.popleft(), now)

    def stop(self, loading: Loading, now: float) -> None:
        """The load is off."""
        if self.reading is loading:
            self.follow(now)
        elif loading in self.line:
            self.line.remove(loading)


class Loading:
    """One load of a model, from when it is asked for until it is resident; the n-th load of a model on a node has draws of its own."""

    __slots__ = ("asked", "begun", "model", "number", "origin", "over", "prefetched", "rank")

    rank: int

    def __init__(self, model: Model, number: int, prefetched: bool, now: float):
        self.rank = DELIVERY
        self.model = model
        self.number = number
        self.asked = now
        self.begun = -1.0  # when there was room for it; before that it waits
        self.origin = -1  # node that it is downloaded from; -1 for the disk or a drawn time
        self.prefetched = prefetched  # wanted even if nobody waits for it
        self.over = False

    def begin(self, now: float) -> None:
        """There is room: fetch the bytes."""
        self.begun = now
        model = self.model
        memory: Memory = model.memory
        if model.times is not None:
            memory.agenda.at(now + model.times.of(self.number), self, None)
            return
        self.origin = model.find_origin()
        if self.origin < 0:
            memory.disk.read(self, now)
        else:
            Download(self, memory, model.chunk).handle(None)

    def fetched(self, now: float) -> None:
        """The bytes are there; a stall may follow."""
        model = self.model
        if model.stalls is None:
            self.end(now)
        else:
            model.memory.agenda.at(now + model.stalls.of(self.number), self, None)

    def handle(self, item: None) -> None:
        """The stall, or the drawn time, is over."""
        if not self.over:
            self.end(self.model.memory.agenda._now)

    def end(self, now: float) -> None:
        """The model is resident."""
        self.over = True
        self.model.memory.loaded(self, now)


class Download:
    """The chunks of one load: each leaves when the one before it has left the first link, so that other messages come in between.

    It stands for the request that links expect of a message: the key of its chunks' draws is the load's.
    """

    __slots__ = ("chunk", "loading", "missing", "name", "number", "rank", "sent", "spiked", "target", "unsent", "world")

    def __init__(self, loading: Loading, memory: Memory, chunk: float):
        self.rank = DELIVERY
        self.loading = loading
        self.world: Simulation = memory.world
        self.target = memory.node
        self.chunk = chunk
        self.name = f"load {loading.model.service} {loading.model.label} on {memory.name}"
        self.number = loading.number
        self.sent = 0  # chunks
        self.spiked = False  # whether a link spike has lengthened it
        self.unsent = self.missing = loading.model.bits  # bits not sent yet, not arrived yet

    @property
    def source(self) -> Download:
        """What asks, as links see it."""
        return self

    def handle(self, lost: Chunk | None) -> None:
        """Sends the next chunk, or a lost one again."""
        if self.loading.over:
            return
        agenda = self.world.environment
        now = agenda._now
        link = self.world.towards[self.loading.origin][self.target]
        if link is None:
            agenda.at(now + TRY_AGAIN, self, lost)
            return
        if lost is not None:
            link.send(make_chunk(self, lost.number, lost.bits, lost.lane + 1), now)
            return
        bits = min(self.chunk, self.unsent)
        self.unsent -= bits
        link.send(make_chunk(self, self.sent, bits, 1), now)
        self.sent += 1
        if self.unsent > 0.0:
            agenda.at(max(link.free_at, now), self, None)

    def arrived(self, bits: float, now: float) -> None:
        """A chunk is there; the last one completes the model."""
        self.missing -= bits
        if self.missing <= 0.0 and not self.loading.over:
            self.loading.fetched(now)


class Chunk:
    """Part of a model on its way; it stands for the call that links expect of a message."""

    __slots__ = ("bits", "download", "is_lost", "lane", "number")

    download: Download
    number: int
    bits: float
    lane: int  # how often it has been sent, this time included
    is_lost: bool

    @property
    def request(self) -> Download:
        """Who asks, as links see it."""
        return self.download

    def receive_input(self, message: Message, now: float) -> None:
        """It is there."""
        self.download.arrived(self.bits, now)

    def input_lost(self, outcome: int = 0) -> None:
        """It, or a packet of it, was lost or dropped: once more, a little later."""
        if not self.is_lost:
            self.is_lost = True
            agenda = self.download.world.environment
            agenda.at(agenda._now + TRY_AGAIN, self.download, self)


def make_chunk(download: Download, number: int, bits: float, lane: int) -> Message:
    """A chunk as a message to the node that loads."""
    chunk = Chunk()
    chunk.download = download
    chunk.number = number
    chunk.bits = bits
    chunk.lane = lane
    chunk.is_lost = False
    return make_message(chunk, number, bits, download.target, None)  # type: ignore[arg-type]
