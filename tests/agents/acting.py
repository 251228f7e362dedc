"""Checkpoints of policies with random weights, for tests of acting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from agents.checkpoint import save
from agents.learner import Learner
from agents.observation import shape_of
from agents.settings import Learning
from agents.trainer import interface_of, sizes_of
from agents.transitions import Graphs, hop_matrix
from scenarios.build import build

torch.set_num_threads(1)


def learner_for(described: Any, seed: int = 0, **keys: Any) -> tuple[Learner, dict[str, Any]]:
    """(a learner with weights large enough to have opinions, what the trainer stores beside it) for a scenario."""
    simulation = build(described, Path())
    shape = shape_of(simulation)
    found = Learner(Learning(**{"hidden": 16, **keys}), sizes_of(shape), Graphs.of([hop_matrix(simulation).astype(int)]), seed)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in found.policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=noise)
    return found, {"observation": {**interface_of(shape), "nodes": [[node.name for node in simulation.nodes]]}}


def checkpoint_for(described: Any, path: Path, seed: int = 0, **keys: Any) -> Learner:
    """Writes a checkpoint to `path`."""
    found, more = learner_for(described, seed, **keys)
    save(path, found, more)
    return found
