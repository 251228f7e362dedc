"""The fixture `stress`: comparisons are answered by intervals, and a failure says what they were."""

import subprocess
import sys

import pytest

from scenarios.assertions import Stress, Undecided
from scenarios.problems import ScenarioError
from scenarios.reading import load
from tests.helpers import run

pytest_plugins = ["pytester"]
HALF = "kind=slow_down,nodes=n,factor=4,at=50 s,for=100 s"  # twice as often as `known` is slow by itself


def test_a_known_tail_is_held_and_missed(stress, known):
    # a quarter of the requests take 0.2 s, the others 0.1 s
    under = stress(known, replications=5)
    assert under.p50 < 0.15
    assert under.p50 < "150 ms"
    assert not under.p99 < 0.15
    assert under.p99 >= 0.15
    assert 0.6 < under.attainment < 0.9
    assert under.completed >= 0.99
    assert under.mean > 0.1


def test_the_same_as_a_run_with_that_spike_in_the_file(stress, known):
    trace = run(load(known, spikes=[HALF]).scenario, replication=1)
    assert float(stress(known, [HALF], replications=2).run(2)[1].latency.sum()) == trace.latency[trace.counted].sum()


def test_too_close_to_tell_is_neither_true_nor_false(stress, known):
    with pytest.raises(Undecided, match=r"attainment > 0.75 .* is undecided: attainment is 75.5 % \[7[34]\.\d %, 7\d\.\d %\], the bound is 75 %"):
        assert stress(known, replications=5).attainment > 0.75
    with pytest.raises(Undecided, match="1 replication,"):
        assert stress(known, replications=1, values=["horizon=190 s"]).p50 < 1.0


def test_replications_are_added_until_it_is_clear(stress, known):
    loose = stress(known, replications=1, most=8, values=["horizon=180 s"])
    assert loose.p99 > 0.15
    assert len(loose.samples) == 2  # the first look that can tell anything


def test_two_scenarios_compare_pair_by_pair(stress, known):
    calm, hit = stress(known, without=["slow"]), stress(known, [HALF])
    assert calm.mean < hit.mean
    assert hit.p99 > calm.p99
    assert not hit.attainment > calm.attainment
    with pytest.raises(Undecided, match="pair by pair, p = 1"):
        assert calm.mean < calm.mean
    with pytest.raises(TypeError, match="p50 cannot be compared with p99"):
        assert calm.p50 < hit.p99


def test_the_same_scenario_runs_once(known, monkeypatch):
    once = Stress()
    assert once(known, [HALF], replications=4).p99 > 0.15
    monkeypatch.setattr("scenarios.evaluation.Task.run", None)  # whatever runs now fails
    assert once(known, [HALF], replications=4).completed > 0.9


def test_mistakes_are_those_of_the_command(stress, known):
    with pytest.raises(ScenarioError, match=r"--spike: spikes.freeze-1.nodes\[0\]: unknown node 'm'"):
        stress(known, ["kind=freeze,nodes=m,at=1 s,for=1 s"])
    with pytest.raises(ScenarioError, match="there is no spike 'slw' \\(did you mean 'slow'"):
        stress(known, without=["slw"])


def test_a_failure_says_what_the_interval_was(pytester, known):
    pytester.makeconftest("pytest_plugins = ['scenarios.pytest_plugin']")
    pytester.makepyfile(f"def test_tail(stress):\n    assert stress({str(known)!r}, replications=3).p99 < 0.15")
    said = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    said.assert_outcomes(failed=1)
    said.stdout.re_match_lines([r".*assert p99 < 0.15 of known \(spikes slow; seed 0\) is missed: share .* is 24.5 % \[22.1 %, 27.1 %\].*"])


def test_the_plugin_loads_nothing_heavy():
    heavy = "import sys, scenarios.pytest_plugin; print(sorted({'numpy', 'scipy', 'simpy', 'pydantic', 'torch', 'simulator'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "[]\n"
