"""What a rollout hands to the learner: ragged streams of decisions in flat arrays, segment by segment, with their graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.simulation import Simulation


@dataclass(frozen=True)
class Graphs:
    """The maps that agents live on; scenarios trained together are padded to the largest.

    hops [G, N, N]: fewest links between nodes, N where there is no path; present [G, N]: which nodes are there.
    """

    hops: np.ndarray
    present: np.ndarray

    @staticmethod
    def of(hops: Sequence[np.ndarray]) -> Graphs:
        """Graphs of the hop matrices, each square."""
        nodes = max(len(matrix) for matrix in hops)
        padded = np.full((len(hops), nodes, nodes), nodes, dtype=np.int64)
        present = np.zeros((len(hops), nodes), dtype=bool)
        for g, matrix in enumerate(hops):
            n = len(matrix)
            padded[g, :n, :n] = np.where(matrix >= n, nodes, matrix)
            present[g, :n] = True
        return Graphs(padded, present)

    @property
    def nodes(self) -> int:
        """Nodes of the largest graph."""
        return self.hops.shape[1]

    @property
    def agents(self) -> int:
        """Rows of figures by agent: agent i of graph g is number g * nodes + i."""
        return self.hops.shape[0] * self.hops.shape[1]


@dataclass(frozen=True)
class Transitions:
    """D decisions in B segments; F own features, S slots of G features, N nodes of H features, C features of context.

    own [D, F], slots [D, S, G] float32; legal [D, S] bool; prior [D, S] float32, added to the logits; action, log_prob [D]: as acted;
    state [D + B, N, H] float32: what is known of every node at each decision, then at each segment's end; graph [D + B];
    context [D, C] float32: what the critic is told of the pending decision at its agent's row (C may be 0);
    agent [D]: the node that decided; reward [D, N] float64: discounted rewards by owner until the stream's next decision;
    discount [D] float64 until then; offsets [B + 1]; terminated [B] bool.
    """

    own: np.ndarray
    slots: np.ndarray
    legal: np.ndarray
    prior: np.ndarray
    action: np.ndarray
    log_prob: np.ndarray
    state: np.ndarray
    graph: np.ndarray
    context: np.ndarray
    agent: np.ndarray
    reward: np.ndarray
    discount: np.ndarray
    offsets: np.ndarray
    terminated: np.ndarray

    def __len__(self) -> int:
        return len(self.action)

    @property
    def number(self) -> np.ndarray:
        """The agent's number over all graphs, shape [D]."""
        return self.graph[: len(self)] * self.state.shape[1] + self.agent

    def check(self) -> None:
        """ValueError where the arrays do not fit together or hold what cannot be learned from."""
        d, b = len(self), len(self.terminated)
        sizes = {"own": d, "slots": d, "legal": d, "prior": d, "log_prob": d, "context": d, "agent": d, "reward": d, "discount": d}
        sizes |= {"state": d + b, "graph": d + b, "offsets": b + 1}
        for name, size in sizes.items():
            if len(getattr(self, name)) != size:
                raise ValueError(f"transitions: {name} has {len(getattr(self, name))} rows, expected {size}")
        if b and (self.offsets[0] != 0 or self.offsets[-1] != d or np.any(np.diff(self.offsets) < 0)):
            raise ValueError("transitions: offsets must rise from 0 to the number of decisions")
        if d and not self.legal[np.arange(d), self.action].all():
            raise ValueError("transitions: an action is masked")
        for field in fields(self):
            array = getattr(self, field.name)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"transitions: {field.name} holds values that are not finite")


def join(parts: Sequence[Transitions]) -> Transitions:
    """Several rollouts as one; slots and nodes are padded to the largest."""
    if len(parts) == 1:
        return parts[0]
    slots = max(part.slots.shape[1] for part in parts)
    nodes = max(part.state.shape[1] for part in parts)

    def flat(name: str, axis: int | None = None, size: int = 0) -> np.ndarray:
        arrays = [getattr(part, name) for part in parts]
        return np.concatenate(arrays if axis is None else [padded(array, axis, size) for array in arrays])

    def split(name: str, axis: int | None = None) -> np.ndarray:
        """Rows of decisions of all parts, then rows of segment ends of all parts."""
        arrays = [getattr(part, name) for part in parts]
        if axis is not None:
            arrays = [padded(array, axis, nodes) for array in arrays]
        return np.concatenate([a[: len(p)] for a, p in zip(arrays, parts, strict=True)] + [a[len(p) :] for a, p in zip(arrays, parts, strict=True)])

    begins = np.cumsum([0] + [len(part) for part in parts])
    offsets = np.concatenate([[0]] + [part.offsets[1:] + begin for part, begin in zip(parts, begins, strict=False)]).astype(np.int64)
    return Transitions(
        own=flat("own"), slots=flat("slots", 1, slots), legal=flat("legal", 1, slots), prior=flat("prior", 1, slots), action=flat("action"),
        log_prob=flat("log_prob"), state=split("state", 1), graph=split("graph"), context=flat("context"), agent=flat("agent"),
        reward=flat("reward", 1, nodes), discount=flat("discount"), offsets=offsets, terminated=flat("terminated"),
    )  # fmt: skip


def padded(array: np.ndarray, axis: int, size: int) -> np.ndarray:
    """`array` with zeros added behind along `axis` up to `size`."""
    short = size - array.shape[axis]
    return array if short == 0 else np.pad(array, [(0, short if i == axis else 0) for i in range(array.ndim)])


def hop_matrix(simulation: Simulation) -> np.ndarray:
    """Links between every two nodes on the shortest way when all is well, float64 [N, N]; inf where there is none."""
    from simulator.routes import distances

    network = simulation.network
    return distances(len(network.nodes), network.sources, [link.far for link in network.links], [1.0] * len(network.links))
