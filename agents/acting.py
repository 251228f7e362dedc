"""Acting without torch: a checkpoint's actor as plain numpy, one decision at a time, and the policy `{kind: checkpoint, file: ...}`.

The same arithmetic as `agents.networks.Actor`, over the legal actions only (illegal ones have no weight in its attention), with what can be
done once done when the file is read: the centring of a layer norm is folded into the weights before it, and the three products of
the agent's own encoding are one.

With shared parameters a policy acts on any map: nodes, links and slots may be others, services are told apart by name. Where
each agent has its own parameters the nodes must be those that it was trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agents.checkpoint import CheckpointError, read, taken
from agents.features import NODE, OWN, SLOT, classes
from agents.forecast import LAYERS, RATIOS, Forecast
from agents.settings import Learning, settings_of
from simulator.descriptions import description

if TYPE_CHECKING:
    from agents.observation import Shape
    from simulator.decisions import Decision
    from simulator.simulation import Simulation

SUFFIXES = (".pt", ".npz")
LAYER_NORM = 1e-5  # torch's


class ActorWeights:
    """One actor; `logits(own [F], rows [n, G])` gives the logits [n] of legal actions."""

    def __init__(self, w: dict[str, np.ndarray]):
        hidden = len(w["own.bias"])
        centre = (np.eye(hidden) - 1.0 / hidden).astype(np.float32)
        self.own, self.own_bias = w["own.weight"].T @ centre, w["own.bias"] @ centre
        self.own_scale, self.own_shift = w["own_norm.weight"], w["own_norm.bias"]
        self.slot, self.slot_bias = w["slot.weight"].T @ centre, w["slot.bias"] @ centre
        self.slot_scale, self.slot_shift = w["slot_norm.weight"], w["slot_norm.bias"]
        query = w["query.weight"].T * np.float32(hidden**-0.5)
        self.from_own = np.concatenate([w["own_to_slot.weight"].T @ centre, query, w["from_own.weight"].T], 1)
        self.from_slot, self.from_slot_bias = np.ascontiguousarray(w["from_slot.weight"].T), w["from_slot.bias"]
        self.from_all = np.ascontiguousarray(w["from_all.weight"].T)
        self.score = w["score.weight"][0]
        self.hidden = hidden

    def logits(self, own: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Logits of n legal actions, float32."""
        h = self.hidden
        o = own @ self.own + self.own_bias
        o *= self.own_scale / np.sqrt(o @ o / h + LAYER_NORM)
        o += self.own_shift
        np.maximum(o, 0.0, out=o)
        z = o @ self.from_own
        e = rows @ self.slot
        e += z[:h] + self.slot_bias
        e *= (1.0 / np.sqrt(np.einsum("ij,ij->i", e, e) / h + LAYER_NORM))[:, None]
        e *= self.slot_scale
        e += self.slot_shift
        np.maximum(e, 0.0, out=e)
        share = softmax(e @ z[h : 2 * h])
        x = e @ self.from_slot
        x += z[2 * h :] + (share @ e) @ self.from_all + self.from_slot_bias
        np.maximum(x, 0.0, out=x)
        return x @ self.score


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [n]."""
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


SHAPES = {
    "own.weight": "hf", "own.bias": "h", "own_norm.weight": "h", "own_norm.bias": "h", "slot.weight": "hg", "slot.bias": "h", "slot_norm.weight": "h",
    "slot_norm.bias": "h", "own_to_slot.weight": "hh", "query.weight": "hh", "from_slot.weight": "hh", "from_slot.bias": "h", "from_own.weight": "hh",
    "from_all.weight": "hh", "score.weight": "1h",
}  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """A policy as a file holds it: the actors, the settings, what it observes (`agents.trainer.interface_of`), the file's digest."""

    path: Path
    sha256: str
    settings: Learning
    observed: dict[str, Any]
    updates: int
    actors: tuple[ActorWeights, ...] = field(repr=False)
    forecast: Forecast | None = field(repr=False, default=None)

    def number_of(self, nodes: Sequence[str]) -> np.ndarray:
        """Which actor acts for every node; CheckpointError where it depends on nodes that are others."""
        if len(self.actors) == 1:
            return np.zeros(len(nodes), dtype=np.int64)
        maps = self.observed.get("nodes") or [[]]
        for graph, names in enumerate(maps):
            if list(names) == list(nodes):
                return graph * max(map(len, maps)) + np.arange(len(nodes))
        raise CheckpointError(
            f"{self.path}: each agent has parameters of its own here (parameters: separate), for the nodes {', '.join(maps[0]) or '(not named)'}; "
            "on other nodes only a policy with shared parameters can act"
        )

    def shape_for(self, simulation: Simulation) -> Shape:
        """The shape of its observations in a scenario; CheckpointError where the scenario has services that it does not know."""
        from agents.observation import shape_of

        known = tuple(self.observed["services"])
        used = dict.fromkeys(vertex.service.name for app in simulation.applications for vertex in app.vertices)
        unknown = [name for name in used if name not in known]
        if unknown:
            raise CheckpointError(
                f"{self.path}: trained for the services {', '.join(known)}, which it tells apart by name; "
                f"the scenario also has {', '.join(unknown)}: name them alike, or train on this scenario"
            )
        return shape_of(simulation, services=known)


def names_of(services: Sequence[str]) -> dict[str, list[str]]:
    """The names of all features in their order, given the services that are work classes."""
    return {
        "own": [feature.name for feature in OWN + classes(tuple(services))],
        "slot": [feature.name for feature in SLOT],
        "node": [feature.name for feature in NODE],
    }


def stored(path: str | Path) -> Stored:
    """The policy in a checkpoint or in a file of its weights alone, read once a process; CheckpointError where it cannot act here."""
    path = Path(path)
    try:
        state = path.stat()
    except OSError as error:
        raise CheckpointError(f"{path}: no such checkpoint ({error.strerror})") from None
    return stored_at(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def stored_at(path: Path, changed: int, size: int) -> Stored:
    """`stored`, for a file as it was when it last changed."""
    described, arrays = read(path)
    try:
        settings = settings_of(described["settings"])
        seen = described["more"].get("observation")
        if seen is None:
            raise CheckpointError(f"{path}: does not say what its policy observes: it cannot act in a scenario")
        check_features(path, seen)
        weights = taken(arrays, "policy")
        count = 1 + max((int(name.split(".")[1]) for name in weights), default=-1)
        sizes = {"h": settings.hidden, "f": len(seen["own"]), "g": len(seen["slot"]), "1": 1}
        actors = tuple(actor_of(path, taken_dotted(weights, f"actors.{i}."), sizes) for i in range(count))
        if not actors or (count > 1 and settings.parameters == "shared"):
            raise CheckpointError(f"{path}: holds {count} actor(s), which does not fit its settings")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Stored(path, digest, settings, seen, int(described["updates"]), actors, forecast_of(path, taken(arrays, "forecast"), settings, sizes))
    except (KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise CheckpointError(f"{path}: does not hold what a checkpoint holds: {error}") from None
    except ValueError as error:
        raise error if isinstance(error, CheckpointError) else CheckpointError(f"{path}: does not hold what a checkpoint holds: {error}") from None


def check_features(path: Path, seen: dict[str, Any]) -> None:
    """Refuses weights for features that this program does not make."""
    for name, expected in names_of(seen["services"]).items():
        if seen[name] != expected:
            differing = sorted(set(seen[name]) ^ set(expected)) or ["their order"]
            raise CheckpointError(f"{path}: trained on other features than this program makes ({name}: {', '.join(differing)}): train again")


def actor_of(path: Path, weights: dict[str, np.ndarray], sizes: dict[str, int]) -> ActorWeights:
    """One actor of the arrays in a file, whose shapes and values are checked."""
    for name, letters in SHAPES.items():
        check_array(path, f"the actor's {name}", weights.get(name), tuple(sizes[letter] for letter in letters))
    return ActorWeights({name: weights[name].astype(np.float32) for name in SHAPES})


def check_array(path: Path, name: str, found: np.ndarray | None, expected: tuple[int, ...]) -> None:
    """CheckpointError where an array is missing, of another shape than expected, or not of finite numbers."""
    if found is None or found.shape != expected:
        raise CheckpointError(f"{path}: {name} {'is missing' if found is None else f'is {found.shape}'}, expected {expected}")
    if found.dtype.kind != "f" or not np.isfinite(found).all():
        raise CheckpointError(f"{path}: {name} holds values that are not finite numbers")


def forecast_of(path: Path, weights: dict[str, np.ndarray], settings: Learning, sizes: dict[str, int]) -> Forecast | None:
    """The forecast that a policy's prior needs, whose arrays are checked; None where it needs none."""
    if not settings.greedy_prior or settings.prior_forecast != "learned":
        return None
    h, levels = sizes["h"], len(RATIOS)
    for name, (inputs, outputs) in zip(LAYERS, ((sizes["f"] + sizes["g"], h), (h, h), (h, levels)), strict=True):
        for array, expected in ((f"{name}.weight", (outputs, inputs)), (f"{name}.bias", (outputs,))):
            check_array(path, f"the forecast's {array}", weights.get(array), expected)
    return Forecast({name: array.astype(np.float32) for name, array in weights.items()})


def taken_dotted(weights: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Arrays whose name begins with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


@description
class Checkpoint:
    """A policy that was trained: the file of a checkpoint, or of its weights. It takes its likeliest action, or draws one (`sampled`)."""

    file: str
    sha256: str | None = None
    acting: Literal["argmax", "sampled"] | None = None
    kind: Literal["checkpoint"] = "checkpoint"

    def problem(self) -> str | None:
        return None if self.file else "file must name a checkpoint"

    @classmethod
    def named(cls, text: str) -> Checkpoint | None:
        """The policy that a bare name means: a file ending in .pt or .npz."""
        return cls(text) if text.endswith(SUFFIXES) else None

    @property
    def label(self) -> str:
        """Its file, from here where it is below; `(sampled)` behind where that was asked for."""
        path = Path(self.file)
        short = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{short}({self.acting})" if self.acting is not None else str(short)

    def actor(self, simulation: Simulation) -> LearnedActor:
        found = stored(self.file)
        if self.sha256 is not None and found.sha256 != self.sha256:
            raise CheckpointError(f"{self.file}: the file has changed: expected sha256 {self.sha256[:12]}..., got {found.sha256[:12]}...")
        return LearnedActor(found, simulation, (self.acting or found.settings.acting) == "sampled")


class LearnedActor:
    """Answers decisions; `log_prob` is that of its last answer, under the probabilities from which it would be drawn."""

    __slots__ = ("action", "actions", "actors", "encoder", "legal", "logits", "number", "prior", "sampled", "shape", "split", "width", "world")

    def __init__(self, found: Stored, simulation: Simulation, sampled: bool):
        from agents.observation import Encoder
        from agents.prior import Prior

        self.world = simulation
        self.shape = found.shape_for(simulation)
        self.encoder = Encoder(self.shape, simulation)
        self.actors = found.actors
        self.number = found.number_of([node.name for node in simulation.nodes]).tolist()
        self.prior = Prior(found.settings, self.encoder, found.forecast) if found.settings.greedy_prior else None
        self.actions = [a for a in range(self.shape.actions) if a < self.shape.width or learned(a, self.shape, found.observed)]
        self.sampled = sampled
        self.split, self.width = len(self.shape.own), self.shape.width
        self.action = 0  # as a place among `legal`
        self.legal: list[int] = []
        self.logits = np.zeros(1, np.float32)

    def act(self, decision: Decision) -> Any:
        shape = self.shape
        values, candidates = self.encoder.values(decision)
        mask = self.encoder.mask(decision, candidates)
        self.legal = legal = [action for action in self.actions if mask[action]]
        flat = np.array(values, dtype=np.float32)
        rows = flat[self.split :].reshape(self.width, -1)
        if len(mask) > self.width:
            rows = action_rows(rows, shape)
        logits = self.actors[self.number[decision.agent]].logits(flat[: self.split], rows[legal])
        if self.prior is not None:
            logits += np.array(self.prior.values(decision, flat), np.float32)[legal]
        self.logits = logits
        if self.sampled:
            cumulative = softmax(logits.astype(np.float64)).cumsum()
            asked = self.world.prefetches.asked if self.world.prefetches.by is decision else ()
            self.action = int((cumulative > decision.uniform(len(asked)) * cumulative[-1]).argmax())
        else:
            self.action = int(logits.argmax())
        action = legal[self.action]
        if self.prior is not None:
            self.prior.chose(decision, action)
        answer = shape.answer(decision, action)
        self.encoder.chose(decision, answer)
        return answer

    @property
    def log_prob(self) -> float:
        """Log-probability of the last answer."""
        return float(np.log(softmax(self.logits.astype(np.float64))[self.action]))

    @property
    def probabilities(self) -> np.ndarray:
        """From which the last answer was, or would have been, drawn [A]; illegal actions have none."""
        found = np.zeros(self.shape.actions, np.float32)
        found[self.legal] = softmax(self.logits.astype(np.float64))
        return found


def learned(action: int, shape: Shape, seen: dict[str, Any]) -> bool:
    """Whether an action that is no slot is of a kind that the policy was trained with: what it has never done it does not begin with."""
    return bool(seen["rejects"] if shape.rejects and action == shape.width else seen["prefetches"])


def action_rows(slots: np.ndarray, shape: Shape) -> np.ndarray:
    """A row of features for every action [A, G], where there are others than slots [S, G]."""
    from agents.rollout import fill_actions

    rows = np.zeros((1, shape.actions, slots.shape[1]), np.float32)
    fill_actions(rows, slots[None], shape)
    return rows[0]
