"""What an agent gets to see, may do and earns in a scenario: `vamappo describe`.

Sizes and names are read off the scenario; rewards, decisions and their intervals are measured under random placement
and the scenario's own policy, on seeds of their own. An episode is left after enough decisions: the figures are then those of its first seconds,
from the empty start, and there is no return, as those seconds do not speak for the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.baselines import Random
from agents.environments.turns import Terms, Turns, terms_of
from agents.features import Feature
from scenarios.environments import maker
from scenarios.policies import label_of
from scenarios.reading import Loaded

SEED = 500_000  # of the first episode measured
ENOUGH = 3_000  # decisions of an episode


def describe(loaded: Loaded, credit: Any = "share", length: float | None = None, episodes: int = 2, enough: int = ENOUGH) -> dict[str, Any]:
    """Everything as plain data, episodes lasting `length` s, of which `enough` decisions are measured."""
    make = maker(loaded)
    simulation = make(SEED)
    terms = terms_of(simulation, credit, None, length)
    shape = terms.shape
    control = loaded.scenario.control
    played = [Random()] if control.policy == Random() else [Random(), control.policy]
    policies = {label_of(policy): measure(make, terms, policy, episodes, enough) for policy in played}
    return {
        "scenario": loaded.scenario.name,
        "description": loaded.scenario.description,
        "agents": [agent_of(simulation, terms, agent) for agent in terms.agents],
        "asked": asked(simulation, terms),
        "telemetry": control.telemetry if control.telemetry == "exact" else {"period_s": control.telemetry.period},
        "slots": shape.width,
        "actions": shape.action_names(),
        "observation": {
            "floats": len(terms.low),
            "own": [feature._asdict() for feature in shape.own],
            "slot": [feature._asdict() for feature in shape.slot],
            "state": [feature._asdict() for feature in shape.node],
            "scales_s": {app.name: scale for app, scale in zip(simulation.applications, shape.scales, strict=True)},
        },
        "reward": {"credit": credit, "beta_per_s": terms.beta, "of": {app.name: worth_of(app) for app in simulation.applications}},
        "episode_s": terms.length,
        "measured": {"episodes": episodes, "cut_after_decisions": enough, "policies": policies},
    }


def asked(simulation: Any, terms: Terms) -> str:
    """What agents are asked about, in words."""
    if terms.asks:
        return "every call, as none has a choice ('control.forced: skip': a run asks about none of them and records no decisions)"
    return "every call" if simulation.asks_always else "calls with a choice"


def agent_of(simulation: Any, terms: Terms, agent: int) -> dict[str, Any]:
    """An agent, and what its slots are by call."""
    slots = {}
    for app in simulation.applications:
        for vertex in app.vertices:
            candidates = vertex.slots[agent]
            if candidates:
                slots[vertex.service.name] = [c.node if c.variant_name is None else f"{c.node} ({c.variant_name})" for c in candidates]
    node = simulation.nodes[agent]
    entries = sorted({source.name for source in simulation.sources if agent in source.ingresses})
    return {"name": node.name, "tier": node.tier, "workload": entries, "slots": slots}


def worth_of(application: Any) -> str:
    """What a request of an application is worth, in words."""
    utility = application.utility
    if utility is not None:
        worth = f"quality times a sigmoid of latency with midpoint {utility.midpoint:g} s and steepness {utility.steepness:g} /s"
        worth += f", less {utility.cost:g}" if utility.cost else ""
        return f"{worth}; {-utility.penalty:g} where it does not complete" if utility.penalty else f"{worth}; 0 where it does not complete"
    if application.objective is not None:
        return f"1 within {application.objective:g} s, else 0"
    return "1 when it completes, else 0"


def measure(make: Any, terms: Terms, policy: Any, episodes: int, enough: int) -> dict[str, Any]:
    """Decisions, the time between an agent's decisions, and rewards under a policy; the return is the mean of whole episodes, None where any was cut."""
    count, total, whole = 0, 0.0, True
    spans: list[float] = []
    pauses: list[float] = []
    rewards: list[float] = []
    for number in range(episodes):
        simulation = make(SEED + number)
        actor = policy.actor(simulation)
        turns = Turns(simulation, terms)
        begun: set[int] = set()
        last = count + enough
        while (decision := turns.decision) is not None and count < last:
            earned = turns.earned(decision.agent)
            if decision.agent in begun:
                pauses.append(earned.elapsed)
                rewards.append(earned.reward)
            begun.add(decision.agent)
            total += earned.reward
            count += 1
            turns.choose(actor.act(decision))
        total += sum(turns.earned(agent).reward for agent in terms.agents)
        spans.append(turns.time)
        whole = whole and turns.decision is None
        turns.close()
    span, earned_each = sum(spans), total / len(terms.agents)
    return {
        "decisions": count,
        "measured_s": spans,  # of each episode, from its empty start
        "whole": whole,
        "decisions_per_s": count / span,
        "interval_s": quantiles(pauses),
        "reward": quantiles(rewards),
        "reward_per_s": earned_each / span,  # of an agent
        "return": earned_each / episodes if whole else None,
    }


def quantiles(values: list[float]) -> dict[str, float] | None:
    """Mean and quantiles, or None of nothing."""
    if not values:
        return None
    low, middle, high = (float(q) for q in np.quantile(values, (0.05, 0.5, 0.95)))
    return {"mean": float(np.mean(values)), "p5": low, "p50": middle, "p95": high}


def feature_table(features: tuple[Feature, ...]) -> str:
    """A Markdown table of features, as the docs have it."""
    rows = [f"| `{f.name}` | {f.low:g} to {f.high:g} | {f.meaning} |" for f in features]
    return "\n".join(["| feature | range | meaning |", "|---|---|---|", *rows])
