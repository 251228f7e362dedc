"""`vamappo validate`: its expectations are those of the shared cases, its quick run passes, and mistakes make it fail."""

import json

import pytest

from analysis.summary import summarise
from scenarios import build
from scenarios.validation.battery import CASES, chosen_cases, run_case
from scenarios.validation.cases import CASES as TEXTBOOK
from scenarios.validation.figures import Run
from simulator import disciplines, laws, link, queues
from simulator.engine import DEPARTURE
from simulator.source import Source
from simulator.station import NEVER, Station
from tests.helpers import run, scenario


def test_expectations_are_the_shared_ones(shared):
    cases = json.loads((shared / "validation" / "open_cases.json").read_text())
    theirs = {statistic["id"]: (case["n_requests"], statistic) for case in cases for statistic in case["statistics"]}
    ours = {statistic.id: (case.requests, statistic) for case in TEXTBOOK for statistic in case.statistics}
    assert set(theirs) == set(ours)
    assert len(ours) == 63
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_summary_has_every_figure(case):
    """What validation reads from a trace stands in `summary.json` under the path it names, for anybody's scenario."""
    for name, text in case.runs.items():
        trace = run(scenario(text.format(n=case.requests if case.exact else 3000)))
        summary = summarise([trace])
        names = {"first": trace.stations[0].name, "link": trace.links[0].name if trace.links else "", "call": next(iter(summary["calls"]))}
        for statistic in case.statistics:
            if statistic.run != name:
                continue
            found = summary
            for part in statistic.figure.path.split("."):
                found = found[part.format(**names)]
            value = found["value"] if isinstance(found, dict) else found
            if value is None:
                assert "quantile" in statistic.name or statistic.name[0] in "ps", statistic.id  # refused: too few values for it
            elif "mean wait, " not in statistic.name:
                assert value == pytest.approx(statistic.figure.of(Run(trace)), rel=1e-9), statistic.id


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

    def one_by_one(self, agenda, name, node, workers, speed, generator):
        return Station(agenda, name, node, workers, speed, None, deque())

    monkeypatch.setattr(disciplines.ProcessorSharing, "station", one_by_one)
    assert "mean sojourn, constant" in missed("O08")


def test_a_warm_up_that_is_kept_is_caught(monkeypatch):
    from dataclasses import replace

    original = build.span_of
    monkeypatch.setattr(build, "span_of", lambda scenario: replace(original(scenario), warm_up=0.0, warm_up_requests=0))
    assert "mean number" in missed("V15")


def test_time_outs_that_leave_work_behind_are_caught(monkeypatch):
    original = Station.cancel

    class Later:
        rank = DEPARTURE

        def __init__(self, station):
            self.station = station

        def handle(self, job):
            original(self.station, job)

    def cancel(self, job):
        if job.due == NEVER:
            original(self, job)
        else:  # the worker goes on to the end of what nobody wants any more
            due, job.due = job.due, NEVER - 1.0
            self.agenda.at(due, Later(self), job)

    monkeypatch.setattr(Station, "cancel", cancel)
    assert missed("V02") == {"completed fraction", "utilisation"}


def test_a_retry_that_reuses_the_first_draw_is_caught(monkeypatch):
    monkeypatch.setattr(Source, "later_draw", lambda self, column, request, lane: request.row[column])
    assert "completed fraction" in missed("V03")
