"""Networks: an actor over candidate slots, and an ensemble critic over the graph.

The actor encodes what the agent knows of itself, every candidate slot by one shared encoder, and a masked attention over the legal
slots; one logit a slot, so that any degree, any node and any number of nodes take the same weights. The critic encodes every node,
passes messages between neighbours, adds a pooled vector of the whole graph, and gives each node's value by K members on that shared
trunk: a mean head (used for advantages) and quantile heads (their spread only, on a trunk held fixed). Each member adds a fixed random
prior (Osband, Aslanides and Cassirer 2018), so that members agree only where there were data. Nodes are treated alike: relabelling
them permutes the values. Initial weights follow a seed and, where agents have their own, the agent's position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from agents.settings import Learning
from agents.transitions import Graphs


@dataclass(frozen=True)
class Sizes:
    """Widths of the arrays of `Transitions`."""

    own: int
    slot: int
    node: int
    context: int = 0


def seeded(*words: int) -> torch.Generator:
    """A generator of its own for a part of the weights."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1))


def orthogonal(layer: nn.Linear, gain: float, generator: torch.Generator) -> nn.Linear:
    """Orthogonal weights with `gain`, zero biases (Saxe et al. 2014)."""
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Actor(nn.Module):
    """One logit a slot: `forward(own [B, F], slots [B, S, G], legal [B, S])` gives logits [B, S], illegal ones very small."""

    def __init__(self, sizes: Sizes, hidden: int, generator: torch.Generator):
        super().__init__()

        def layer(inputs: int, outputs: int = hidden, gain: float = 2**0.5, bias: bool = True) -> nn.Linear:
            return orthogonal(nn.Linear(inputs, outputs, bias), gain, generator)

        self.own, self.own_norm = layer(sizes.own), nn.LayerNorm(hidden)
        self.slot, self.slot_norm = layer(sizes.slot), nn.LayerNorm(hidden)
        self.own_to_slot = layer(hidden, bias=False, gain=1.0)
        self.query = layer(hidden, bias=False, gain=1.0)
        self.from_slot, self.from_own, self.from_all = layer(hidden), layer(hidden, bias=False), layer(hidden, bias=False)
        self.score = layer(hidden, 1, gain=0.01, bias=False)

    def forward(self, own: Tensor, slots: Tensor, legal: Tensor) -> Tensor:
        o = relu(self.own_norm(self.own(own)))
        e = relu(self.slot_norm(self.slot(slots) + self.own_to_slot(o).unsqueeze(1)))
        attention = (e @ self.query(o).unsqueeze(2)).squeeze(2) * e.shape[2] ** -0.5
        share = torch.softmax(attention.masked_fill(~legal, -1e9), dim=1)
        pooled = (share.unsqueeze(1) @ e).squeeze(1)
        x = relu(self.from_slot(e) + (self.from_own(o) + self.from_all(pooled)).unsqueeze(1))
        return self.score(x).squeeze(2).masked_fill(~legal, -1e9)


class Policy(nn.Module):
    """One actor for all agents, or one each; `prior` is added to the logits."""

    def __init__(self, sizes: Sizes, settings: Learning, agents: int, seed: int):
        super().__init__()
        count = 1 if settings.parameters == "shared" else agents
        self.actors = nn.ModuleList(Actor(sizes, settings.hidden, seeded(seed, 1, position)) for position in range(count))

    def forward(self, own: Tensor, slots: Tensor, legal: Tensor, prior: Tensor, number: Tensor) -> Tensor:
        """Logits [B, S] of agents `number` [B]."""
        if len(self.actors) == 1:
            return self.actors[0](own, slots, legal) + prior
        logits = own.new_empty(legal.shape)
        for i in torch.unique(number).tolist():
            rows = torch.nonzero(number == i).squeeze(1)
            logits[rows] = self.actors[i](own[rows], slots[rows], legal[rows])
        return logits + prior


class Critic(nn.Module):
    """Values by member: `forward(x [B, N, X], graph [B], at [B, M], prior)` gives means [B, M, K] and quantiles [B, M, K, Q] of nodes `at`.

    X is the node's features and, where the context is C > 0 wide, the pending decision's C features and a flag, in its agent's row.
    """

    def __init__(self, sizes: Sizes, settings: Learning, graphs: Graphs, seed: int):
        super().__init__()
        self.scope, self.members, self.levels = settings.critic_scope, settings.members or 1, settings.quantiles or 0
        self.prior_scale = float(settings.prior_scale or 0.0)
        self.context = sizes.context
        width = sizes.node + (sizes.context + 1 if sizes.context else 0)
        hidden, small = settings.hidden, max(settings.hidden // 2, 1)
        generator = seeded(seed, 2)

        def layer(inputs: int, outputs: int = hidden, bias: bool = True) -> nn.Linear:
            return orthogonal(nn.Linear(inputs, outputs, bias), 2**0.5, generator)

        self.encode, self.encode_norm = layer(width), nn.LayerNorm(hidden)
        self.self_message = nn.ModuleList(layer(hidden) for _ in range(self.rounds(settings)))
        self.message = nn.ModuleList(layer(hidden, bias=False) for _ in range(self.rounds(settings)))
        self.trunk, self.trunk_norm = layer(hidden), nn.LayerNorm(hidden)
        if self.scope == "global":
            self.pool, self.from_pool = layer(hidden), layer(hidden, bias=False)
        k = self.members
        self.head = nn.Parameter(torch.cat([orthogonal(nn.Linear(hidden, small), 2**0.5, seeded(seed, 3, i)).weight for i in range(k)]).detach())
        self.head_bias = nn.Parameter(torch.zeros(k * small))
        self.mean = nn.Parameter(torch.cat([orthogonal(nn.Linear(small, 1), 1.0, seeded(seed, 4, i)).weight for i in range(k)]).detach())
        self.mean_bias = nn.Parameter(torch.zeros(k))
        if self.levels:
            apart = seeded(seed, 5)
            self.spread = orthogonal(nn.Linear(hidden, hidden), 2**0.5, apart)
            self.quantile = orthogonal(nn.Linear(hidden, k * self.levels), 0.1, apart)
        if self.prior_scale:
            priors = [Prior(width, small, seeded(seed, 6, i)) for i in range(k)]
            self.prior_in = nn.Parameter(torch.cat([p.inner for p in priors], 1), requires_grad=False)
            self.prior_out = nn.Parameter(torch.stack([p.outer for p in priors]), requires_grad=False)
        self.register_buffer("mixing", torch.tensor(neighbour_means(graphs), dtype=torch.float32), persistent=False)
        self.register_buffer("present", torch.tensor(graphs.present, dtype=torch.float32), persistent=False)
        self.mixing: Tensor
        self.present: Tensor

    def rounds(self, settings: Learning) -> int:
        """Rounds of messages: none where a node's value is to depend on that node alone."""
        return 0 if self.scope == "local" else settings.rounds

    def inputs(self, state: Tensor, context: Tensor, agent: Tensor) -> Tensor:
        """x [B, N, X] of states [B, N, H]; the first len(agent) rows have a pending decision, the others none."""
        if not self.context:
            return state
        x = state.new_zeros(*state.shape[:2], state.shape[2] + self.context + 1)
        x[:, :, : state.shape[2]] = state
        rows = torch.arange(len(agent), device=state.device)
        x[rows, agent, state.shape[2] : -1] = context
        x[rows, agent, -1] = 1.0
        return x

    def random_prior(self, x: Tensor, at: Tensor) -> Tensor | None:
        """What the fixed priors add to the means [B, M, K]: it never changes, so it is computed once a rollout."""
        if not self.prior_scale:
            return None
        with torch.no_grad():
            x = rows_at(x, at)
            hidden = torch.tanh(x @ self.prior_in).unflatten(2, (self.members, -1))
            return self.prior_scale * torch.einsum("bnkh,kh->bnk", hidden, self.prior_out)

    def forward(self, x: Tensor, graph: Tensor, at: Tensor, random_prior: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self.scope == "local":
            x = rows_at(x, at)
        h = relu(self.encode_norm(self.encode(x)))
        mixing = self.mixing[0] if len(self.mixing) == 1 else self.mixing[graph]
        for own, others in zip(self.self_message, self.message, strict=True):
            h = h + relu(own(h) + mixing @ others(h))
        out = self.trunk(h if self.scope == "local" else rows_at(h, at))
        if self.scope == "global":
            present = self.present[graph].unsqueeze(2)
            pooled = (relu(self.pool(h)) * present).sum(1) / present.sum(1)
            out = out + self.from_pool(pooled).unsqueeze(1)
        out = relu(self.trunk_norm(out))
        hidden = relu(out @ self.head.T + self.head_bias).unflatten(2, (self.members, -1))
        means = (hidden * self.mean).sum(3) + self.mean_bias
        if random_prior is not None:
            means = means + random_prior
        if not self.levels:
            return means, None
        return means, self.quantile(relu(self.spread(out.detach()))).unflatten(2, (self.members, self.levels))

    def trained(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of the means and of the quantiles, whose gradients are clipped apart."""
        apart = ("spread.", "quantile.")
        named = [(name, parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        return [p for name, p in named if not name.startswith(apart)], [p for name, p in named if name.startswith(apart)]


def rows_at(x: Tensor, at: Tensor) -> Tensor:
    """Rows `at` [B, M] of x [B, N, X], shape [B, M, X]."""
    return x.gather(1, at.unsqueeze(2).expand(-1, -1, x.shape[2]))


class Prior:
    """Weights of one member's fixed random function of a node's own row: about unit variance on inputs of unit size."""

    def __init__(self, width: int, hidden: int, generator: torch.Generator):
        self.inner = torch.randn(width, hidden, generator=generator) * (2.0 / max(width, 1)) ** 0.5
        self.outer = torch.randn(hidden, generator=generator) * (2.0 / hidden) ** 0.5


def neighbour_means(graphs: Graphs) -> np.ndarray:
    """Matrices [G, N, N] that average over a node's neighbours; rows of nodes without any are zero."""
    near = (graphs.hops == 1) & graphs.present[:, :, None] & graphs.present[:, None, :]
    return near / np.maximum(near.sum(2, keepdims=True), 1)


def quantile_levels(count: int) -> np.ndarray:
    """`count` levels in (0, 1), evenly spaced but for the two nearest to 0.1 and 0.9, which are put there."""
    levels = (np.arange(count) + 0.5) / count
    for level in (0.1, 0.9) if count else ():
        levels[np.argmin(abs(levels - level))] = level
    return levels
