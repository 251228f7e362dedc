"""Telemetry: what an agent knows of the servers where its calls can go.

Every period each server takes a snapshot of itself, after everything else of that instant. An agent sees it once the
propagation delay of the healthy route between them has passed; that uses no bandwidth, and a frozen or broken server sends none.
To what the snapshot says the agent adds its own calls that it has sent there and that were not there when it was taken (without
that, everybody herds to the server that looked idle). Of its own node an agent knows the present state, but not what others
have on the way to it.

Nothing is delivered by events: snapshots stay in a short list at their server, and a view finds the latest that has had the time
to arrive when somebody looks.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from simulator.engine import TELEMETRY, Environment
from simulator.request import UNDER_WAY
from simulator.server import Report, Server

if TYPE_CHECKING:
    from simulator.call import Call
    from simulator.model import Model
    from simulator.network import Network

SENT_AT_FIRST = 64  # calls remembered before the list is looked through


class Snapshot(NamedTuple):
    """A server as it saw itself."""

    taken: float
    number: int  # jobs present
    waiting: float
    work: float  # expected work of the jobs present is work + others * mean
    others: float
    slowness: float
    recent: float
    held: int  # models in memory there, as bits


NOTHING = Snapshot(0.0, 0, 0.0, 0.0, 0.0, 1.0, 1.0, 0)


class Telemetry:
    """Takes the snapshots of all servers, and makes the agents' views."""

    __slots__ = ("environment", "following", "history", "keep", "pace", "period", "propagations", "rank", "taken", "towards", "views")

    def __init__(self, environment: Environment, network: Network, period: float, servers: list[Server], pace: bool = True):
        self.environment = environment
        self.rank = TELEMETRY
        self.period = period
        self.pace = pace  # whether servers tell how fast they work at present
        self.taken = 0  # rounds
        self.following = 0.0  # when the next round is
        self.towards = network.towards  # the healthy routes: a new table comes with every change
        self.propagations = [link.propagation for link in network.links]
        self.history: dict[Server, list[Snapshot]] = {server: [] for server in servers}  # newest last
        self.keep = dict.fromkeys(servers, 1)  # snapshots that somebody may still wait for
        self.views: dict[tuple[int, Server], OwnView | RemoteView] = {}

    def begin(self) -> None:
        """Plans the first round."""
        self.environment.at(0.0, self, None)

    def handle(self, item: None) -> None:
        """Every server that can takes a snapshot."""
        now = self.environment._now
        for server, history in self.history.items():
            if server.silent:
                continue
            work, others = server.present_work()
            slowness = server.slowness if self.pace else 1.0
            history.append(Snapshot(now, server.number, server.waiting(), work, others, slowness, server.recent, server.held()))
            if len(history) > self.keep[server]:
                del history[0]
        self.taken += 1
        self.following = self.period * self.taken
        self.environment.at(self.following, self, None)

    def view(self, agent: int, server: Server, node: int) -> OwnView | RemoteView:
        """What the agent of node `agent` knows of a server on `node`; one object for all services."""
        found = self.views.get((agent, server))
        if found is None:
            if agent == node:
                found = OwnView(server, self.pace)
            else:
                found = RemoteView(self, server, self.delay(node, agent))
            self.views[agent, server] = found
        return found

    def delay(self, source: int, target: int) -> float:
        """Propagation delay of the healthy route [s]; inf where there is none."""
        total = 0.0
        while source != target:
            link = self.towards[source][target]
            if link is None:
                return inf
            total += self.propagations[link.index]
            source = link.far
        return total


class OwnView:
    """A server on the agent's own node: its present state, and the agent's own calls on the way to it."""

    __slots__ = ("pace", "sent", "server", "speed", "workers")

    age = 0.0

    def __init__(self, server: Server, pace: bool):
        self.server = server
        self.pace = pace
        self.workers = server.workers
        self.speed = server.speed
        self.sent: list[Call] = []

    def note(self, call: Call) -> None:
        """The agent has placed a call there."""
        if self.sent:
            self.forget()
        self.sent.append(call)

    def forget(self) -> None:
        """Leaves out what has arrived or will never."""
        self.sent = [call for call in self.sent if call.station is None and call.status == UNDER_WAY]

    @property
    def under_way(self) -> int:
        """The agent's own calls that are not in what it knows of the server."""
        if self.sent:
            self.forget()
        return len(self.sent)

    @property
    def outstanding(self) -> int:
        return self.server.number + self.under_way

    @property
    def down(self) -> bool:
        return self.server.down

    def report(self) -> Report:
        """See View."""
        server, own = self.server, self.under_way
        return server.number + own, own, server.recent, self.slowness, 0.0, server.down

    def expected_backlog(self, mean: float) -> float:
        """Expected work [s at reference speed]."""
        server = self.server
        work, others = server.present_work()
        return work + (others + self.under_way * server.unit) * mean

    def waiting(self) -> float:
        """Jobs that wait."""
        return self.server.waiting()

    def holds(self, model: Model) -> bool:
        """Whether a model is in memory there."""
        return model.resident

    def loading_time(self, model: Model) -> float:
        """Expected time until it is [s]."""
        return model.remaining()

    @property
    def recent(self) -> float:
        return self.server.recent

    @property
    def slowness(self) -> float:
        return self.server.slowness if self.pace else 1.0


class RemoteView:
    """A server elsewhere: the latest snapshot that has arrived, and the agent's own calls that are not in it.

    That it is out of order is not known: it only falls silent.
    """

    down = False

    __slots__ = ("clock", "delay", "history", "limit", "sent", "server", "snapshot", "speed", "telemetry", "until", "workers")

    def __init__(self, telemetry: Telemetry, server: Server, delay: float):
        self.telemetry = telemetry
        self.clock = telemetry.environment
        self.server = server  # for what never changes; its state is not looked at
        self.workers = server.workers
        self.speed = server.speed
        self.delay = delay
        self.history = telemetry.history[server]
        if delay < inf:
            telemetry.keep[server] = max(telemetry.keep[server], int(delay / telemetry.period) + 2)
        self.snapshot = NOTHING
        self.until = 0.0  # nothing newer arrives before
        self.sent: list[Call] = []
        self.limit = SENT_AT_FIRST

    def note(self, call: Call) -> None:
        """The agent has placed a call there."""
        self.sent.append(call)
        if len(self.sent) > self.limit:
            self.refresh()
            self.forget()
            self.limit = max(SENT_AT_FIRST, 2 * len(self.sent))

    def refresh(self) -> None:
        """Finds the latest snapshot that has arrived."""
        now, delay = self.clock._now, self.delay
        self.until = self.telemetry.following + delay
        for snapshot in reversed(self.history):
            if snapshot.taken + delay <= now:
                if snapshot is not self.snapshot:
                    self.snapshot = snapshot
                    self.forget()
                return
            self.until = snapshot.taken + delay

    def forget(self) -> None:
        """Leaves out own calls that are in the snapshot or will never arrive."""
        taken = self.snapshot.taken
        self.sent = [call for call in self.sent if (call.reached > taken if call.station is not None else call.status == UNDER_WAY)]

    @property
    def under_way(self) -> int:
        """The agent's own calls that are not in what it knows of the server."""
        if self.clock._now >= self.until:
            self.refresh()
        return len(self.sent)

    @property
    def outstanding(self) -> int:
        if self.clock._now >= self.until:
            self.refresh()
        return self.snapshot.number + len(self.sent)

    def report(self) -> Report:
        """See View."""
        now = self.clock._now
        if now >= self.until:
            self.refresh()
        snapshot, own = self.snapshot, len(self.sent)
        return snapshot.number + own, own, snapshot.recent, snapshot.slowness, now - snapshot.taken, False

    def expected_backlog(self, mean: float) -> float:
        """Expected work [s at reference speed]."""
        under_way = self.under_way
        snapshot = self.snapshot
        return snapshot.work + (snapshot.others + under_way * self.server.unit) * mean

    def waiting(self) -> float:
        """Jobs that waited when the snapshot was taken."""
        return self.latest().waiting

    def latest(self) -> Snapshot:
        """The latest snapshot that has arrived."""
        if self.clock._now >= self.until:
            self.refresh()
        return self.snapshot

    def holds(self, model: Model) -> bool:
        """Whether a model was in memory there when the snapshot was taken."""
        return self.latest().held >> model.number & 1 == 1

    def loading_time(self, model: Model) -> float:
        """Expected time of a load from where the file says [s], if it was not."""
        return 0.0 if self.holds(model) else model.usual_time()

    @property
    def recent(self) -> float:
        return self.latest().recent

    @property
    def slowness(self) -> float:
        return self.latest().slowness

    @property
    def age(self) -> float:
        """Since the snapshot was taken, or the run began [s]."""
        return self.clock._now - self.latest().taken
