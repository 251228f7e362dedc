"""Traces as scenarios, the writing of scenarios, and the command line."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.imports import Imported, WriteError, import_calls, import_trace, write_scenario
from scenarios.imports.traces import burstiness, formats
from scenarios.imports.writing import digits, file_reference, flow, folded, percent, rounded, scalar, seconds
from scenarios.loads import offered_loads
from scenarios.problems import ScenarioError
from scenarios.readers import InputError
from scenarios.reading import load, read_yaml
from simulator.units import parse
from tests.helpers import finished, run
from tests.scenarios.test_commands import vamappo

PLAIN = "arrived_at,num_prefill_tokens,num_decode_tokens\n"


def imported(path, out, **options):
    write_scenario(import_trace(path, out, **options), out)
    return load(out)


def test_burstiness_by_hand():
    times = np.array([0.0, 10.0, 20.0, 59.0, 70.0, 119.0, 125.0])
    found = burstiness(times)
    gaps = np.diff(times)
    assert (found.count, found.span, found.minutes) == (7, 125.0, 2)
    assert found.rate == pytest.approx(6 / 125) and found.cv == pytest.approx(gaps.std() / gaps.mean())
    assert found.dispersion == pytest.approx(2 / 3)  # counts 4 and 2: variance 2, mean 3
    assert found.peak == pytest.approx(4 / 3)
    assert burstiness(np.array([3.0])).cv is None and burstiness(times[:4]).dispersion is None
    assert burstiness(np.array([5.0, 5.0])).rate == 0.0


def test_burstiness_of_a_poisson_process():
    times = np.cumsum(np.random.default_rng(4).exponential(0.25, 100_000))
    found = burstiness(times)
    assert abs(found.cv - 1.0) < 4 / np.sqrt(100_000)
    assert abs(found.dispersion - 1.0) < 4 * np.sqrt(2 / (found.minutes - 1))


def test_a_trace_is_replayed(tmp_path):
    generator = np.random.default_rng(7)
    times = np.cumsum(generator.exponential(0.5, 400))
    lines = [f"{time:.6f},{generator.integers(10, 900)},{generator.integers(1, 50)}\n" for time in times]
    (tmp_path / "t.csv").write_text(PLAIN + "".join(lines))
    loaded = imported(tmp_path / "t.csv", tmp_path / "t.yaml")
    arrivals = loaded.scenario.workload[0].arrivals
    assert "file: t.csv" in loaded.text and arrivals.file == str(tmp_path / "t.csv") and arrivals.format in formats()
    found = burstiness(times)
    for words in ("400 requests", f"interarrival cv {found.cv:.3g}", f"index of dispersion at one minute {found.dispersion:.3g}", f"{found.rate:.4g} /s"):
        assert words in " ".join(loaded.text.replace("#     ", "").split())
    trace = run(loaded.scenario)
    assert len(trace.latency) == 400 and finished(trace)
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.4


def test_what_no_trace_is(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="none of the known formats"):
        import_trace(tmp_path / "t.csv", tmp_path / "t.yaml")
    (tmp_path / "bad.csv").write_text(PLAIN + "0,5,5\n1,five,5\n")
    with pytest.raises(InputError, match=r"bad\.csv:3: .*expected a number of tokens, got 'five'"):
        import_trace(tmp_path / "bad.csv", tmp_path / "t.yaml")
    with pytest.raises(InputError, match="unknown format 'csv'"):
        import_trace(tmp_path / "bad.csv", tmp_path / "t.yaml", format="csv")
    with pytest.raises(InputError, match=r"nothing\.csv: there is no such file"):
        import_trace(tmp_path / "nothing.csv", tmp_path / "t.yaml")


@pytest.mark.parametrize("name, cv, index", [("azure_llm_2023_code.csv", 13.0, 100.0), ("azure_llm_2023_conv_first3000.csv", 1.1, 7.0)])
def test_azure_traces(shared, tmp_path, name, cv, index):
    loaded = imported(shared / "data" / "requests" / name, tmp_path / "azure.yaml")
    found = burstiness(loaded.build().sources[0].arrivals.times)
    assert abs(found.cv - cv) < 0.05 * cv and found.dispersion > index
    assert f"interarrival cv {found.cv:.3g}" in loaded.text
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.4
    assert finished(run(load(tmp_path / "azure.yaml", ["horizon=60 s", "warm_up=0 s"]).scenario))


VALUES = st.recursive(
    st.one_of(st.text(max_size=12), st.integers(-1000, 10**6), st.floats(allow_nan=False, allow_infinity=False), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES)
def test_values_are_read_back_as_they_were(value):
    data, _ = read_yaml(f"a: {flow(value)}\n", "x.yaml")
    assert data == {"a": value}


@pytest.mark.parametrize(
    "text",
    ["1", "1.5", "1e5", "0x1f", ".5", "true", "No", "null", "~", "", " a", "a #b", "a: b", "2020-01-02", "3 ms", "10 %", "33.33.33.76", "-", "[a", "1_000"],
)
def test_texts_stay_texts(text):
    data, _ = read_yaml(f"a: {scalar(text)}\nb: {{{scalar(text)}: 1}}\n", "x.yaml")
    assert data == {"a": text, "b": {text: 1}}


def test_short_numbers():
    assert (seconds(0.0123456), seconds(1.0), seconds(4e-5), seconds(7000.0)) == ("12.35 ms", "1 s", "40 us", "7000 s")
    assert [rounded(x) for x in (8437.0, 1.0, 0.0299, 150.0, 1.4e-7)] == [7000.0, 1.0, 0.02, 150.0, 1e-7]
    assert (percent(1 / 3), digits(123456.0), digits(1e-7)) == ("33.33 %", "123500", "0.0000001")
    assert parse(seconds(3.3e-10), "time") == pytest.approx(3.3e-10)
    text = folded({f"site-{i}": i for i in range(100)}, "    ")
    assert max(map(len, text.splitlines())) <= 120 and read_yaml(f"a: {text}\n", "x")[0]["a"]["site-99"] == 99


def test_data_files_are_named_by_path(tmp_path):
    assert file_reference(tmp_path / "a.csv", tmp_path / "x.yaml") == "a.csv"
    assert file_reference(tmp_path / "data" / "a.csv", tmp_path / "x.yaml") == "data/a.csv"
    assert file_reference(tmp_path / "a.csv", tmp_path / "b" / "x.yaml") == "../a.csv"
    assert file_reference(tmp_path / "a.csv", tmp_path / "b" / "c" / "d" / "x.yaml") == str(tmp_path / "a.csv")


def test_nothing_is_written_unless_all_is_right(tmp_path):
    source = tmp_path / "s.csv"
    source.write_text("x")
    out = tmp_path / "out.yaml"
    broken = Imported("x", source, "name: x\n", (), ())
    with pytest.raises(ScenarioError):
        write_scenario(broken, out)
    assert sorted(os.listdir(tmp_path)) == ["s.csv"]
    (tmp_path / "g.csv").write_text("Source,Target\na,b\n")
    good = import_calls(tmp_path / "g.csv", out)
    out.write_text("mine")
    with pytest.raises(WriteError, match="--force"):
        write_scenario(good, out)
    assert out.read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["g.csv", "out.yaml", "s.csv"]
    write_scenario(good, out, force=True)
    assert load(out).scenario.name == "out" and sorted(os.listdir(tmp_path)) == ["g.csv", "out.yaml", "s.csv"]
    with pytest.raises(WriteError, match="there is no folder"):
        write_scenario(good, tmp_path / "nowhere" / "out.yaml")
    with pytest.raises(WriteError, match="is a folder"):
        write_scenario(good, tmp_path, force=True)


def test_a_name_cannot_leave_the_header(tmp_path):
    (tmp_path / "g.csv").write_text("Source,Target\na,b\n")
    made = import_calls(tmp_path / "g.csv", tmp_path / "g.yaml")
    sly = Imported(made.name, made.source, made.body, ("a\nseed: 9", "b\u2028seed: 9", "c\rseed: 9"), ())
    write_scenario(sly, tmp_path / "g.yaml")
    assert load(tmp_path / "g.yaml").scenario.seed == 1


def test_command_line(tmp_path):
    (tmp_path / "g.csv").write_text("Source,Target\nfront,cart\ncart,db\n")
    done = vamappo("import", "calls", "g.csv", "-o", "g.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "measured: 3 services" in done.stderr and "g.yaml" in done.stdout
    text = (tmp_path / "g.yaml").read_text()
    assert "Measured from the file" in text and "Assumed" in text
    assert vamappo("check", "g.yaml", cwd=tmp_path).returncode == 0
    assert json.loads(vamappo("run", "g.yaml", "--json", "--set", "horizon=5 s", cwd=tmp_path).stdout)["requests"]["completed"] > 0
    again = vamappo("import", "calls", "g.csv", "-o", "g.yaml", cwd=tmp_path)
    assert again.returncode == 2 and "--force" in again.stderr and (tmp_path / "g.yaml").read_text() == text
    forced = vamappo("import", "calls", "g.csv", "-o", "g.yaml", "--force", "--nodes", 2, "--json", cwd=tmp_path)
    assert forced.returncode == 0 and json.loads(forced.stdout)["assumed"] and "generate: complete" in (tmp_path / "g.yaml").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["calls", "cycle.csv"], "a -> b -> a"),
        (["calls", "nothing.csv"], "there is no such file"),
        (["calls", "cycle.csv", "--by", "leaf"], "expected 'root' or 'entry'"),
        (["calls", "cycle.csv", "--payload", "2"], "--payload: expected a size such as '8 kB'"),
        (["topology", "cycle.csv"], "expected a column 'latitude'"),
        (["topology", "cycle.csv", "--range", "3"], "--range: expected a length such as '12 km'"),
        (["trace", "cycle.csv"], "none of the known formats"),
    ],
)
def test_mistakes_end_with_one_sentence_and_write_nothing(tmp_path, arguments, message):
    (tmp_path / "cycle.csv").write_text("Source,Target\na,b\nb,a\n")
    done = vamappo("import", *arguments, "-o", "out.yaml", cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["cycle.csv"]
