"""The bundled scenarios are what their comments say."""

import numpy as np
import pytest

from scenarios.reading import bundled, load
from scenarios.schema import Scenario
from tests.helpers import run

HOUR = 3436.0  # s that the measured trace of code completion lasts


def scenario_of(name: str) -> Scenario:
    return load(name).scenario


def arrivals(name: str, end: float) -> np.ndarray:
    """Arrival times of a scenario's first entry up to `end` [s]."""
    live = scenario_of(name).workload[0].arrivals.source(np.random.default_rng(3))
    times: list[float] = []
    while not times or times[-1] < end:
        times += live.next_block()
    found = np.array(times)
    return found[found < end]


def cv(times: np.ndarray) -> float:
    gaps = np.diff(times)
    return float(gaps.std() / gaps.mean())


def dispersion(times: np.ndarray, seconds: float) -> float:
    """Index of dispersion of the counts in windows."""
    counts = np.bincount((times // seconds).astype(int))
    return float(counts.var() / counts.mean())


def test_chat_arrives_as_measured():
    times = arrivals("chat-azure", 200 * HOUR)
    assert cv(times) == pytest.approx(1.1, abs=0.02)
    assert dispersion(times, 60.0) == pytest.approx(16.0, abs=1.0)
    assert len(times) / (200 * HOUR) == pytest.approx(5.5, rel=0.02)


def test_code_completion_arrives_as_measured():
    times = arrivals("code-completion", 300 * HOUR)
    assert len(times) / (300 * HOUR) == pytest.approx(2.57, rel=0.1)
    assert cv(times) == pytest.approx(13.0, abs=1.0)
    assert dispersion(times, 60.0) == pytest.approx(160.0, rel=0.1)
    assert dispersion(times, 1.0) == pytest.approx(13.0, rel=0.25)
    hours = [times[(times >= h * HOUR) & (times < (h + 1) * HOUR)] for h in range(300)]
    assert np.median([np.diff(hour).max() for hour in hours]) == pytest.approx(217.0, rel=0.1)
    minutes = [np.bincount(((hour - hour[0]) // 60).astype(int)) for hour in hours]
    assert np.median([counts.max() / counts.mean() for counts in minutes]) == pytest.approx(4.2, rel=0.1)


def test_no_site_of_edge_genai_holds_all_models():
    described = scenario_of("edge-genai")
    models = sum(variant.memory for service in described.services.values() for variant in (service.variants or {}).values())
    sites = [node for node in described.network.nodes if node.tier != "cloud"]
    assert len(sites) == 5
    assert len({(node.memory, node.speed, node.disk) for node in sites}) >= 4
    assert all(node.memory < models for node in sites)
    assert models == pytest.approx(27.5e9 * 8)


def test_cold_start_waits_for_models():
    trace = run(load("cold-start", ["horizon=10 min", "warm_up=1 min", "record.spans=all"]).scenario)
    assert sum(len(memory.loads) for memory in trace.memories) > 10
    assert "model_load" in trace.tables()["spans"]["kind"].values()


@pytest.mark.parametrize("name", [name for name in bundled() if scenario_of(name).spikes])
def test_spikes_can_be_left_out(name):
    """What `benchmarks.spikes` compares: the same requests arrive, whether there are spikes or not."""
    short = ["horizon=null", "warm_up=0 s", "requests=300", "drain=stop"]
    on, off = run(load(name, short).scenario), run(load(name, [*short, "spikes=[]"]).scenario)
    n = min(len(on.latency), len(off.latency))
    assert n >= 300
    np.testing.assert_array_equal(on.requests["arrival"][:n], off.requests["arrival"][:n])
    assert len(off.episodes) == 0


def test_cells_of_flaky_5g_stall_as_often_as_its_comment_says():
    trace = run(load("flaky-5g", ["record.spans=none"]).scenario)
    share = {name: 0.0 for name in trace.spikes}
    count = dict.fromkeys(trace.spikes, 0)
    for entry, _, start, end, _ in trace.episodes:
        share[trace.spikes[entry]] += (end - start) / trace.end
        count[trace.spikes[entry]] += 1
    assert [share[f"stalls-{cell}"] for cell in "abc"] == pytest.approx([0.02, 0.04, 0.08], rel=0.15)
    bad = [share[f"bad-{cell}"] for cell in "abc"]
    assert sum(bad) / 3 == pytest.approx(0.05, abs=0.03)
    length = sum(bad) * trace.end / sum(count[f"bad-{cell}"] for cell in "abc")
    assert length == pytest.approx(0.5 / 0.13, rel=0.5)
