"""Profiles: fits that find again what made the data, held-out errors of the real measurements, files that scenarios use."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scenarios.commands import app, register
from scenarios.imports.measured import read_measurements
from scenarios.imports.profiles import best_fit, fit, predicted
from scenarios.readers import InputError
from scenarios.readers.profiles import profiles_for, read_profiles
from scenarios.reading import load
from simulator.inference.profiles import Formula, Table, interpolated
from tests.helpers import run

SPLITWISE = Path(__file__).parents[3] / "shared" / "data" / "latency" / "splitwise_perf_model.csv"
HEADER = "model,hardware,prompt_size,batch_size,token_size,prompt_time,token_time,tensor_parallel\n"
SIZES = [(p, 1) for p in (64, 128, 256, 512, 1024, 2048, 4096)] + [(512, b) for b in (2, 4, 8, 16, 32)]
if not app.registered_commands:
    register()


def written(folder: Path, profile, model: str = "made", change=lambda size, times: times) -> Path:
    """A CSV of what a profile says, three rows a configuration."""
    rows = []
    for prompt, batch in SIZES:
        for tokens in (128, 1024) if batch == 1 else (128,):
            first = profile.iteration(prompt * batch, batch, batch)
            each = profile.iteration(0, 0, batch) + profile.kv_time * batch * (prompt + tokens / 2)
            first, each = change((prompt, batch), (first, each))
            rows += [f"{model},gpu-24gb,{prompt},{batch},{tokens},{1e3 * first},{1e3 * each},1"] * 3
    path = folder / "measured.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


TRUE = Formula(8e9 * 4, 8e9 * 400, 1e9, 4e13, 0.002, 2e-7, 3e-4)  # reads in 10 ms what 400 prompt tokens compute in


def test_the_formula_is_found_again(tmp_path):
    (group,) = read_measurements(written(tmp_path, TRUE))
    found = fit(group, "formula")
    assert found.token_error < 1e-6
    assert found.prompt_error < 0.01
    for point in group.points:
        assert predicted(found.profile, point) == pytest.approx((point.prompt_s, point.token_s), rel=0.02)


def test_a_table_goes_through_its_points_and_is_judged_on_others(tmp_path):
    (group,) = read_measurements(written(tmp_path, TRUE))
    found = fit(group, "table")
    for point in group.points:
        assert predicted(found.profile, point) == pytest.approx((point.prompt_s, point.token_s), rel=1e-6)
    assert {held for held, _, _ in found.held_out} == set(SIZES)
    assert 0.001 < found.prompt_error < 0.2  # it has not seen them
    assert best_fit(group)[0].form == "formula"


def test_rows_that_are_faster_at_a_larger_batch_are_left_out(tmp_path):
    def swapped(size, times):
        return (times[0] * 0.1, times[1]) if size == (512, 32) else times

    (group,) = read_measurements(written(tmp_path, TRUE, change=swapped))
    assert [point.configuration for point in group.left_out] == [(512, 32)]
    assert (512, 32) not in {point.configuration for point in group.points}


@pytest.mark.skipif(not SPLITWISE.exists(), reason="the measurements are not there")
def test_held_out_configurations_of_the_splitwise_data():
    """By device, mean absolute errors: token time within 10 %, prompt time within 15 %; by device and tensor parallelism too."""
    groups = read_measurements(SPLITWISE)
    assert len(groups) == 12
    by_device: dict[str, list[tuple[float, float]]] = {}
    for group in groups:
        found, _ = best_fit(group)
        assert found.prompt_error <= 0.15
        assert found.token_error <= 0.10
        assert len(found.held_out) == len({point.configuration for point in group.points})
        by_device.setdefault(group.hardware, []).extend((prompt, token) for _, prompt, token in found.held_out)
    for errors in by_device.values():
        prompt, token = np.mean(errors, axis=0)
        assert prompt <= 0.15
        assert token <= 0.10
    left = {(group.hardware, group.parallel, point.configuration) for group in groups for point in group.left_out}
    assert left == {(hardware, 2, (512, 64)) for hardware in ("a100-80gb", "h100-80gb", "h100-80gb-pcap")}


SCENARIO = """
name: own
requests: 20
network: {nodes: [{name: n}]}
services: {s: {inference: {model: made, file: made.yaml, prompt: 100, output: 5, batch: 4}}}
deployments: [{service: s, nodes: all}]
applications: {a: {calls: [{name: c, service: s}]}}
workload: [{name: w, application: a, ingress: n, arrivals: {kind: poisson, rate: 1 /s}}]
"""


def test_the_command_writes_profiles_that_scenarios_use(tmp_path):
    out = tmp_path / "made.yaml"
    arguments = ["fit-profile", str(written(tmp_path, TRUE)), "-o", str(out), "--weights", "4 GB", "--kv-size", "128 KiB"]
    first = CliRunner().invoke(app, [*arguments, "--json"])
    assert first.exit_code == 0, first.output
    said = json.loads(first.stdout)
    assert said["goals"]["met"] is True
    assert said["profiles"][0]["form"] == "formula"
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 2
    assert "--force" in again.output
    (profile,) = profiles_for(out)
    assert (profile.model, profile.device, profile.weights, profile.memory) == ("made", "gpu-24gb", 32e9, 24 * 8e9)
    (tmp_path / "own.yaml").write_text(SCENARIO)
    loaded = load(tmp_path / "own.yaml")
    simulation = loaded.build()
    expected = (24 * 8e9 - 32e9) // (16 * 128 * 8192)
    assert simulation.stations[0].blocks.total == expected
    again_from_resolved = loaded.scenario.services["s"].inference
    assert len(again_from_resolved.sha256) == 64
    assert run(loaded.scenario).completed.all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,hardware\nx,y\n", "no column 'tensor_parallel'"),
        (HEADER, "holds no measurements"),
        (HEADER + "m,h,512,1,128,abc,50,1\n", ":2: prompt_time: expected a number above 0, got 'abc'"),
        (HEADER + "m,h,512,-1,128,100,50,1\n", ":2: batch_size: expected a number above 0"),
        (HEADER + "m,h,512,1,128,100,50,1\n", "fewer than 4 configurations"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = CliRunner().invoke(app, ["fit-profile", str(path), "-o", str(tmp_path / "out.yaml")])
    assert said in (result.output + str(result.exception))
    assert not (tmp_path / "out.yaml").exists()


def test_bad_profile_files_are_said(tmp_path):
    path = tmp_path / "bad.yaml"
    for text, said in (("a: [", "cannot be read"), ("profiles: []\n", "holds no profiles"), ("profiles: [{model: m}]\n", "profiles[0]: device")):
        path.write_text(text)
        read_profiles.cache_clear()
        with pytest.raises(InputError, match=said.replace("[", r"\[")):
            profiles_for(path)


def test_every_profile_that_comes_along_is_plausible():
    """Each says where its figures are from, decodes no faster than its memory can be read, and slows down with batch and prompt."""
    profiles = profiles_for(None)
    assert {"llama-3-8b", "llama-2-70b"} <= {profile.model for profile in profiles}
    assert len({(profile.model, profile.device) for profile in profiles}) == len(profiles)
    for found in profiles:
        profile = found.profile
        assert len(found.source) > 40
        assert 0.005 < profile.iteration(0, 0, 1) < 0.1
        assert profile.iteration(0, 0, 32) >= profile.iteration(0, 0, 1)
        assert profile.iteration(2048, 1, 1) > profile.iteration(256, 1, 1)
        assert found.memory > found.weights


def test_measured_facts_are_met():
    """Llama-2-70B on two A100s prefills some 2,760 tokens/s and decodes in 55 to 60 ms, in 72 at 32; 4-bit 8B models by device."""
    named = {(profile.model, profile.device): profile.profile for profile in profiles_for(None)}
    a100 = named["llama-2-70b", "a100-x2"]
    assert 4096 / a100.iteration(4096, 1, 1) == pytest.approx(2760, rel=0.05)
    assert 0.054 < a100.iteration(0, 0, 1) + a100.kv_time * 576 < 0.061
    assert a100.iteration(0, 0, 32) + a100.kv_time * 32 * 576 == pytest.approx(0.072, rel=0.02)
    for device, rate in (("rtx-4090", 128), ("l40s", 114), ("a40", 89)):
        assert 1 / (named["llama-3-8b", device].iteration(0, 0, 1) + named["llama-3-8b", device].kv_time * 512) == pytest.approx(rate, rel=0.02)


def test_interpolation():
    assert [interpolated(x, (1.0, 2.0, 4.0), (10.0, 20.0, 30.0)) for x in (1, 1.5, 3, 6, 0)] == [10.0, 15.0, 25.0, 40.0, 5.0]
    assert Table((1.0,), (0.1,), (1.0,), (0.2,)).iteration(5, 1, 3) == 0.2
