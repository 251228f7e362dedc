"""Finished replications of a run that is still under way, kept beside its result folder so that an interrupted run can go on.

    DIR/.NAME.unfinished/run.json       what is run: scenario digest, versions
    DIR/.NAME.unfinished/000003.pickle  the trace of replication 3

A file appears whole or not at all, also when the machine stops in the middle of writing one. The folder goes once the results are
written. Replications are keyed by their number, so it does not matter in which process, or when, one was simulated.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scenarios.execute import Factory, run_replications
from scenarios.reading import dump_yaml
from scenarios.results import ResultsError, read_json, version_of
from scenarios.schema import Scenario
from simulator.trace import Trace
from simulator.units import count_of

CONTENT = "run.json"
SUFFIX = ".pickle"
PACKAGES = ("vamappo", "simpy", "numpy", "scipy")


class Kept:
    """The replications of one run that are done; with `resume`, also those of the run that was interrupted."""

    def __init__(self, target: Path, factory: Factory, resume: bool):
        self.folder = folder_of(target)
        self.content = {
            "scenario_sha256": digest_of(factory.scenario),
            "policy_sha256": getattr(factory.scenario.control.policy, "sha256", None),
            "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        }
        if resume and self.folder.is_dir():
            self.check()
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self.write(self.folder / CONTENT, json.dumps(self.content, indent=1).encode())
        self.before = {int(path.stem) for path in self.folder.glob(f"*{SUFFIX}")}

    def check(self) -> None:
        """What was interrupted must be what is run now: mixed results would be nobody's."""
        theirs = read_json(self.folder / CONTENT) if (self.folder / CONTENT).exists() else {}
        if theirs != self.content:
            names = {"scenario_sha256": "the scenario", "policy_sha256": "the policy's source or file"}
            differs = next((said for name, said in names.items() if theirs.get(name) != self.content[name]), "the version of Python or of a package")
            raise ResultsError(f"--resume: {differs} has changed since the run was interrupted; start anew with --force")

    def run(self, factory: Factory, replications: Sequence[int], workers: int, progress: Any = None) -> Iterator[Trace]:
        """Traces in the order of `replications`: those that are kept already, and the others as they are done."""
        missing = [replication for replication in replications if replication not in self.before]
        fresh = run_replications(factory, missing, workers, progress)
        for replication in replications:
            if replication in self.before:
                if progress is not None:
                    progress.finished(replication)
                yield pickle.loads(self.path(replication).read_bytes())
                continue
            trace = next(fresh)
            self.write(self.path(replication), pickle.dumps(trace, protocol=pickle.HIGHEST_PROTOCOL))
            yield trace

    def path(self, replication: int) -> Path:
        """Where a replication's trace is."""
        return self.folder / f"{replication:06d}{SUFFIX}"

    def write(self, path: Path, data: bytes) -> None:
        """Writes a file beside its place first."""
        part = path.with_suffix(f".part-{os.getpid()}")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def discard(self) -> None:
        """The results are written: nothing is left to go on with."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Unkept:
    """A run that cannot be gone on with: it stores nothing, or consists of one replication."""

    before: frozenset[int] = frozenset()
    run = staticmethod(run_replications)

    def discard(self) -> None:
        """There is nothing."""


def folder_of(target: Path) -> Path:
    """Where the replications of an unfinished run into `target` are kept."""
    return target.parent / f".{target.name}.unfinished"


def check_left(target: Path, force: bool, resume: bool) -> None:
    """Refuses to throw away, unasked, what an interrupted run has left; does so where `force` asks for it."""
    if force:
        shutil.rmtree(folder_of(target), ignore_errors=True)
    left = len(list(folder_of(target).glob(f"*{SUFFIX}")))
    if left and not resume:
        raise ResultsError(
            f"a run into {target} was interrupted and left {count_of(left, 'finished replication')}; go on with --resume, or start anew with --force"
        )
    if resume and not left:
        print(f"--resume: no finished replication for {target}; starting", file=sys.stderr)


def is_complete(target: Path, factory: Factory, replications: int) -> bool:
    """Whether `target` holds the whole run asked for; ResultsError where it holds another."""
    path = target / "manifest.json"
    if not path.exists():
        return False
    manifest = read_json(path)
    if manifest["interrupted"]:
        return False
    if manifest["scenario_sha256"] != digest_of(factory.scenario):
        raise ResultsError(f"--resume: {target} is complete and of another scenario; name another folder with --out, or replace it with --force")
    if len(manifest["replications"]) < replications:
        have = len(manifest["replications"])
        raise ResultsError(f"--resume: {target} is complete with {count_of(have, 'replication')}, not {replications}; replace it with --force")
    return True


def digest_of(scenario: Scenario) -> str:
    """The digest of a resolved scenario, as the manifest has it."""
    return hashlib.sha256(dump_yaml(scenario).encode()).hexdigest()
