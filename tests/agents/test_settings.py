"""Presets, and what does not go together."""

import dataclasses

import pytest

from agents.settings import Learning
from scenarios.idle_settings import learning_notes
from simulator.descriptions import adapter


def test_a_key_given_wins_over_the_preset():
    assert Learning().members == 5 and Learning("ippo").members == 1
    assert Learning("mappo", alpha=0.5).alpha == 0.5 and Learning("mappo").credit == "team"


def test_written_out_and_read_again_it_is_the_same():
    made = Learning("vamappo", beta=2.0, alpha=0.25)
    written = adapter(Learning).dump_python(made, mode="json")
    assert adapter(Learning).validate_python(written) == made
    assert dataclasses.asdict(made)["critic_scope"] == "global"


@pytest.mark.parametrize(
    "keys, sentence",
    [
        ({"alpha": 1.5}, "alpha must be from 0 to 1, got 1.5"),
        ({"clip": 0.5}, "clip must be from 0.05 to 0.3, got 0.5"),
        ({"members": 1, "quantiles": 0}, "adaptation needs an uncertainty"),
        ({"chain": "team"}, "needs 'credit: team' and 'alpha: 0'"),
        ({"quantiles": 3}, "quantiles must be 0 or at least 5"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"greedy_prior": 1e30}, "greedy_prior must be at most 1,000,000, got 1e\\+30"),
    ],
)
def test_contradictions_are_refused(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        Learning(**keys)


@pytest.mark.parametrize(
    "keys, sentence",
    [
        ({"prior_price": 0.5, "prior_forecast": "learned"}, "prior_price, prior_forecast: without 'greedy_prior'"),
        ({"greedy_prior": 40.0, "prior_forecast": "learned", "prior_outcomes": 1.0}, "learning.prior_outcomes: of no effect with"),
        ({"greedy_prior": 40.0, "prior_forecast": "learned", "prior_memory": 3.0}, "learning.prior_memory: of no effect with"),
        ({"greedy_prior": 40.0, "prior_memory": 3.0}, "of no effect without 'prior_outcomes'"),
        ({"actor_delay": 2, "window": 8200, "decisions": 16384}, "only 2 windows of 8,192 decisions"),
        ({"actor_delay": 2, "window": 8200, "decisions": 16385}, None),
        ({"learning_rate": 1e6}, "learning_rate: 1e+06 is far above"),
        ({"greedy_prior": 40.0, "prior_forecast": "learned", "prior_price": 0.5, "actor_delay": 12}, None),
        ({}, None),
    ],
)
def test_keys_without_effect_are_said(keys, sentence):
    notes = list(learning_notes(Learning(**keys)))
    assert [sentence in note for note in notes] == ([True] if sentence else [])
