"""Where a figure stands: exact intervals, infinities, and how often a verdict is wrong."""

import numpy as np
import pytest

from analysis.evaluation import Sample
from analysis.standing import HELD, MISSED, UNDECIDED, binomial, looks_at, settle, standing


def sample(replication, latency):
    nothing = np.full(len(latency), np.nan)
    met = (latency < 1.0).astype(float)
    return Sample(replication, latency, nothing, nothing, met, 1.0, None, "", "open")


def constant(value, requests=1000, replications=3):
    return [sample(r, np.full(requests, value)) for r in range(replications)]


def test_the_exact_interval_of_no_successes():
    low, high = binomial(0, 300, 0.05)
    assert low == 0.0 and high == pytest.approx(1.0 - 0.025 ** (1.0 / 300.0))
    assert binomial(300, 300, 0.05) == (pytest.approx(0.025 ** (1.0 / 300.0)), 1.0)


def test_a_bound_is_strict_where_it_says_so():
    assert standing(constant(1.0), "p99", "<", 1.0).verdict == MISSED
    assert standing(constant(1.0), "p99", "<=", 1.0).verdict == HELD
    assert standing(constant(1.0), "p99", ">", 1.0).verdict == MISSED
    assert standing(constant(1.0), "p99", ">=", 1.0).verdict == HELD


def test_few_requests_and_one_replication_decide_nothing():
    assert standing(constant(0.1, requests=50), "p99", "<", 1.0).verdict == UNDECIDED  # 150 requests cannot show a share below 1 %
    assert standing(constant(0.1, replications=1), "p99", "<", 1.0).verdict == UNDECIDED
    assert standing([], "p99", "<", 1.0).verdict == UNDECIDED


def test_what_did_not_complete_is_beyond_every_bound():
    mixed = [sample(r, np.where(np.arange(1000) < 30, np.inf, 0.1)) for r in range(3)]
    assert standing(mixed, "p99", "<", 1e9).verdict == MISSED and standing(mixed, "p95", "<", 1.0).verdict == HELD
    assert standing(mixed, "mean", "<", 1e9).verdict == MISSED
    assert standing(mixed, "completed", ">", 0.96).verdict == HELD and standing(mixed, "attainment", ">", 0.98).verdict == MISSED


def test_looks():
    assert looks_at(5, 20) == [5, 10, 20] and looks_at(5, 12) == [5, 10, 12] and looks_at(30, 20) == [20]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_wrong_verdicts_are_as_rare_as_said(scale):
    # the true p90 is the bound itself (never clearly either), or half of it
    generator, bound, trials = np.random.default_rng(0), np.log(10.0), 300
    verdicts = []
    for _ in range(trials):
        drawn = [sample(r, scale * generator.exponential(size=400)) for r in range(20)]
        verdicts.append(settle(lambda n, drawn=drawn: drawn[:n], "p90", "<", bound, 5, 20, 0.05).verdict)
    decided = [verdict for verdict in verdicts if verdict != UNDECIDED]
    if scale == 1.0:
        assert len(decided) <= 0.05 * trials + 3.0 * np.sqrt(0.05 * 0.95 * trials)
    else:
        assert verdicts.count(HELD) == trials
