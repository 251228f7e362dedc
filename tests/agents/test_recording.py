"""Decision traces: what is written is what happened, changes nothing, and becomes the transitions that a learner would have had."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.baselines import LeastLoaded, Random
from agents.recording import Recorder, RecordingError, credited, transitions_of
from agents.rewards import CREDITS, Ledger
from scenarios.build import build
from scenarios.execute import Factory, run_replications
from scenarios.reading import load
from scenarios.recorded import decided, read_recording, recording_in
from scenarios.results import ResultsError, digest_of, write_results
from tests.scenarios.test_commands import vamappo

SET = ["horizon=12 s", "warm_up=0 s", "record.spans=none"]
REGIMES = load("regimes", SET).scenario
RECORDED = load("regimes", [*SET, "record.decisions=true"]).scenario


def recorded(policy=None, replications=2):
    described = replace(RECORDED, control=replace(RECORDED.control, policy=policy or LeastLoaded()))
    return list(run_replications(Factory(described, Path(), 3), range(replications), 1))


@pytest.fixture(scope="module")
def recording():
    return recording_in(recorded())


def test_recording_changes_nothing_and_reads_back(tmp_path, recording):
    traces = recorded()
    plain = Factory(replace(REGIMES, control=replace(REGIMES.control, policy=LeastLoaded())), Path(), 3).run(1)
    assert {**digest_of(traces[1]), **digest_of(plain)} == digest_of(traces[1])
    write_results(tmp_path / "r", RECORDED, traces, {}, {})
    back = read_recording(tmp_path / "r")
    assert back.described == recording.described and back.described["policy"] == "least-loaded"
    for name in ("replication", "agent", "request", "time", "own", "slots", "mask", "action", "state", "slot_names", "call"):
        assert np.array_equal(getattr(back, name), getattr(recording, name)), name
    assert all(np.array_equal(back.rewards[name], column) for name, column in recording.rewards.items())
    assert np.isnan(back.log_prob).all() and np.isfinite(back.own).all()


def test_what_is_recorded_is_what_was_seen_and_chosen(recording):
    """Least loaded takes the first slot with the smallest load, which is the first feature of a slot."""
    load_feature = np.where(recording.mask, recording.slots[:, :, 0], np.inf)
    chosen = load_feature[np.arange(len(recording)), recording.action]
    assert (chosen[recording.allowed] <= load_feature.min(1)[recording.allowed] + 1e-7).all()
    assert all(len(names) == there for names, there in zip(recording.slot_names, recording.slots[:, :, -1].sum(1), strict=True))


@pytest.mark.parametrize("credit", CREDITS, ids=[f"by-{credit}" for credit in CREDITS])  # "full" alone would mark a long test
def test_every_credit_comes_from_the_recorded_shares(recording, credit):
    """The ledger of a run under that credit, for every agent, is what is derived."""
    found = credited(recording, credit)
    simulation = build(RECORDED, Path(), 3, 1)
    simulation.ledger = ledger = Ledger(simulation, credit, log=True)
    simulation.run(LeastLoaded().actor(simulation))
    of = found["replication"] == 1
    assert found["agent"][of].tolist() == [row[0] for row in ledger.log]
    assert found["request"][of].tolist() == [row[2] for row in ledger.log]
    assert np.allclose(found["reward"][of], [row[3] for row in ledger.log])


@pytest.mark.parametrize("credit", ["share", "team"])
def test_transitions_have_the_rewards_a_learner_would_have_taken(recording, credit):
    """Replayed with a ledger that every agent asks at its turns: its own discounted rewards and discounts are the same."""
    beta, agent = 0.7, 2
    data = transitions_of(recording, credit, beta)
    data.check()
    simulation = build(RECORDED, Path(), 3, 0)
    simulation.ledger = ledger = Ledger(simulation, credit, beta)
    actor, taken, elapsed = LeastLoaded().actor(simulation), [], []
    for decision in simulation.decisions():
        if decision.agent == agent:
            earned = ledger.take(agent, decision.time)
            taken.append(earned.discounted)
            elapsed.append(earned.elapsed)
        decision.choose(actor.act(decision))
    segment = int(np.flatnonzero(data.agent[data.offsets[:-1]] == agent)[0])
    rows = slice(data.offsets[segment], data.offsets[segment + 1])
    assert np.allclose(data.reward[rows, agent], taken[1:]) and np.allclose(data.discount[rows], np.exp(-beta * np.array(elapsed[1:])))
    assert np.array_equal(data.state[len(data) + segment], recording.state[np.flatnonzero((recording.agent == agent) & (recording.replication == 0))[-1]])


def test_a_teams_chain_is_one_segment_a_replication(recording):
    data = transitions_of(recording, "team", 1.0, "team", context=recording.own.shape[1])
    data.check()
    assert len(data.offsets) == 3 and len(data) == len(recording) - 2 and np.array_equal(data.context, data.own)


def test_rejections_are_actions_and_other_policies_are_recorded():
    described = load("m-m-1", ["requests=50", "record.decisions=true", "control.forced=ask", "control.reject=true"]).scenario
    simulation = build(described, Path(), 1)

    class Fussy:
        log_prob = -0.5

        def act(self, decision):
            from simulator.decisions import REJECT

            return REJECT if decision.request.id % 3 == 0 else decision.candidates[0]

    found = recording_in([Recorder(simulation, Fussy(), "fussy", states=False).run()])
    assert found.action.tolist() == [1 if request % 3 == 0 else 0 for request in found.request.tolist()]
    assert found.rows(np.arange(2))[0].shape[1] == 2 and (found.log_prob == -0.5).all()
    with pytest.raises(RecordingError, match=r"record\.states"):
        transitions_of(found, "share", 1.0)


def test_workers_and_random_policies_record_the_same():
    described = replace(RECORDED, control=replace(RECORDED.control, policy=Random()))
    one, two = (list(run_replications(Factory(described, Path(), 3), range(2), workers)) for workers in (1, 2))
    assert [digest_of(trace) for trace in one] == [digest_of(trace) for trace in two]


def test_folders_without_decisions_are_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"no result folder.*record\.decisions=true"):
        read_recording(tmp_path / "none")
    write_results(tmp_path / "plain", REGIMES, [Factory(REGIMES, Path(), 3).run(0)], {}, {})
    with pytest.raises(ResultsError, match="no recorded decisions"):
        read_recording(tmp_path / "plain")
    (tmp_path / "plain" / "decisions.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ResultsError, match="cannot be read"):
        read_recording(tmp_path / "plain")
    (tmp_path / "plain" / "decisions.parquet").write_bytes((tmp_path / "plain" / "requests.parquet").read_bytes())
    with pytest.raises(ResultsError, match="does not say what its columns mean"):
        read_recording(tmp_path / "plain")


def test_where_nobody_is_asked_there_are_no_decisions(tmp_path):
    """Forced placements are no decisions; their requests' worth goes to the ingress, as it does where they are asked about."""
    found = {}
    for forced in ("skip", "ask"):
        described = load("m-m-1", ["requests=50", "warm_up=0 s", "record.decisions=true", f"control.forced={forced}"]).scenario
        traces = list(run_replications(Factory(described, Path(), 1), [0], 1))
        found[forced] = recording_in(traces)
        assert decided(traces) == (forced == "ask")
    assert (len(found["skip"]), len(found["ask"])) == (0, len(traces[0].requests["arrival"])), "each had one call"
    assert all(np.array_equal(found["skip"].rewards[name], column) for name, column in found["ask"].rewards.items())
    done = vamappo("run", "m-m-1", "--set", "requests=50", "--set", "record.decisions=true", "--out", tmp_path / "r")
    assert done.returncode == 0 and "note: no decisions were recorded" in done.stderr


@pytest.mark.parametrize(
    ("column", "spoil", "says"),
    [
        ("action", lambda values: values + 99, "actions are from 0 to"),
        ("action", lambda values: values - 99, "actions are from 0 to"),
        ("observation", lambda values: values * np.nan, "column observation: not all values are finite"),
        ("time_s", lambda values: values[::-1], "times do not ascend"),
    ],
)
def test_damaged_values_are_refused(column, spoil, says):
    trace = Factory(RECORDED, Path(), 3).run(0)
    trace.recorded.tables["decisions"][column] = spoil(trace.recorded.tables["decisions"][column])
    with pytest.raises(ValueError, match=says):
        recording_in([trace])
