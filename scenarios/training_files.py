"""What a training leaves in its folder: `checkpoint.pt` to go on from, `best.pt`, its weights alone (`policy.npz`), `progress.csv`,
`manifest.json`, TensorBoard's events.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.reading import dump_yaml
from scenarios.results import ResultsError, manifest, read_json, write_json

LATEST, BEST, POLICY, PROGRESS, EVENTS = "checkpoint.pt", "best.pt", "policy.npz", "progress.csv", "tensorboard"
FIGURES = (
    "window", "decisions", "return", "requests", "utility", "completed", "p99_s", "kl", "clip_fraction", "entropy",
    "explained_variance", "policy_loss", "value_loss", "value", "advantage_scale", "epistemic", "aleatoric", "stopped", "first_ratio_error",
    "forecast_loss", "calls", "rollout_s", "update_s", "decisions_per_s", "validation",
)  # fmt: skip
BY_AGENT = {"u": "uncertainty", "m": "multiplier", "eps": "clip"}


def check_folder(out: Path, force: bool) -> None:
    """Refuses a folder in which a training would be overwritten, or which holds something else."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not out.is_dir() or not (out / "manifest.json").exists():
            raise ResultsError(f"{out} is not a training's folder (it has no manifest.json) and is left alone; name another with --out")
        if not force:
            raise ResultsError(f"{out} exists; go on with --resume {out / LATEST}, name another folder with --out, or replace it with --force")


def clear(out: Path) -> None:
    """Makes the folder, without an earlier training's files."""
    out.mkdir(parents=True, exist_ok=True)
    told = read_json(out / "manifest.json") if (out / "manifest.json").exists() else {}
    scenarios = [f"{name}.yaml" for name in ("scenario", *(told.get("scenarios") or ()))]
    for name in (LATEST, BEST, POLICY, PROGRESS, "manifest.json", *scenarios):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / EVENTS, ignore_errors=True)


def discard(out: Path) -> None:
    """Removes a training's folder in which nothing was learned."""
    clear(out)
    if not any(out.iterdir()):
        out.rmdir()


def take_over(checkpoint: Path, out: Path, trainer: Any) -> None:
    """Lets a training go on in another folder: what belongs to it is copied there from beside its checkpoint."""
    source = checkpoint.parent
    if out.resolve() != source.resolve():
        check_folder(out, force=False)
        out.mkdir(parents=True, exist_ok=True)
        for name in (BEST, POLICY, PROGRESS, "manifest.json"):
            if (source / name).exists():
                shutil.copy2(source / name, out / name)
        shutil.copy2(checkpoint, out / LATEST)
    if trainer.best is not None and not (out / BEST).exists():
        raise ResultsError(f"{source} holds the checkpoint but no {BEST}, the best policy so far: put it back beside it")


class Log:
    """Rows of figures, a window each, as CSV and where asked for as TensorBoard events; resumed, it drops rows beyond the checkpoint."""

    def __init__(self, out: Path, agents: Sequence[str], windows: int, tensorboard: bool):
        self.path, self.agents = out / PROGRESS, agents
        self.columns = [*FIGURES, *(f"{short}.{agent}" for short in BY_AGENT for agent in agents if agent)]
        rows = list(csv.reader(self.path.open(encoding="utf-8")))[1 : windows + 1] if windows and self.path.exists() else []
        part = self.path.with_name(f".{PROGRESS}.{os.getpid()}")
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.columns, *rows])
        part.replace(self.path)
        self.writer: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(out / EVENTS), purge_step=windows + 1 if windows else None)

    def write(self, figures: dict[str, Any]) -> None:
        """Adds the figures of one window."""
        values = {name: figures[name] for name in FIGURES if name in figures}
        for short, name in BY_AGENT.items():
            values |= {f"{short}.{agent}": value for agent, value in zip(self.agents, figures[name].tolist(), strict=True) if agent}
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([written(values.get(column)) for column in self.columns])
        if self.writer is not None:
            for column, value in values.items():
                if np.isfinite(value):
                    self.writer.add_scalar(column.replace(".", "/", 1), value, figures["window"])

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def written(value: Any) -> str:
    """A figure in a cell: whole numbers as they are, others with 8 digits, nothing where there is none."""
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.8g}"


def has_tensorboard() -> bool:
    """Whether TensorBoard's writer is installed."""
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None


def write_manifest(out: Path, course: Any, trainer: Any, spent: dict[str, Any]) -> None:
    """Writes `manifest.json`, and every scenario as resolved; `spent` is time and what else there is to tell."""
    texts = {each.scenario.name: dump_yaml(each.scenario) for each in course.loaded}
    for name, text in texts.items():
        (out / (f"{name}.yaml" if len(texts) > 1 else "scenario.yaml")).write_text(text, encoding="utf-8")
    facts = {
        "training": True, **course.facts, "training_seed": course.seed, "algorithm": course.settings.algorithm, "device": str(trainer.learner.device),
        "decisions": trainer.windows * trainer.per_window, "windows": trainer.windows, "complete": trainer.done,
        "best_validation": trainer.best, "validations": trainer.validations, **spent,
    }  # fmt: skip
    beside = out / f".manifest.{os.getpid()}"
    write_json(beside, manifest("".join(texts.values()), {}, facts))
    beside.replace(out / "manifest.json")
