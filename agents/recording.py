"""Decision traces: what every agent saw, what it chose and what was earned, of any policy, as tables that can be learned from later.

    trace = Recorder(simulation, actor, "least-loaded").run()      # trace.recorded.tables: decisions, rewards
    recording = read_recording(folder)                             # scenarios.recorded: from a result folder
    data = transitions_of(recording, "team", beta)                 # what a learner takes

A row of `decisions` is a decision in the order in which they were made; `observation` holds the own features, then those of every slot,
as `agents.observation` numbers them. A row of `rewards` is a share of a request's worth (credit `share`): the rows of a request add up
to what it was worth, so every other credit can be had from them. Nothing here runs unless it is asked for.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.advantage import interval_rewards
from agents.observation import Encoder, shape_of
from agents.rewards import Ledger, discount_rate
from agents.transitions import Transitions, hop_matrix
from simulator.decisions import REJECT, Decision
from simulator.prefetch import Prefetch
from simulator.trace import Names, Recorded, Trace

if TYPE_CHECKING:
    from simulator.simulation import Simulation

VERSION = 1
UNKNOWN = float("nan")


class RecordingError(ValueError):
    """Raised when a recording cannot be learned from as asked; the message says what does not fit and what to change."""


class Recorder:
    """Runs a simulation under a policy and writes down every decision and reward; with `states` also the true state of every node.

    An actor that knows the log-probability of its last answer tells it as `log_prob`, else it is NaN; one that knows those of all
    actions tells them as `probabilities` [A], else they are left out. `version` says which policy it is.
    """

    def __init__(self, simulation: Simulation, actor: Any, version: str, states: bool = True):
        self.simulation, self.actor, self.version = simulation, actor, version
        self.shape = shape_of(simulation)
        self.encoder = Encoder(self.shape, simulation)
        self.states, self.tells = states, hasattr(actor, "probabilities")
        self.agent, self.call, self.slots, self.action = (array("i") for _ in range(4))
        self.request = array("q")
        self.time, self.elapsed, self.log_prob = (array("d") for _ in range(3))
        self.observations, self.masks, self.node_states, self.probabilities = (bytearray() for _ in range(4))
        self.candidates: dict[Any, int] = {}  # number of every tuple of candidates
        self.last = [0.0] * len(simulation.nodes)

    def run(self) -> Trace:
        """Runs to the end; the trace has the tables in `recorded`."""
        simulation, actor = self.simulation, self.actor
        simulation.ledger = ledger = Ledger(simulation, "share", log=True)
        for decision in simulation.decisions():
            self.see(decision)
            try:
                answer = actor.act(decision)
            except Exception:
                simulation.failed_at = decision
                raise
            self.action.append(self.number(decision, answer))
            self.log_prob.append(getattr(actor, "log_prob", UNKNOWN))
            if self.tells:
                self.probabilities += np.asarray(actor.probabilities, dtype=np.float32).tobytes()
            self.encoder.chose(decision, answer)
            decision.choose(answer)
        trace = simulation.trace
        trace.recorded = Recorded({"decisions": self.decisions(trace), "rewards": self.rewards(trace, ledger)}, self.described())
        return trace

    def see(self, decision: Decision) -> None:
        """Writes down what is known before the answer."""
        encoder, request, agent, now = self.encoder, decision.request, decision.agent, decision.time
        values, legal = encoder.values(decision)
        self.observations += encoder.row.pack(*values)
        self.masks += bytes(encoder.mask(decision, legal))
        if self.states:
            self.node_states += encoder.node_states().tobytes()
        self.agent.append(agent)
        self.request.append(request.id)
        self.call.append(request.application.first_vertex + decision.vertex.index)
        self.slots.append(self.candidates.setdefault(decision.candidates, len(self.candidates)))
        self.time.append(now)
        self.elapsed.append(now - self.last[agent])
        self.last[agent] = now

    def number(self, decision: Decision, answer: Any) -> int:
        """The action that an answer is."""
        shape = self.shape
        if answer is REJECT:
            return shape.width
        if isinstance(answer, Prefetch):
            return shape.width + shape.rejects + decision.candidates.index(answer.candidate)
        if answer not in decision.candidates:
            decision.refuse(answer)  # says why
        return decision.candidates.index(answer)

    def decisions(self, trace: Trace) -> dict[str, Any]:
        """The table of decisions."""
        n = len(self.action)
        vertices = [vertex.call for vertex in trace.vertices]
        slots = np.empty(len(self.candidates), dtype=object)
        for candidates, number in self.candidates.items():
            slots[number] = tuple(slot_name(candidate) for candidate in candidates)
        table: dict[str, Any] = {
            "replication": np.full(n, trace.replication, dtype=np.int32),
            "agent": Names(np.array(self.agent, dtype=np.int64), np.array(trace.nodes, dtype=object)),
            "request_id": np.array(self.request, dtype=np.int64),
            "call": Names(np.array(self.call, dtype=np.int64), np.array(vertices, dtype=object)),
            "time_s": np.array(self.time, dtype=np.float64),
            "elapsed_s": np.array(self.elapsed, dtype=np.float64),
            "slots": Names(np.array(self.slots, dtype=np.int64), slots),
            "observation": np.frombuffer(bytes(self.observations), dtype=np.float32).reshape(n, self.encoder.floats),
            "mask": np.frombuffer(bytes(self.masks), dtype=bool).reshape(n, self.shape.actions),
            "action": np.array(self.action, dtype=np.int32),
            "log_prob": np.array(self.log_prob, dtype=np.float64),
            "policy_version": Names(np.zeros(n, dtype=np.int64), np.array([self.version], dtype=object)),
        }
        if self.tells:
            table["probabilities"] = np.frombuffer(bytes(self.probabilities), dtype=np.float32).reshape(n, self.shape.actions)
        if self.states:
            table["state"] = np.frombuffer(bytes(self.node_states), dtype=np.float32).reshape(n, len(trace.nodes) * len(self.shape.node))
        return table

    def rewards(self, trace: Trace, ledger: Ledger) -> dict[str, Any]:
        """The table of rewards."""
        agent, time, request, reward = zip(*ledger.log, strict=True) if ledger.log else ((), (), (), ())
        return {
            "replication": np.full(len(agent), trace.replication, dtype=np.int32),
            "agent": Names(np.array(agent, dtype=np.int64), np.array(trace.nodes, dtype=object)),
            "time_s": np.array(time, dtype=np.float64),
            "request_id": np.array(request, dtype=np.int64),
            "reward": np.array(reward, dtype=np.float64),
        }

    def described(self) -> dict[str, Any]:
        """What is to be known to read the tables, as plain data."""
        from agents.trainer import interface_of

        nodes = self.simulation.nodes
        hops = hop_matrix(self.simulation)
        return {
            **interface_of(self.shape), "version": VERSION, "policy": self.version, "nodes": [node.name for node in nodes],
            "hops": np.where(np.isfinite(hops), hops, len(nodes)).astype(int).tolist(),
            "credit": "share", "beta_per_s": discount_rate(self.simulation),
        }  # fmt: skip


def slot_name(candidate: Any) -> str:
    """`edge-a`, or `edge-a/small` where there are variants."""
    return candidate.node if candidate.variant_name is None else f"{candidate.node}/{candidate.variant_name}"


@dataclass(frozen=True)
class Recording:
    """A recording in memory: D decisions in the order of replications and times, E rewards, and `described`, what they mean.

    replication, agent, request, action [D] int64; time [D] s; own [D, F], slots [D, S, G] float32; mask [D, A] bool; log_prob [D];
    slot_names [D]: tuples of names; probabilities [D, A] or None; state [D, N, H] float32 or None; rewards as columns replication,
    agent, time, request, reward [E]; ingress: the agent at which a request came in, by (replication, request).
    """

    described: dict[str, Any]
    replication: np.ndarray
    agent: np.ndarray
    request: np.ndarray
    time: np.ndarray
    own: np.ndarray
    slots: np.ndarray
    mask: np.ndarray
    action: np.ndarray
    log_prob: np.ndarray
    slot_names: np.ndarray
    call: np.ndarray
    probabilities: np.ndarray | None
    state: np.ndarray | None
    rewards: dict[str, np.ndarray]
    ingress: dict[int, np.ndarray]

    def __len__(self) -> int:
        return len(self.action)

    @property
    def allowed(self) -> np.ndarray:
        """Whether the mask allowed each action that was taken; shape [D]. A baseline may choose what an agent knows to be useless."""
        return self.mask[np.arange(len(self)), self.action]

    def rows(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(features [n, A, G] of every action, as rollouts make them; which were legal [n, A]) of some decisions."""
        slots, width = self.slots[chosen], self.slots.shape[1]
        rows = np.zeros((len(slots), self.mask.shape[1], slots.shape[2]), np.float32)
        rows[:, :width] = slots
        if self.described["prefetches"]:
            rows[:, -width:] = -slots
        return rows, self.mask[chosen].copy()


def credited(recording: Recording, credit: str) -> dict[str, np.ndarray]:
    """The rewards under another credit than `share`, which is recorded; agent -1 stands for all (see agents.rewards)."""
    found = recording.rewards
    if credit == "share" or not len(found["reward"]):
        return found
    keys = np.stack([found["replication"], found["request"]], 1)
    _, first, inverse, count = np.unique(keys, axis=0, return_index=True, return_inverse=True, return_counts=True)
    if credit == "full":
        return {**found, "reward": found["reward"] * count[inverse.ravel()]}
    first = np.sort(first)  # a request's rows are written at once: whole requests in the order in which they ended
    whole = {name: column[first] for name, column in found.items()}
    whole["reward"] = np.add.reduceat(found["reward"], first)
    if credit == "team":
        whole["agent"] = np.full(len(first), -1)
    else:
        whole["agent"] = np.array([recording.ingress[r][i] for r, i in zip(whole["replication"].tolist(), whole["request"].tolist(), strict=True)])
    return whole


def transitions_of(recording: Recording, credit: str, beta: float, chain: str = "agent", graph: int = 0, context: int = 0) -> Transitions:
    """A recording as transitions: a segment for each agent and replication, or for each replication where the `chain` is the team's.

    A segment's last decision is where it is cut: its state is the bootstrap's, and what came after belongs to nobody. `context` is the
    width that the learner's critic wants: none, or the own features. The greedy prior is 0, log-probabilities not known are 0.
    RecordingError where there are no states.
    """
    if recording.state is None:
        raise RecordingError("no node states were recorded, which critics learn from: record with 'record.states: true'")
    if context not in (0, recording.own.shape[1]):
        raise RecordingError(f"the critic wants {context} features of the pending decision, the recording has {recording.own.shape[1]}")
    stream = recording.replication if chain == "team" else recording.replication * (recording.agent.max(initial=0) + 1) + recording.agent
    order = np.argsort(stream, kind="stable")
    starts = np.flatnonzero(np.diff(stream[order], prepend=-1))
    parts = [part for part in np.split(order, starts[1:]) if len(part) > 1]
    if not parts:
        raise RecordingError("no agent decided twice in the recording: make the recorded run longer")
    rows, ends = np.concatenate([part[:-1] for part in parts]), np.array([part[-1] for part in parts])
    nodes = recording.state.shape[1]
    events = credited(recording, credit)
    following = np.concatenate([part[1:] for part in parts])
    rewards = []
    for part in parts:
        of = events["replication"] == recording.replication[part[0]]
        time, who, worth = (events[name][of] for name in ("time", "agent", "reward"))
        times = recording.time[part]
        if credit == "team":
            rewards.append(interval_rewards(times[:-1], times[1:], time, np.zeros(len(time), np.int64), worth, 1, beta).repeat(nodes, 1))
        else:
            rewards.append(interval_rewards(times[:-1], times[1:], time, who, worth, nodes, beta))
    slots, legal = recording.rows(rows)
    action = recording.action[rows]
    legal[np.arange(len(rows)), action] = True
    log_prob = np.nan_to_num(recording.log_prob[rows], nan=0.0)
    return Transitions(
        own=recording.own[rows], slots=slots, legal=legal, prior=np.zeros(legal.shape, np.float32), action=action,
        log_prob=log_prob.astype(np.float32), state=np.concatenate([recording.state[rows], recording.state[ends]]),
        graph=np.full(len(rows) + len(ends), graph, dtype=np.int64), context=recording.own[rows][:, :context], agent=recording.agent[rows],
        reward=np.concatenate(rewards), discount=np.exp(-beta * (recording.time[following] - recording.time[rows])),
        offsets=np.concatenate([[0], np.cumsum([len(part) - 1 for part in parts])]), terminated=np.zeros(len(parts), dtype=bool),
    )  # fmt: skip
