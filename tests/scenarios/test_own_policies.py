"""Policies of one's own: what is accepted, what is said of what is not, and that no two versions are mixed."""

import json
import sys
from typing import ClassVar

import pytest

from scenarios.policies import PolicyError, PolicyFailure, policy_of, under, version_of
from scenarios.reading import load
from tests.helpers import run

SHORT = ["--set", "horizon=20 s", "--set", "warm_up=2 s"]
HERE = "tests.scenarios.test_own_policies"


class Counts:
    """Plain, with state that must not leak into the next replication."""

    made: ClassVar = []

    def __init__(self, place=0):
        self.place, self.asked = place, 0
        Counts.made.append(self)

    def act(self, decision):
        self.asked += 1
        return decision.candidates[self.place]


class Knows:
    """Told the simulation."""

    def __init__(self, simulation, place=0):
        self.nodes, self.place = simulation.nodes, place

    def act(self, decision):
        assert decision.agent_name in {node.name for node in self.nodes}
        return decision.candidates[self.place]


class Neither:
    pass


class Answers:
    """Answers what is no candidate, or raises, from some time on."""

    def __init__(self, answer=None, since=0.0, raises=False):
        self.answer, self.since, self.raises = answer, since, raises

    def act(self, decision):
        if decision.time < self.since:
            return decision.candidates[0]
        if self.raises:
            raise LookupError("no such thing")
        return self.answer


class MakesNothing:
    def actor(self, simulation):
        return None


class FailsInTheThird:
    made = 0

    def actor(self, simulation):
        FailsInTheThird.made += 1
        return Answers(raises=True) if FailsInTheThird.made == 3 else Counts()


def described(name: str, more: str = ""):
    return under(load("demo", ["horizon=20 s", "warm_up=2 s"]).scenario, policy_of(f"{{kind: '{HERE}:{name}'{more}}}"))


def test_a_plain_class_is_made_anew_for_every_replication():
    one = described("Counts", ", place: 1")
    Counts.made.clear()
    first, again = run(one).latency, run(one).latency
    assert first.tolist() == again.tolist()
    assert len(Counts.made) == 2 and Counts.made[0].asked == Counts.made[1].asked > 0
    assert run(described("Knows", ", place: 1")).latency.tolist() == first.tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mine.py", "write mine:Class"),
        ("mine.Good", "write mine:Good"),
        ("./some/mine.py:Good", "write some.mine:Good"),
        ("nowhere_at_all:Good", "sought in the folder of the command"),
        (f"{HERE}:Neither", r"has no actor; a policy is a class with act\(self, decision\)"),
        (f"{{kind: '{HERE}:Counts', plaec: 1}}", "unexpected keyword argument 'plaec'"),
        (f"{{kind: '{HERE}:Knows', plaec: 1}}", "unexpected keyword argument 'plaec'"),
    ],
)
def test_what_is_no_policy_says_what_would_be(text, said):
    with pytest.raises(PolicyError, match=said):
        policy_of(text)


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("Answers", ", answer: 17", r"Answers\(answer=17\), replication 0: answered 17, of type int, for the call '.*' of request 0 at .* s: act"),
        ("Answers", "", "answered None, of type NoneType, for the call"),
        ("MakesNothing", "", r"actor\(simulation\) returned None, which has no act\(decision\)"),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_wrong_answer_is_one_sentence(name, more, said, recorded):
    from dataclasses import replace

    from scenarios.execute import Factory
    from scenarios.schema import Record

    one = replace(described(name, more), record=Record(decisions=recorded))
    with pytest.raises(PolicyFailure, match=said) as found:
        Factory(one, ".", 1).run(0)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("recorded", ["false", "true"])
def test_what_a_policy_raises_is_told_with_its_place(command, recorded):
    policy = f"{{kind: '{HERE}:Answers', since: 10, raises: true}}"
    found = command("run", "demo", *SHORT, "--set", f"record.decisions={recorded}", "--policy", policy, "--json")
    assert found.exit_code == 2
    lines = found.stderr[found.stderr.index("Traceback") :].splitlines()
    assert "in act" in lines[1] and lines[-2] == "LookupError: no such thing"
    assert "replication 0, raised LookupError at 10." in lines[-1] and "place the call" in lines[-1]
    assert "simulation.py" not in found.stderr


def test_what_is_finished_is_kept_when_a_policy_raises(command, tmp_path):
    FailsInTheThird.made = 0
    evaluation = ("evaluate", "demo", "--policies", f"least-loaded,{HERE}:FailsInTheThird", *SHORT, "--out", tmp_path / "e")
    found = command(*evaluation, "--replications", 5)
    assert found.exit_code == 2
    assert "failed: kept 2 of 5 replications" in found.stderr and "replication 2, raised LookupError" in found.stderr.splitlines()[-1]
    assert command(*evaluation, "--replications", 3, "--resume").exit_code == 0
    assert json.loads((tmp_path / "e" / "evaluation.json").read_text())["replications"]["least-loaded"] == [0, 1, 2]


def test_resume_does_not_mix_two_versions_of_a_policy(command, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "changing_policy.py"

    def written(place):
        source.write_text(f"class Mine:\n    def act(self, decision):\n        return decision.candidates[{place}]\n")
        sys.modules.pop("changing_policy", None)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return version_of(policy_of("changing_policy:Mine"))
        finally:
            sys.dont_write_bytecode = before

    evaluation = ("evaluate", "demo", "--policies", "random,changing_policy:Mine", *SHORT, "--out", tmp_path / "e", "--resume")
    first = written(0)
    assert first.startswith("changing_policy:Mine sha256:")
    assert command(*evaluation[:-1], "--replications", 1).exit_code == 0
    assert command(*evaluation, "--replications", 2).exit_code == 0
    assert written(-1) != first
    other = command(*evaluation, "--replications", 3)
    assert other.exit_code == 2 and "another version of changing_policy:Mine, whose source has changed" in other.stderr


def test_bytes_that_are_no_checkpoint_get_no_advice_to_run_them(tmp_path):
    (tmp_path / "junk.pt").write_bytes(b"junk\n")
    with pytest.raises(PolicyError, match="not a checkpoint") as found:
        policy_of(str(tmp_path / "junk.pt"))
    assert "pickle" not in str(found.value)
