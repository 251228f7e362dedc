"""Measures the relative standard deviations of the cases that have no independent ones: 40 runs of a case at a tenth of its size.

    python -m scenarios.validation.deviations
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np

from scenarios.execute import Factory, run_replications
from scenarios.reading import parse
from scenarios.validation.figures import Run
from scenarios.validation.own_cases import CASES

RUNS, SHARE, SEED = 40, 0.1, 1_000_003


def main() -> None:
    """Prints case, statistic, and the deviation scaled to the case's size."""
    for case in CASES:
        if case.exact:
            continue
        requests = int(case.requests * SHARE)
        found: dict[str, list[float]] = {statistic.id: [] for statistic in case.statistics}
        for name, text in case.runs.items():
            described = parse(text.format(n=requests), Path(f"{case.id}.yaml")).scenario
            for trace in run_replications(Factory(described, Path(), SEED), range(RUNS), 2):
                shown = Run(trace)
                for statistic in case.statistics:
                    if statistic.run == name:
                        found[statistic.id].append(statistic.figure.of(shown))
        for statistic in case.statistics:
            values = np.array(found[statistic.id])
            sd = values.std(ddof=1) / statistic.expected * sqrt(SHARE)
            error = (values.mean() - statistic.expected) / (values.std(ddof=1) / sqrt(RUNS))
            print(f"{statistic.id} {statistic.name}: sd {sd:.3g}, expected {statistic.expected:.6g}, found {values.mean():.6g}, z {error:+.2f}", flush=True)


if __name__ == "__main__":
    main()
