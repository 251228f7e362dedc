"""The learner's exact properties, on random rollouts."""

import dataclasses

import numpy as np
import pytest
import torch

from agents import losses
from agents.learner import choose
from agents.networks import Critic
from agents.settings import Learning
from agents.transitions import Graphs, Transitions, join
from tests.agents.made import LINE, SIZES, learner, rollout, trained, weights

STRIPPED = {"adaptation": "off", "members": 1, "prior_scale": 0.0, "mask_probability": 1.0, "critic_scope": "global", "credit": "team", "alpha": 0.0}


@pytest.mark.parametrize("by", ["agent", "state"])
@pytest.mark.parametrize("parameters", ["shared", "separate"])
def test_no_gains_equal_adaptation_off_bit_for_bit(by, parameters):
    still = trained(learner(adaptation=by, k_lr=0.0, k_c=0.0, parameters=parameters))
    off = trained(learner(adaptation="off", parameters=parameters))
    assert np.array_equal(weights(still), weights(off))


def test_adaptation_does_something():
    assert not np.array_equal(weights(trained(learner(adaptation="agent"))), weights(trained(learner(adaptation="off"))))


def test_vamappo_stripped_is_mappo_bit_for_bit():
    """It still has quantile heads: they learn on a trunk held fixed, so nothing else feels them."""
    stripped = trained(learner(algorithm="vamappo", **STRIPPED), team=True)
    mappo = trained(learner(algorithm="mappo"), team=True)
    assert stripped.settings.quantiles == 16 and mappo.settings.quantiles == 0
    assert np.array_equal(weights(stripped), weights(mappo))


def test_alpha_zero_has_ippos_advantages():
    whole, ippo = learner(**{**STRIPPED, "credit": "share", "critic_scope": "local"}), learner(algorithm="ippo")
    found = [each.prepare(rolled := rollout(each, 3), tensors(each, rolled)).advantage for each in (whole, ippo)]
    assert torch.equal(*found)


def tensors(each, rolled: Transitions):
    x = each.critic.inputs(each.tensor(rolled.state), each.tensor(rolled.context), each.tensor(rolled.agent))
    return {"x": x, "graph": each.tensor(rolled.graph)}


def test_the_first_ratio_is_one():
    acting = trained(learner())
    figures = acting.update(rollout(acting, 9))
    assert figures["first_ratio_error"] < 1e-5 < figures["ratio_error"]


def test_only_the_ratios_of_weights_act_on_shared_parameters_and_a_step_is_scaled_on_separate_ones():
    """Doubling the multiplier of one agent of its own doubles its first step, which a doubled loss would not under Adam."""
    moved = []
    for factor in (1.0, 0.5):
        each = learner(parameters="separate", epochs=1, minibatches=1, adaptation="off", schedule="constant")
        step = each.adaptation.step
        each.adaptation.step = lambda *a, step=step, factor=factor: dataclasses.replace(step(*a), multiplier=np.array([factor, 1, 1, 1]))
        before = [torch.cat([p.detach().flatten().clone() for p in actor.parameters()]) for actor in each.policy.actors]
        each.update(rollout(each, 4))
        moved.append([torch.cat([p.detach().flatten() for p in actor.parameters()]) - b for actor, b in zip(each.policy.actors, before, strict=True)])
    assert torch.allclose(moved[1][0], 0.5 * moved[0][0], atol=1e-7)
    assert torch.equal(moved[1][1], moved[0][1])


def test_an_agent_above_its_divergence_stops_and_the_critic_goes_on():
    each = learner(target_kl=1e-9, epochs=3, minibatches=1, learning_rate=0.01)
    figures = each.update(rollout(each, 5))
    assert figures["stopped"] == 1.0
    assert len(each.policy_optimisers[0].state) and next(iter(each.critic_optimiser.state.values()))["step"] == 3
    assert next(iter(each.policy_optimisers[0].state.values()))["step"] == 2  # the first divergence is that of equal policies


@pytest.mark.parametrize("keys", [{}, {"critic_scope": "khop", "alpha": 0.5, "kappa": 1}, {"algorithm": "ippo"}])
def test_relabelling_agents_changes_nothing(keys):
    """Nodes in another order: the same values and probabilities after learning, permuted, within 1e-6."""
    order = np.array([2, 0, 3, 1])
    new = np.argsort(order)  # old position -> new position
    quiet = {"minibatches": 1, "mask_probability": 1.0, **keys}
    plain, moved = learner(**quiet), learner(graphs=Graphs.of([LINE[np.ix_(order, order)]]), **quiet)
    for number in range(3):
        rolled = rollout(plain, number)
        plain.update(rolled)
        moved.update(dataclasses.replace(rolled, state=rolled.state[:, order], reward=rolled.reward[:, order], agent=new[rolled.agent]))
    probe = rollout(plain, 7)
    everywhere = np.tile(np.arange(4), (len(probe.state), 1))
    values = [
        each.values(x["x"], x["graph"], each.tensor(everywhere), None)[0]
        for each, other in ((plain, probe), (moved, dataclasses.replace(probe, state=probe.state[:, order], agent=new[probe.agent])))
        for x in [tensors(each, other)]
    ]
    assert np.allclose(values[0][:, order], values[1], rtol=0, atol=1e-6)
    logits = [
        each.policy(*(each.tensor(a) for a in (probe.own, probe.slots, probe.legal, probe.prior, number))).detach()
        for each, number in ((plain, probe.agent), (moved, new[probe.agent]))
    ]
    assert torch.allclose(*logits, rtol=0, atol=1e-5)


def test_slots_are_treated_alike_and_illegal_ones_never_chosen():
    each = trained(learner())
    rolled = rollout(each, 8)
    order = np.array([3, 1, 4, 0, 2])
    plain = each.policy(*(each.tensor(a) for a in (rolled.own, rolled.slots, rolled.legal, rolled.prior, rolled.agent)))
    moved = each.policy(*(each.tensor(a) for a in (rolled.own, rolled.slots[:, order], rolled.legal[:, order], rolled.prior, rolled.agent)))
    assert torch.allclose(plain[:, order], moved, atol=1e-5)
    uniform = np.append(np.linspace(0, 1 - 1e-12, 239), 0.0)
    log_probs = torch.log_softmax(plain, 1).detach().numpy()
    for drawn in (uniform, None):
        slots, _ = choose(log_probs, rolled.legal, drawn)
        assert rolled.legal[np.arange(len(slots)), slots].all()


def test_local_values_depend_on_the_own_node_only_khop_on_neighbours():
    for scope, touched in (("local", [1]), ("khop", [0, 1, 2]), ("global", [0, 1, 2, 3])):
        critic = Critic(SIZES, Learning(critic_scope=scope, rounds=1, hidden=16), Graphs.of([LINE]), 0)
        state = torch.randn(1, 4, SIZES.node + SIZES.context + 1, generator=torch.Generator().manual_seed(1))
        other = state.clone()
        other[0, 1] += 1.0
        at, graph = torch.arange(4).unsqueeze(0), torch.zeros(1, dtype=torch.int64)
        differs = (critic(state, graph, at, None)[0] - critic(other, graph, at, None)[0]).abs().amax((0, 2)) > 1e-6
        assert differs.nonzero().flatten().tolist() == touched


def test_scenarios_of_different_sizes_are_learned_together():
    small, large = Graphs.of([LINE[:2, :2]]), Graphs.of([LINE[:2, :2], LINE])
    each = learner(graphs=large)
    few = rollout(learner(graphs=small), 1)
    many = rollout(learner(), 2)
    together = join([few, dataclasses.replace(many, graph=many.graph + 1)])
    together.check()
    assert together.state.shape[1] == 4 and np.isfinite(each.update(together)["value_loss"])
    assert weights(each).size == weights(learner()).size


def test_illegal_slots_add_no_entropy_and_huber_bends():
    log_probs = torch.log(torch.tensor([[0.5, 0.5, 1e-30]]))
    assert losses.legal_entropy(log_probs, torch.tensor([[True, True, False]])).item() == pytest.approx(np.log(2))
    assert losses.huber(torch.tensor([0.5, -3.0]), 1.0).tolist() == pytest.approx([0.125, 2.5])
    assert (losses.divergence(torch.linspace(-1, 1, 9)) >= 0).all()


def test_what_cannot_be_learned_from_is_refused():
    rolled = rollout(learner(), 1)
    with pytest.raises(ValueError, match="own has 239 rows, expected 240"):
        dataclasses.replace(rolled, own=rolled.own[1:]).check()
    with pytest.raises(ValueError, match="masked"):
        dataclasses.replace(rolled, legal=np.zeros_like(rolled.legal)).check()
    with pytest.raises(ValueError, match="reward holds values that are not finite"):
        dataclasses.replace(rolled, reward=rolled.reward * np.inf).check()
