"""Forecasts: they learn the distribution that was shown, act without torch, and stand for nothing that agents cannot know."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from agents.acting import Checkpoint, stored
from agents.baselines.utility import ExpectedUtility, Worth, worths_of
from agents.checkpoint import CheckpointError, read, write
from agents.forecast import LEVELS, RATIOS, Forecast, Forecaster, Outcomes, targets
from agents.observation import Encoder, shape_of
from agents.prior import Prior
from agents.rollout import Group
from agents.settings import Learning
from scenarios.build import build
from scenarios.reading import load
from simulator.request import CANCELLED, LOST, OK, UNDER_WAY
from simulator.utility import Utility
from tests.agents.acting import checkpoint_for
from tests.agents.made import learner, rollout, weights
from tests.agents.test_acting import REGIMES, recorded
from tests.agents.test_rollout import REGIMES as SHORT
from tests.agents.test_rollout import STEADY, by_chance, first_slot, plan_of
from tests.helpers import scenario

LEARNED = {"greedy_prior": 40.0, "prior_forecast": "learned", "prior_price": 0.5}


def test_mass_lies_on_the_two_nearest_levels():
    found = targets(np.array([1.0, 2.0**0.25, 0.001, 1e9, 3.0]))
    assert np.allclose(found.sum(1), 1.0) and ((found > 0.0).sum(1) <= 2).all()
    assert found[0].tolist() == (LEVELS == 0.0).astype(float).tolist()
    assert found[1, 4] == pytest.approx(0.5) and found[1, 5] == pytest.approx(0.5)
    assert found[2, 0] == 1.0 and found[3, -1] == 1.0
    assert found[4] @ LEVELS == pytest.approx(np.log2(3.0))


def test_it_learns_the_distribution_that_it_was_shown():
    """Under x > 0 calls take 1 or 8 times as long, one in four the latter; else always twice."""
    draws = np.random.default_rng(0)
    made = Forecaster(2, Learning(epochs=10), 0)
    rows = draws.standard_normal((4000, 2)).astype(np.float32)
    ratios = np.where(rows[:, 0] > 0.0, np.where(draws.random(4000) < 0.25, 8.0, 1.0), 2.0)
    losses = [made.fit(rows, ratios)["forecast_loss"] for _ in range(8)]
    assert losses[-1] < 0.5 * losses[0]
    fresh = draws.standard_normal((1000, 2)).astype(np.float32)
    slow, never = (Forecast(made.weights())(fresh[side]).mean(0) for side in (fresh[:, 0] > 0.1, fresh[:, 0] < -0.1))
    assert slow[RATIOS == 8.0] == pytest.approx(0.25, abs=0.04) and slow[RATIOS == 1.0] == pytest.approx(0.75, abs=0.04)
    assert never[RATIOS == 2.0] > 0.95


def test_numpy_and_torch_agree():
    made = Forecaster(5, Learning(), 3)
    rows = np.random.default_rng(1).standard_normal((50, 5)).astype(np.float32)
    made.fit(rows, np.random.default_rng(2).lognormal(0.0, 1.0, 50))
    with torch.no_grad():
        expected = torch.softmax(made.network(torch.from_numpy(rows)), 1).numpy()
    assert np.allclose(Forecast(made.weights())(rows), expected, atol=1e-6)


def test_utilities_of_arrays_are_those_of_single_numbers():
    worth = Worth(Utility(1.0, 6.0, penalty=0.5, cost=0.1), timeout=3.0)
    latency, quality = np.array([[0.0, 0.7, 2.9], [3.1, np.inf, 1.0]]), np.array([[1.0], [0.7]])
    expected = [[worth.of(t, q) for t in row] for row, (q,) in zip(latency.tolist(), quality.tolist(), strict=True)]
    assert np.allclose(worth.many(latency, quality), expected)
    assert worths_of(SimpleNamespace(utility=None))(latency, quality)[0].tolist() == [0.0, -0.7, -2.9]


def test_whoever_is_sure_of_the_expected_time_rates_like_the_baseline():
    simulation = load("regimes", SHORT).build()
    encoder = Encoder(shape_of(simulation), simulation)
    weights_ = Forecaster(len(encoder.shape.own) + len(encoder.shape.slot), Learning(), 0).weights()
    weights_["4.bias"] = np.where(LEVELS == 0.0, 1e4, 0.0).astype(np.float32)
    learned = Prior(Learning(**LEARNED), encoder, Forecast(weights_))
    fixed = Prior(Learning(greedy_prior=40.0, prior_price=0.5), encoder)
    policy = ExpectedUtility(price=0.5).actor(simulation)
    for number, decision in enumerate(simulation.decisions()):
        values, _ = encoder.values(decision)
        row = np.array(values, np.float32)
        assert np.allclose(learned.values(decision, row), fixed.values(decision, row), atol=1e-9)
        answer = policy.act(decision)
        encoder.chose(decision, answer)
        decision.choose(answer)
        if number == 300:
            break


@pytest.mark.parametrize(("utility", "worth"), [("", None), ("utility: {midpoint: 4 s, steepness: 2 /s, penalty: 0.25}, ", -0.25)])
@pytest.mark.parametrize("forecast", ["fixed", "learned"])
def test_a_rejection_is_worth_what_it_earns_or_the_worst_slot(utility, worth, forecast):
    simulation = scenario(STEADY.replace("{objective: 10 s, ", "{" + utility), ("control.reject=true",))
    simulation = build(simulation, Path())
    encoder = Encoder(shape_of(simulation), simulation)
    weights_ = Forecaster(len(encoder.shape.own) + len(encoder.shape.slot), Learning(), 0).weights()
    prior = Prior(Learning(greedy_prior=2.0, prior_forecast=forecast), encoder, Forecast(weights_))
    decision = next(simulation.decisions())
    values, _ = encoder.values(decision)
    found = prior.values(decision, np.array(values, np.float32))
    assert found[-1] == pytest.approx(2.0 * worth if worth is not None else min(found[:-1]))


def test_what_became_of_calls_is_handed_over_once():
    calls = [SimpleNamespace(status=status, time=1.0, finished=4.0) for status in (OK, UNDER_WAY, CANCELLED, LOST)]
    outcomes, found = Outcomes(), []
    for number, call in enumerate(calls):
        outcomes.note(call, np.full(2, number), 2.0)
    outcomes.note(calls[0], np.full(2, 9), float("inf"))
    outcomes.take(found)
    assert [(int(row[0]), ratio) for row, ratio in found] == [(0, 1.5), (3, RATIOS[-1])]
    calls[1].status = OK
    outcomes.take(found)
    outcomes.take(found)
    assert [(int(row[0]), ratio) for row, ratio in found[2:]] == [(1, 1.5)]


def test_calls_under_way_teach_in_the_window_in_which_they_end():
    """Requests come every second and take 2.5 s, as expected."""
    group = Group(plan_of(scenario(STEADY), window=2, episode=3600.0, **LEARNED), [0])
    group.begin()
    forecast = Forecast(Forecaster(len(group.plan.shapes[0].own) + len(group.plan.shapes[0].slot), Learning(), 0).weights())
    windows = [group.collect(first_slot, number, forecast) for number in range(3)]
    assert [window.ratios.tolist() for window in windows] == [[], [1.0, 1.0], [1.0, 1.0]]
    first = windows[0].transitions
    assert np.array_equal(windows[1].seen, np.concatenate([first.own, first.slots[:, 0]], 1))


def test_a_replayed_environment_knows_its_calls():
    plan = plan_of(load("regimes", SHORT).scenario, window=100, **LEARNED)
    shape = plan.shapes[0]
    forecast = Forecast(Forecaster(len(shape.own) + len(shape.slot), plan.settings, 0).weights())
    group, other = Group(plan, [0]), Group(plan, [0])
    group.begin()
    group.collect(by_chance, 0, forecast)
    old = group.environments[0]
    other.environments[0].replay(old.episode, list(old.actions))
    one, two = (each.collect(by_chance, 1, forecast) for each in (group, other))
    assert len(one.ratios) > 50 and np.array_equal(one.ratios, two.ratios) and np.array_equal(one.seen, two.seen)


def test_an_actor_that_is_delayed_stays_as_it_is():
    made = learner(actor_delay=1)
    before, critic = made.policy.state_dict()["actors.0.score.weight"].clone(), made.critic.mean.detach().clone()
    first = made.update(rollout(made, 1))
    assert torch.equal(made.policy.state_dict()["actors.0.score.weight"], before) and not torch.equal(made.critic.mean, critic)
    assert first["kl"] == 0.0
    made.update(rollout(made, 2))
    assert not torch.equal(made.policy.state_dict()["actors.0.score.weight"], before)
    undelayed = learner()
    undelayed.update(rollout(undelayed, 1))
    assert not np.array_equal(weights(undelayed), weights(made))


def test_a_checkpoint_acts_by_its_forecast_and_refuses_a_damaged_one(tmp_path):
    made = checkpoint_for(REGIMES, tmp_path / "a.pt", **{**LEARNED, "greedy_prior": 1e5})
    found = recorded(REGIMES, Checkpoint(str(tmp_path / "a.pt")))
    assert np.allclose(stored(tmp_path / "a.pt").forecast.layers[2][1], made.forecaster.weights()["4.bias"])
    described, arrays = read(tmp_path / "a.pt")
    arrays["forecast/4.bias"] = np.where(LEVELS == 4.0, 50.0, 0.0).astype(np.float32)  # everything takes 16 times as long
    write(tmp_path / "b.pt", described, arrays)
    other = recorded(REGIMES, Checkpoint(str(tmp_path / "b.pt")))
    same = min(len(found), len(other))
    assert (found.action[:same] != other.action[:same]).mean() > 0.1
    arrays["forecast/2.weight"] = arrays["forecast/2.weight"][1:]
    write(tmp_path / "c.pt", described, arrays)
    with pytest.raises(CheckpointError, match=r"the forecast's 2.weight"):
        stored(tmp_path / "c.pt")
