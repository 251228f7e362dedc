"""Checkpoints: plain arrays and JSON in one npz file, so that reading a foreign one cannot run code.

A file holds the settings, the widths and maps, every weight, the optimisers' moments, the running figures, the random generators, and
what the trainer adds, so that training goes on bit for bit. It is written beside its place and then moved there: a cut leaves the old
one whole. The names in the file are part of its format, `VERSION`.
"""

from __future__ import annotations

import json
import os
import struct
import tokenize
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.settings import Learning, settings_of

if TYPE_CHECKING:
    from agents.learner import Learner

VERSION = 1
FORMAT = "vamappo checkpoint"


UNREADABLE = (
    OSError, ValueError, KeyError, AttributeError, TypeError, EOFError, MemoryError, OverflowError, NotImplementedError, RuntimeError,
    SyntaxError, zipfile.BadZipFile, zlib.error, tokenize.TokenError, struct.error,
)  # fmt: skip  # what numpy and zipfile raise on bytes that they did not write


class CheckpointError(ValueError):
    """Raised when a file is no checkpoint of this program, is damaged, or does not fit what is asked of it."""


def save(path: Path, learner: Learner, more: dict[str, Any] | None = None, arrays: dict[str, np.ndarray] | None = None) -> None:
    """Writes the learner's state to `path` atomically; `more` is JSON of the trainer's, `arrays` its arrays."""
    held: dict[str, np.ndarray] = {f"more/{name}": array for name, array in (arrays or {}).items()}
    for part, module in modules(learner).items():
        held |= {f"{part}/{name}": value.detach().cpu().numpy() for name, value in module.state_dict().items()}
    for name, optimiser in optimisers(learner).items():
        for index, state in optimiser.state_dict()["state"].items():
            held |= {f"{name}/{index}/{key}": np.asarray(value.detach().cpu()) for key, value in state.items()}
    held |= {"graphs/hops": learner.graphs.hops, "graphs/present": learner.graphs.present}
    described = {
        "format": FORMAT, "version": VERSION, "settings": asdict(learner.settings), "sizes": asdict(learner.sizes),
        "seed": learner.seed, "updates": learner.updates,
        "normaliser": learner.normaliser.moments.state(), "scale": learner.scale.state(), "adaptation": learner.adaptation.state(),
        "shuffles": learner.shuffles.bit_generator.state, "masks": learner.masks.bit_generator.state, "more": more or {},
    }  # fmt: skip
    if learner.forecaster is not None:
        described["forecasts"] = learner.forecaster.shuffles.bit_generator.state
    write(path, described, held)


def write_policy(checkpoint: Path, target: Path) -> None:
    """Writes what acting needs of a checkpoint and no more, a fraction of its size; training cannot go on from it."""
    described, arrays = read(checkpoint)
    kept = {name: described[name] for name in ("format", "version", "settings", "sizes", "seed", "updates")}
    seen = {name: value for name, value in described["more"].items() if name == "observation"}
    write(target, {**kept, "weights_only": True, "more": seen}, {name: array for name, array in arrays.items() if name.startswith(("policy/", "forecast/"))})


def write(path: Path, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes a file beside its place and then moves it there."""
    held = {**arrays, "described": np.frombuffer(json.dumps(described, allow_nan=False).encode(), dtype=np.uint8)}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            np.savez(file, **held)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(what is described, arrays by name) of a checkpoint; CheckpointError says what is wrong with the file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        described = json.loads(bytes(arrays.pop("described")).decode())
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except UNREADABLE as error:
        why = "" if "pickle" in str(error) else f" ({error})"  # numpy's advice to allow pickles is none: a foreign file could run code
        raise CheckpointError(f"{path}: not a checkpoint of this program, or damaged{why}") from None
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this program")
    if described["version"] != VERSION:
        raise CheckpointError(f"{path}: written in format {described['version']}, this program reads {VERSION}")
    return described, arrays


def described_settings(path: Path) -> tuple[Learning, int]:
    """(the settings, the seed) that a checkpoint's training has."""
    described, _ = read(path)
    try:
        return settings_of(described["settings"]), int(described["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: does not hold what a checkpoint holds: {error}") from None


def restore(path: Path, device: str = "cpu") -> tuple[Learner, dict[str, Any], dict[str, np.ndarray]]:
    """(learner, the trainer's JSON, the trainer's arrays) of a checkpoint, as they were."""
    from agents.learner import Learner
    from agents.networks import Sizes
    from agents.transitions import Graphs

    described, arrays = read(path)
    if described.get("weights_only"):
        raise CheckpointError(f"{path}: holds a policy's weights alone, which can act but not learn on: give the checkpoint that it was made with")
    try:
        settings = settings_of(described["settings"])
        graphs = Graphs(arrays["graphs/hops"], arrays["graphs/present"])
        learner = Learner(settings, Sizes(**described["sizes"]), graphs, described["seed"], device)
        broken = [name for name, value in arrays.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]
        if broken:
            raise ValueError(f"{broken[0]} has values that are not finite numbers")
        for part, module in modules(learner).items():
            module.load_state_dict({name: learner.tensor(value) for name, value in taken(arrays, part).items()})
        for name, optimiser in optimisers(learner).items():
            load_optimiser(optimiser, taken(arrays, name), learner)
        learner.updates = int(described["updates"])
        learner.normaliser.moments.load(described["normaliser"])
        learner.scale.load(described["scale"])
        learner.adaptation.load(described["adaptation"])
        learner.shuffles.bit_generator.state = described["shuffles"]
        learner.masks.bit_generator.state = described["masks"]
        if learner.forecaster is not None:
            learner.forecaster.shuffles.bit_generator.state = described["forecasts"]
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path}: does not hold what a checkpoint holds: {' '.join(str(error).split())}") from None
    return learner, described["more"], taken(arrays, "more")


def modules(learner: Learner) -> dict[str, Any]:
    """Every network by its name in the file."""
    found = {"policy": learner.policy, "critic": learner.critic}
    return {**found, "forecast": learner.forecaster.network} if learner.forecaster is not None else found


def optimisers(learner: Learner) -> dict[str, Any]:
    """Every optimiser by its name in the file."""
    found = {f"policy_optimiser-{i}": optimiser for i, optimiser in enumerate(learner.policy_optimisers)}
    found["critic_optimiser"] = learner.critic_optimiser
    return {**found, "forecast_optimiser": learner.forecaster.optimiser} if learner.forecaster is not None else found


def load_optimiser(optimiser: Any, arrays: dict[str, np.ndarray], learner: Learner) -> None:
    """Puts back an optimiser's moments; its rates are set anew at every update."""
    import torch

    state: dict[int, dict[str, Any]] = {}
    for name, value in arrays.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = torch.as_tensor(value.copy()) if key == "step" else learner.tensor(value)  # Adam counts on the CPU
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def taken(arrays: dict[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Arrays whose name begins with `part/`, without it."""
    return {name.removeprefix(f"{part}/"): array for name, array in arrays.items() if name.startswith(f"{part}/")}
