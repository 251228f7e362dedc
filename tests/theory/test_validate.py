"""`vamappo validate`: its expectations are those of the shared cases, its quick run passes, and mistakes make it fail."""

import json

import pytest

from scenarios.validation.battery import chosen_cases, run_case
from scenarios.validation.cases import CASES
from simulator import disciplines, laws, link, queues


def test_expectations_are_the_shared_ones(shared):
    cases = json.loads((shared / "validation" / "open_cases.json").read_text())
    theirs = {statistic["id"]: (case["n_requests"], statistic) for case in cases for statistic in case["statistics"]}
    ours = {statistic.id: (case.requests, statistic) for case in CASES for statistic in case.statistics}
    assert set(theirs) - set(ours) == {f"O15.{i}" for i in range(1, 6)}, "invariants are tested on every scenario, in tests/test_invariants.py"
    for key, (requests, statistic) in ours.items():
        size, other = theirs[key]
        scale = 1e-3 if "_ms" in other["name"] else 1.0
        assert requests == size, key
        assert statistic.expected == pytest.approx(other["expected"] * scale, rel=1e-6), key
        assert statistic.sd == other["rel_sd_at_n"], key
        assert statistic.gate == other["gate"], key


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_quick(case):
    verdicts = list(run_case(case, True, 1, 1))
    assert [v for v in verdicts if v.passed is False] == []


def missed(name: str) -> set[str]:
    return {v.statistic for v in run_case(chosen_cases([name])[0], True, 1, 1) if v.passed is False}


def test_lifo_for_fifo_is_caught(monkeypatch):
    monkeypatch.setattr(disciplines, "deque", queues.LastFirst)
    assert "p99 sojourn" in missed("O01")


def test_lomax_for_pareto_is_caught(monkeypatch):
    monkeypatch.setattr(laws.Pareto, "sample", lambda self, generator, size: self.minimum * generator.pareto(self.shape, size))
    assert "probability of waiting" in missed("O06")


def test_forgotten_propagation_is_caught(monkeypatch):
    original = link.Link.__init__

    def without(self, *arguments, **named):
        original(self, *arguments, **named)
        self.propagation = 0.0

    monkeypatch.setattr(link.Link, "__init__", without)
    assert "whole message" in missed("O13")
    assert "mean transit" in missed("O04")


def test_sharing_that_serves_one_by_one_is_caught(monkeypatch):
    from collections import deque

    from simulator.station import Station

    def one_by_one(self, agenda, name, node, workers, speed, generator):
        return Station(agenda, name, node, workers, speed, None, deque())

    monkeypatch.setattr(disciplines.ProcessorSharing, "station", one_by_one)
    assert "mean sojourn, constant" in missed("O08")
