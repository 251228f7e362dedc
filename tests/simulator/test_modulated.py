"""Arrival processes with changing rates: their means, their variability, and what is exact about them."""

import numpy as np
import pytest

from simulator.arrivals import CHOICE, Poisson, Times
from simulator.laws import Deterministic
from simulator.modulated import Bursts, Diurnal, Mmpp, Profile, Superposition
from tests.simulator.test_arrivals import take


@pytest.mark.parametrize(
    "process",
    [
        Mmpp((40.0, 130.0), (0.4, 0.1333)), Mmpp((0.0, 50.0, 10.0), (0.1, 0.2, 0.3)), Profile((0.0, 10.0, 20.0), (10.0, 50.0, 10.0)),
        Diurnal(30.0, 0.8, 10.0), Bursts(Deterministic(5.0), Poisson(8.0)), Superposition((Poisson(10.0), Mmpp((5.0, 50.0), (1.0, 1.0)))),
    ],
    ids=lambda process: process.kind,
)  # fmt: skip
def test_mean_rate_and_text_form(process):
    times = take(process.source(np.random.default_rng(2)), 60_000)
    assert (np.diff(times) >= 0).all()
    assert len(times) / times[-1] == pytest.approx(process.mean_rate(), rel=0.05)
    assert CHOICE.validate(CHOICE.serialize(process)) == process


def test_mmpp_index_of_dispersion():
    """Counts in long windows: IDC = 1 + 2 (r1 - r2)^2 s1^2 s2^2 / ((s1 + s2)^2 (r1 s1 + r2 s2)) (Heffes and Lucantoni 1986)."""
    r1, r2, s1, s2 = 40.0, 130.0, 0.4, 0.4 / 3
    times = take(Mmpp((r1, r2), (s1, s2)).source(np.random.default_rng(0)), 400_000)
    counts = np.bincount((times // 20.0).astype(int))[:-1]
    expected = 1 + 2 * (r1 - r2) ** 2 * (s1 * s2) ** 2 / ((s1 + s2) ** 2 * (r1 * s1 + r2 * s2))
    assert counts.var() / counts.mean() == pytest.approx(expected, rel=0.2)


def test_profile_follows_its_points_and_can_end():
    process = Profile((0.0, 10.0, 20.0), (0.0, 100.0, 0.0), repeat=False)
    times = take(process.source(np.random.default_rng(0)), 10_000)
    assert times[-1] < 20.0
    assert len(times) == pytest.approx(1000, abs=5 * np.sqrt(1000))
    assert (times < 5.0).sum() == pytest.approx(125, abs=5 * np.sqrt(125))


def test_bursts_come_at_one_instant():
    source = Bursts(Deterministic(3.0), Times((1.0, 2.0))).source(np.random.default_rng(0))
    assert source.next_block() == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert source.next_block() == []


def test_superposition_keeps_order_and_ends():
    source = Superposition((Times((1.0, 4.0)), Times((2.0, 3.0)))).source(np.random.default_rng(0))
    assert source.next_block() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Mmpp((1.0,), (1.0,)), lambda: Mmpp((0.0, 0.0), (1.0, 1.0)), lambda: Profile((1.0, 2.0), (1.0, 1.0)), lambda: Diurnal(0.0, 0.5, 1.0),
        lambda: Superposition(()),
    ],
)  # fmt: skip
def test_nonsense_is_refused(make):
    with pytest.raises(ValueError):
        make()
