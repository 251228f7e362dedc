"""From a scenario's description to a live simulation: the only place that sees both the schema and the engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scenarios import schema
from scenarios.build_inference import engines, fits, inferences, mean_tokens, others
from scenarios.build_memory import Models, make_models
from scenarios.build_network import make_network, make_node, network_parts
from scenarios.readers.rtt import read_matrices
from scenarios.readers.traces import read_column, trace_of
from simulator import arrivals as arrival_processes
from simulator import laws
from simulator.callgraph import Application, CallPlan, Service
from simulator.care import Care
from simulator.closed import Closed, ClosedSource
from simulator.decisions import Candidate
from simulator.engine import Environment
from simulator.laws import Deterministic
from simulator.model import Model
from simulator.network import Network, Node
from simulator.pool import Pool
from simulator.randomness import Streams
from simulator.simulation import SAMPLES, Simulation, Span, Timeline
from simulator.source import Source
from simulator.spikes import CallSpike, RttRecording
from simulator.station import Station
from simulator.telemetry import Telemetry


def build(scenario: schema.Scenario, base: Path = Path(), seed: int | None = None, replication: int = 0) -> Simulation:
    """A live simulation of one replication; `seed` overrides the scenario's, relative files are sought in `base`."""
    streams = Streams(scenario.seed if seed is None else seed, replication)
    environment = Environment()
    files = Files(base)
    plans, links, _ = network_parts(scenario.network, base)
    nodes = [make_node(environment, plan, i, streams) for i, plan in enumerate(plans)]
    network = make_network(environment, scenario, nodes, links, streams)
    servers = Deployments(scenario, environment, nodes, plans, streams, files)
    number_stations(nodes)
    models = make_models(scenario, plans, nodes, servers.places, environment, streams, files)
    services = {name: make_service(name, service, scenario, files, nodes) for name, service in scenario.services.items()}
    told = scenario.control.telemetry
    telemetry = None if told == "exact" else Telemetry(environment, network, told.period, servers.all(), told.pace)
    for service in services.values():
        service.slots = [()] * len(nodes)
        service.make_slots = servers.slot_maker(network, scenario.control, telemetry, models)
    applications = [make_application(name, app, services, files) for name, app in scenario.applications.items()]
    first = 0
    for index, application in enumerate(applications):
        application.index, application.first_vertex = index, first
        first += len(application.vertices)
    mtu = scenario.network.mtu if scenario.network.mtu is not None else math.inf
    for link in network.links:
        link.cut_at(mtu)
    simulation = Simulation(network, applications, environment, span_of(scenario), mtu, scenario.record.spans)
    simulation.prefetches.allowed = scenario.control.prefetch
    simulation.exceed = scenario.record.exceed
    simulation.telemetry = telemetry
    simulation.may_reject = scenario.control.reject
    simulation.skips_forced = scenario.control.forced == "skip"
    by_name = {application.name: application for application in applications}
    for index, entry in enumerate(scenario.workload):
        simulation.sources.append(make_source(simulation, entry, index, by_name[entry.application], files, streams))
    simulation.timeline = Timeline(simulation, duration_of(scenario, files) / SAMPLES)
    for index, spike in enumerate(scenario.spikes):
        simulation.spike_names.append(spike.name)
        if isinstance(spike, RttRecording):
            simulation.spikes.append(spike.play(simulation, index, read_matrices(base / spike.file, spike.unit)))
        elif hasattr(spike, "inject"):
            simulation.spikes.append(files.law(spike).inject(simulation, index, streams))
    return simulation


class Files:
    """Reads the data files that laws and arrivals name."""

    def __init__(self, base: Path):
        self.base = base

    def law(self, law: Any) -> Any:
        """The law with its data."""
        return laws.resolve(law, lambda file, column: column_of(self.base / file, column))

    def arrivals(self, process: Any) -> Any:
        """The arrival process with its traces, and the data of its laws."""
        return self.law(arrival_processes.resolve(process, lambda trace: trace_of(self.base, trace)))


@lru_cache(maxsize=16)
def column_of(path: Path, column: str | None) -> np.ndarray:
    """A column, read once a process."""
    return read_column(path, column)


def duration_of(scenario: schema.Scenario, files: Files) -> float:
    """About how long the run lasts [s]: its horizon, or what its requests or traces need."""
    if scenario.horizon is not None:
        return scenario.horizon
    processes = [files.arrivals(entry.arrivals) for entry in scenario.workload]
    if scenario.requests is not None:
        rate = sum(r for r in (process.mean_rate() for process in processes) if math.isfinite(r))
        return scenario.requests / rate if rate > 0 else 1.0
    return max((float(process.source(np.random.default_rng(0)).next_block()[-1]) for process in processes), default=1.0) or 1.0


def span_of(scenario: schema.Scenario) -> Span:
    """How long to run and what to count; a warm-up in per cent counts requests where the run is bounded by requests."""
    warm_up, warm_requests = scenario.warm_up, 0
    if warm_up < 0 and scenario.horizon is not None:
        warm_up = -warm_up * scenario.horizon
    elif warm_up < 0:
        warm_up, warm_requests = 0.0, round(-warm_up * (scenario.requests or 0))
    return Span(scenario.horizon, scenario.requests, warm_up, warm_requests, scenario.drain.arrivals == "continue", scenario.drain.limit)


class Deployments:
    """Which stations serve which service on which node."""

    def __init__(self, scenario: schema.Scenario, environment: Environment, nodes: list[Node], plans: list[schema.Node], streams: Streams, files: Files):
        self.nodes = nodes
        self.places: dict[str, list[tuple[int, Any, tuple[str | None, ...] | None]]] = {}  # (node, server, variants) by service
        for deployment in scenario.deployments:
            service = scenario.services[deployment.service]
            generating, rest = inferences(service, deployment.variants), others(service, deployment.variants)
            means = {name: (mean_tokens(i.prompt, scenario, files), mean_tokens(i.output, scenario, files)) for name, i in generating.items()}
            for place in deployment.nodes.members(nodes):
                made: list[tuple[Any, tuple[str | None, ...] | None]] = []
                if rest != ():
                    made.append((self.server(deployment, nodes[place], environment, streams), rest))
                for name, settings in generating.items():
                    if fits(service, name, plans[place]):
                        there = (service, deployment, name, nodes[place], plans[place])
                        made.append((engines(settings, *there, environment, files.base, means[name]), (name,)))
                for server, only in made:
                    self.places.setdefault(deployment.service, []).append((place, server, only))
                    for station in getattr(server, "stations", [server]):
                        if deployment.service not in station.services:
                            station.services.append(deployment.service)

    def server(self, deployment: schema.Deployment, node: Node, environment: Environment, streams: Streams) -> Any:
        """The node's own station, or one of the deployment's own, or a pool of them."""
        if deployment.workers is None:
            station = node.station
            assert station is not None
            if station not in node.stations:
                node.stations.append(station)
            return station
        discipline = deployment.discipline if deployment.discipline is not None else schema.Fifo()
        own = f"{node.name}/{deployment.service}"
        if any(station.name.split("#")[0] == own for station in node.stations):  # another variant's: tell them apart
            own += f"({','.join(deployment.variants or ())})"
        names = [own] if deployment.replicas == 1 else [f"{own}#{i}" for i in range(deployment.replicas)]
        stations: list[Station] = [
            discipline.station(environment, name, node.index, deployment.workers, node.speed, streams.generator) for name in names
        ]
        node.stations += stations
        return stations[0] if len(stations) == 1 else Pool(own, stations, deployment.balancer)

    def all(self) -> list[Any]:
        """Every server, once."""
        return list(dict.fromkeys(server for places in self.places.values() for _, server, _ in places))

    def slot_maker(
        self, network: Network, control: schema.Control, telemetry: Telemetry | None, models: Models
    ) -> Callable[[Service, int], tuple[Candidate, ...]]:
        """Makes a service's candidates as an agent sees them: within `hops` (the cloud always), in the declared order or nearest first."""

        def make(service: Service, agent: int) -> tuple[Candidate, ...]:
            found = []
            for place, server, variants in self.places.get(service.name, []):
                node = self.nodes[place]
                if control.hops != "all" and node.tier != "cloud" and hop_count(network, agent, place) > control.hops:
                    continue
                distance = network.distance(agent, place)
                view = server if telemetry is None else telemetry.view(agent, server, place)
                for number, (name, quality, _) in enumerate(service.variants):
                    if (variants is None or name in variants) and (service.name, name, place) not in models.too_large:
                        model = models.live.get((service.name, name, place))
                        found.append(make_candidate(node, service, number, name, quality, server, model, view, distance))
            if control.order == "nearest":
                found.sort(key=lambda candidate: candidate.distance)
            slots = tuple(found)
            for candidate in slots:
                candidate.slots = slots
            return slots

        return make


def make_candidate(
    node: Node, service: Service, variant: int, name: str | None, quality: float, server: Any, model: Model | None, view: Any, distance: float
) -> Candidate:
    """One slot."""
    candidate = Candidate()
    candidate.node = node.name
    candidate.index = node.index
    candidate.service = service.name
    candidate.variant = variant
    candidate.variant_name = name
    candidate.quality = quality
    candidate.server = server
    candidate.view = view
    candidate.told = view if view is not server else None
    candidate.model = model
    candidate.entrance = server if model is None else model
    candidate.distance = distance
    mean = getattr(server, "stations", (server,))[0].own_mean or service.means[variant]
    candidate.mean_work = mean
    candidate.mean_service = mean / node.speed
    candidate.share = 1.0 / server.workers
    return candidate


def hop_count(network: Network, source: int, target: int) -> float:
    """Links on the route in good days; inf where there is none."""
    count = 0
    while source != target:
        link = network.healthy[source][target]
        if link is None:
            return math.inf
        count, source = count + 1, link.far
    return count


def number_stations(nodes: list[Node]) -> None:
    """Numbers the stations that serve something, in the order of their nodes."""
    for number, station in enumerate(station for node in nodes for station in node.stations):
        station.index = number


def make_service(name: str, service: schema.Service, scenario: schema.Scenario, files: Files, nodes: list[Node]) -> Service:
    """A live service with its variants' laws and mean works, and the call spikes that can hit it."""
    variants: list[tuple[str | None, float, Any]]
    if service.variants:
        variants = [(key, v.quality, files.law(v.inference.prompt if v.inference else v.service_time)) for key, v in service.variants.items()]
    else:
        variants = [(None, 1.0, files.law(service.inference.prompt if service.inference else service.service_time))]
    live = Service(name, variants)
    names = [key for key, _, _ in variants]
    live.outputs = {names.index(key): files.law(settings.output) for key, settings in inferences(service).items()}
    live.means = [mean_work(law, scenario, files) for _, _, law in variants]
    live.spikes = [
        (i, files.law(spike), None if spike.nodes is None else frozenset(spike.nodes.members(nodes)))
        for i, spike in enumerate(scenario.spikes)
        if isinstance(spike, CallSpike) and spike.touches(name)
    ]
    return live


def mean_work(law: Any, scenario: schema.Scenario, files: Files) -> float:
    """Mean of a service-time law [s]; by tokens over the traces of the workload; 1 s where the mean does not exist."""
    if hasattr(law, "mean_of"):
        traces = [files.arrivals(entry.arrivals).data for entry in scenario.workload if hasattr(entry.arrivals, "data")]
        means = [law.mean_of(trace.columns) for trace in traces if trace is not None]
        return sum(means) / len(means) if means else 1.0
    mean = law.moments().mean
    return mean if math.isfinite(mean) else 1.0


def make_application(name: str, app: schema.Application, services: dict[str, Service], files: Files) -> Application:
    """A compiled application; payloads that are not declared have no bits."""
    nothing = Deterministic(0.0)
    plans = []
    for call in app.calls:
        default = files.law(call.payload) if call.payload is not None else nothing
        after = {before: default if law is None else files.law(law) for before, law in call.after.items()}
        care = make_care(call, app)
        plans.append(CallPlan(call.name, services[call.service], after, default, call.probability, call.one_of, call.fan_out, call.priority, care))
    response = files.law(app.response) if app.response is not None else None
    return Application(name, plans, response, app.utility, app.objective, app.timeout)


def make_care(call: schema.Call, app: schema.Application) -> Care | None:
    """The rules for a call that may be given up, tried again or copied; its own before its application's; None for none at all."""
    retry, hedge, shed, breaker = (getattr(call, rule) or getattr(app, rule) for rule in ("retry", "hedge", "shed", "breaker"))
    quorum = call.wait_for is not None and call.wait_for < call.fan_out
    if call.timeout is None and retry is None and hedge is None and shed is None and breaker is None and not quorum and not call.distinct:
        return None
    return Care(call.timeout, retry, hedge, shed, breaker, call.fan_out, call.wait_for, call.cancel, call.distinct)


def make_source(
    simulation: Simulation, entry: schema.Workload, index: int, application: Application, files: Files, streams: Streams
) -> Source:
    """A live workload entry."""
    nodes = list(entry.ingress.nodes.members(simulation.nodes))
    if entry.ingress.weights == "uniform":
        weights = [1.0] * len(nodes)
    else:
        weights = [float(entry.ingress.weights.get(simulation.nodes[node].name, 0.0)) for node in nodes]
    process = files.arrivals(entry.arrivals)
    if isinstance(process, Closed):
        return ClosedSource(simulation, entry.name, index, application, process, nodes, weights, streams)
    live = process.source(streams.generator("entry", entry.name, "arrivals"))
    source = Source(simulation, entry.name, index, application, live, nodes, weights, streams)
    source.process = process
    return source
