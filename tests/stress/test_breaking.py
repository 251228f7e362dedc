"""`vamappo stress --find-breaking-point`: brackets of values worked out by hand, and of M/M/1."""

import json
import math
import signal

import pytest

from scenarios.breaking import Question, begun, go_on
from scenarios.targets import read_slo

SLO = ("--slo", "p99 < 300 ms")
CALM = ("--set", "spikes=[]", "--replications", 3)


def test_a_known_breaking_point(command, known, tmp_path):
    # every request takes its service time: p99 < 300 ms breaks at 300 ms
    found = command("stress", known, "--find-breaking-point", "services.s.service_time", *SLO, *CALM, "--out", tmp_path / "out")
    assert found.exit_code == 0
    stored = json.loads((tmp_path / "out" / "breaking-point.json").read_text())
    held, missed = (float(stored[end].removesuffix(" ms")) for end in ("held", "missed"))
    assert 285.0 <= held < 300.0 <= missed <= 315.0 and missed - held <= 0.05 * missed and stored["undecided"] == []
    assert f"is held at services.s.service_time = {stored['held']} and missed at {stored['missed']}" in found.stdout
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".csv", ".png", ".svg", ".yaml"}


def test_fewer_can_be_worse_and_whole_numbers_stay_whole(command, known):
    # eight at once on w workers: the last ends after ceil(8 / w) tenths of a second
    found = command("stress", known, "--find-breaking-point", "network.nodes.n.workers", "--slo", "p99 < 250 ms", *CALM, "--json")
    stored = json.loads(found.stdout)
    assert (stored["held"], stored["missed"]) == ("4", "3")
    assert all(float(one["at"]).is_integer() for one in stored["asked"])


def test_between_two_values(command, known):
    path = "services.s.service_time"
    found = command("stress", known, "--find-breaking-point", path, "--between", "0.2 s;0.4 s", "--tolerance", "1 %", *SLO, *CALM, "--json")
    stored = json.loads(found.stdout)
    held, missed = (float(stored[end].removesuffix(" s")) for end in ("held", "missed"))
    assert held < 0.3 <= missed and missed - held <= 0.01 * missed


def test_none_is_claimed_where_there_is_none(command, known, tmp_path):
    found = command("stress", known, "--find-breaking-point", "services.s.service_time", "--between", "20 ms;40 ms", *SLO, *CALM, "--out", tmp_path / "out")
    assert found.exit_code == 0 and "does not clearly break" in found.stdout  # held everywhere


def test_a_level_that_is_missed_from_the_start_fails(command, known):
    found = command("stress", known, "--find-breaking-point", "services.s.service_time", "--slo", "p99 < 50 ms", *CALM, "--json")
    stored = json.loads(found.stdout)
    assert found.exit_code == 1 and stored["held"] is not None and stored["interrupted"] is False


def test_a_value_that_changes_nothing_is_told(command, known):
    spike = ("--spike", "name=late,kind=slow_down,nodes=n,factor=2,at=999 s,for=5 s")
    found = command("stress", known, *spike, "--find-breaking-point", "spikes.late.factor", "--between", "2;4", *SLO, *CALM[2:], "--json")
    assert "late had no episode" in found.stderr and "spikes.late.factor changed nothing" in found.stderr
    stored = json.loads(found.stdout)
    assert len(stored["notes"]) == 2 and stored["asked"][0]["episodes"] == {"slow": 3, "late": 0}


def test_an_interrupted_search_is_stored_and_says_how_to_go_on(command, known, tmp_path, monkeypatch):
    from scenarios import breaking

    real = breaking.settle

    def fourth_is_cut(*given):
        fourth_is_cut.count += 1
        if fourth_is_cut.count == 4:
            signal.raise_signal(signal.SIGINT)
        return real(*given)

    fourth_is_cut.count = 0
    monkeypatch.setattr(breaking, "settle", fourth_is_cut)
    found = command("stress", known, "--find-breaking-point", "services.s.service_time", *SLO, *CALM, "--out", tmp_path / "out")
    assert found.exit_code == 130 and "--between '200 ms;400 ms'" in found.stderr
    stored = json.loads((tmp_path / "out" / "breaking-point.json").read_text())
    assert stored["interrupted"] and len(stored["asked"]) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--find-breaking-point", "spikes.slow.factr"), "unknown key 'factr' (did you mean 'factor'?)"),
        (("--find-breaking-point", "name"), "has no value above 0 there"),
        (("--find-breaking-point", "spikes.slow.factor", "--between", "2;4 s"), "expected two different values of one unit"),
        (("--find-breaking-point", "spikes.slow.factor", "--between", "0.5;4"), "--sweep: spikes.slow.factor: the speed is divided by the factor"),
        (("--find-breaking-point", "spikes.slow.factor", "--resume"), "--resume does not go with --find-breaking-point"),
        (("--find-breaking-point", "spikes.slow.factor", "--without", "slow"), "--without does not go with --find-breaking-point"),
        (("--find-breaking-point", "spikes.slow.factor", "--tolerance", "0 %"), "--tolerance '0 %': must be above 0"),
    ],
)
def test_mistakes_are_told(command, known, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    found = command("stress", known, *given, *SLO)
    assert found.exit_code == 2 and said in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["known.yaml"]


@pytest.mark.full
def test_the_breaking_load_of_m_m_1_is_in_the_bracket():
    # sojourn times are exponential with rate mu - lambda: p99 = ln(100) / (100 - lambda) reaches 300 ms at 84.65 /s
    found, ends, width = begun(Question("m-m-1", "workload.jobs.arrivals.rate", read_slo("p99 < 300 ms"), ["requests=20000"], replications=5))
    go_on(found, ends, width)
    assert found.held is not None and found.missed is not None
    assert found.held < 100.0 - math.log(100.0) / 0.3 < found.missed and found.missed < 1.25 * found.held
