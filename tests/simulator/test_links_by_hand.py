"""Links that change, worked by hand, and what must hold of them whatever happens."""

import numpy as np
import pytest

from simulator.changing_link import ChangingLink
from tests.helpers import run, scenario
from tests.test_invariants import check

# Two messages of 10,000 bits at 0 s and 0.1 s over 10 kbit/s (1 s each) and 0.5 s: without spikes they arrive at 1.5 and 2.5 s.
LINE = """
name: line
record: {spans: all}
drain: stop
network:
  nodes: [{name: a}, {name: b, workers: unlimited}, {name: c, workers: unlimited}]
  links:
    - {between: [a, b], bandwidth: 10 kbit/s, propagation: 500 ms}
    - {between: [a, c], bandwidth: 20 kbit/s, propagation: 1 s}
    - {between: [c, b], bandwidth: 20 kbit/s, propagation: 1 s}
services: {s: {service_time: 0 s}}
deployments: [{service: s, nodes: [b]}]
applications: {x: {calls: [{name: send, service: s, payload: 1250 B}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: times, at: [0 s, 100 ms]}}]
spikes: [{name: event, kind: link, SPIKE}]
"""


def sent(spike: str, line: str = LINE):
    trace = run(scenario(line.replace("SPIKE", spike)))
    check(trace)
    return trace


def arrivals(trace) -> list[float]:
    return trace.requests["end"].tolist()


@pytest.mark.parametrize(
    ("spike", "expected"),
    [
        ("links: [a, b], factor: 2, at: [10 s], for: 1 s", [1.5, 2.5]),
        # half of the first is sent by 0.5 s; the rest takes 1 s at half speed, the second 2 s
        ("links: [a, b], factor: 2, at: [500 ms], for: 10 s", [2.0, 4.0]),
        # it ends at 1 s: the first has a quarter left, 250 ms at full speed
        ("links: [a, b], factor: 2, at: [500 ms], for: 500 ms", [1.75, 2.75]),
        # 300 ms more for what has not left by 0.8 s
        ("links: [a, b], propagation: 300 ms, at: [800 ms], for: 10 s", [1.8, 2.8]),
        # the first has left at 1 s and is not touched, the second leaves at 2 s, after the end
        ("links: [a, b], propagation: 300 ms, at: [1 s], for: 500 ms", [1.5, 2.5]),
        # both go on over c from 0.5 s: sent at 1.0 and 1.5 s, at c 1 s later, again 0.5 s each, and 1 s
        ("links: [a, b], fails: true, at: [500 ms], for: 500 ms", [3.5, 4.0]),
        # the first is on its way; only the second, half sent at 1.5 s, starts again
        ("links: [a, b], fails: true, at: [1.5 s], for: 500 ms", [1.5, 4.5]),
        ("links: [a -> b], fails: true, at: [1.5 s], for: 500 ms", [1.5, 4.5]),
        # the other direction carries nothing
        ("links: [b -> a], fails: true, at: [0 s], for: 10 s", [1.5, 2.5]),
    ],
)
def test_by_hand(spike, expected):
    assert arrivals(sent(spike)) == pytest.approx(expected, abs=1e-12)


def test_the_excess_is_a_span_of_the_entry():
    trace = sent("links: [a, b], factor: 2, propagation: 300 ms, at: [500 ms], for: 10 s")
    assert arrivals(trace) == pytest.approx([2.3, 4.3])
    spans = trace.tables()["spans"]
    kinds, names, places = (spans[key].values() for key in ("kind", "spike", "place"))
    lengths = spans["end_s"] - spans["start_s"]
    assert lengths[kinds == "spike"] == pytest.approx([0.8, 1.3])  # 0.5 + 0.3, 1 + 0.3
    assert set(names[kinds == "spike"]) == {"event"}
    assert set(places[kinds == "spike"]) == {"a -> b"}
    assert lengths[kinds == "transmission"] == pytest.approx([1.0, 1.0])
    assert lengths[kinds == "propagation"] == pytest.approx([0.5, 0.5])
    assert lengths[kinds == "link_queue"] == pytest.approx([1.4])  # behind the first, until 1.5 s
    assert trace.requests["spiked"].tolist() == [1, 1]


def test_where_no_path_is_left_messages_end_unreachable():
    trace = sent("links: {touching: [b]}, fails: true, at: [500 ms], for: 10 s")
    assert trace.outcome_counts(trace.counted)["unreachable"] == 2
    assert arrivals(trace) == [0.5, 0.5]
    assert [link.run_bits["withdrawn"] for link in trace.links] == [20_000.0, 0, 0, 0, 0, 0]


def test_a_message_stranded_on_its_way():
    """It reaches c at 2 s by the detour, from where the link to b has gone meanwhile."""
    line = LINE.replace("spikes: [", "spikes: [{name: first, kind: link, links: [a, b], fails: true, at: [0 s], for: 10 s}, ")
    trace = sent("links: [b, c], fails: true, at: [1 s], for: 10 s", line)
    assert trace.outcome_counts(trace.counted)["unreachable"] == 2
    assert arrivals(trace) == [1.5, 2.0]


def test_requests_wait_for_nothing_where_their_node_is_cut_off():
    trace = sent("links: {touching: [a]}, fails: true, at: [0 s], for: 50 ms")
    assert trace.outcome_counts(trace.counted) == {"completed": 1, "rejected": 0, "timed_out": 0, "failed": 0, "unreachable": 1, "unfinished": 0}
    assert arrivals(trace) == pytest.approx([0.0, 1.6]), "the second comes once the link is back"


def test_links_go_down_with_their_node_where_the_outage_says_so():
    base = LINE.replace("kind: link", "kind: outage").replace("10 kbit/s, propagation: 500 ms", "unlimited, propagation: 90 s")
    spike = "nodes: [c], at: [200 ms], for: 10 s"
    assert arrivals(sent(spike, base)) == pytest.approx([3.0, 3.5])
    assert arrivals(sent(spike + ", links: true", base)) == pytest.approx([90.2, 90.2]), "by the only link that is left"


def test_overlapping_episodes_multiply_and_last_until_the_last_is_over():
    both = LINE.replace("spikes: [", "spikes: [{name: first, kind: link, links: [a, b], factor: 2, at: [0 s], for: 1 s}, ")
    # 2.5 kbit/s until 1 s, 5 until 2 s, then 10: sent 2.5 + 5 + 10 x kbit: the first at 2.25 s, the second 1 s later
    assert arrivals(sent("links: [a, b], factor: 2, at: [0 s], for: 2 s", both)) == pytest.approx([2.75, 3.75])


RANDOM = """
name: random
horizon: 20 s
drain: stop
record: {spans: all}
network:
  nodes: [{name: a}, {name: b, workers: unlimited}]
  links: [{between: [a, b], bandwidth: 1 Mbit/s, propagation: 5 ms, buffer: 20 kB, loss: 2 %, jitter: {kind: exponential, mean: 2 ms}}]
  mtu: 1500 B
services: {s: {service_time: {kind: exponential, mean: 5 ms}}}
deployments: [{service: s, nodes: [b]}]
applications: {x: {response: 2 kB, calls: [{name: send, service: s, payload: {kind: exponential, mean: 3 kB}}]}}
workload: [{name: w, application: x, ingress: a, arrivals: {kind: poisson, rate: 30 /s}}]
"""


def test_a_link_that_could_change_but_does_not_is_the_same_link():
    """Its events and its closed form are different code; every time is the same float."""
    plain = run(scenario(RANDOM))
    never = run(scenario(RANDOM + "spikes: [{name: never, kind: link, links: all, factor: 3, at: [1 h], for: 1 s}]"))
    np.testing.assert_array_equal(plain.latency, never.latency)
    np.testing.assert_array_equal(plain.hops, never.hops)
    for one, other in zip(plain.links, never.links, strict=True):
        assert one.run_bits == pytest.approx(other.run_bits)
        assert one.busy_s == pytest.approx(other.busy_s)
        assert one.waits.mean() == pytest.approx(other.waits.mean())


def test_only_links_that_can_change_pay_for_it():
    from scenarios.build import build

    world = build(scenario(LINE.replace("SPIKE", "links: [a, b], factor: 2, at: [0 s], for: 1 s")))
    assert [type(link) is ChangingLink for link in world.links] == [True, True, False, False, False, False]


def test_a_link_degraded_all_along_is_the_degraded_link():
    """Bandwidth a third, 4 ms more: every latency is that of a link declared so."""
    plain = RANDOM.replace(", buffer: 20 kB", "")
    worse = run(scenario(plain + "spikes: [{name: w, kind: link, links: all, factor: 4, propagation: 4 ms, at: [0 s], for: 1 h}]"))
    declared = run(scenario(plain.replace("bandwidth: 1 Mbit/s, propagation: 5 ms", "bandwidth: 250 kbit/s, propagation: 9 ms")))
    np.testing.assert_allclose(worse.latency, declared.latency, rtol=1e-9)


def test_added_loss_is_its_own():
    """A tenth of the messages more is lost; the others, and the link's own losses, are the same."""
    plain = RANDOM.replace("  mtu: 1500 B\n", "").replace(", buffer: 20 kB", "").replace("rate: 30", "rate: 20")
    before = run(scenario(plain))
    after = run(scenario(plain + "spikes: [{name: w, kind: link, links: [a -> b], loss: 10 %, at: [0 s], for: 1 h}]"))
    assert after.links[1].lost < before.links[1].lost
    lost_before, lost_after = ~before.completed, ~after.completed
    assert not (lost_before & ~lost_after).any()
    n = before.links[0].waits.count
    assert abs(lost_after.sum() - lost_before.sum() - 0.1 * n * 0.98) < 4 * np.sqrt(0.09 * n)
    same = before.completed & after.completed
    np.testing.assert_array_equal(before.requests["arrival"][same], after.requests["arrival"][same])
