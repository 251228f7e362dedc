"""The benchmark's yardstick is the shared one, and the scenario that stands for it is the same model."""

import importlib.util
import sys

import numpy as np

from analysis.estimates import quantile
from benchmarks import yardstick
from tests.helpers import run, scenario


def test_latencies_equal_the_shared_yardsticks(shared):
    folder = shared / "bench" / "yardstick"
    sys.path.insert(0, str(folder))
    try:
        found = {}
        for name in ("model", "idiomatic_simpy"):
            description = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
            found[name] = importlib.util.module_from_spec(description)
            sys.modules[name] = found[name]
            description.loader.exec_module(found[name])
        spec = found["model"].Spec()
        theirs, _, _ = found["idiomatic_simpy"].run(spec, found["model"].Workload(spec, 1500))
    finally:
        sys.path.remove(str(folder))
    assert yardstick.run(yardstick.Model(), 1500) == theirs


def test_the_scenario_is_the_same_model():
    """Mean and p99 of eight runs each agree within their intervals; at most 19 events a request."""
    n, runs = 1500, 8
    model = yardstick.Model()
    plain = [np.array(yardstick.run(model, n, seed)) for seed in range(1, runs + 1)]
    described = scenario(yardstick.scenario_text(model, n))
    traces = [run(described, seed=seed) for seed in range(1, runs + 1)]
    for figure in (np.mean, lambda values: quantile(values, 0.99)):
        a = np.array([figure(values) for values in plain])
        b = np.array([figure(trace.latency) for trace in traces])
        error = np.sqrt(a.var(ddof=1) / runs + b.var(ddof=1) / runs)
        assert abs(a.mean() - b.mean()) < 4.1 * error  # t with 14 degrees of freedom: once in a thousand
    assert all(trace.events / n <= 19 for trace in traces)
