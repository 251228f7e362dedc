"""Learning from recorded decisions before learning from one's own: behaviour cloning of the actor, regression of the critic.

    start_from(learner, recording, shape)        # then train on as ever

The actor is fitted to the recorded actions by masked cross entropy with a little label smoothing over the legal actions, so that the
clone still tries others when it goes on by itself (Pomerleau 1989; Szegedy et al. 2016); the epoch with the least loss on a tenth
held out is kept. The critic is fitted to the semi-Markov returns of the recorded rewards,

    G_k = R_k + exp(-beta tau_k) G_{k+1}

without a bootstrap: decisions of whose discounted future the recording shows less than 95 % are left out. What a policy did is all that can
be learned so: the clone of a deterministic policy is no better than it, and values are of the recorded policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.adaptation import Steps
from agents.advantage import coordinated, gae
from agents.features import OWN
from agents.observation import Shape
from agents.recording import Recording, RecordingError, transitions_of
from agents.trainer import interface_of

if TYPE_CHECKING:
    from agents.learner import Learner
    from agents.transitions import Transitions

FEWEST = 256  # decisions
PATIENCE, CLONING_BATCH, CLONING_RATE, SMOOTHING = 4, 512, 1e-3, 0.05
REGRESSION_BATCH = 1024
STEPS = {"cloning": (3000, 3, 60), "critic": (500, 3, 20)}  # of gradient descent in all, and epochs at least and at most
UNSEEN = 0.05  # share of a decision's discounted future that may lie behind the recording's end
HELD_OUT = 0.1

Seen = Callable[[str, int, int, dict[str, float]], None]


def start_from(learner: Learner, recording: Recording, shape: Shape, nodes: tuple[str, ...] = (), seen: Seen = lambda *_: None) -> dict[str, Any]:
    """Clones the recorded policy and fits the critic; RecordingError where the recording does not fit.

    `shape` is that of the training, `nodes` the names of its agents by number where they are known; `seen(part, epoch, epochs, figures)` is
    told of progress. Returns figures of what was held out: `accuracy` of the clone, `cross_entropy`, `explained_variance` of the critic.
    """
    graph = fitting_graph(learner, recording, shape, nodes)
    recording = aligned(recording, shape)
    settings = learner.settings
    if settings.rewards != "event":
        raise RecordingError("recorded rewards are those that came with events: a critic begins with them under 'rewards: event' only")
    beta = settings.beta if settings.beta is not None else float(recording.described["beta_per_s"])
    data = transitions_of(recording, settings.credit or "share", beta, settings.chain, graph, learner.sizes.context)
    fitted = regress(learner, data, seen)
    cloned = clone(learner, recording, graph, seen)
    return {"decisions": len(recording), "policy": recording.described["policy"], "beta_per_s": beta, **cloned, **fitted}


def fitting_graph(learner: Learner, recording: Recording, shape: Shape, nodes: tuple[str, ...]) -> int:
    """Which of the learner's maps was recorded; RecordingError says what does not fit."""
    told, wanted = recording.described, interface_of(shape)
    for name in ("own", "slot", "node"):
        theirs, ours = (frozenset(feature for feature in names[name] if not feature.startswith("class:")) for names in (told, wanted))
        if theirs != ours:
            raise RecordingError(f"recorded with other features than this program makes ({name}: {', '.join(sorted(theirs ^ ours))}): record again")
    unknown = [name for name in told["services"] if name not in wanted["services"]]
    if unknown:
        raise RecordingError(f"recorded with the services {', '.join(unknown)}, which the scenario to train on does not have")
    for name, key in (("rejects", "control.reject"), ("prefetches", "control.prefetch")):
        if told[name] != wanted[name]:
            raise RecordingError(f"recorded with {key} {str(told[name]).lower()}, and the training has it {str(wanted[name]).lower()}: set them alike")
    several = len(learner.graphs.hops) > 1
    if told["width"] > wanted["width"] or (told["width"] < wanted["width"] and not several):
        raise RecordingError(
            f"recorded with up to {told['width']} slots a decision, and the scenario to train on has {wanted['width']}: "
            "record it with the same deployments and control.hops"
        )
    if learner.settings.greedy_prior:
        raise RecordingError("recordings do not hold the predictions that a greedy prior adds: set learning.greedy_prior to 0")
    hops, most = np.array(told["hops"]), learner.graphs.nodes
    for graph, (matrix, present) in enumerate(zip(learner.graphs.hops, learner.graphs.present, strict=True)):
        n = int(present.sum())
        names = [name.rsplit("/", 1)[-1] for name in nodes[graph * most : graph * most + n]]
        if len(hops) == n and np.array_equal(np.minimum(hops, n), np.minimum(matrix[:n, :n], n)) and names in ([], told["nodes"]):
            return check_amount(recording, graph)
    raise RecordingError(f"recorded on another map (nodes {', '.join(told['nodes'])}) than the training's: critics learn from the states of all nodes")


def check_amount(recording: Recording, graph: int) -> int:
    """`graph`; RecordingError where there is too little to learn from."""
    usable = int(recording.allowed.sum())
    if usable < FEWEST:
        raise RecordingError(f"{usable} recorded decisions are too few to learn from (at least {FEWEST}): record more replications or longer ones")
    if not len(recording.rewards["reward"]):
        raise RecordingError("no rewards were recorded, which critics learn from: no request ended, or none was worth anything")
    return graph


def aligned(recording: Recording, shape: Shape) -> Recording:
    """The recording in the training's form: work classes in its order, slots and mask padded to its width."""
    here = recording.own.shape[1] - len(OWN)
    own = np.zeros((len(recording), len(shape.own)), np.float32)
    own[:, : len(OWN)] = recording.own[:, : len(OWN)]
    places = [len(OWN) + shape.services.index(name) for name in recording.described["services"]]
    own[:, places] = recording.own[:, len(OWN) : len(OWN) + here]
    width = recording.slots.shape[1]
    spare = shape.width - width
    if not spare:
        return replace(recording, own=own)
    slots = np.pad(recording.slots, ((0, 0), (0, spare), (0, 0)))
    mask, action = np.zeros((len(recording), shape.actions), bool), recording.action.copy()
    mask[:, :width] = recording.mask[:, :width]
    if shape.rejects:
        mask[:, shape.width] = recording.mask[:, width]
    action[action >= width] += spare  # rejections and prefetches stand behind the slots
    if shape.prefetches:
        mask[:, shape.width + shape.rejects : shape.width + shape.rejects + width] = recording.mask[:, width + shape.rejects :]
    return replace(recording, own=own, slots=slots, mask=mask, action=action)


def clone(learner: Learner, recording: Recording, graph: int, seen: Seen) -> dict[str, float]:
    """Fits the actor to the recorded actions; decisions whose action an agent knows to be useless are left out."""
    import torch

    chosen = np.flatnonzero(recording.allowed)
    slots, legal = recording.rows(chosen)
    number = graph * learner.graphs.nodes + recording.agent[chosen]
    arrays = (recording.own[chosen], slots, legal, np.zeros(legal.shape, np.float32), number)
    tensors = [learner.tensor(array) for array in arrays]
    action = learner.tensor(recording.action[chosen])
    draws = np.random.default_rng([learner.seed, 4])
    order = draws.permutation(len(chosen))
    held, train = np.split(order, [max(int(HELD_OUT * len(order)), 1)])
    optimiser = torch.optim.Adam(learner.policy.parameters(), lr=CLONING_RATE, eps=1e-5)
    best, since, figures = None, 0, {"cross_entropy": np.inf, "accuracy": 0.0}
    epochs = epochs_of("cloning", len(train), CLONING_BATCH)
    for epoch in range(epochs):
        for rows in np.array_split(draws.permutation(train), max(len(train) // CLONING_BATCH, 1)):
            at = learner.tensor(rows)
            log_probs = torch.log_softmax(learner.policy(*(tensor[at] for tensor in tensors)), 1)
            loss = smoothed(log_probs, tensors[2][at], action[at], SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        found = judged(learner, tensors, action, held)
        seen("cloning", epoch + 1, epochs, found)
        if found["cross_entropy"] < figures["cross_entropy"]:
            best, since, figures = {name: value.clone() for name, value in learner.policy.state_dict().items()}, 0, found
        else:
            since += 1
            if since >= PATIENCE:
                break
    if best is not None:
        learner.policy.load_state_dict(best)
    return figures


def epochs_of(part: str, rows: int, batch: int) -> int:
    """Epochs for so many rows: about the same number of steps whatever was recorded."""
    steps, least, most = STEPS[part]
    return min(max(steps // max(rows // batch, 1), least), most)


def smoothed(log_probs: Any, legal: Any, action: Any, share: float) -> Any:
    """Cross entropy to the recorded action, of whose probability `share` is spread over the legal ones; log_probs, legal [B, A], action [B]."""
    taken = log_probs.gather(1, action.unsqueeze(1)).squeeze(1)
    spread = log_probs.masked_fill(~legal, 0.0).sum(1) / legal.sum(1)
    return -((1.0 - share) * taken + share * spread).mean()


def judged(learner: Learner, tensors: list[Any], action: Any, rows: np.ndarray) -> dict[str, float]:
    """Cross entropy [nat] of the recorded actions of some rows, and how often the clone's likeliest action is that."""
    import torch

    from agents.learner import CHUNK

    losses, right = 0.0, 0
    with torch.no_grad():
        for begin in range(0, len(rows), CHUNK):
            at = learner.tensor(rows[begin : begin + CHUNK])
            log_probs = torch.log_softmax(learner.policy(*(tensor[at] for tensor in tensors)), 1)
            losses += float(smoothed(log_probs, tensors[2][at], action[at], 0.0)) * len(at)
            right += int((log_probs.argmax(1) == action[at]).sum())
    return {"cross_entropy": losses / len(rows), "accuracy": right / len(rows)}


def regress(learner: Learner, data: Transitions, seen: Seen) -> dict[str, float]:
    """Fits the critic to the recorded returns."""
    from agents.learner import Prepared, explained_variance

    number = data.number
    owners, weights = learner.owners[number], learner.owner_weights[number]
    returns, unseen = returns_of(data)
    returns = np.take_along_axis(returns, owners, 1)
    used = np.flatnonzero(unseen <= UNSEEN)
    if len(used) < FEWEST:
        raise RecordingError(f"only {len(used)} decisions lie far enough from the end of their run for a return to be known: record longer runs")
    draws = np.random.default_rng([learner.seed, 5])
    held, train = np.split(draws.permutation(used), [max(int(HELD_OUT * len(used)), 1)])
    learner.normaliser.update(returns[train], weights[train])
    x = learner.critic.inputs(learner.tensor(data.state), learner.tensor(data.context), learner.tensor(data.agent))[: len(data)]
    tensors = {"x": x, "graph": learner.tensor(data.graph[: len(data)])}
    at = learner.tensor(owners)
    prior = learner.critic.random_prior(x, at)
    steps = Steps(np.ones(learner.graphs.agents), np.full(learner.graphs.agents, learner.settings.clip))
    prepared = Prepared(
        at, learner.tensor(learner.normaliser.normalise(returns).astype(np.float32)), learner.tensor(weights.astype(np.float32)),
        learner.tensor(np.zeros(len(data), np.float32)), prior, steps, {},
    )  # fmt: skip
    mask = learner.bootstrap_mask(data, steps)
    figures = {"explained_variance": 0.0}
    epochs = epochs_of("critic", len(train), REGRESSION_BATCH)
    for epoch in range(epochs):
        for rows in np.array_split(draws.permutation(train), max(len(train) // REGRESSION_BATCH, 1)):
            learner.critic_step(tensors, prepared, learner.tensor(rows), mask)
        apart = learner.tensor(held)
        means, _ = learner.values(x[apart], tensors["graph"][apart], at[apart], None if prior is None else prior[apart])
        predicted = coordinated(learner.normaliser.restore(means.mean(2)), weights[held])
        figures = {"explained_variance": explained_variance(predicted, coordinated(returns[held], weights[held]))}
        seen("critic", epoch + 1, epochs, figures)
    return figures


def returns_of(data: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """(returns by owner until each segment's end [D, N], the share of the discounted future that lies behind it [D])."""
    nothing = np.zeros((len(data.terminated), data.reward.shape[1]))
    returns = gae(data.reward, data.discount, np.zeros_like(data.reward), nothing, data.terminated, data.offsets, 1.0)
    logs = np.log(np.maximum(data.discount, 1e-300))
    after = np.cumsum(logs[::-1])[::-1]  # to the end of all
    lengths = np.diff(data.offsets)
    behind = np.append(after, 0.0)[data.offsets[1:]]
    return returns, np.exp(after - np.repeat(behind, lengths))
