"""Links: each direction is one FIFO transmitter.

A message of S bits that reaches it at t starts transmission at max(t, free_at), leaves S/B later and arrives the propagation
delay (plus jitter) after that: one event a hop. While nothing changes, FIFO needs no queue at all, only the time at which the
transmitter is free. The backlog is what is still to be transmitted: (free_at - now) * B bits.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, TypeAlias

from simulator.engine import DELIVERY, Environment
from simulator.meters import LinkMeter
from simulator.request import FAILED, UNREACHABLE

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.request import Request

    Carried: TypeAlias = "Message | Packet | Call"

LINK_FIELDS = 5  # numbers a hop leaves in a message's log: link, reached, transmission starts, ends, arrived
SPIKED = 1 << 32  # link + SPIKED * (entry + 1) stands for what this entry added to the hop before it


class Message:
    """An input of a join, or a response, on its way to the node `place`. A call with a single input is its own message."""

    __slots__ = ("call", "edge", "bits", "place", "log")

    call: Call  # who receives it
    edge: int  # which of the application's edges, the key of its draws
    bits: float
    place: int  # index of the node it is for
    log: list[float] | None  # LINK_FIELDS numbers a hop, where the request is traced
    packet = 0

    def receive(self, now: float) -> None:
        """It is there."""
        self.call.receive_input(self, now)


class Packet:
    """One packet of a message, received by the `Whole` it belongs to."""

    __slots__ = ("call", "edge", "bits", "place", "log", "packet")

    call: Whole
    edge: int
    bits: float
    place: int
    log: list[float] | None
    packet: int

    def receive(self, now: float) -> None:
        """It is there."""
        self.call.receive_packet(self, now)


class Whole:
    """A message that travels in packets: it has arrived with its last packet."""

    __slots__ = ("message", "missing")

    def __init__(self, message: Message | Call, packets: int):
        self.message = message
        self.missing = packets

    @property
    def request(self) -> Request:
        """The request that the message belongs to."""
        return self.message.call.request

    @property
    def lane(self) -> int:
        """Which attempt of the call it belongs to."""
        return self.message.call.lane

    def receive_packet(self, packet: Packet, now: float) -> None:
        """A packet has arrived; the log of the last one is the message's way."""
        message = self.message
        self.missing -= 1
        if self.missing == 0:
            message.log = packet.log
            message.receive(now)

    def input_lost(self, outcome: int = FAILED) -> None:
        """A lost packet loses the message."""
        self.message.call.input_lost(outcome)


def make_message(call: Call, edge: int, bits: float, place: int, log: list[float] | None) -> Message:
    """A message that is one unit."""
    message = Message()
    message.call = call
    message.edge = edge
    message.bits = bits
    message.place = place
    message.log = log
    return message


def send_packets(link: Link, message: Message | Call, mtu: float, now: float) -> None:
    """Cuts a message into packets of at most `mtu` bits, which reach the first link together."""
    full = int(message.bits // mtu)
    rest = message.bits - full * mtu
    count = full + 1 if rest > 0.0 else full
    whole = Whole(message, count)
    for number in range(count):
        packet = Packet()
        packet.call = whole
        packet.edge = message.edge
        packet.bits = mtu if number < full else rest
        packet.place = message.place
        packet.log = None
        if message.log is not None:
            packet.log = []
            message.call.logs.append(packet.log)
        packet.packet = number
        link.send(packet, now)


class Disturbance:
    """What a link does to single packets: loss with a probability, jitter by a law; draws are keyed by request, edge, link, packet."""

    __slots__ = ("coins", "delays", "jitter", "loss")

    def __init__(self, loss: float, jitter, columns, name: str):
        self.loss = loss
        self.jitter = jitter
        self.coins = columns.uniform("loss", name) if loss > 0.0 else None
        self.delays = columns.law(jitter, "jitter", name) if jitter is not None else None

    def lost(self, message: Carried) -> bool:
        """Whether this message or packet is lost on the link."""
        return self.coins is not None and self.coins.at(message) < self.loss

    def delay(self, message: Carried) -> float:
        """Extra propagation delay [s]."""
        return self.delays.at(message) if self.delays is not None else 0.0


class Link:
    """One direction of a link."""

    __slots__ = (
        "agenda", "bits_dropped", "bits_lost", "bits_out", "buffer", "disturbance", "far", "free_at", "hops", "index", "meter",
        "name", "plain", "propagation", "rank", "rate", "towards", "mtu",
    )  # fmt: skip

    rank: int
    bits_withdrawn = 0.0  # sent another way because the link failed: a ChangingLink's own

    def __init__(self, agenda: Environment, name: str, index: int, far: int, rate: float, propagation: float, buffer: float = float("inf")):
        self.agenda = agenda
        self.rank = DELIVERY
        self.name = name
        self.index = index
        self.far = far  # index of the node it leads to
        self.towards: list[Link | None] = []  # that node's next link by target
        self.rate = rate
        self.propagation = propagation
        self.buffer = buffer  # bits; inf when there is no bound
        self.disturbance: Disturbance | None = None
        self.mtu = float("inf")  # bits a packet may have
        self.plain = buffer == float("inf")  # nothing is cut, dropped, lost or jittered
        self.free_at = 0.0
        self.meter = LinkMeter(rate)
        self.hops = self.meter.hops.times
        self.bits_out = 0.0  # over the whole run
        self.bits_dropped = 0.0
        self.bits_lost = 0.0

    def disturb(self, disturbance: Disturbance) -> None:
        """From now on messages may be lost or delayed."""
        self.disturbance = disturbance
        self.plain = False

    def cut_at(self, mtu: float) -> None:
        """Messages longer than `mtu` bits travel in packets."""
        self.mtu = mtu
        self.plain = self.plain and mtu == float("inf")

    def send(self, message: Carried, now: float) -> None:
        """A message or packet reaches the transmitter at the present instant, `now`."""
        start = self.free_at
        if start < now:
            start = now
        bits = message.bits
        end = start + bits / self.rate
        arrival = end + self.propagation
        if not self.plain:
            if bits > self.mtu:
                send_packets(self, message, self.mtu, now)  # type: ignore[arg-type]  # a packet is never too long
                return
            if (start - now) * self.rate + bits > self.buffer * (1.0 + 1e-12):
                self.drop(message, now)
                return
            if self.disturbance is not None:
                arrival += self.disturbance.delay(message)
        self.free_at = end
        self.hops.extend((now, start, arrival, bits))
        if message.log is not None:
            message.log.extend((self.index, now, start, end, arrival))
        agenda = self.agenda  # as agenda.at(arrival, self, message), without the call
        agenda._sequence = sequence = agenda._sequence + 1
        heappush(agenda._queue, (arrival, DELIVERY + sequence, self, message))  # type: ignore[misc]

    def handle(self, message: Carried) -> None:
        """A message or packet arrives at the far end: it goes on, or its call has it."""
        if self.disturbance is not None and self.disturbance.lost(message):
            self.lose(message)
            return
        self.bits_out += message.bits
        link = self.towards[message.place]
        if link is not None:
            link.send(message, self.agenda._now)
        else:
            message.receive(self.agenda._now)

    def drop(self, message: Carried, now: float) -> None:
        """The buffer has no room for the whole message."""
        self.bits_dropped += message.bits
        if self.meter.counts(now):
            self.meter.dropped += 1
        message.call.input_lost()

    def lose(self, message: Carried) -> None:
        """The message is lost on the way; it has used the transmitter all the same."""
        self.bits_lost += message.bits
        if self.meter.counts(self.agenda._now):
            self.meter.lost += 1
        message.call.input_lost()


class Nowhere:
    """Stands for the next link where failures have left no path: what is sent there is lost."""

    __slots__ = ()

    def send(self, message: Carried, now: float) -> None:
        """The message ends here, and with it its call's attempt."""
        message.call.input_lost(UNREACHABLE)


NOWHERE: Link = Nowhere()  # type: ignore[assignment]  # all that is asked of it is to send
