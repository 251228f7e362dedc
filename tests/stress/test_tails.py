"""What edge-chat stands, and what it does not: tails under injected spikes, as users assert on theirs."""

import pytest

SHORT = ("horizon=30 s", "warm_up=5 s")
FROZEN = "kind=freeze,nodes=edge-a,at=10 s,for=4 s"
SLOW = {"kind": "slow_down", "nodes": {"tier": "edge"}, "factor": 8, "at": "10 s", "for": "5 s"}


@pytest.fixture
def chat(stress):
    """Half a minute of edge-chat without its own spikes."""

    def made(*spikes):
        return stress("edge-chat", spikes, values=SHORT, without=["stragglers", "edge-slow"], replications=3)

    return made


def test_without_spikes_all_is_well(chat):
    assert chat().p99 < "500 ms"
    assert chat().attainment > 0.99


def test_a_frozen_site_is_stood_since_others_take_its_calls(chat):
    assert chat(FROZEN).p99 < "1 s"
    assert chat(FROZEN).completed > 0.99


def test_slow_sites_all_at_once_break_the_tail_but_not_the_median(chat):
    assert chat(SLOW).p99 > "1 s"
    assert chat(SLOW).p50 < "1 s"
