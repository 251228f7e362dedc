"""The committed JSON Schema is the code's, and the bundled scenarios fit it; overrides; warnings; references."""

import json

import pytest
from jsonschema import Draft202012Validator

from scenarios.jsonschema import json_schema
from scenarios.load import LIBRARY, bundled, load, read_yaml, resolved
from scenarios.problems import ScenarioError
from tests.conftest import ROOT


def test_committed_schema_is_the_codes():
    assert json.loads((ROOT / "scenarios" / "scenario.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize("name", bundled())
def test_bundled_scenarios_fit(name):
    validator = Draft202012Validator(json_schema())
    data, _ = read_yaml((LIBRARY / f"{name}.yaml").read_text(), name)
    assert [error.message for error in validator.iter_errors(data)] == []
    assert data["description"]


def test_schema_refuses_mistakes():
    validator = Draft202012Validator(json_schema())
    data, _ = read_yaml((LIBRARY / "m-m-1.yaml").read_text(), "m-m-1")
    data["network"]["nodes"][0]["wrkers"] = 3
    assert not validator.is_valid(data)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("workload.jobs.arrivals.rate=12 /s", ("workload", 0, "arrivals", "rate"), "12 /s"),
        ("network.nodes[0].workers=3", ("network", "nodes", 0, "workers"), 3),
        ("network.nodes.server.speed=2", ("network", "nodes", 0, "speed"), 2.0),
        ("control.policy=random", ("control", "policy"), {"kind": "random"}),
        ("services.work.service_time={kind: gamma, mean: 3 ms, cv: 2}", ("services", "work", "service_time"), {"kind": "gamma", "mean": "3 ms", "cv": 2.0}),
    ],
)
def test_overrides(text, path, value):
    at = resolved(load("m-m-1", [text]).scenario)
    for part in path:
        at = at[part]
    assert at == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workload.job.arrivals.rate=1 /s", "there is no item 'job' (did you mean 'jobs'?)"),
        ("workload.jobs.arivals.rate=1 /s", "there is no key 'arivals' (did you mean 'arrivals'?)"),
        ("seed", "expected PATH=VALUE"),
        ("seed={", "the value is not YAML"),
        ("seed.x=1", "inside a plain value"),
        ("workload.jobs.arrivals.rate=1", "the unit is missing"),
    ],
)
def test_overrides_say_what_is_wrong(text, said):
    with pytest.raises(ScenarioError) as caught:
        load("m-m-1", ["seed=1", text])
    assert said in str(caught.value)


def test_infinite_moments_are_said_when_read():
    heavy = "services.work.service_time={kind: pareto, minimum: 1 ms, shape: %s}"
    assert "mean is infinite" in load("m-m-1", [heavy % 0.9]).warnings[0]
    assert "variance is infinite" in load("m-m-1", [heavy % 1.9]).warnings[0]
    assert "third moment is infinite" in load("m-m-1", [heavy % 2.9]).warnings[0]
    assert load("m-m-1", [heavy % 3.1]).warnings == ()


def test_unknown_scenario():
    with pytest.raises(ScenarioError, match="did you mean 'edge-chat'"):
        load("edge-chatt")
