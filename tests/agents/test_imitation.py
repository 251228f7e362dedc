"""Learning from recorded decisions: the clone does what was recorded, values are of recorded returns, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents import imitation
from agents.baselines import LocalFirst
from agents.imitation import aligned, returns_of, start_from
from agents.observation import shape_of
from agents.recording import RecordingError, transitions_of
from scenarios.build import build
from scenarios.execute import Factory, run_replications
from scenarios.reading import load
from scenarios.recorded import recording_in
from tests.agents.acting import learner_for

SET = ["horizon=20 s", "warm_up=0 s", "record.spans=none"]
PLAIN = load("regimes", SET).scenario


@pytest.fixture(scope="module")
def recording():
    described = replace(PLAIN, record=replace(PLAIN.record, decisions=True), control=replace(PLAIN.control, policy=LocalFirst()))
    return recording_in(list(run_replications(Factory(described, load("regimes").path.parent, 3), range(2), 1)))


def shape(**keys):
    return replace(shape_of(build(PLAIN)), **keys)


def test_returns_are_discounted_sums_to_the_segments_end(recording):
    data = transitions_of(recording, "share", 1.0)
    found, unseen = returns_of(data)
    b = 1
    rows = range(data.offsets[b], data.offsets[b + 1])
    expected, left = np.zeros(data.reward.shape[1]), 1.0
    for row in reversed(rows):
        expected, left = data.reward[row] + data.discount[row] * expected, left * data.discount[row]
        assert np.allclose(found[row], expected) and unseen[row] == pytest.approx(left)


def test_the_clone_of_local_first_goes_local_and_values_are_learned_then_it_trains_on(recording, monkeypatch):
    monkeypatch.setitem(imitation.STEPS, "cloning", (400, 3, 40))
    monkeypatch.setitem(imitation.STEPS, "critic", (100, 3, 30))
    learner, _ = learner_for(PLAIN, hidden=32)
    parts = []
    figures = start_from(learner, recording, shape(), seen=lambda part, *_: parts.append(part))
    assert figures["accuracy"] > 0.9 and figures["explained_variance"] > 0.1 and {"cloning", "critic"} == set(parts)
    assert not learner.policy_optimisers[0].state  # its own optimiser begins afresh
    data = transitions_of(recording, "share", 1.0, context=len(shape().own))
    assert np.isfinite(learner.update(data)["value_loss"])


def test_it_is_repeatable(recording, monkeypatch):
    for part in imitation.STEPS:
        monkeypatch.setitem(imitation.STEPS, part, (4, 1, 1))
    weights = []
    for _ in range(2):
        learner, _ = learner_for(PLAIN)
        start_from(learner, recording, shape())
        weights.append(torch.cat([p.detach().flatten() for p in [*learner.policy.parameters(), *learner.means]]))
    assert torch.equal(*weights)


def test_work_classes_are_matched_by_name_and_slots_padded(recording):
    services = ("other", *reversed(recording.described["services"]))
    found = aligned(recording, shape(services=services, width=14))
    assert found.slots.shape[1] == found.mask.shape[1] == 14 and not found.mask[:, 12:].any()
    for name in recording.described["services"]:
        before = recording.own[:, 14 + recording.described["services"].index(name)]
        assert before.any() and np.array_equal(found.own[:, 14 + services.index(name)], before)


def test_rejections_stay_rejections_when_padded(recording):
    rejecting = replace(recording, mask=np.pad(recording.mask, ((0, 0), (0, 1)), constant_values=True), action=np.full(len(recording), 12))
    found = aligned(rejecting, shape(rejects=True, width=14))
    assert (found.action == 14).all() and found.mask[:, 14].all() and found.mask.shape[1] == 15


def told(recording, **keys):
    return replace(recording, described={**recording.described, **keys})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: told(r, own=[*r.described["own"], "luck"]), r"other features .*luck"),
        (lambda r: told(r, services=["cook"]), r"services cook, which the scenario"),
        (lambda r: told(r, width=9), r"up to 9 slots .*has 12"),
        (lambda r: told(r, rejects=True), r"control\.reject true"),
        (lambda r: told(r, hops=[[0, 1], [1, 0]], nodes=["a", "b"]), r"another map \(nodes a, b\)"),
        (lambda r: replace(r, rewards={name: column[:0] for name, column in r.rewards.items()}), r"no rewards were recorded"),
        (lambda r: replace(r, state=None), r"record\.states: true"),
        (lambda r: replace(r, mask=np.zeros_like(r.mask)), r"0 recorded decisions are too few .*at least 256"),
        (lambda r: told(r, beta_per_s=1e-9), r"record longer runs"),
    ],
)
def test_what_does_not_fit_is_refused(recording, change, said, monkeypatch):
    monkeypatch.setitem(imitation.STEPS, "cloning", (1, 1, 1))
    learner, _ = learner_for(PLAIN)
    with pytest.raises(RecordingError, match=said):
        start_from(learner, change(recording), shape())


def test_other_node_names_and_greedy_priors_are_refused(recording):
    names = tuple(recording.described["nodes"])
    with pytest.raises(RecordingError, match="another map"):
        start_from(learner_for(PLAIN)[0], recording, shape(), (*names[:-1], "fog"))
    with pytest.raises(RecordingError, match="greedy prior"):
        start_from(learner_for(PLAIN, greedy_prior=15.0)[0], recording, shape(), names)
