"""Reading: YAML 1.2, round trips of the resolved form, data files, and that no file ends in a traceback."""

import copy
import io
import random
import subprocess
import sys

import pytest
from hypothesis import given

from scenarios.problems import ScenarioError
from scenarios.reading import LIBRARY, bundled, dump_yaml, load, parse, read_yaml, resolved
from tests.conftest import ROOT
from tests.random_scenarios import scenario_texts

SMALL = (LIBRARY / "m-m-1.yaml").read_text(encoding="utf-8")


def changed(before, after):
    assert before in SMALL
    return SMALL.replace(before, after, 1)


@pytest.mark.parametrize("name", bundled())
def test_resolved_form_reads_as_equal(name, tmp_path):
    loaded = load(name)
    assert loaded.text == (LIBRARY / f"{name}.yaml").read_text(encoding="utf-8")
    again = parse(dump_yaml(loaded.scenario), tmp_path / "elsewhere.yaml")
    assert again.scenario == loaded.scenario
    assert resolved(again.scenario) == resolved(loaded.scenario)


@given(scenario_texts())
def test_resolved_form_of_random_scenarios_reads_as_equal(text):
    scenario = parse(text, LIBRARY / "random.yaml").scenario
    assert parse(dump_yaml(scenario), LIBRARY / "again.yaml").scenario == scenario


@pytest.mark.parametrize(
    "law",
    [
        "12 ms", "{kind: erlang, phases: 3, mean: 1.1 ms}", "{kind: hyperexponential, probabilities: [0.1, 0.9], means: [1 s, 1 us]}",
        "{kind: uniform, low: 0 s, high: 0.3 ms}", "{kind: discrete, values: [1 ms, 7 ms], probabilities: [0.3, 0.7]}",
        "{kind: normal, mean: 3 ms, sd: 1 ms}", "{kind: lognormal, quantiles: {p50: 8 ms, p99.9: 40 ms}}", "{kind: weibull, shape: 0.7, mean: 3 ms}",
        "{kind: lomax, scale: 3 ms, shape: 3.5}", "{kind: bounded_pareto, minimum: 1 ms, maximum: 9 s, shape: 1.1}",
        "{kind: body_tail, body: {kind: exponential, mean: 3 ms}, threshold: 0.99, xi: 0.2, scale: 1 ms}",
        "{kind: mixture, of: [3 ms, {kind: gamma, mean: 1 ms, cv: 2}], weights: [0.5, 0.5]}", "{kind: empirical, values: [1 ms, 3 ms]}",
        "{kind: scipy, name: gamma, args: [2.0], scale: 3 ms}",
    ],
)  # fmt: skip
def test_every_law_reads_as_written(law, tmp_path):
    scenario = parse(changed("{kind: exponential, mean: 10 ms}", law), tmp_path / "x.yaml").scenario
    assert parse(dump_yaml(scenario), tmp_path / "y.yaml").scenario == scenario


def test_yaml_is_1_2():
    data, _ = read_yaml("on: yes\nno: off\nx: 0o17\ny: 1:30\nz: true\n", "x")
    assert data == {"on": "yes", "no": "off", "x": 15, "y": "1:30", "z": True}


def test_aliases_and_merged_keys_and_line_ends(tmp_path):
    shared = changed("    - {name: server, workers: 1}", "    - &a {name: server, workers: 1}\n    - {<<: *a, name: other}")
    nodes = parse("\ufeff" + shared.replace("\n", "\r\n"), tmp_path / "x.yaml").scenario.network.nodes
    assert [(node.name, node.workers) for node in nodes] == [("server", 1.0), ("other", 1.0)]


def test_problems_are_sorted_by_line():
    with pytest.raises(ScenarioError) as caught:
        load(ROOT / "tests" / "corpus" / "every-section-wrong.yaml")
    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert len(lines) >= 10


def test_data_files_are_held_by_path_and_digest(tmp_path):
    (tmp_path / "t.csv").write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,2\n1,2,3\n")
    text = changed("{kind: poisson, rate: 70 /s}", "{kind: trace, file: t.csv, format: arrived-at}")
    scenario = parse(text, tmp_path / "x.yaml").scenario
    (tmp_path / "far").mkdir()
    again = parse(dump_yaml(scenario), tmp_path / "far" / "y.yaml")
    assert again.scenario == scenario
    assert again.scenario.workload[0].arrivals.file == str(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,2\n1,2,4\n")
    with pytest.raises(ScenarioError, match="is not the one this scenario was made with"):
        parse(dump_yaml(scenario), tmp_path / "far" / "y.yaml")


def test_a_trace_needs_no_horizon_and_nothing_else_may_lack_one(tmp_path):
    bare = changed("requests: 10000\nwarm_up: 10 %\n", "")
    assert parse(bare.replace("{kind: poisson, rate: 70 /s}", "{kind: times, at: [0 s, 1 s]}"), tmp_path / "x.yaml").scenario.horizon is None
    with pytest.raises(ScenarioError, match="missing key 'horizon'"):
        parse(bare, tmp_path / "x.yaml")


def test_unknown_scenario():
    with pytest.raises(ScenarioError, match="did you mean 'edge-chat'"):
        load("edge-chatt")
    with pytest.raises(ScenarioError, match="there is no such file"):
        load("nowhere/edge.yaml")
    with pytest.raises(ScenarioError, match="this is a folder"):
        load(ROOT)


ODD = [
    None, True, -1, 0, 3.7, 1e308, float("inf"), float("nan"), 10**30, "", "x", "all", "unlimited", "-5 %", "1e400 s", [], {}, [None], ["x"], [[]], {"a": "b"},
    {"kind": None}, {"kind": 3}, {"kind": []}, {"kind": {}}, {"kind": "os:getcwd"}, [{"name": []}], {"one_of": {"one_of": "all"}}, {"tier": []}, {"nodes": []},
]  # fmt: skip
OURS = ("not accepted", "nested", "pydantic", "Input should", "object at 0x", "Traceback")


def places(value, place=()):
    yield place
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*place, key))


def mutants(count):
    """(place, odd value, text) of small scenarios with one value replaced, or taken out (the place is then told by the text)."""
    from ruamel.yaml import YAML

    draw = random.Random(5)
    bases = [read_yaml((LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"), name)[0] for name in ("m-m-1", "edge-chat")]
    for _ in range(count):
        data = copy.deepcopy(draw.choice(bases))
        place = draw.choice([p for p in places(data) if p])
        at = data
        for part in place[:-1]:
            at = at[part]
        odd = draw.choice(ODD)
        if draw.random() < 0.05:
            del at[place[-1]]
        else:
            at[place[-1]] = odd
        text = io.StringIO()
        YAML(typ="safe", pure=True).dump(data, text)
        yield place, odd, text.getvalue()


def test_one_odd_value_anywhere_is_a_sentence_or_a_scenario(request, tmp_path):
    refused = 0
    for place, odd, text in mutants(4000 if request.config.getoption("--full") else 250):
        try:
            scenario = parse(text, tmp_path / "x.yaml").scenario
        except ScenarioError as error:
            refused += 1
            assert error.problems
            assert not [word for word in OURS if word in str(error)], (place, odd, str(error))
        except Exception as error:
            pytest.fail(f"{place} = {odd!r} ended in {type(error).__name__}: {error}")
        else:
            assert parse(dump_yaml(scenario), tmp_path / "y.yaml").scenario == scenario, (place, odd)
    assert refused > 200


def test_reading_imports_nothing_heavy():
    code = (
        "import sys; from scenarios.reading import load; load('m-m-1');"
        " print([name for name in ('scipy', 'networkx', 'pyarrow', 'joblib', 'matplotlib', 'torch', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
