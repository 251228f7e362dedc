"""The schema of scenario files: frozen dataclasses whose fields are the file's keys; times in seconds, sizes in bits once read.

What is not here is not yet built, and a file that asks for it is told so: an unknown key is a mistake, never ignored.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal

from agents.baselines import Baseline, LeastLoaded
from agents.settings import Learning
from scenarios.fields import MOST, After, Drain, DrainType, FileName, Ingress, IngressType, Name, Telemetry, TelemetryType, TimeOrShare, Workers
from scenarios.readers.topologies import Topology
from simulator.arrivals import Arrivals, Tokens
from simulator.descriptions import Choice, description
from simulator.disciplines import Discipline, Fifo
from simulator.energy import Power, no_limit
from simulator.inference.settings import Inference
from simulator.laws import LAWS, SizeLaw, TimeLaw
from simulator.loading import Load
from simulator.places import Nodes, Place
from simulator.pool import Balancer, TurnBalancer
from simulator.resilience import Breaker, Hedge, Retry, Shed
from simulator.spikes import Spike
from simulator.units import BitRate, Bits, Price, Quantity, Rate, Seconds, Share
from simulator.utility import Utility

ServiceTime = Annotated[Any, Choice("law", (*LAWS, Tokens), "time", bare=True)]


@description
class Node:
    """A node, or `count` of them named name-0, name-1 ..."""

    name: Name
    tier: Literal["device", "edge", "metro", "cloud"] = "edge"
    groups: tuple[str, ...] = ()
    workers: Workers = 1.0
    speed: float = 1.0
    memory: Bits | None = None
    disk: BitRate | None = None
    device: str | None = None
    discipline: Discipline = Fifo()
    power: Power | None = None
    price: Price = 0.0
    count: int | None = None

    def problem(self) -> str | None:
        if not self.speed > 0 or self.speed == math.inf:
            return f"speed must be above 0 (1.0 is the reference), got {self.speed}"
        if self.count is not None and not 1 <= self.count <= MOST:
            return f"count must be from 1 to {MOST:,}, got {self.count}"
        return no_limit(self.power, self.workers)


@description
class NodeDefaults:
    """What the nodes of a topology are."""

    tier: Literal["device", "edge", "metro", "cloud"] = "edge"
    groups: tuple[str, ...] = ()
    workers: Workers = 1.0
    speed: float = 1.0
    memory: Bits | None = None
    disk: BitRate | None = None
    device: str | None = None
    discipline: Discipline = Fifo()
    power: Power | None = None
    price: Price = 0.0

    def problem(self) -> str | None:
        return no_limit(self.power, self.workers) if self.speed > 0 else f"speed must be above 0 (1.0 is the reference), got {self.speed}"


@description
class Link:
    """A link between two nodes: two independent directions, or one from the first to the second where `one_way`."""

    between: tuple[str, str]
    bandwidth: BitRate = math.inf
    propagation: Seconds = 0.0
    buffer: Bits | None = None
    loss: Share = 0.0
    jitter: TimeLaw | None = None
    weight: float | None = None
    one_way: bool = False

    def problem(self) -> str | None:
        if self.between[0] == self.between[1]:
            return f"a link must join two nodes, both ends are {self.between[0]!r}"
        if self.bandwidth <= 0:
            return "bandwidth must be above 0, or 'unlimited'"
        return "weight must be above 0" if self.weight is not None and not self.weight > 0 else None


@description
class LinkDefaults:
    """What the links of a topology are; where the file has no latency it comes from geography with `stretch` and `floor`."""

    bandwidth: BitRate = math.inf
    propagation: Seconds | None = None
    stretch: float = 1.0
    floor: Seconds = 0.0
    buffer: Bits | None = None
    loss: Share = 0.0
    jitter: TimeLaw | None = None

    def problem(self) -> str | None:
        if self.bandwidth <= 0:
            return "bandwidth must be above 0, or 'unlimited'"
        return None if 0.0 < self.stretch < math.inf else f"stretch must be above 0, got {self.stretch}"


@description
class Routing:
    """Shortest paths by delay (propagation plus the transmission of `reference_size`), hops, or declared weights."""

    by: Literal["delay", "hops", "weight"] = "delay"
    reference_size: Bits = 80_000.0


@description
class Network:
    """Nodes and links, from the file itself, from a topology, or both."""

    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    topology: Topology | None = None
    node_defaults: NodeDefaults = NodeDefaults()
    link_defaults: LinkDefaults = LinkDefaults()
    mtu: Bits | None = None
    routing: Routing = Routing()

    def problem(self) -> str | None:
        if not self.nodes and self.topology is None:
            return "a network needs 'nodes' or a 'topology'"
        return "mtu must be above 0" if self.mtu is not None and self.mtu <= 0 else None


LOADS_NOTHING = "a 'load' is of a model in memory: give the 'memory' it takes"


@description
class Variant:
    """One model of a service: how good, how slow."""

    service_time: ServiceTime | None = None
    quality: Share = 1.0
    memory: Bits | None = None
    load: Load | None = None
    inference: Inference | None = None

    def problem(self) -> str | None:
        if (self.service_time is None) == (self.inference is None):
            return "give either 'service_time' or 'inference'"
        return LOADS_NOTHING if self.load is not None and self.memory is None else None


@description
class Service:
    """A service: one service-time law, a model that generates, or variants."""

    service_time: ServiceTime | None = None
    variants: dict[Name, Variant] | None = None
    memory: Bits | None = None
    load: Load | None = None
    inference: Inference | None = None

    def problem(self) -> str | None:
        if self.variants and (self.memory is not None or self.load is not None):
            return "memory and load stand at each of the variants"
        if self.load is not None and self.memory is None:
            return LOADS_NOTHING
        given = (self.service_time is not None) + bool(self.variants) + (self.inference is not None)
        return "give either 'service_time', 'inference' or 'variants'" if given != 1 else None


@description
class Deployment:
    """Where a service may run: on the nodes' own workers, or on `workers` of its own on each; `replicas` stations behind a balancer."""

    service: str
    nodes: Nodes
    variants: tuple[str, ...] | None = None
    workers: Workers | None = None
    discipline: Discipline | None = None
    replicas: int = 1
    balancer: Balancer = TurnBalancer()
    resident: tuple[str, ...] | Literal["all"] = ()

    def problem(self) -> str | None:
        if not 1 <= self.replicas <= MOST:
            return f"replicas must be from 1 to {MOST:,}, got {self.replicas}"
        weights = getattr(self.balancer, "weights", ())
        if weights and len(weights) != self.replicas:
            return f"balancer.weights must have one weight for each of the {self.replicas} replicas, got {len(weights)}"
        if self.variants == ():
            return "variants must name at least one, or be left out for all"
        if self.replicas > 1 and self.workers is None:
            return "replicas are stations of their own: say how many 'workers' each has"
        d = getattr(self.balancer, "d", 1)
        if self.replicas > 1 and d > self.replicas:
            return f"balancer.d must be from 1 to the number of replicas, {self.replicas}, got {d}"
        if self.discipline is not None and self.workers is None:
            return "a discipline of its own needs 'workers' of its own (else the node's discipline counts)"
        return "nodes must be a place without one_of: a deployment stays where it is" if self.nodes.one_at_random else None


@description
class Call:
    """A call of an application: its service, what it comes after, its inputs' sizes."""

    name: Name
    service: str
    after: Annotated[dict[str, Any], After()] = field(default_factory=dict)
    payload: SizeLaw | None = None
    probability: Share = 1.0
    one_of: str | None = None
    fan_out: int = 1
    wait_for: int | None = None
    distinct: bool = False
    cancel: bool = False
    priority: int = 0
    timeout: Seconds | None = None
    retry: Retry | None = None
    hedge: Hedge | None = None
    shed: Shed | None = None
    breaker: Breaker | None = None

    def problem(self) -> str | None:
        if not 1 <= self.fan_out <= MOST:
            return f"fan_out must be from 1 to {MOST:,}, got {self.fan_out}"
        if self.wait_for is not None and not 1 <= self.wait_for <= self.fan_out:
            return f"wait_for must be from 1 to fan_out, which is {self.fan_out}, got {self.wait_for}"
        if self.cancel and (self.wait_for is None or self.wait_for == self.fan_out):
            return "cancel is for the copies that 'wait_for' does not wait for: give a wait_for below fan_out"
        if self.distinct and self.fan_out == 1:
            return "distinct is for the copies of a 'fan_out' above 1"
        return "timeout must be above 0" if self.timeout == 0.0 else None


@description
class Application:
    """A DAG of calls, and what its requests are worth; `retry`, `hedge`, `shed` and `breaker` hold for calls without their own."""

    calls: tuple[Call, ...]
    utility: Utility | None = None
    objective: Seconds | None = None
    timeout: Seconds | None = None
    response: SizeLaw | None = None
    retry: Retry | None = None
    hedge: Hedge | None = None
    shed: Shed | None = None
    breaker: Breaker | None = None

    def problem(self) -> str | None:
        if self.timeout == 0.0:
            return "timeout must be above 0"
        return None if self.calls else "calls must name at least one call"


@description
class Workload:
    """A stream of requests for one application."""

    name: Name
    application: str
    ingress: Annotated[Ingress, IngressType()]
    arrivals: Arrivals


@description
class Control:
    """Who places calls, what may be chosen (nodes within `hops`, listed nearest first or in declared order), what is known, what is asked."""

    policy: Baseline = LeastLoaded()
    hops: int | Literal["all"] = "all"
    order: Literal["nearest", "declared"] = "nearest"
    telemetry: Annotated[Telemetry | Literal["exact"], TelemetryType()] = "exact"
    prefetch: bool = False
    reject: bool = False
    forced: Literal["skip", "ask"] = "skip"

    def problem(self) -> str | None:
        return f"hops must not be negative, got {self.hops}" if self.hops != "all" and self.hops < 0 else None


@description
class Record:
    """What is stored: spans of all requests, of none, of a share such as '10 %', of the slowest 1 % (tail), or as many as fit (auto).

    `exceed` names latencies and waits of which the summary says how often they are exceeded. `decisions` stores every decision and
    reward, with `states` also the true state of every node at each.
    """

    spans: Literal["all", "none", "tail", "auto"] | Annotated[float, Quantity("share")] = "auto"
    exceed: tuple[Seconds, ...] = ()
    decisions: bool = False
    states: bool = True


@description
class Scenario:
    """A scenario: a network, services and where they run, applications, a workload, spikes, who decides, and how that is learned."""

    name: FileName
    network: Network
    services: dict[Name, Service]
    deployments: tuple[Deployment, ...]
    applications: dict[Name, Application]
    workload: tuple[Workload, ...]
    description: str = ""
    horizon: Seconds | None = None
    requests: int | None = None
    warm_up: Annotated[float, TimeOrShare()] = 0.0
    drain: Annotated[Drain, DrainType()] = Drain()
    seed: int = 0
    spikes: tuple[Spike, ...] = ()
    control: Control = Control()
    record: Record = Record()
    learning: Learning | None = None

    KEYS: ClassVar[tuple[str, ...]] = ("network", "services", "deployments", "applications", "workload")

    def problem(self) -> str | None:
        if self.horizon is not None and self.requests is not None:
            return "give either 'horizon' or 'requests', not both"
        if self.requests is not None and self.requests < 1:
            return f"requests must be at least 1, got {self.requests}"
        if self.seed < 0:
            return f"seed must not be negative, got {self.seed}"
        if self.horizon == 0.0:
            return "horizon must be above 0"
        if self.horizon is not None and self.horizon <= self.warm_up:
            return "warm_up must end before the horizon"
        if self.warm_up <= -1.0:
            return "warm_up must leave something to count"
        if self.warm_up < 0 and self.horizon is None and self.requests is None:
            return "warm_up must be a time where there is neither 'horizon' nor 'requests'"
        return None


__all__ = ["Application", "Call", "Control", "Deployment", "Ingress", "Link", "Network", "Node", "Place", "Rate", "Scenario", "Service", "Variant", "Workload"]
