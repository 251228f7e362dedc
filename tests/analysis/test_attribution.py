"""What made the tail: parts of latencies that are worked out by hand."""

import numpy as np
import pytest

from analysis.attribution import attribute


def made(n, late):
    """`n` requests of 1 s service, of which `late` also wait 2 s and are held up 3 s by a spike; in other orders, and a span of none of them."""
    slow = np.arange(n) < late
    requests = {"replication": np.zeros(n, int), "request_id": np.arange(n)[::-1], "latency_s": np.where(slow, 6.0, 1.0)[::-1]}
    ids = np.concatenate([np.arange(n), np.arange(late), np.arange(late), [n + 5]])
    kinds = np.array(["service"] * n + ["queue"] * late + ["spike"] * late + ["queue"])
    length = np.concatenate([np.ones(n), np.full(late, 2.0), np.full(late, 3.0), [99.0]])
    spans = {"replication": np.zeros(len(ids), int), "request_id": ids, "kind": kinds, "spike": np.where(kinds == "spike", "stop", "")}
    return requests, {**spans, "start_s": np.zeros(len(ids)), "end_s": length}


def test_parts_add_up_to_the_latency_and_name_the_spike():
    found = attribute(*made(1000, 20))
    assert (found.bound_s, found.late.traced, found.every.traced) == (6.0, 20, 1000)
    assert {name: part.mean_s for name, part in found.late.segments.items()} == pytest.approx({"service": 1.0, "queue": 2.0, "spike": 3.0})
    assert sum(part.mean_s for part in found.every.segments.values()) == pytest.approx(found.every.mean_latency_s)
    assert (found.late.spikes["stop"].requests, found.every.spikes["stop"].requests) == (1.0, pytest.approx(0.02))


def test_too_few_spans_are_told():
    requests, spans = made(1000, 20)
    chosen = spans["request_id"] >= 15
    assert "only 5 of the requests beyond p99 have spans" in attribute(requests, {name: values[chosen] for name, values in spans.items()})
    assert attribute({name: values[:0] for name, values in requests.items()}, spans) == "no counted request completed"
