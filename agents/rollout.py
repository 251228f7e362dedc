"""Rollouts: many simulations in lockstep, each advanced to its next decision, one batched call of the policy answering all.

An `Environment` is an endless chain of episodes of one scenario; a `Group` drives a few of them. A window is the same number of
decisions of every environment. Its decisions are cut into ragged streams, one an agent (or one in all), and every stream is closed where
the window or the episode ends, with the state there to bootstrap from: nothing is terminal, since a horizon only truncates.

Rewards fall where they arise: to the stream's last decision before them, discounted to it at exp(-beta dt). What a request earns that
is in flight when a window ends belongs to the next window. Only what an agent earns between a window's end and its first decision after it has no
decision to go to: the bootstrap has stood for it; it is counted in `Window.early`, so that rewards are accounted for to the last.

A policy's draws belong to (environment, window, decision), so results depend neither on workers nor on anything else.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from agents.advantage import interval_rewards
from agents.forecast import Forecast, Outcomes
from agents.observation import Batch, Encoder, Shape
from agents.prior import Prior
from agents.rewards import Ledger, worth
from agents.settings import Learning
from agents.transitions import Transitions, join
from simulator.errors import SimulationError
from simulator.request import COMPLETED

if TYPE_CHECKING:
    from simulator.decisions import Decision
    from simulator.request import Request
    from simulator.simulation import Simulation

GROUP = 16  # environments that share one call of the policy, whatever the number of workers
INFINITY = float("inf")

Act = Callable[..., tuple[np.ndarray, np.ndarray]]  # (own, slots, legal, prior, number, uniform) -> (actions, log-probabilities)
Make = Callable[[int], "Simulation"]


@dataclass(frozen=True)
class Plan:
    """What rollouts need to know; picklable. Environment e lives on graph e % G: `makes` [G], `shapes` [G], nodes of the largest graph."""

    makes: Sequence[Make]
    shapes: Sequence[Shape]
    nodes: int
    settings: Learning
    seed: int
    names: Sequence[Sequence[str]] = ()  # of every graph's nodes

    @property
    def decisions(self) -> int:
        """Decisions of every environment in a window."""
        return self.settings.per_window // self.settings.environments

    def groups(self) -> list[list[int]]:
        """Environments by group."""
        numbers = list(range(self.settings.environments))
        return [numbers[begin : begin + GROUP] for begin in range(0, len(numbers), GROUP)]


class Earnings(Ledger):
    """Remembers every reward of the present window, and what became of every request that ended in it."""

    __slots__ = ("ended_requests",)

    def __init__(self, simulation: Simulation, settings: Learning):
        super().__init__(simulation, settings.credit or "share", settings.beta, log=True, accrues=settings.rewards == "decision")
        self.ended_requests: list[tuple[float, float]] = []  # (utility, latency [s], inf where it did not complete)

    def ended(self, request: Request, now: float) -> None:
        self.ended_requests.append((worth(request, now), now - request.arrival if request.outcome == COMPLETED else INFINITY))
        super().ended(request, now)

    def events(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(times, agents, rewards) since they were last asked for; agent -1 stands for all."""
        log, self.log = self.log, []
        rows = np.array([(time, agent, value) for agent, time, _, value in log or ()]).reshape(-1, 3)
        return rows[:, 0], rows[:, 1].astype(np.int64), rows[:, 2]


@dataclass
class Stretch:
    """Consecutive decisions of one episode within a window: rows [first, last) of the environment, closed at `end` [s] in `state`."""

    first: int
    last: int
    end: float
    state: np.ndarray
    events: tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Environment:
    """One episode after another, each ready at its next decision."""

    number: int
    plan: Plan
    episode: int = -1
    actions: list[int] = field(default_factory=list)  # of the episode so far: with its number, all there is to know of its state
    stretches: list[Stretch] = field(default_factory=list)
    ended_requests: list[tuple[float, float]] = field(default_factory=list)
    forecast: Forecast | None = None
    calls: list[tuple[np.ndarray, float]] = field(default_factory=list)  # that ended: observation, actual over expected time

    def __post_init__(self) -> None:
        self.graph = self.number % len(self.plan.makes)
        self.shape = self.plan.shapes[self.graph]
        self.rows = 0  # decisions of the window so far
        self.first = 0  # where the present stretch began
        self.world: Simulation
        self.decision: Decision

    def begin(self, episode: int) -> None:
        """Starts an episode and runs to its first decision. The first is shorter by environment, so that they do not all end at once."""
        settings = self.plan.settings
        self.episode, self.actions = episode, []
        self.world = world = self.plan.makes[self.graph](self.number + episode * settings.environments)
        self.ledger = Earnings(world, settings)
        world.ledger = self.ledger
        self.encoder = Encoder(self.shape, world)
        self.prior = Prior(settings, self.encoder, self.forecast) if settings.greedy_prior else None
        if self.prior is not None and self.prior.learned:
            self.prior.outcomes = Outcomes()
        share = (self.number + 1) / settings.environments if episode == 0 else 1.0
        self.limit = min(settings.episode, world.span.horizon or INFINITY) * share
        self.loop = world.decisions()
        first = next(self.loop, None)
        if first is None:
            raise SimulationError("the scenario asks for no decision at all: there is nothing to learn")
        self.decision = first

    def answer(self, action: int) -> None:
        """Takes an action and runs to the next decision, in a new episode where this one is over."""
        self.rows += 1
        following = self.step(action)
        if following is None or following.time >= self.limit:
            self.close(float(self.world.environment.now))
            self.loop.close()  # type: ignore[attr-defined]
            self.begin(self.episode + 1)

    def step(self, action: int) -> Decision | None:
        """Takes an action; the next decision, or None where the run has ended."""
        if self.prior is not None:
            self.prior.chose(self.decision, action)
        self.actions.append(action)
        answer = self.shape.answer(self.decision, action)
        self.encoder.chose(self.decision, answer)
        self.decision.choose(answer)
        following = next(self.loop, None)
        if following is not None:
            self.decision = following
        return following

    def close(self, end: float) -> None:
        """Closes the present stretch at `end` [s]."""
        self.stretches.append(Stretch(self.first, self.rows, end, self.encoder.node_states(), self.ledger.events()))
        self.first = self.rows
        self.take_outcomes()
        self.ended_requests += self.ledger.ended_requests
        self.ledger.ended_requests = []

    def foresee(self, forecast: Forecast | None) -> None:
        """Predicts by this forecast from now on."""
        self.forecast = forecast
        if self.prior is not None:
            self.prior.forecast = forecast

    def take_outcomes(self) -> None:
        """Keeps what can be learned from calls that have ended."""
        if self.prior is not None and self.prior.outcomes is not None:
            self.prior.outcomes.take(self.calls)

    def window(self) -> tuple[list[Stretch], list[tuple[float, float]]]:
        """Ends a window at the pending decision; (its stretches, what became of requests)."""
        self.close(self.decision.time)
        found = self.stretches, self.ended_requests
        self.stretches, self.ended_requests, self.rows, self.first = [], [], 0, 0
        return found

    def replay(self, episode: int, actions: Sequence[int]) -> None:
        """Brings back the state of a window's end from the episode's number and its actions: simulations are deterministic."""
        self.begin(episode)
        for action in actions:
            if self.prior is None:
                self.encoder.last[self.decision.agent] = self.decision.time
            else:
                values, _ = self.encoder.values(self.decision)
                self.prior.look(self.decision, np.array(values, np.float32))
            if self.step(action) is None:
                raise SimulationError("the stored actions do not fit the scenario: the episode ended before them")
        self.ledger.events()
        self.ledger.ended_requests = []
        self.take_outcomes()
        self.calls = []


@dataclass(frozen=True)
class Window:
    """Transitions, and beside them: utility and latency [s] of every request that ended, rewards that came before any decision, and of calls
    that ended, where forecasts are learned, the observation [n, F + G] and actual over expected time [n].
    """

    transitions: Transitions
    utility: np.ndarray
    latency: np.ndarray
    early: float
    seen: np.ndarray
    ratios: np.ndarray

    @staticmethod
    def of(parts: Sequence[Window]) -> Window:
        """Several as one."""
        utility, latency, seen, ratios = (np.concatenate([getattr(part, name) for part in parts]) for name in ("utility", "latency", "seen", "ratios"))
        return Window(join([part.transitions for part in parts]), utility, latency, sum(part.early for part in parts), seen, ratios)


class Group:
    """Environments in lockstep."""

    def __init__(self, plan: Plan, numbers: Sequence[int]):
        self.plan, self.numbers = plan, list(numbers)
        self.environments = [Environment(number, plan) for number in numbers]
        self.graphs = np.array([environment.graph for environment in self.environments])
        self.cleared = 0  # episodes begun when the remains of old ones were last cleared away

    def begin(self) -> None:
        """Starts every first episode."""
        for environment in self.environments:
            environment.begin(0)

    def collect(self, act: Act, window: int, forecast: Forecast | None = None) -> Window:
        """Window number `window`."""
        for environment in self.environments:
            environment.foresee(forecast)
        with collector_paused():
            found = self.gathered(act, window)
        begun = sum(environment.episode for environment in self.environments)
        if begun >= self.cleared + len(self.environments):
            self.cleared = begun
            gc.collect()
        return found

    def gathered(self, act: Act, window: int) -> Window:
        """The same, however garbage is collected meanwhile."""
        plan, environments = self.plan, self.environments
        E, T, A = len(environments), plan.decisions, plan.shapes[0].actions
        batch = Batch(plan.shapes[0], T * E)
        slots = action_rows(batch.slots, plan.shapes[0])
        state = np.zeros((T, E, plan.nodes, len(plan.shapes[0].node)), np.float32)
        action, log_prob = np.zeros((T, E), np.int64), np.zeros((T, E), np.float32)
        agent, time = np.zeros((T, E), np.int64), np.zeros((T, E))
        prior = np.zeros((T * E, A), np.float32)
        uniform = np.stack([np.random.default_rng([plan.seed, 11, number, window]).random(T) for number in self.numbers], 1)
        for row in range(T):
            rows = slice(row * E, row * E + E)
            for i, environment in enumerate(environments):
                decision = environment.decision
                batch.write(row * E + i, environment.encoder, decision)
                known = environment.encoder.node_states()
                state[row, i, : len(known)] = known
                agent[row, i], time[row, i] = decision.agent, decision.time
                if environment.prior is not None:
                    prior[row * E + i] = environment.prior.values(decision, batch.data[row * E + i])
            if slots is not batch.slots:
                fill_actions(slots[rows], batch.slots[rows], plan.shapes[0])
            number = self.graphs * plan.nodes + agent[row]
            action[row], log_prob[row] = act(batch.own[rows], slots[rows], batch.mask[rows], prior[rows], number, uniform[row])
            for environment, chosen in zip(environments, action[row].tolist(), strict=True):
                environment.answer(chosen)
        streams, ended, early = Streams(plan, time, agent), [], 0.0
        calls: list[tuple[np.ndarray, float]] = []
        for i, environment in enumerate(environments):
            stretches, found = environment.window()
            ended += found
            calls += environment.calls
            environment.calls = []
            for stretch in stretches:
                early += streams.add(i, environment.graph, stretch, environment.ledger.beta)
        t, e = streams.order()  # type: ignore[assignment]
        flat = t * E + e
        ends = np.stack(streams.states) if streams.states else np.zeros((0, *state.shape[2:]), np.float32)
        utility, latency = np.array(ended).reshape(-1, 2).T
        return Window(
            Transitions(
                own=batch.own[flat], slots=slots[flat], legal=batch.mask[flat], prior=prior[flat], action=action[t, e], log_prob=log_prob[t, e],
                state=np.concatenate([state[t, e], ends]), graph=np.concatenate([self.graphs[e], streams.graphs]).astype(np.int64),
                context=batch.own[flat], agent=agent[t, e], reward=np.concatenate(streams.rewards), discount=np.concatenate(streams.discounts),
                offsets=np.cumsum([0, *map(len, streams.times)]), terminated=np.zeros(len(streams.states), bool),
            ),
            utility, latency, early,
            np.array([row for row, _ in calls], np.float32).reshape(len(calls), batch.own.shape[1] + batch.slots.shape[2]),
            np.array([ratio for _, ratio in calls], np.float64),
        )  # fmt: skip


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector, which would look through all simulations again and again: requests leave no
    cycles behind, only whole simulations do."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Streams:
    """The streams of a window, gathered stretch by stretch."""

    def __init__(self, plan: Plan, time: np.ndarray, agent: np.ndarray):
        self.plan, self.time, self.agent = plan, time, agent
        self.times: list[np.ndarray] = []  # rows of each stream, as t
        self.environments: list[int] = []
        self.rewards: list[np.ndarray] = []
        self.discounts: list[np.ndarray] = []
        self.states: list[np.ndarray] = []
        self.graphs: list[int] = []

    def add(self, i: int, graph: int, stretch: Stretch, beta: float) -> float:
        """Adds a stretch of environment `i`; returns what its agents had earned before they decided."""
        plan = self.plan
        state = np.zeros((plan.nodes, stretch.state.shape[1]), np.float32)
        state[: len(stretch.state)] = stretch.state
        rows = np.arange(stretch.first, stretch.last)
        agents = self.agent[rows, i]
        streams = [rows] if plan.settings.chain == "team" else [rows[agents == a] for a in np.unique(agents)]
        when, who, what = stretch.events
        for stream in streams:
            times = self.time[stream, i]
            ends = np.append(times[1:], stretch.end)
            if plan.settings.credit == "team":
                reward = interval_rewards(times, ends, when, np.zeros(len(who), np.int64), what, 1, beta).repeat(plan.nodes, 1)
            else:
                reward = interval_rewards(times, ends, when, who, what, plan.nodes, beta)
            self.times.append(stream)
            self.environments.append(i)
            self.rewards.append(reward)
            self.discounts.append(np.exp(-beta * (ends - times)))
            self.states.append(state)
            self.graphs.append(graph)
        return early_rewards(self.time[rows, i], agents, stretch.events, len(stretch.state), plan.settings.chain == "team")

    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """(t, environment) of every row, stream by stream."""
        return np.concatenate(self.times), np.repeat(self.environments, [len(stream) for stream in self.times])


def early_rewards(times: np.ndarray, agents: np.ndarray, events: tuple[np.ndarray, np.ndarray, np.ndarray], nodes: int, chain: bool) -> float:
    """Sum of rewards [undiscounted] that came before the earner's first decision of a stretch; team rewards count for each of `nodes`."""
    when, who, what = events
    if chain:
        return float(what[when <= (times[0] if len(times) else INFINITY)].sum())
    first = np.full(nodes, INFINITY)
    np.minimum.at(first, agents, times)
    early = when[:, None] <= first
    return float((what[:, None] * early)[(who[:, None] == np.arange(nodes)) | (who[:, None] < 0)].sum())


def action_rows(slots: np.ndarray, shape: Shape) -> np.ndarray:
    """Room for one row an action [B, A, G]: the slots themselves where nothing else can be chosen."""
    return slots if shape.actions == shape.width else np.zeros((len(slots), shape.actions, slots.shape[2]), np.float32)


def fill_actions(actions: np.ndarray, slots: np.ndarray, shape: Shape) -> None:
    """A row of features for every action: a slot's own, zeros for a rejection, a slot's with the sign turned for its prefetch."""
    actions[:, : shape.width] = slots
    if shape.prefetches:
        actions[:, shape.actions - shape.width :] = -slots
