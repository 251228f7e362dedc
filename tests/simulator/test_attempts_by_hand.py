"""Hand-worked schedules, at whole times, of calls that time out, are tried again, copied, shed, or held back by a breaker."""

import numpy as np
import pytest

from simulator.request import OUTCOMES
from tests.helpers import run, scenario


def world(call: str, at: str, service: str = "5 s", nodes: str = "{name: n}", more: str = "", deployment: str = "nodes: all", app: str = ""):
    """One service, one call with some care, arrivals at given times; nodes listed in order, the first one preferred."""
    return scenario(f"""
name: by-hand
record: {{spans: all}}
drain: stop
network: {{nodes: [{nodes}]{links(nodes)}}}
services: {{s: {{service_time: {service}}}}}
deployments: [{{service: s, {deployment}}}]
applications: {{a: {{{app}calls: [{{name: c, service: s, {call}}}]}}}}
workload: [{{name: w, application: a, ingress: [n], arrivals: {{kind: times, at: [{at}]}}}}]
control: {{policy: local-first, order: declared}}
{more}
""")


def links(nodes: str) -> str:
    """A link without delay from n to every other node."""
    others = [part.split(",")[0].rstrip("}") for part in nodes.split("name: ")[2:]]
    return ", links: [" + ", ".join(f"{{between: [n, {other}]}}" for other in others) + "]" if others else ""


def outcomes(trace) -> list[str]:
    return [OUTCOMES[code] for code in trace.requests["outcome"]]


def spans(trace, *columns: str):
    table = trace.tables()["spans"]
    values = [table[name].values() if hasattr(table[name], "values") else table[name] for name in columns]
    return list(zip(*(v.tolist() for v in values), strict=True))


TWO = "{name: n, speed: 0.1}, {name: m}"


def test_a_time_out_leaves_the_station_at_once():
    """5 s of work, given up after 3 s: the second, from 1 on, starts at 3 when the first leaves, and is given up at 4."""
    trace = run(world("timeout: 3 s", "0 s, 1 s, 4 s"))
    assert outcomes(trace) == ["timed_out", "timed_out", "timed_out"]
    np.testing.assert_allclose(trace.requests["end"], [3, 4, 7])
    found = spans(trace, "request_id", "kind", "start_s", "end_s", "status")
    assert (1, "queue", 1.0, 3.0, "timed_out") in found
    assert (1, "service", 3.0, 4.0, "timed_out") in found
    assert trace.stations[0].run_service_s == pytest.approx(7.0)


def test_a_job_that_ends_exactly_at_its_time_out_has_succeeded():
    trace = run(world("timeout: 5 s", "0 s, 0 s"))
    assert outcomes(trace) == ["completed", "timed_out"]
    assert outcomes(run(world("priority: 0", "0 s, 0 s", app="timeout: 5 s, "))) == ["completed", "timed_out"]


def test_a_request_that_times_out_takes_all_its_calls_along():
    trace = run(world("fan_out: 3", "0 s, 1 s", app="timeout: 7 s, "))
    np.testing.assert_allclose(trace.requests["end"], [7, 8])
    assert outcomes(trace) == ["timed_out", "timed_out"]
    assert trace.stations[0].run_service_s == pytest.approx(8.0)  # 0 to 7 of the first; 7 to 8 of the second


def test_back_off_doubles_and_counts_as_latency():
    """A loss station busy until 10: tries at 1, 3, 7 are refused, the one at 15 is served until 25."""
    trace = run(world("retry: {retries: 3, back_off: 2 s}", "0 s, 1 s", "10 s", "{name: n, discipline: {kind: fifo, capacity: 1}}"))
    np.testing.assert_allclose(trace.requests["end"], [10, 25])
    second = [row[1:] for row in spans(trace, "request_id", "kind", "attempt", "start_s", "end_s", "status", "critical") if row[0] == 1]
    assert second == [
        ("service", 0, 1.0, 1.0, "rejected", True),
        ("back_off", 1, 1.0, 3.0, "rejected", True),
        ("service", 1, 3.0, 3.0, "rejected", True),
        ("back_off", 2, 3.0, 7.0, "rejected", True),
        ("service", 2, 7.0, 7.0, "rejected", True),
        ("back_off", 3, 7.0, 15.0, "ok", True),
        ("service", 3, 15.0, 25.0, "ok", True),
    ]
    assert trace.attempts["a", "c"] == [2, 3, 0, 0]
    assert trace.requests["attempts"].tolist() == [1, 4]


def test_retries_end():
    """Two retries 1 s apart at a station that is busy until 10: given up at the third refusal."""
    trace = run(world("retry: {retries: 2, back_off: 1 s, factor: 1}", "0 s, 1 s", "10 s", "{name: n, discipline: {kind: fifo, capacity: 1}}"))
    assert outcomes(trace) == ["completed", "rejected"]
    assert trace.requests["end"][1] == 3.0


def test_only_the_failures_named_are_tried_again():
    trace = run(world("timeout: 3 s, retry: {retries: 2, on: [rejected]}", "0 s"))
    assert outcomes(trace) == ["timed_out"]
    assert trace.requests["end"][0] == 3.0


def test_a_budget_bounds_retries():
    """A bucket of one token that every first try fills by a tenth: one retry, then none until ten tries have come."""
    described = world("retry: {retries: 5, budget: 10 %, burst: 1}", ", ".join(f"{t} s" for t in range(13)), "100 s",
                      "{name: n, discipline: {kind: fifo, capacity: 1}}")  # fmt: skip
    trace = run(described)
    assert trace.requests["attempts"].tolist() == [1, 2, *[1] * 9, 2, 1]


def test_a_hedge_wins_and_the_loser_leaves_at_once():
    """10 s at n; after 2 s a copy goes to m, done at 3; n's worker is free for the next, which came at 1 and is hedged in turn."""
    trace = run(world("hedge: {after: 2 s}", "0 s, 1 s", "1 s", TWO))
    np.testing.assert_allclose(trace.requests["end"], [3, 4])
    found = spans(trace, "request_id", "copy", "kind", "place", "start_s", "end_s", "status", "critical")
    assert sorted(found) == [
        (0, 0, "service", "n", 0.0, 3.0, "cancelled", False),
        (0, 1, "back_off", "", 0.0, 2.0, "ok", True),
        (0, 1, "service", "m", 2.0, 3.0, "ok", True),
        (1, 0, "queue", "n", 1.0, 3.0, "cancelled", False),
        (1, 0, "service", "n", 3.0, 4.0, "cancelled", False),
        (1, 1, "back_off", "", 1.0, 3.0, "ok", True),
        (1, 1, "service", "m", 3.0, 4.0, "ok", True),
    ]
    assert trace.attempts["a", "c"] == [2, 0, 2, 0]


def test_a_hedge_not_needed_is_not_sent():
    trace = run(world("hedge: {after: 2 s}", "0 s", "2 s", "{name: n}, {name: m}"))
    assert trace.requests["end"][0] == 2.0
    assert trace.attempts["a", "c"] == [1, 0, 0, 0]


def test_where_there_is_one_place_only_the_hedge_goes_there():
    trace = run(world("hedge: {after: 2 s}", "0 s", "5 s", "{name: n, workers: 2}"))
    assert trace.requests["end"][0] == 5.0
    assert trace.attempts["a", "c"] == [1, 0, 1, 0]


QUORUM = "{name: n, speed: 1}, {name: m, speed: 0.5}, {name: o, speed: 0.25}"


@pytest.mark.parametrize(("cancel", "busy"), [("false", 8.0), ("true", 4.0)])
def test_a_quorum_waits_for_two_of_three(cancel, busy):
    """2 s of work at speeds 1, 1/2, 1/4: answers at 2, 4, 8; done at 4; the third runs on, or is cancelled."""
    trace = run(world(f"fan_out: 3, wait_for: 2, distinct: true, cancel: {cancel}", "0 s", "2 s", QUORUM))
    assert trace.requests["end"][0] == 4.0
    assert trace.stations[2].run_service_s == pytest.approx(busy)
    statuses = {(place, status) for place, kind, status in spans(trace, "place", "kind", "status") if kind == "service"}
    assert ("o", "ok" if cancel == "false" else "cancelled") in statuses


def test_a_quorum_bears_losses_up_to_its_spare():
    """Copies are given up after 3 s: two answers at 2 and 2 are enough; with a time-out of 1 s the request is lost at the second loss."""
    nodes = "{name: n}, {name: m}, {name: o, speed: 0.25}"
    trace = run(world("fan_out: 3, wait_for: 2, distinct: true, timeout: 3 s", "0 s", "2 s", nodes))
    assert (outcomes(trace), trace.requests["end"][0]) == (["completed"], 2.0)
    trace = run(world("fan_out: 3, wait_for: 2, distinct: true, timeout: 1 s", "0 s", "2 s", nodes))
    assert (outcomes(trace), trace.requests["end"][0]) == (["timed_out"], 1.0)


def test_distinct_copies_use_different_replicas():
    trace = run(world("fan_out: 3, distinct: true", "0 s", "2 s", deployment="nodes: all, workers: 1, replicas: 3, balancer: random"))
    assert trace.requests["end"][0] == 2.0


def test_a_join_takes_the_outputs_of_the_quorum_only():
    """Two of three copies are waited for; the join starts at 4 with what is there, though the third answers at 8."""
    described = scenario("""
name: by-hand
record: {spans: all}
drain: stop
network:
  nodes: [{name: n}, {name: m, speed: 0.5}, {name: o, speed: 0.25}, {name: z}]
  links: [{between: [n, z], bandwidth: 8 Mbit/s}, {between: [m, z], bandwidth: 8 Mbit/s}, {between: [o, z], bandwidth: 8 Mbit/s}]
services: {s: {service_time: 2 s}, t: {service_time: 1 s}}
deployments: [{service: s, nodes: [n, m, o]}, {service: t, nodes: [z]}]
applications: {a: {calls: [{name: c, service: s, fan_out: 3, wait_for: 2, distinct: true}, {name: j, service: t, after: {c: 1 MB}}]}}
workload: [{name: w, application: a, ingress: [n], arrivals: {kind: times, at: [0 s]}}]
control: {policy: local-first, order: declared}
""")
    trace = run(described)
    assert trace.requests["end"][0] == 6.0  # both outputs leave at 4 on links of their own
    assert sum(link.run_bits["in"] for link in trace.links) == 16e6
    assert trace.stations[2].run_service_s == 8.0


def test_shedding_by_queue_limit():
    trace = run(world("shed: {queue: 1}", "0 s, 1 s, 2 s, 6 s"))
    assert outcomes(trace) == ["completed", "completed", "rejected", "completed"]


def test_shedding_what_can_no_longer_be_in_time():
    """5 s each, time-out 8 s: the second, at 1, is expected to end at 11 instead of 9 and turned away; the third, at 5, finds nobody."""
    trace = run(world("shed: {hopeless: true}, timeout: 8 s", "0 s, 1 s, 5 s"))
    assert outcomes(trace)[0::2] == ["completed", "completed"]
    assert trace.requests["end"].tolist()[::2] == [5.0, 10.0]
    assert (outcomes(trace)[1], trace.requests["end"][1]) == ("rejected", 1.0)


def test_a_breaker_opens_probes_and_closes():
    """Time-outs at 1 and 2 open n's circuit; until 12 m is chosen; at 13 a probe at n fails; at 24, in time again, it closes."""
    calls = "timeout: 1 s, breaker: {failures: 2, rest: 10 s}"
    at = "0 s, 1 s, 3 s, 13 s, 15 s, 24 s, 26 s"
    slow = "spikes: [{name: slow, kind: slow_down, nodes: [n], factor: 10, at: [0 s], for: 20 s}]"
    trace = run(world(calls, at, "0.5 s", "{name: n}, {name: m}", slow))
    places = {row[0]: row[1] for row in spans(trace, "request_id", "place", "kind") if row[2] == "service"}
    assert "".join(places[i] for i in range(7)) == "nnmnmnn"
    assert outcomes(trace) == ["timed_out", "timed_out", "completed", "timed_out", "completed", "completed", "completed"]


def test_where_every_circuit_is_open_calls_fail_at_once():
    trace = run(world("timeout: 1 s, breaker: {failures: 1, rest: 10 s}", "0 s, 2 s, 11 s", "5 s"))
    assert outcomes(trace) == ["timed_out", "rejected", "timed_out"]
    assert trace.requests["end"].tolist() == [1.0, 2.0, 12.0]


def test_a_lost_answer_is_asked_for_again():
    """The buffer of the way back has no room for two answers at once: the second is dropped at 1 and its call made again."""
    described = scenario("""
name: by-hand
record: {spans: all}
drain: stop
network:
  nodes: [{name: n}, {name: m, workers: 2}]
  links: [{between: [n, m], bandwidth: 8 Mbit/s, buffer: 1 MB}]
services: {s: {service_time: 1 s}}
deployments: [{service: s, nodes: [m]}]
applications: {a: {response: 1 MB, retry: {retries: 1, back_off: 500 ms}, calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: [n], arrivals: {kind: times, at: [0 s, 0 s]}}]
""")
    trace = run(described)
    assert outcomes(trace) == ["completed", "completed"]
    assert trace.requests["end"].tolist() == [2.0, 3.5]  # dropped at 1, again from 1.5 to 2.5, back at 3.5
    assert trace.requests["attempts"].tolist() == [1, 2]
