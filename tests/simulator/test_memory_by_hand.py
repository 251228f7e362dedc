"""Models in memory at whole times: loads, evictions, waits; every number below is worked by hand."""

from dataclasses import replace

import pytest

from analysis.invariants import critical_path_ratio
from simulator.laws import Deterministic
from simulator.request import OUTCOMES
from tests.helpers import run, scenario

GB = 8e9  # bits


def world(calls: str, node: str = "memory: 2 GB, disk: 1 GB/s", more: str = "", load: str = "", deploy: str = "", spikes: str = "", care: str = ""):
    """Requests for the models a, b, c of 1 GB each (`calls`: at what times) on one node; a service takes 1 s."""
    entries = [(entry[0], entry[1:].split()) for entry in calls.split(", ")]
    times: dict[str, list[str]] = {}
    for name, (at,) in entries:
        times.setdefault(name, []).append(f"{at} s")
    return scenario(f"""
name: models
drain: {{arrivals: stop, limit: 1000 s}}
record: {{spans: all}}
network:
  nodes: [{{name: n, workers: unlimited, {node}}}{", " + more if more else ""}]
services: {{{", ".join(f"{m}: {{service_time: 1 s, memory: 1 GB{load}}}" for m in "abc")}}}
deployments: [{", ".join(f"{{service: {m}, nodes: [n]{deploy}}}" for m in "abc")}]
applications: {{{", ".join(f"{m}: {{calls: [{{name: do, service: {m}{care}}}]}}" for m in "abc")}}}
workload: [{", ".join(f"{{name: {m}, application: {m}, ingress: n, arrivals: {{kind: times, at: [{', '.join(at)}]}}}}" for m, at in times.items())}]
{spikes}
""")


def latencies(trace):
    """Latency by entry, in the order of arrival; entries in the file's order."""
    return {name: trace.latency[trace.requests["entry"] == i].tolist() for i, (name, _) in enumerate(trace.entries)}


def test_a_cold_start_adds_exactly_bytes_over_rate():
    trace = run(world("a 3, a 10"))
    assert latencies(trace) == {"a": [2.0, 1.0]}
    spans = trace.tables()["spans"]
    load = spans["kind"].values() == "model_load"
    assert load.sum() == 1
    assert (spans["start_s"][load][0], spans["end_s"][load][0], spans["place"].values()[load][0]) == (3.0, 4.0, "n")
    assert spans["critical"][load].all()
    assert trace.memories[0].loads.tolist() == [[0.0, 3.0, 3.0, 4.0, -1.0, 0.0, 1.0]]


def test_two_of_three_models_fit_and_the_least_recently_used_goes():
    """a and b load; a is used again, so c takes b's room; b comes back for a, which has been idle for longer than c; a for c."""
    trace = run(world("a 0, b 10, a 20, c 30, b 40, a 50"))
    assert latencies(trace) == {"a": [2.0, 1.0, 2.0], "b": [2.0, 2.0], "c": [2.0]}
    memory = trace.memories[0]
    assert (memory.hits, memory.misses, memory.evictions) == (1, 5, 3)
    assert memory.peak_bits == 2 * GB


def test_calls_for_a_model_wait_for_one_load_together():
    trace = run(world("a 0, a 0.5, a 0.75"))
    assert latencies(trace) == {"a": [2.0, 1.5, 1.25]}
    assert len(trace.memories[0].loads) == 1


def test_loads_queue_at_the_disk():
    trace = run(world("a 0, b 0, c 0", node="memory: 3 GB, disk: 1 GB/s"))
    assert latencies(trace) == {"a": [2.0], "b": [3.0], "c": [4.0]}


def test_where_all_models_are_in_use_a_load_waits_until_one_is_idle():
    """a and b are resident from 1 and 2 on and served until 2 and 3: c waits for a's end and takes its room, 2 to 3."""
    trace = run(world("a 0, b 0, c 0"))
    assert latencies(trace) == {"a": [2.0], "b": [3.0], "c": [4.0]}
    assert trace.memories[0].loads[2, 1:4].tolist() == [0.0, 2.0, 3.0]
    trace = run(world("a 0, b 0, a 1.5, c 0"))  # a is in use until 2.5, b until 3
    assert latencies(trace) == {"a": [2.0, 1.0], "b": [3.0], "c": [4.5]}


def test_stalls_come_after_the_bytes_and_hold_no_disk():
    trace = run(world("a 0, b 0", load=", load: {stall: 3 s}"))
    assert latencies(trace) == {"a": [5.0], "b": [6.0]}


def test_a_drawn_time_replaces_the_disk():
    trace = run(world("a 0, b 0", load=", load: {time: 4 s}"))
    assert latencies(trace) == {"a": [5.0], "b": [5.0]}


def test_resident_models_are_there_from_the_start():
    trace = run(world("a 0, b 0", node="memory: 3 GB, disk: 1 GB/s", deploy=", resident: all"))
    assert latencies(trace) == {"a": [1.0], "b": [1.0]}
    assert trace.memories[0].hits == 2


def test_a_node_without_memory_holds_everything():
    trace = run(world("a 0, b 0", node="disk: 1 GB/s"))
    assert latencies(trace) == {"a": [1.0], "b": [1.0]}
    assert trace.memories == []


def ends(trace):
    return [(OUTCOMES[outcome], end) for outcome, end in zip(trace.requests["outcome"], trace.requests["end"].tolist(), strict=True)]


def test_a_call_that_gives_up_does_not_stop_the_load():
    """The first gives up at 1.25; the load goes on to 1.5, and the second, there since 0.75, has half a second of service before it gives up too."""
    trace = run(world("a 0, a 0.75", care=", timeout: 1250 ms", load=", load: {stall: 500 ms}"))
    assert ends(trace) == [("timed_out", 1.25), ("timed_out", 2.0)]
    assert trace.memories[0].loads[:, 3].tolist() == [1.5]
    spans = trace.tables()["spans"]
    load = spans["kind"].values() == "model_load"
    assert spans["end_s"][load].tolist() == [1.25, 1.5]
    assert spans["status"].values()[load].tolist() == ["timed_out", "timed_out"]


def test_a_retry_after_a_time_out_finds_the_model():
    """Timed out at 1.5 with half a second of service done; the try from 2.5 on finds the model and ends at 3.5. The path adds up."""
    trace = run(world("a 0", care=", timeout: 1500 ms, retry: {retries: 1, back_off: 1 s}"))
    assert ends(trace) == [("completed", 3.5)]
    assert critical_path_ratio([trace]) == pytest.approx(1.0, rel=1e-12)


def test_an_outage_empties_the_memory_and_ends_loads():
    """a is resident, b loading since 4 when the node stops at 4.5; both calls are lost; afterwards a is cold again."""
    out = "spikes: [{name: out, kind: outage, nodes: all, at: [4500 ms], for: 1 s}]"
    trace = run(world("a 0, a 4, b 4, a 5, a 10", spikes=out))
    assert latencies(trace)["a"] == [2.0, 0.5, 0.0, 2.0]
    assert [o for o, _ in ends(trace)] == ["completed", "failed", "failed", "failed", "completed"]
    loads = trace.memories[0].loads
    assert loads[:, -1].tolist() == [1.0, 0.0, 1.0]
    assert loads[1, 3] == 4.5


def test_an_eviction_takes_idle_models_now_and_those_in_use_once_they_are_idle():
    """At 4.5 a is idle and goes, b is in use until 5 and goes then; both are cold afterwards."""
    evict = "spikes: [{name: e, kind: evict, nodes: all, at: [4500 ms]}]"
    trace = run(world("a 0, b 2, b 4, a 6, b 7.5", spikes=evict))
    assert latencies(trace) == {"a": [2.0, 2.0], "b": [2.0, 1.0, 2.0]}
    assert trace.memories[0].evictions == 2
    assert trace.episodes[0][:4] == [0, "n", 4.5, 4.5]


def test_an_eviction_of_some_services():
    evict = "spikes: [{name: e, kind: evict, nodes: [n], services: [b], at: [5 s]}]"
    assert latencies(run(world("a 0, b 0, a 6, b 6", spikes=evict))) == {"a": [2.0, 1.0], "b": [3.0, 2.0]}


def test_a_model_that_nobody_wants_any_more_is_not_loaded():
    """a and b are in use until 5 and 6; c gives up at 3, so a and b are still there at 7."""
    text = world("a 0, b 0, c 1, a 7, b 7, c 20", care=", timeout: 10 s")
    calls = text.applications["c"].calls
    slow = replace(text, applications=text.applications | {"c": replace(text.applications["c"], calls=(replace(calls[0], timeout=2.0),))})
    slow = replace(slow, services={name: replace(service, service_time=Deterministic(4.0)) for name, service in slow.services.items()})
    trace = run(replace(slow, services=slow.services | {"c": replace(slow.services["c"], service_time=Deterministic(0.5))}))
    assert latencies(trace) == {"a": [5.0, 4.0], "b": [6.0, 4.0], "c": [2.0, 1.5]}
    assert len(trace.memories[0].loads) == 3


def test_slow_downs_and_freezes_leave_loads_alone():
    frozen = "spikes: [{name: stop, kind: freeze, nodes: all, at: [0 s], for: 5 s}]"
    trace = run(world("a 0", spikes=frozen))
    assert trace.memories[0].loads[0, 3] == 1.0
    assert latencies(trace) == {"a": [6.0]}


DOWNLOAD = """
name: download
drain: {{arrivals: stop, limit: 100 s}}
record: {{spans: all}}
network:
  nodes: [{{name: n, workers: unlimited, memory: 1 GB, disk: 1 GB/s}}, {{name: m, workers: unlimited, memory: 1 GB, disk: 1 GB/s}}, {{name: hub}}]
  links: [{{between: [n, hub], bandwidth: 1 GB/s{link}}}, {{between: [m, hub], bandwidth: 500 MB/s, propagation: 1 s}}]
services: {{a: {{service_time: 1 s, memory: 1 GB, load: {{from: {origin}, chunk: {chunk}}}}}}}
deployments: [{{service: a, nodes: [n]}}, {{service: a, nodes: [m]{resident}}}]
applications: {{a: {{calls: [{{name: do, service: a}}]}}}}
workload: [{{name: a, application: a, ingress: n, arrivals: {{kind: times, at: [0 s]}}}}]
control: {{policy: local-first}}
"""


@pytest.mark.parametrize(
    ("origin", "chunk", "resident", "seconds"),
    [
        ("hub", "1 GB", "", 1.0),
        ("hub", "100 MB", "", 1.0),
        ("m", "1 GB", "", 2.0 + 1.0 + 1.0),  # store and forward
        ("m", "100 MB", "", 2.0 + 1.0 + 0.1),  # pipelined
        ("nearest", "1 GB", "", 1.0),  # nobody has it: the disk
        ("nearest", "1 GB", ", resident: all", 4.0),
        ("n", "1 GB", "", 1.0),  # its own disk
    ],
)
def test_downloads_travel_over_links(origin, chunk, resident, seconds):
    trace = run(scenario(DOWNLOAD.format(origin=origin, chunk=chunk, resident=resident, link="")))
    assert trace.latency[0] == pytest.approx(seconds + 1.0, rel=1e-12)
    bits = sum(link.run_bits["out"] for link in trace.links)
    hops = {"hub": 1, "m": 2, "n": 0}.get(origin, 2 if resident else 0)
    assert bits == pytest.approx(hops * GB)


def test_other_messages_come_in_between_the_chunks_of_a_download():
    """A download of 1 s in ten chunks has the link; a message that comes at 0.05 waits for the chunk under way only."""
    text = DOWNLOAD.format(origin="hub", chunk="100 MB", resident="", link="")
    text = text.replace("deployments: [", "deployments: [{service: ping, nodes: [n]}, ")
    text = text.replace("services: {", "services: {ping: {service_time: 0 s}, ")
    text = text.replace("applications: {", "applications: {p: {calls: [{name: go, service: ping, payload: 1 kB}]}, ")
    text = text.replace("workload: [", "workload: [{name: p, application: p, ingress: hub, arrivals: {kind: times, at: [50 ms]}}, ")
    trace = run(scenario(text))
    ping, load = trace.latency[trace.requests["entry"] == 0][0], trace.latency[trace.requests["entry"] == 1][0]
    assert ping == pytest.approx(0.05 + 1e-6)
    assert load == pytest.approx(2.0 + 1e-6)


def test_a_lost_chunk_is_sent_again():
    text = DOWNLOAD.format(origin="hub", chunk="10 MB", resident="", link=", loss: 10 %")
    trace = run(scenario(text))
    hub = next(link for link in trace.links if link.name == "hub -> n")
    assert hub.run_bits["lost"] > 2 * GB / 100
    assert hub.run_bits["out"] == pytest.approx(GB)
    assert hub.run_bits["in"] == pytest.approx(GB + hub.run_bits["lost"])
    assert 2.0 < trace.latency[0] < 5.0


def test_packets_of_a_download():
    text = DOWNLOAD.format(origin="m", chunk="100 MB", resident="", link="").replace("network:\n", "network:\n  mtu: 10 MB\n")
    trace = run(scenario(text))
    assert trace.latency[0] == pytest.approx(1.0 + 2.0 + 1.0 + 0.01, rel=1e-12)


def test_replicas_share_their_nodes_memory():
    trace = run(world("a 0, a 0, a 5", deploy=", workers: 1, replicas: 2, balancer: join_shortest_queue"))
    assert latencies(trace) == {"a": [2.0, 2.0, 1.0]}
    assert len(trace.memories[0].loads) == 1
    assert trace.memories[0].peak_bits == GB
