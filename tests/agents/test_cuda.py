"""Updates on a CUDA device are those of the CPU but for rounding, and go on from a checkpoint; skipped where there is none."""

import numpy as np
import pytest
import torch

from agents.checkpoint import restore, save
from agents.learner import Learner
from agents.settings import Learning
from tests.agents.made import GRAPHS, QUICK, SIZES, rollout, weights

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def learner(device: str, **keys) -> Learner:
    return Learner(Learning(**{**QUICK, **keys}), SIZES, GRAPHS, 0, device)


def flat(made: Learner) -> np.ndarray:
    return weights(made) if made.device.type == "cpu" else torch.cat([p.detach().flatten().cpu() for p in [*made.policy.parameters(), *made.means]]).numpy()


@pytest.mark.parametrize("keys", [{}, {"algorithm": "mappo"}, {"algorithm": "ippo", "parameters": "separate"}, {"adaptation": "state"}])
def test_updates_are_those_of_the_cpu(keys):
    here, there = learner("cpu", **keys), learner("cuda", **keys)
    assert np.array_equal(flat(here), flat(there))
    for number in range(3):
        data = rollout(learner("cpu", **keys), 100 + number)
        one, two = here.update(data), there.update(data)
        assert one["value_loss"] == pytest.approx(two["value_loss"], rel=1e-3)
    assert np.abs(flat(here) - flat(there)).max() < 2e-3


def test_a_checkpoint_goes_on_on_either(tmp_path):
    made = learner("cuda")
    made.update(rollout(learner("cpu"), 1))
    save(tmp_path / "a.pt", made)
    again, here = (restore(tmp_path / "a.pt", device)[0] for device in ("cuda", "cpu"))
    data = rollout(learner("cpu"), 2)
    for each in (made, again, here):
        each.update(data)
    assert np.abs(flat(made) - flat(again)).max() < 1e-5 and np.abs(flat(made) - flat(here)).max() < 2e-3
