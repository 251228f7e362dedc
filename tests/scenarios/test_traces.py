"""Readers of request traces: every format on files of our own and on real ones, and the account of every row."""

import json
import subprocess
import sys

import numpy as np
import pytest

from scenarios.inputs import inputs_of
from scenarios.problems import ScenarioError
from scenarios.readers import InputError
from scenarios.readers.traces import read_trace
from scenarios.reading import dump_yaml, parse
from tests.conftest import ROOT

NEW = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
OLD = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
ROWS = [
    ("5", "ChatGPT", 472, 0, "Conversation log"),
    ("45", "ChatGPT", 1087, 230, "Conversation log"),
    ("118.5", "GPT-4", 417, 276, "API log"),
    ("120", "GPT-4", 410, 0, "API log"),
    ("130", "ChatGPT", 41, 20, "API log"),
]  # fmt: skip


@pytest.fixture
def burst(tmp_path):
    path = tmp_path / "burst.csv"
    path.write_text(NEW + "".join(f"{t},s{i},1.5,{model},{p},{o},{p + o},{log}\n" for i, (t, model, p, o, log) in enumerate(ROWS)))
    return path


def written(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def refused(path, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        read_trace(path, **options)
    return caught.value


def test_burstgpt_drops_failures_and_counts_from_the_first_row(burst):
    trace = read_trace(burst, "burstgpt")
    np.testing.assert_array_equal(trace.times, [40.0, 113.5, 125.0])
    np.testing.assert_array_equal(trace.columns["prompt"], [1087, 417, 41])
    np.testing.assert_array_equal(trace.columns["output"], [230, 276, 20])
    account = trace.account
    assert (account.rows, account.kept, account.dropped) == (5, 3, {"that failed (Response tokens 0)": 2})
    assert account.second_0 == "the first row, line 2: Timestamp 5"
    assert (account.first_s, account.last_s, account.time_unit) == (40.0, 125.0, "seconds")
    assert account.ignored == ("Session ID", "Elapsed time", "Model", "Total tokens", "Log Type")
    assert not account.detected


def test_burstgpt_keeps_failures_when_told(burst):
    trace = read_trace(burst, "burstgpt", failures="keep")
    np.testing.assert_array_equal(trace.columns["output"], [0, 230, 276, 0, 20])
    assert trace.account.dropped == {}
    assert trace.account.notes() == ["kept 2 failed rows"]


def test_selections_of_one_file_share_a_clock_and_make_up_the_whole(burst):
    parts = [read_trace(burst, model=model, log_type=log) for model, log in (("ChatGPT", None), ("GPT-4", "API log"))]
    whole = read_trace(burst)
    np.testing.assert_array_equal(np.sort(np.concatenate([part.times for part in parts])), whole.times)
    assert parts[0].account.dropped == {"whose Model is not 'ChatGPT'": 2, "that failed (Response tokens 0)": 1}
    for part in parts:
        assert part.account.rows == part.account.kept + sum(part.account.dropped.values())
    assert read_trace(burst, log_type="API log", model="ChatGPT").account.dropped == {
        "whose Model is not 'ChatGPT'": 2,
        "whose Log Type is not 'API log'": 2,
    }


def test_a_filter_that_fits_nothing_names_what_there_is(burst):
    error = refused(burst, r"the Model 'GPT4' \(did you mean 'GPT-4'\?\); there are 'ChatGPT' \(3\), 'GPT-4' \(2\)", model="GPT4")
    assert error.key == "model"


def test_nothing_left_is_an_error(burst):
    lines = burst.read_text().splitlines(True)
    burst.write_text("".join(line for line in lines if "GPT-4,417" not in line))
    refused(burst, "no row is left to replay of 4: dropped 3 whose Model is not 'GPT-4', 1 that failed", model="GPT-4")


def test_burstgpt_older_releases_and_dates(tmp_path):
    dates = ["2023-03-01 23:59:58", "2023-03-02 00:00:00.25", "2023-03-02 00:00:03"]
    path = written(tmp_path, OLD + "".join(f"{date},ChatGPT,4,{i + 1},9,API log\n" for i, date in enumerate(dates)))
    trace = read_trace(path)
    np.testing.assert_array_equal(trace.times, [0.0, 2.25, 5.0])
    assert (trace.account.format, trace.account.detected, trace.account.time_unit) == ("burstgpt", True, "dates and times")


def test_a_file_mixes_no_kinds_of_stamps(tmp_path):
    path = written(tmp_path, OLD + "5,ChatGPT,4,1,5,API log\n2023-03-01 00:00:09,ChatGPT,4,1,5,API log\n")
    refused(path, r"t\.csv:3: expected a number as in the first row, got the date")


def test_azure_stamps_with_a_zone_cross_it_rightly(tmp_path):
    head = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    path = written(tmp_path, head + "2024-05-10 00:00:00+00:00,1,2\n2024-05-10 02:00:00.5000001+02:00,3,0\n")
    trace = read_trace(path)
    np.testing.assert_allclose(trace.times, [0.0, 0.5000001], rtol=0, atol=1e-15)
    assert trace.account.dropped == {}  # 0 tokens mark no failure here
    refused(written(tmp_path, head + "2024-05-10 00:00:00+00:00,1,2\n2024-05-10 00:00:01,3,4\n"), ":3: expected a zoned date")
    refused(written(tmp_path, head + "2024-02-30 00:00:00,1,2\n"), ":2: expected a time such as")


def test_mooncake(tmp_path):
    rows = [(1000, 600, 5), (1000, 30, 1), (3250, 7, 0)]
    text = "".join(json.dumps({"timestamp": t, "input_length": p, "output_length": o, "hash_ids": [0, 1]}) + "\n" for t, p, o in rows)
    trace = read_trace(written(tmp_path, text + "\n", "m.jsonl"))
    np.testing.assert_array_equal(trace.times, [0.0, 0.0, 2.25])
    np.testing.assert_array_equal(trace.columns["output"], [5, 1, 0])
    account = trace.account
    assert (account.format, account.time_unit, account.ignored, account.kept) == ("mooncake", "milliseconds", ("hash_ids",), 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "expected a JSON object on one line"),
        ("[1]", "expected a JSON object, got"),
        ('{"timestamp": 1, "input_length": 2}', "missing output_length"),
        ('{"timestamp": "1", "input_length": 2, "output_length": 3}', "expected milliseconds"),
        ('{"timestamp": NaN, "input_length": 2, "output_length": 3}', "expected milliseconds"),
        ('{"timestamp": -1, "input_length": 2, "output_length": 3}', "not below 0"),
        ('{"timestamp": 1, "input_length": true, "output_length": 3}', "input_length: expected a number of tokens"),
        ('{"timestamp": 1, "input_length": 2.5, "output_length": 3}', "input_length: expected a number of tokens"),
        ('{"timestamp": 1, "input_length": 2, "output_length": null}', "output_length: expected a number of tokens"),
        ('{"timestamp": 1, "input_length": 2, "output_length": ' + "9" * 400 + "}", "400 digits"),
    ],
)
def test_a_broken_line_of_mooncake_is_named(tmp_path, line, said):
    good = '{"timestamp": 0, "input_length": 2, "output_length": 3}\n'
    assert "m.jsonl:2: " in str(refused(written(tmp_path, good + line + "\n" + good, "m.jsonl"), said))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("45,s,1,ChatGPT,4,5,9", "expected 8 fields, found 7"),
        ("45,s,1,ChatGPT,,5,9,API log", "Request tokens: expected a number of tokens, got ''"),
        ("45,s,1,Other,4,-1,9,API log", "Response tokens: a number of tokens cannot be negative"),
        ("soon,s,1,ChatGPT,4,5,9,API log", "expected seconds such as 12.5 or a time such as"),
        ("-1,s,1,ChatGPT,4,5,9,API log", "not below 0"),
        ("1e400,s,1,ChatGPT,4,5,9,API log", "expected seconds"),
    ],
)
def test_a_broken_row_is_an_error_even_where_it_would_be_left_out(tmp_path, row, said):
    text = f"{NEW}5,s,1,ChatGPT,4,5,9,API log\n{row}\n"
    assert "t.csv:3: " in str(refused(written(tmp_path, text), said, model="ChatGPT"))


@pytest.mark.parametrize(("unit", "second"), [(None, 1.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)])
def test_plain_takes_a_unit(tmp_path, unit, second):
    path = written(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n10,1,2\n13,3,4\n")
    np.testing.assert_allclose(read_trace(path, time_unit=unit).times, [0.0, 3.0 * second], rtol=1e-15)


def test_keys_belong_to_formats(burst, tmp_path):
    plain = written(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n10,1,2\n")
    for path, key, value in ((burst, "time_unit", "ms"), (plain, "model", "GPT-4"), (plain, "log_type", "API log"), (plain, "failures", "keep")):
        assert refused(path, f"takes the key '{key}'", **{key: value}).key == key


def test_rows_out_of_order_are_refused_or_sorted(tmp_path):
    path = written(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n4,1,0\n9,2,0\n3,3,0\n9,4,0\n5,5,0\n")
    refused(path, r"t\.csv:4: the time '3' is before that of the row above; sort the file by time, or give 'unsorted: sort'")
    trace = read_trace(path, unsorted="sort")
    np.testing.assert_array_equal(trace.times, [0.0, 1.0, 2.0, 6.0, 6.0])
    np.testing.assert_array_equal(trace.columns["prompt"], [3, 1, 5, 2, 4])  # rows of one time stay in their order
    assert trace.account.out_of_order == 2
    assert trace.account.second_0 == "the earliest row, line 4: arrived_at 3"
    assert trace.account.notes() == ["sorted 2 of 5 rows that were out of order"]


def test_a_format_is_told_only_where_it_is_one(tmp_path):
    both = "arrived_at,num_prefill_tokens,num_decode_tokens,TIMESTAMP,ContextTokens,GeneratedTokens\n0,1,2,2023-11-16 18:17:03,4,5\n"
    path = written(tmp_path, both)
    refused(path, "the columns are those of azure-llm and of plain; name the 'format'")
    assert read_trace(path, "plain").columns["prompt"][0] == 1
    assert read_trace(path, "azure-llm").columns["prompt"][0] == 4
    refused(written(tmp_path, "time,in,out\n0,1,2\n"), "the columns are of no known format")
    refused(written(tmp_path, '{"t": 0}\n'), "the columns are of no known format")


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = written(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens,arrived_at\n0,1,2,3\n")
    refused(path, "there are 2 columns 'arrived_at'")


def test_real_azure_conversations(shared):
    trace = read_trace(shared / "data" / "requests" / "azure_llm_2023_conv_first3000.csv")
    account = trace.account
    assert (account.format, account.rows, account.kept, account.dropped, account.ignored) == ("azure-llm", 3000, 3000, {}, ())
    assert trace.times[1] == pytest.approx(50.9951690 - 46.6805900, abs=1e-12)
    assert trace.columns["prompt"][:3].tolist() == [374, 396, 879]


def test_real_mooncake(shared):
    path = shared / "data" / "requests" / "mooncake_synthetic_first500.jsonl"
    trace = read_trace(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    np.testing.assert_allclose(trace.times, [row["timestamp"] / 1000 for row in rows], rtol=1e-12)
    np.testing.assert_array_equal(trace.columns["prompt"], [row["input_length"] for row in rows])
    assert (trace.account.kept, trace.account.last_s, trace.account.ignored) == (500, 139.272, ("hash_ids",))


SCENARIO = """name: replay
network: {{nodes: [{{name: a, workers: 4}}]}}
services: {{s: {{service_time: {work}}}}}
deployments: [{{service: s, nodes: all}}]
applications: {{chat: {{calls: [{{name: c, service: s}}]}}}}
workload:
  - {{name: users, application: chat, ingress: a, arrivals: {arrivals}}}
control: {{policy: local-first}}
{more}
"""
TOKENS = "{kind: tokens, prompt: 1 ms, output: 10 ms}"


def scenario(burst, arrivals="{kind: trace, file: burst.csv, speed_up: 2}", work=TOKENS, more=""):
    path = burst.with_name("replay.yaml")
    path.write_text(SCENARIO.format(arrivals=arrivals, work=work, more=more))
    return path


def vamappo(*arguments):
    return subprocess.run([sys.executable, "-m", "scenarios", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)


def test_a_run_replays_the_rows_and_keeps_their_account(burst, tmp_path):
    import pyarrow.parquet as pq

    done = vamappo("run", scenario(burst), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    said = "note: workload.users: burst.csv: dropped 2 of 5 rows: 2 that failed (Response tokens 0)"
    assert [line for line in done.stderr.splitlines() if "burst.csv" in line] == [said]
    table = pq.read_table(tmp_path / "out" / "requests.parquet")
    assert table["arrival_s"].to_pylist() == [20.0, 56.75, 62.5]
    np.testing.assert_allclose(table["latency_s"].to_pylist(), [1.087 + 2.3, 0.417 + 2.76, 0.041 + 0.2])
    (found,) = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"]
    assert (found["workload"], found["format"], found["rows"], found["kept"], found["speed_up"]) == ("users", "burstgpt", 5, 3, 2.0)
    assert found["dropped"] == {"that failed (Response tokens 0)": 2}
    assert len(found["sha256"]) == 64
    again = vamappo("run", tmp_path / "out" / "scenario.yaml", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    digests = [json.loads((tmp_path / name / "manifest.json").read_text())["columns_sha256"] for name in ("out", "again")]
    assert digests[0] == digests[1]


def test_check_shows_the_account(burst):
    found = json.loads(vamappo("check", scenario(burst), "--json").stdout)
    assert [(one["rows"], one["kept"], one["second_0"]) for one in found["inputs"]] == [(5, 3, "the first row, line 2: Timestamp 5")]
    assert any("dropped 2 of 5 rows" in warning for warning in found["warnings"])
    table = vamappo("check", scenario(burst)).stdout
    for text in ("5 read, 3 kept", "2 that failed (Response tokens 0)", "told from the header", "Session ID, Elapsed time", "40 s to 125 s"):
        assert text in table


def test_a_trace_inside_another_process_is_read_and_accounted_for(burst, tmp_path):
    inner = "{kind: superposition, of: [{kind: times, at: [1 s]}, {kind: bursts, size: 2, of: {kind: trace, file: burst.csv}}]}"
    path = scenario(burst, inner, "3 ms", "horizon: 200 s")
    loaded = parse(path.read_text(), path)
    assert [one["kept"] for one in inputs_of(loaded.scenario, path.parent)] == [3]
    simulation = loaded.build()
    trace = simulation.run(loaded.scenario.control.policy.actor(simulation))
    assert list(trace.requests["arrival"]) == [1.0, 40.0, 40.0, 113.5, 113.5, 125.0, 125.0]
    assert parse(dump_yaml(loaded.scenario), tmp_path / "again.yaml").scenario == loaded.scenario
    burst.write_text(NEW)
    with pytest.raises(ScenarioError, match=r"arrivals\.of\[1\]\.of\.file: .*burst\.csv: there is a header but no row"):
        parse(path.read_text(), path)


def test_a_file_that_changes_is_read_again(burst):
    path = scenario(burst)
    assert inputs_of(parse(path.read_text(), path).scenario, path.parent)[0]["rows"] == 5
    burst.write_text(burst.read_text() + "200,s,1,ChatGPT,4,5,9,API log\n")
    assert inputs_of(parse(path.read_text(), path).scenario, path.parent)[0]["rows"] == 6
