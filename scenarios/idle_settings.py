"""Settings that a scenario gives and that can have no effect there, and what the offered load leaves out: said, not refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from agents.settings import Learning
from scenarios.schema import Scenario
from simulator.pool import TurnBalancer
from simulator.units import count_of

EPISODES = {"slow_down", "freeze", "outage", "link", "rtt_recording", "flash_crowd", "cascade"}
LARGE_RATE = 0.1  # of learning, a step


def idle_settings(scenario: Scenario, nodes: list[Any]) -> Iterator[str]:
    """Sentences on settings without effect."""
    for node in nodes:
        yield from station_notes(f"network.nodes.{node.name}", node.workers, node.discipline)
    for i, deployment in enumerate(scenario.deployments):
        if deployment.workers is not None and deployment.discipline is not None:
            yield from station_notes(f"deployments[{i}]", deployment.workers, deployment.discipline)
        if deployment.replicas == 1 and deployment.balancer != TurnBalancer():
            yield f"deployments[{i}].balancer: it chooses among replicas, and there is one station a node: give 'replicas', or leave it out"
    for name, app in scenario.applications.items():
        for call in app.calls:
            where = f"applications.{name}.calls.{call.name}"
            hedge, shed = call.hedge or app.hedge, call.shed or app.shed
            limit = min((limit for limit in (call.timeout, app.timeout) if limit is not None), default=math.inf)
            if hedge is not None and hedge.after >= limit:
                yield f"{where}.hedge: after is not below the time-out, so no second copy is ever sent"
            if shed is not None and shed.hopeless and limit == math.inf:
                yield f"{where}.shed: hopeless needs a time-out (of the call or its application): nothing is ever too late"
    yield from spike_notes(scenario, nodes)
    if scenario.learning is not None:
        yield from learning_notes(scenario.learning)


def learning_notes(learning: Learning) -> Iterator[str]:
    """Keys of learning that other keys leave without effect."""
    usual = Learning()
    corrections = [key for key in ("prior_outcomes", "prior_recent", "prior_slowness", "prior_memory") if getattr(learning, key) != getattr(usual, key)]
    if not learning.greedy_prior:
        given = ["prior_price"] * bool(learning.prior_price) + corrections + ["prior_forecast"] * (learning.prior_forecast == "learned")
        if given:
            yield f"learning.{', '.join(given)}: without 'greedy_prior' there is no prior that these could change"
    elif learning.prior_forecast == "learned" and corrections:
        yield f"learning.{', '.join(corrections)}: of no effect with 'prior_forecast: learned', under which nothing is corrected by hand"
    elif corrections == ["prior_memory"]:
        yield "learning.prior_memory: of no effect without 'prior_outcomes'"
    for name in ("learning_rate", "critic_learning_rate"):
        if getattr(learning, name) > LARGE_RATE:
            yield f"learning.{name}: {getattr(learning, name):g} is far above what Adam learns with (1e-4 to 1e-2)"
    if learning.actor_delay >= learning.windows:
        yield f"learning.actor_delay: there are only {count_of(learning.windows, 'window')} of {learning.per_window:,} decisions: the policy never learns"


def spike_notes(scenario: Scenario, nodes: list[Any]) -> Iterator[str]:
    """Spikes of nodes that have nothing which they could hit."""
    serving = {place for deployment in scenario.deployments for place in deployment.nodes.members(nodes)}
    for spike in scenario.spikes:
        if spike.kind not in ("evict", "freeze", "slow_down") or spike.nodes is None:
            continue
        hit = spike.nodes.members(nodes)
        if spike.kind == "evict" and all(nodes[place].memory is None for place in hit):
            yield f"spikes.{spike.name}: none of its nodes has a 'memory', so no model ever leaves one: it changes nothing"
        elif not serving.intersection(hit):
            yield f"spikes.{spike.name}: none of its nodes runs a service: it changes nothing"


def station_notes(where: str, workers: float, discipline: Any) -> Iterator[str]:
    """What a discipline cannot do at a station."""
    capacity = discipline.capacity
    if capacity is not None and workers < math.inf and capacity < workers and discipline.kind != "batch":
        yield f"{where}.discipline: capacity counts the jobs in service, so at most {capacity} of the {workers:g} workers are ever busy"
    if workers == math.inf and discipline.kind not in ("fifo", "batch"):
        yield f"{where}.discipline: with unlimited workers nothing ever waits: {discipline.kind} has no effect"


def left_out(scenario: Scenario) -> str | None:
    """What an offered load does not count, or None where it counts everything."""
    parts = []
    if spikes := [spike.name for spike in scenario.spikes if spike.kind in EPISODES]:
        parts.append(f"the episodes of {', '.join(spikes[:4])}{' and others' if len(spikes) > 4 else ''}")
    found = {key for app in scenario.applications.values() for rules in (app, *app.calls) for key in CARE if getattr(rules, key, None)}
    if found:
        parts.append(f"what changes by {', '.join(CARE[key] for key in CARE if key in found)}")
    return f"left out of the offered load: {'; '.join(parts)}" if parts else None


CARE = {"timeout": "time-outs", "retry": "retries", "hedge": "hedges", "shed": "shedding", "breaker": "circuit breakers", "cancel": "cancelled copies"}
