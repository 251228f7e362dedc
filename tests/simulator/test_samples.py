"""Measurements in bounded memory: exact while short, close after that, whole when merged."""

import numpy as np
import pytest

from simulator.samples import EXACT, Samples


def of(*arrays):
    samples = Samples()
    for values in arrays:
        samples.absorb(np.asarray(values, dtype=float))
    return samples


def test_exact():
    samples = of([3.0, 0.0], [1.0, 2.0])
    assert samples.exact
    assert (samples.mean(), samples.quantile(0.5), samples.quantile(0.99), samples.fraction_positive()) == (1.5, 1.0, 3.0, 0.75)


@pytest.mark.parametrize("parts", [1, 7])
def test_folded(parts):
    values = np.random.default_rng(0).lognormal(-4, 2, 2 * EXACT)
    values[::10] = 0.0
    whole = of(*np.array_split(values, parts))
    halves = of(values[:EXACT])
    halves.merge(of(values[EXACT:]))
    for samples in (whole, halves):
        assert not samples.exact
        assert samples.count == len(values)
        assert samples.mean() == pytest.approx(values.mean())
        assert samples.fraction_positive() == pytest.approx(0.9, abs=1e-5)
        for q in (0.05, 0.5, 0.99, 0.9999):
            assert samples.quantile(q) == pytest.approx(np.quantile(values, q, method="inverted_cdf"), rel=7e-4)
