"""Flash crowds: (f - 1) times the rate more, a stream of its own, nothing else touched."""

import numpy as np
import pytest

from tests.helpers import run, scenario

POISSON = "{kind: poisson, rate: 50 /s}"
HALVES = "{kind: profile, times: [0 s, 10 s, 10.001 s, 20 s], rates: [100 /s, 100 /s, 20 /s, 20 /s]}"


def world(spike: str = "", arrivals: str = POISSON, more: str = "", horizon: str = "horizon: 100 s"):
    return run(
        scenario(f"""
name: crowd
{horizon}
drain: stop
record: {{spans: all}}
network: {{nodes: [{{name: a, workers: unlimited}}, {{name: b, workers: unlimited}}], links: [{{between: [a, b], propagation: 1 ms}}]}}
services: {{s: {{service_time: {{kind: exponential, mean: 10 ms}}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{x: {{calls: [{{name: c, service: s}}]}}}}
workload:
  - {{name: w, application: x, ingress: all, arrivals: {arrivals}}}
{more}
spikes: [{spike}]
control: {{policy: local-first}}
""")
    )


def times_of(trace, entry: int) -> np.ndarray:
    return trace.requests["arrival"][trace.requests["entry"] == entry]


def latencies_of(trace, entry: int) -> np.ndarray:
    return trace.latency[trace.requests["entry"] == entry]


@pytest.mark.parametrize("arrivals", [POISSON, "{kind: renewal, rate: 50 /s, cv: 2}", "{kind: mmpp, rates: [20 /s, 80 /s], stays: [300 ms, 300 ms]}"])
def test_the_entry_stays_as_it_was(arrivals):
    """On unlimited workers latencies are draws: with the crowd the entry's are the same floats."""
    before = world(arrivals=arrivals)
    after = world("{name: rush, kind: flash_crowd, workload: [w], factor: 3.5, at: [20 s, 60 s], for: 20 s}", arrivals)
    np.testing.assert_array_equal(times_of(before, 0), times_of(after, 0))
    np.testing.assert_array_equal(latencies_of(before, 0), latencies_of(after, 0))
    crowd = times_of(after, 1)
    assert (((crowd >= 20) & (crowd < 40)) | ((crowd >= 60) & (crowd < 80))).all()
    spread = {"renewal": 2.0, "mmpp": 3.4}.get(arrivals[7:].split(",")[0], 1.0)  # root of the index of dispersion for counts, at most
    assert abs(len(crowd) - 2.5 * 50 * 40) < 4 * spread * np.sqrt(2.5 * 50 * 40)
    assert after.entries[1][0] == "w+rush"
    assert after.episodes == [[0, "w", 20.0, 40.0, 3.5], [0, "w", 60.0, 80.0, 3.5]]


def test_a_varying_rate_varies_alike():
    trace = world("{name: rush, kind: flash_crowd, workload: all, factor: 3, at: [0 s], for: 100 s}", HALVES)
    crowd = times_of(trace, 1) % 20
    busy = (crowd < 10).sum()
    assert abs(busy - 2 * 100 * 50) < 4 * np.sqrt(10_000)
    assert abs(len(crowd) - busy - 2 * 20 * 50) < 4 * np.sqrt(2_000)


def test_rows_of_a_list_come_again():
    times = "{kind: times, at: [1 s, 2 s, 3 s, 4 s]}"
    trace = world("{name: rush, kind: flash_crowd, workload: [w], factor: 3, at: [1.5 s], for: 2 s}", times)
    assert times_of(trace, 0).tolist() == [1, 2, 3, 4]
    assert times_of(trace, 1).tolist() == [2, 2, 3, 3]


def test_rows_of_a_trace_bring_their_tokens(tmp_path):
    file = tmp_path / "trace.csv"
    file.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n" + "".join(f"{i},{10 + i},{i}\n" for i in range(20)))
    text = f"""
name: crowd
record: {{spans: all}}
network: {{nodes: [{{name: a, workers: unlimited}}]}}
services: {{s: {{service_time: {{kind: tokens, prompt: 1 ms, output: 0 s}}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{x: {{calls: [{{name: c, service: s}}]}}}}
workload: [{{name: w, application: x, ingress: a, arrivals: {{kind: trace, file: {file}}}}}]
spikes: [{{name: rush, kind: flash_crowd, workload: [w], factor: 2, at: [5 s, 15 s], for: 3 s}}]
"""
    trace = run(scenario(text))
    assert times_of(trace, 1).tolist() == [5, 6, 7, 15, 16, 17]
    assert latencies_of(trace, 1) == pytest.approx([0.015, 0.016, 0.017, 0.025, 0.026, 0.027])


def test_other_crowds_and_entries_change_nothing():
    rush = "{name: rush, kind: flash_crowd, workload: [w], factor: 2.5, up: {kind: exponential, mean: 5 s}, down: {kind: exponential, mean: 2 s}}"
    one = world(rush)
    more = world(
        "{name: other, kind: flash_crowd, workload: all, factor: 2, chain: {step: 1 s, enter: 10 %, stay: 50 %}}, " + rush,
        more="  - {name: v, application: x, ingress: a, arrivals: {kind: poisson, rate: 5 /s}}",
    )
    names = [name for name, _ in more.entries]
    for name, entry in (("w", 0), ("w+rush", 1)):
        np.testing.assert_array_equal(times_of(one, entry), times_of(more, names.index(name)))
        np.testing.assert_array_equal(latencies_of(one, entry), latencies_of(more, names.index(name)))
    assert set(names) == {"w", "v", "w+other", "v+other", "w+rush"}


def test_runs_end_without_waiting_for_a_crowd():
    """The second episode would come after the last request of the entry: the run is over before it."""
    times = "{kind: times, at: [1 s, 2 s]}"
    trace = world("{name: rush, kind: flash_crowd, workload: [w], factor: 3, at: [1 s, 50 s], for: 500 ms}", times, horizon="")
    assert times_of(trace, 1).tolist() == [1, 1]
    assert trace.end < 10
