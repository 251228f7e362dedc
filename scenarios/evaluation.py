"""Running an evaluation: every policy in every replication, replication by replication, so that an interruption keeps whole pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.evaluation import Sample, sample_of
from scenarios.execute import Factory, Watch
from scenarios.policies import under
from scenarios.schema import Record, Scenario


@dataclass(frozen=True)
class Task:
    """One replication under one policy; small and picklable."""

    label: str
    factory: Factory
    replication: int

    def run(self, watch: Any = None) -> tuple[str, Sample]:
        """(the policy's label, what it came to)."""
        return self.label, sample_of(self.factory.run(self.replication, watch))


def tasks(scenario: Scenario, base: Any, policies: Mapping[str, Any], replications: Sequence[int]) -> list[Task]:
    """The tasks in the order in which they run; spans are not recorded, which changes no result."""
    lean = replace(scenario, record=Record(spans="none"))
    factories = {label: Factory(under(lean, policy), base, scenario.seed) for label, policy in policies.items()}
    return [Task(label, factory, replication) for replication in replications for label, factory in factories.items()]


def run_tasks(chosen: Sequence[Task], workers: int, progress: Any = None) -> Iterator[tuple[str, Sample]]:
    """Results in the order of the tasks, each as soon as it and those before it are done."""
    if workers <= 1 or len(chosen) == 1:
        for task in chosen:
            with Watch(progress, task.replication) as watch:
                yield task.run(watch.see)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        jobs = (delayed(task.run)() for task in chosen)
        for found in Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(jobs):
            if progress is not None:
                progress.finished(found[1].replication)
            yield found


def whole(samples: Mapping[str, Sequence[Sample]]) -> dict[str, list[Sample]]:
    """The replications that are done under every policy."""
    common = set.intersection(*({sample.replication for sample in of} for of in samples.values()))
    return {label: [sample for sample in of if sample.replication in common] for label, of in samples.items()}
