"""Arrival processes: rates, variability, order, and no trace of blocks."""

import numpy as np
import pytest

from simulator.arrivals import Listed, Poisson, Renewal, Times, Tokens
from simulator.laws import Exponential


def take(source, n):
    times = []
    while len(times) < n and (block := source.next_block()):
        times += block
    return np.array(times[:n])


@pytest.mark.parametrize("process", [Poisson(50.0), Renewal(rate=50.0, cv=2.0), Renewal(interval=Exponential(0.02))], ids=repr)
def test_rate(process):
    times = take(process.source(np.random.default_rng(3)), 50_000)
    assert (np.diff(times) >= 0).all()
    cv = 2.0 if getattr(process, "cv", None) else 1.0
    assert len(times) / times[-1] == pytest.approx(process.mean_rate(), abs=5 * 50 * cv / np.sqrt(50_000))
    assert np.diff(times).std() / np.diff(times).mean() == pytest.approx(cv, rel=0.05)


def test_times_are_sequential_sums():
    process = Renewal(interval=Exponential(0.02))
    gaps = np.concatenate([process.interval.sample(generator, size) for generator in [np.random.default_rng(3)] for size in (64, 128, 256)])
    total, expected = 0.0, []
    for gap in gaps:
        total += gap
        expected.append(total)
    np.testing.assert_array_equal(take(process.source(np.random.default_rng(3)), 448), expected)


def test_explicit_times_end():
    source = Times((0.0, 1.0, 1.0)).source(np.random.default_rng(0))
    assert source.next_block() == [0.0, 1.0, 1.0]
    assert source.next_block() == []


def test_tokens():
    columns = {"prompt": np.array([100.0, 0.0]), "output": np.array([10.0, 20.0])}
    law = Tokens(0.001, 0.06)
    np.testing.assert_allclose(law.of_attributes(columns, 0, 5), [0.7, 1.2])
    assert law.mean_of(columns) == pytest.approx(0.95)
    assert Listed(np.zeros(0), {}).next_block() == []
