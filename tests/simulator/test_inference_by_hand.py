"""Continuous batching worked by hand: iterations of two requests, in milliseconds.

The profile reads its weights in 10 ms, computes a prompt token in 1 ms, and adds 1 ms for each request of the batch.
"""

from pathlib import Path

import pytest

from scenarios.build import build
from scenarios.reading import parse
from simulator.inference.record import columns_of
from simulator.request import TIMED_OUT
from simulator.simulation import Simulation
from simulator.trace import Trace

PROFILE = "{kind: formula, weights: 1 GB, bandwidth: 100 GB/s, flop_per_token: 1, flop_rate: 1000, request_time: 1 ms, kv_time: %s}"


def world(folder: Path, rows: str, settings: str, kv_time: str = "0 s", more: str = "", call: str = "") -> Simulation:
    """A node with one engine; `rows` are arrival [s], prompt, output."""
    (folder / "trace.csv").write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n" + rows.replace(" ", "\n") + "\n")
    text = f"""
name: by-hand
drain: stop
record: {{spans: all}}
network: {{nodes: [{{name: n}}]}}
services:
  s:
    inference: {{profile: {PROFILE % kv_time}, prompt: {{column: prompt}}, output: {{column: output}}, {settings}}}
deployments: [{{service: s, nodes: [n]}}]
applications: {{a: {{calls: [{{name: c, service: s{call}}}]}}}}
workload: [{{name: w, application: a, ingress: n, arrivals: {{kind: trace, file: trace.csv}}}}]
{more}
"""
    return build(parse(text, folder / "by-hand.yaml").scenario, folder)


def run(simulation: Simulation) -> Trace:
    """To its end; there is one place for every call."""
    for decision in simulation.decisions():
        decision.choose(decision.candidates[0])
    return simulation.trace


def times(trace: Trace) -> list[tuple[float, float, int]]:
    """(first token, end [ms], preemptions) by request."""
    rows = columns_of(trace)
    order = rows["request"].argsort()
    return [(round(1e3 * rows["first"][i], 9), round(1e3 * rows["ended"][i], 9), int(rows["preemptions"][i])) for i in order]


def test_a_prompt_in_chunks_beside_a_shorter_one(tmp_path):
    """A: 30 prompt tokens, 3 out; B, 5 ms later: 8 and 2; 20 tokens an iteration; 0.01 ms for a token in the cache.

    0 to 21: 20 tokens of A. To 41.2: A's other 10 and B's 8, 20 in the cache: both have their first token. To 53.58: both decode, 38 in
    the cache: B is done. To 64.89: A decodes, 31 in the cache.
    """
    trace = run(world(tmp_path, "0,30,3 0.005,8,2", "batch: 2, chunk: 20", "10 us"))
    assert times(trace) == [(41.2, 64.89, 0), (41.2, 53.58, 0)]
    rows = columns_of(trace)
    assert (rows["started"] * 1e3).round(9).tolist() == [21.0, 0.0]  # B joins at the iteration that starts at 21
    assert trace.stations[0].waits.mean() == pytest.approx(0.008)  # A 0, B 16 ms


SHORT_OF_BLOCKS = "batch: 2, chunk: unlimited, block: 4, kv_size: 1 B, kv_memory: 24 B, watermark: 0 %"


@pytest.mark.parametrize("way", ["", ", step_by_step: true"])
def test_the_newest_request_gives_way_and_is_computed_again(tmp_path, way):
    """Two requests of 8 prompt and 10 output tokens need 5 blocks of 4 tokens each, 6 there are.

    To 11: A's prompt. To 23: B's prompt, A's 2nd token. To 59: three iterations of both; then A has 12 tokens in 3 blocks, and B the
    other 3. B gives way, with 4 tokens out. A's last five take until 114. B's 12 tokens are computed again in 13 ms, which gives
    its 5th; five more at 11 ms each: 182.
    """
    simulation = world(tmp_path, "0,8,10 0,8,10", SHORT_OF_BLOCKS + way)
    trace = run(simulation)
    assert times(trace) == [(11.0, 114.0, 0), (23.0, 182.0, 1)]
    blocks = simulation.stations[0].blocks  # type: ignore[attr-defined]
    assert (blocks.free, blocks.total) == (6, 6)
    assert simulation.stations[0].preemptions == 1  # type: ignore[attr-defined]


def test_admission_leaves_the_watermark_free(tmp_path):
    """10 blocks, half of them to be left by a newcomer beside others: A takes 3 of 4 tokens, B would leave 4 and waits for A's end."""
    settings = "batch: 2, chunk: unlimited, block: 4, kv_size: 1 B, kv_memory: 40 B, watermark: "
    assert times(run(world(tmp_path, "0,12,2 0.001,12,2", settings + "50 %"))) == [(13.0, 24.0, 0), (37.0, 48.0, 0)]
    assert times(run(world(tmp_path, "0,12,2 0.001,12,2", settings + "10 %"))) == [(13.0, 27.0, 0), (27.0, 38.0, 0)]


def test_what_the_cache_can_never_hold_is_rejected(tmp_path):
    """24 tokens: 15 prompt and 10 output tokens need 24 (the last one is never read), 16 and 10 do not fit."""
    trace = run(world(tmp_path, "0,15,10 1,16,10", SHORT_OF_BLOCKS))
    assert trace.outcome_counts(trace.counted)["rejected"] == 1
    assert times(trace) == [(16.0, 115.0, 0)]


def test_capacity_counts_the_batch(tmp_path):
    trace = run(world(tmp_path, "0,10,5 0,10,5 0,10,5", "batch: 1, capacity: 2"))
    assert trace.outcome_counts(trace.counted) == {"completed": 2, "rejected": 1, "timed_out": 0, "failed": 0, "unreachable": 0, "unfinished": 0}


def test_a_request_that_is_given_up_leaves_at_once(tmp_path):
    """A's prompt takes until 11, then B's with A's 2nd token until 23; both decode until 35 and 47. B is given up at 40: its blocks are
    free at once, the iteration goes on as it is, and A has 4 tokens by 47, the last six alone at 11 ms by 113."""
    simulation = world(tmp_path, "0,10,10 0.001,10,100", "batch: 2, block: 5, kv_size: 1 B, kv_memory: 200 B")
    engine = simulation.stations[0]
    free: list[int] = []

    def give_up() -> None:
        simulation.end(simulation.in_flight[1], TIMED_OUT, 0.040)
        free.append(engine.blocks.free)  # type: ignore[attr-defined]

    simulation.environment.call(0.040, give_up)
    trace = run(simulation)
    assert times(trace) == [(11.0, 113.0, 0)]
    assert free == [40 - 3]  # A holds 3: 10 of prompt, 4 out by 47
    assert trace.outcome_counts(trace.counted)["timed_out"] == 1
    assert engine.blocks.free == engine.blocks.total  # type: ignore[attr-defined]


def test_a_time_out_and_a_retry_keep_the_prompt(tmp_path):
    """Alone: the prompt takes 11 ms, 100 tokens would take 1,100; the time-out comes at 50, the retry at 60, and times out at 110."""
    simulation = world(tmp_path, "0,10,100", "batch: 2", call=", timeout: 50 ms, retry: {retries: 1, back_off: 10 ms}")
    trace = run(simulation)
    assert trace.outcome_counts(trace.counted)["timed_out"] == 1
    assert trace.latency.tolist() == pytest.approx([0.110])
    engine = simulation.stations[0]
    assert engine.blocks.free == engine.blocks.total  # type: ignore[attr-defined]


def test_slow_and_frozen_engines_keep_exact_progress(tmp_path):
    """Alone: prompt 11, then 10 tokens at 11 ms: 121. Slowed to a half from 20 to 40 (10 ms lost), frozen from 60 to 90: 161."""
    spikes = """spikes:
  - {name: slow, kind: slow_down, nodes: [n], factor: 2, at: [20 ms], for: 20 ms}
  - {name: stop, kind: freeze, nodes: [n], at: [60 ms], for: 30 ms}
"""
    trace = run(world(tmp_path, "0,10,11", "batch: 2", more=spikes))
    assert times(trace) == [(11.0, 161.0, 0)]
    spans = trace.tables()["spans"]
    kinds = spans["kind"].values().tolist()
    length = dict(zip(kinds, (1e3 * (spans["end_s"] - spans["start_s"])).round(6).tolist(), strict=True))
    assert length == {"service": 121.0, "spike": 40.0}


def test_an_outage_loses_what_is_there(tmp_path):
    trace = run(world(tmp_path, "0,10,11 0.2,10,1", "batch: 2", more="spikes: [{name: out, kind: outage, nodes: [n], at: [50 ms], for: 30 ms}]"))
    assert trace.outcome_counts(trace.counted)["failed"] == 1
    assert times(trace) == [(211.0, 211.0, 0)]


def test_a_call_spike_makes_the_answer_longer(tmp_path):
    """Twice the 6 tokens: 11 and 11 times 11 ms; what comes after the 6th token, at 66, is the spike's part."""
    trace = run(world(tmp_path, "0,10,6", "batch: 2", more="spikes: [{name: long, kind: call_spike, services: [s], probability: 1, factor: 2}]"))
    assert times(trace) == [(11.0, 132.0, 0)]
    assert columns_of(trace)["output"].tolist() == [12.0]
    spans = trace.tables()["spans"]
    assert dict(zip(spans["kind"].values().tolist(), (1e3 * spans["end_s"]).round(6).tolist(), strict=True)) == {"service": 66.0, "spike": 132.0}


def test_a_call_spike_that_adds_holds_up_the_batch(tmp_path):
    """B's first iteration, which starts at 11, takes 30 ms more, and A's second token with it."""
    more = "spikes: [{name: hitch, kind: call_spike, services: [s], probability: 1, add: 30 ms}]"
    trace = run(world(tmp_path, "0,10,2 0.001,10,1", "batch: 2", more=more))
    assert times(trace) == [(41.0, 83.0, 0), (83.0, 83.0, 0)]
