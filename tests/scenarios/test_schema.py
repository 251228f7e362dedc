"""The committed JSON Schema is the code's, and the bundled scenarios fit it; warnings; keys known by place."""

import json

import pytest
from jsonschema import Draft202012Validator

from scenarios.jsonschema import json_schema
from scenarios.keys import known_keys
from scenarios.reading import LIBRARY, bundled, load, read_yaml
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


def test_infinite_moments_are_said_when_read():
    heavy = "services.work.service_time={kind: pareto, minimum: 1 ms, shape: %s}"
    assert "mean is infinite" in load("m-m-1", [heavy % 0.9]).warnings[0]
    assert "variance is infinite" in load("m-m-1", [heavy % 1.9]).warnings[0]
    assert "third moment is infinite" in load("m-m-1", [heavy % 2.9]).warnings[0]
    assert load("m-m-1", [heavy % 3.1]).warnings == ()


def test_moments_without_a_tail_index_are_said_too():
    heavy = "services.work.service_time={kind: scipy, name: pareto, args: [1.5], scale: 1 ms}"
    assert "variance is infinite:" in load("m-m-1", [heavy]).warnings[0]


def test_warnings_name_the_place_as_overrides_do():
    loaded = load("edge-chat", ["spikes.stragglers.factor={kind: pareto, minimum: 3, shape: 1.8}"])
    assert loaded.warnings[0].startswith("spikes.stragglers.factor: the variance is infinite (tail index 1.8)")


def test_services_out_of_reach_are_said():
    cut_off = ["network.links=[{between: [edge-a, edge-b]}, {between: [edge-c, cloud]}]", "deployments=[{service: embed, nodes: [edge-a, edge-c]}, "
               "{service: retrieve, nodes: all}, {service: generate, nodes: [cloud], variants: [small]}]"]  # fmt: skip
    said = [w for w in load("edge-chat", cut_off).warnings if "no path" in w]
    assert [w.split(":")[0] for w in said] == ["workload.chat-a", "workload.chat-b"]
    assert all("'generate'" in w for w in said)


@pytest.mark.parametrize(
    ("place", "some"),
    [
        ((), "horizon"), (("network",), "routing"), (("network", "links", 0), "bandwidth"), (("spikes", 1), "for"), (("drain",), "limit"),
        (("services", "embed", "service_time"), "sigma"), (("applications", "chat", "calls", 2, "after", "retrieve"), "cv"),
        (("deployments", 1, "discipline"), "capacity"),
    ],
)  # fmt: skip
def test_keys_are_known_by_place(place, some):
    data, _ = read_yaml((LIBRARY / "edge-chat.yaml").read_text(), "edge-chat")
    assert some in known_keys(place, data)
    assert "duration" not in known_keys(place, data)


def test_names_of_the_users_own_are_no_keys():
    data, _ = read_yaml((LIBRARY / "edge-chat.yaml").read_text(), "edge-chat")
    assert known_keys(("services",), data) == known_keys(("applications", "chat", "calls", 2, "after"), data) == []
