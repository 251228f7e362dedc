"""Running replications, one after another or in parallel worker processes; the results are the same bit for bit."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.build import build
from scenarios.policies import blamed, version_of
from scenarios.schema import Scenario
from simulator.errors import DecisionError
from simulator.outside import CONTRACT
from simulator.trace import Trace


@dataclass(frozen=True)
class Factory:
    """Makes simulations of one scenario by replication; small and picklable."""

    scenario: Scenario
    base: Path
    seed: int

    def __call__(self, replication: int) -> Any:
        """A live simulation."""
        return build(self.scenario, self.base, self.seed, replication)

    def run(self, replication: int, watch: Callable[[Any], None] | None = None) -> Trace:
        """One replication to its end, under the scenario's own policy."""
        simulation = self(replication)
        if watch is not None:
            watch(simulation)
        gc.collect()
        gc.freeze()  # the set-up stays: the collector need not look at it again
        try:
            return self.drive(simulation, replication)
        finally:
            gc.unfreeze()

    def drive(self, simulation: Any, replication: int) -> Trace:
        """The plain loop, or the one that writes decisions down."""
        policy, record = self.scenario.control.policy, self.scenario.record
        with blamed(policy, replication, simulation):
            actor = policy.actor(simulation)
            if not hasattr(actor, "act"):
                raise DecisionError(f"actor(simulation) returned {actor!r}, which has no act(decision); {CONTRACT}")
        with blamed(policy, replication, simulation, running=True):
            if not record.decisions:
                return simulation.run(actor)
            from agents.recording import Recorder

            return Recorder(simulation, actor, version_of(policy), record.states).run()


def run_replications(factory: Factory, replications: Sequence[int], workers: int, progress: Any = None) -> Iterator[Trace]:
    """Traces in the order of replications, each as soon as it and those before it are done."""
    if workers <= 1 or len(replications) == 1:
        for replication in replications:
            with Watch(progress, replication) as watch:
                yield factory.run(replication, watch.see)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        jobs = (delayed(factory.run)(replication) for replication in replications)
        for trace in Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(jobs):
            if progress is not None:
                progress.finished(trace.replication)
            yield trace


class Watch:
    """Shows how far a simulation is, from a thread that only reads."""

    def __init__(self, progress: Any, replication: int):
        self.progress = progress
        self.replication = replication
        self.simulation: Any = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def see(self, simulation: Any) -> None:
        """The simulation to watch."""
        self.simulation = simulation

    def look(self) -> None:
        """Reports four times a second."""
        began = time.monotonic()
        while not self.done.wait(0.25):
            simulation = self.simulation
            if simulation is not None:
                self.progress.update(self.replication, float(simulation.environment.now), simulation.generated, time.monotonic() - began)

    def __enter__(self) -> Watch:
        if self.progress is not None:
            self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.done.set()
        if self.progress is not None:
            self.thread.join()
            self.progress.finished(self.replication)
