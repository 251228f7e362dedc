"""Laws: samples agree with their own moments and with scipy; infinite moments are said to be infinite."""

import math

import numpy as np
import pytest
import scipy.stats

from simulator.descriptions import Choice
from simulator.laws import (
    LAWS,
    BodyTail,
    BoundedPareto,
    Deterministic,
    Discrete,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Hyperexponential,
    Lognormal,
    Lomax,
    Mixture,
    Normal,
    Pareto,
    Scipy,
    Uniform,
    Weibull,
    resolve,
)  # fmt: skip

EXAMPLES = [
    Deterministic(3.0), Exponential(2.0), Erlang(3, 2.0), Gamma(2.0, 1.5), Hyperexponential(mean=2.0, cv=2.0), Hyperexponential((0.2, 0.8), (5.0, 1.0)),
    Uniform(1.0, 4.0), Discrete((1.0, 2.0, 5.0), (0.2, 0.3, 0.5)), Normal(1.0, 1.0), Lognormal(mean=2.0, cv=0.8), Lognormal(median=2.0, sigma=0.5),
    Lognormal(quantiles={"p50": 1.0, "p99": 4.0}), Weibull(1.5, scale=2.0), Weibull(0.8, mean=2.0), Pareto(1.0, 5.0), Lomax(1.0, 5.0),
    BoundedPareto(1.0, 50.0, 1.5), BodyTail(Lognormal(mean=1.0, cv=1.0), 0.95, 0.1, 1.0), Mixture((Exponential(1.0), Deterministic(4.0)), (0.7, 0.3)),
    Empirical((1.0, 2.0, 2.0, 7.0)), Scipy("gamma", 2.0, (1.5,)),
]  # fmt: skip


def test_every_law_has_an_example():
    assert {type(law) for law in EXAMPLES} == set(LAWS)


@pytest.mark.parametrize("law", EXAMPLES, ids=repr)
def test_samples_have_the_moments(law):
    n = 200_000
    values = law.sample(np.random.default_rng(5), n)
    assert values.dtype == np.float64
    assert values.shape == (n,)
    assert (values >= 0).all()
    assert law.sample(np.random.default_rng(5), 0).shape == (0,)
    moments = law.moments()
    assert abs(values.mean() - moments.mean) <= 5 * values.std() / math.sqrt(n) + 1e-12
    if moments.tail_index > 4:
        error = math.sqrt(max(np.mean((values - values.mean()) ** 4) - values.var() ** 2, 0) / n)
        assert abs(values.var() - moments.variance) <= 6 * error + 1e-9


@pytest.mark.parametrize(
    ("law", "twin"),
    [
        (Exponential(2.0), scipy.stats.expon(scale=2)), (Erlang(3, 3.0), scipy.stats.gamma(3)), (Pareto(2.0, 1.5), scipy.stats.pareto(1.5, scale=2)),
        (Lomax(2.0, 1.5), scipy.stats.lomax(1.5, scale=2)), (Weibull(0.7, scale=3.0), scipy.stats.weibull_min(0.7, scale=3)),
        (Lognormal(median=2.0, sigma=0.6), scipy.stats.lognorm(0.6, scale=2)), (Normal(1.0, 2.0), scipy.stats.truncnorm(-0.5, np.inf, loc=1, scale=2)),
        (Uniform(1.0, 3.0), scipy.stats.uniform(1, 2)),
    ],
    ids=repr,
)  # fmt: skip
def test_distribution(law, twin):
    assert scipy.stats.kstest(law.sample(np.random.default_rng(1), 20_000), twin.cdf).pvalue > 1e-4


def test_infinite_moments():
    assert Pareto(1.0, 0.9).moments() == (math.inf, math.inf, 0.9)
    assert Pareto(1.0, 1.5).moments() == (3.0, math.inf, 1.5)
    assert Lomax(1.0, 3.0).moments() == (0.5, 0.75, 3.0)
    assert BodyTail(Exponential(1.0), 0.9, 0.6, 1.0).moments().variance == math.inf
    assert Mixture((Exponential(1.0), Pareto(1.0, 1.2)), (0.99, 0.01)).moments().tail_index == 1.2


def test_pareto_starts_at_its_minimum_and_bounded_ends_at_its_maximum():
    assert 9.0 <= Pareto(9.0, 2.5).sample(np.random.default_rng(0), 10_000).min() < 9.01
    bounded = BoundedPareto(1.0, 10.0, 0.5).sample(np.random.default_rng(0), 10_000)
    assert bounded.min() >= 1.0
    assert 9.9 < bounded.max() <= 10.0


def test_quantiles_of_lognormal():
    law = Lognormal(quantiles={"p50": 8.0, "p99": 40.0})
    values = law.sample(np.random.default_rng(2), 200_000)
    assert np.quantile(values, 0.5) == pytest.approx(8.0, rel=0.02)
    assert np.quantile(values, 0.99) == pytest.approx(40.0, rel=0.03)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lognormal(mean=1.0), lambda: Pareto(1.0, 0.0), lambda: Uniform(2.0, 1.0), lambda: Discrete((1.0,), (0.5,)), lambda: Erlang(0, 1.0),
        lambda: Hyperexponential(mean=1.0, cv=0.5), lambda: Mixture((), ()), lambda: Scipy("norm", 1.0), lambda: Weibull(1.0), lambda: Empirical(),
    ],
)  # fmt: skip
def test_nonsense_is_refused_from_python_too(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("law", EXAMPLES, ids=repr)
def test_text_form_comes_back(law):
    choice = Choice("law", LAWS, "time", bare=True)
    assert choice.validate(choice.serialize(law)) == law


def test_resolve_reads_files_deep_inside():
    law = Mixture((Empirical(file="x.csv", unit=0.001), Exponential(1.0)), (0.5, 0.5))
    resolved = resolve(law, lambda file, column: np.array([1.0, 2.0]))
    assert resolved.of[0].values == (0.001, 0.002)
