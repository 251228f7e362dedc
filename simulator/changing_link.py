"""Links that spikes and faults can change: slower, longer, lossier, or down.

    reach ──> waiting ──> in transmission ──> propagating ──> at the far end
                 └──────────────┴── the link fails ──> taken back to the near node, and on by the new route

A direction keeps its messages until their last bit has left, with the finish times planned for them. When its rate or its delay
changes, what is left of the one in transmission is kept exactly and all are planned anew; an arrival planned before is void because
the transit's `due` no longer equals it. Messages that have left the transmitter arrive whatever happens to the link. When it fails,
those still here start again from the near node, first come first, along the new route, or end where there is none.

A link that nothing in the scenario can change is a plain `Link`, with its closed form and one event a hop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import Environment
from simulator.link import SPIKED, Link, send_packets
from simulator.meters import LinkMeter
from simulator.station import NEVER, product

if TYPE_CHECKING:
    from simulator.link import Carried
    from simulator.network import Network
    from simulator.simulation import Simulation

TRANSIT = 5  # floats: reached, transmission starts, ends, arrived (below 0: taken back), bits
ON_TIME = 1e-12  # s by which a hop must be longer for a spike to have lengthened it


class Transit:
    """A message on a link."""

    __slots__ = ("arrival", "at", "bits", "due", "end", "hazards", "jitter", "left", "message", "reached", "spike", "start")

    def __init__(self, message: Carried, now: float, jitter: float):
        self.message = message
        self.bits = message.bits
        self.left = message.bits  # still to be transmitted, when it was last planned
        self.reached = now
        self.start = float("inf")  # of its transmission
        self.end = now
        self.arrival = now
        self.due = NEVER
        self.jitter = jitter
        self.at = len(message.log) if message.log is not None else 0  # where its hop begins in the message's log
        self.hazards: tuple[Hazard, ...] = ()  # that it meets on its way
        self.spike = -1  # the entry that has lengthened it last


class Hazard:
    """A probability of being lost that an episode adds."""

    __slots__ = ("coins", "probability")

    def __init__(self, probability: float, coins: Any):
        self.probability = probability
        self.coins = coins  # keyed draws by message


class ChangingLinkMeter(LinkMeter):
    """Figures of a link whose transmissions may take longer than their bits say."""

    __slots__ = ("transits",)

    def __init__(self, rate: float):
        super().__init__(rate)
        self.transits: dict[Transit, None] = {}  # what has not arrived

    def fold(self, now: float) -> None:
        """Turns all raw times into figures."""
        reached, starts, ends, arrived, _ = self.hops.take(TRANSIT).T
        self.under_way = np.array([(transit.due, transit.bits) for transit in self.transits]).reshape(-1, 2)
        if self.opened == float("inf"):
            return
        mine = (reached >= self.opened) & (reached < self.closed) & (arrived >= 0.0)
        self.waits.absorb((starts - reached)[mine])
        self.transit_s += float((arrived - reached)[mine].sum())
        self.busy_s += float((np.clip(ends, self.opened, self.closed) - np.clip(starts, self.opened, self.closed)).sum())


class ChangingLink(Link):
    """One direction of a link that can change."""

    __slots__ = ("backlog", "bits_withdrawn", "by", "extras", "factors", "failures", "hazards", "healthy_propagation", "healthy_rate", "near", "transits")

    meter: ChangingLinkMeter

    def __init__(self, agenda: Environment, name: str, index: int, near: int, far: int, rate: float, propagation: float, buffer: float = float("inf")):
        super().__init__(agenda, name, index, far, rate, propagation, buffer)
        self.near = near  # index of the node it leaves
        self.healthy_rate = rate
        self.healthy_propagation = propagation
        self.backlog: deque[Transit] = deque()  # in the order of transmission; those whose last bit has left are removed when somebody looks
        self.factors: list[float] = []  # of the episodes that divide the bandwidth
        self.extras: list[float] = []  # propagation that episodes add [s]
        self.hazards: tuple[Hazard, ...] = ()
        self.by = -1  # index of the last entry that changed it
        self.failures = 0  # episodes that it is down in
        self.bits_withdrawn = 0.0
        self.meter = ChangingLinkMeter(rate)
        self.hops = self.meter.hops.times
        self.transits = self.meter.transits

    # Messages

    def send(self, message: Carried, now: float) -> None:
        """A message or packet reaches the transmitter at the present instant, `now`."""
        bits = message.bits
        if bits > self.mtu:
            send_packets(self, message, self.mtu, now)  # type: ignore[arg-type]  # a packet is never too long
            return
        free = max(self.free_at, now)
        if (free - now) * self.rate + bits > self.buffer * (1.0 + 1e-12):
            self.drop(message, now)
            return
        self.settle(now)
        transit = Transit(message, now, self.disturbance.delay(message) if self.disturbance is not None else 0.0)
        self.meter.bits_in += bits
        self.transits[transit] = None
        self.backlog.append(transit)
        self.plan(transit, free, now)

    def plan(self, transit: Transit, free: float, now: float) -> None:
        """Plans the arrival of a message whose transmission goes on, or starts, when the transmitter is free for it."""
        if transit.start >= now:
            transit.start = free
        transit.end = self.free_at = end = free + transit.left / self.rate
        transit.arrival = transit.due = arrival = end + self.propagation + transit.jitter
        transit.hazards = self.hazards
        if self.factors or self.extras:
            transit.spike = self.by
        self.agenda.at(arrival, self, transit)
        if transit.message.log is not None:
            self.note(transit, transit.message.log)

    def note(self, transit: Transit, log: list[float]) -> None:
        """Writes the hop as it is planned into the message's log: as it would be in good days, then what a spike adds."""
        del log[transit.at :]
        excess = self.excess(transit)
        if excess <= ON_TIME:
            log.extend((self.index, transit.reached, transit.start, transit.end, transit.arrival))
            return
        usual = transit.start + transit.bits / self.healthy_rate
        done = transit.arrival - excess
        log.extend((self.index, transit.reached, transit.start, min(usual, done), done))
        log.extend((self.index + SPIKED * (transit.spike + 1.0), done, done, done, transit.arrival))

    def excess(self, transit: Transit) -> float:
        """How much later it arrives, by its own transmission and propagation, than it would in good days [s]."""
        if transit.spike < 0:
            return 0.0
        usual = transit.bits / self.healthy_rate + self.healthy_propagation + transit.jitter
        return transit.arrival - transit.start - usual

    def handle(self, transit: Any) -> None:
        """A message or packet arrives at the far end, if that still holds."""
        now = self.agenda._now
        if transit.due != now:
            return  # planned anew or taken back since
        transit.due = NEVER
        del self.transits[transit]
        self.hops.extend((transit.reached, transit.start, transit.end, now, transit.bits))
        message: Carried = transit.message
        if self.excess(transit) > ON_TIME:
            message.call.request.spiked = True
        for hazard in transit.hazards:
            if hazard.coins.at(message) < hazard.probability:
                self.lose(message)
                return
        super().handle(message)

    # Changes

    def settle(self, now: float) -> None:
        """Forgets the messages whose last bit has left."""
        backlog = self.backlog
        while backlog and backlog[0].end <= now:
            backlog.popleft()

    def degrade(self, entry: int, factor: float, extra: float, hazard: Hazard | None) -> None:
        """An episode starts that divides the bandwidth, adds propagation [s], or loses more messages."""
        self.by = entry
        self.factors += [factor] if factor != 1.0 else []
        self.extras += [extra] if extra != 0.0 else []
        self.hazards += (hazard,) if hazard is not None else ()
        self.replan()

    def mend(self, factor: float, extra: float, hazard: Hazard | None) -> None:
        """That episode ends."""
        if factor != 1.0:
            self.factors.remove(factor)
        if extra != 0.0:
            self.extras.remove(extra)
        if hazard is not None:
            left = list(self.hazards)
            left.remove(hazard)
            self.hazards = tuple(left)
        self.replan()

    def replan(self) -> None:
        """The rate, the delay or the loss changes now: it counts for every message whose last bit has not left."""
        now = self.agenda._now
        before, self.rate = self.rate, self.healthy_rate / product(self.factors)
        self.propagation = self.healthy_propagation + sum(self.extras)
        self.settle(now)
        free = now
        for transit in self.backlog:
            if transit.start < now:
                transit.left = (transit.end - now) * before
            self.plan(transit, free, now)
            free = transit.end

    def withdraw(self) -> list[Carried]:
        """The link has failed: gives back the messages whose last bit has not left, in their order."""
        now = self.agenda._now
        self.settle(now)
        taken = list(self.backlog)
        self.backlog.clear()
        self.free_at = now
        for transit in taken:
            transit.due = NEVER
            del self.transits[transit]
            self.bits_withdrawn += transit.bits
            started = min(transit.start, now)
            if started < now:
                self.hops.extend((transit.reached, started, now, -1.0, transit.bits))
            log = transit.message.log
            if log is not None:
                del log[transit.at :]
                log.extend((self.index, transit.reached, started, now, now))
        return [transit.message for transit in taken]


def fail_links(world: Simulation, links: Sequence[ChangingLink]) -> None:
    """Links go down together: routes are found anew, then what they still had to transmit goes on from their near nodes."""
    network, now = world.network, world.environment._now
    broken = []
    for link in links:
        link.failures += 1
        if link.failures == 1:
            broken.append(link)
    if not broken:
        return
    network.down.update(link.index for link in broken)
    reroute(world, network)
    for link, messages in [(link, link.withdraw()) for link in broken]:
        for message in messages:
            onward = network.onward[link.near][message.place]
            assert onward is not None
            onward.send(message, now)


def restore_links(world: Simulation, links: Sequence[ChangingLink]) -> None:
    """Links come back together, those that no other episode keeps down."""
    network = world.network
    for link in links:
        link.failures -= 1
    back = {link.index for link in links if link.failures == 0}
    if back:
        network.down -= back
        reroute(world, network)


def reroute(world: Simulation, network: Network) -> None:
    """Routes change everywhere at this instant."""
    network.reroute()
    world.towards = network.towards
