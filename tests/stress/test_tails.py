"""What the bundled scenarios stand, and what they do not: tails under injected spikes, as users assert on theirs."""

import pytest

SHORT = ("horizon=60 s", "warm_up=10 s")
SITE = "kind=freeze,nodes=edge-a,at=20 s,for=6 s"


@pytest.fixture(scope="module")
def chat(stress):
    """edge-chat without its own spikes, a minute of it."""

    def made(*spikes, **more):
        return stress("edge-chat", spikes, values=SHORT, without=["stragglers", "edge-slow"], replications=4, most=16, **more)

    return made


def test_edge_chat_is_well_without_spikes(chat):
    assert chat().p99 < "700 ms"
    assert chat().attainment > 0.99


def test_a_frozen_site_breaks_the_tail_but_not_the_median(chat):
    assert chat(SITE).p99 > "1 s"
    assert chat(SITE).p50 < "500 ms"
    assert chat(SITE).completed > 0.99


def test_a_policy_that_looks_at_queues_stands_a_slow_site_better_than_one_that_does_not(chat):
    slow = {"kind": "slow_down", "nodes": "edge-a", "factor": 6, "at": "20 s", "for": "10 s"}
    assert chat(slow, policy="shortest-expected-delay").p99 < chat(slow, policy="local-first").p99
