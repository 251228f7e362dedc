"""`vamappo run --resume`: an interrupted run goes on, and its results are those of a run that never was."""

import json

import pytest
import typer

from scenarios.commands import BAD_INPUT, DONE, INTERRUPTED
from scenarios.commands.run import run
from scenarios.execute import Factory
from scenarios.results import ResultsError
from scenarios.resume import folder_of

SIZE = ["requests=400"]


def vamappo_run(out, replications=4, set_=(), **options):
    with pytest.raises(typer.Exit) as ended:
        run("m-m-1", replications=replications, set_=[*SIZE, *set_], out=out, **options)
    return ended.value.exit_code


@pytest.fixture
def interrupt(monkeypatch):
    """Makes the given replication end as Ctrl-C would; undone by calling it with None."""
    original = Factory.run

    def arm(at):
        def cut(self, replication, watch=None):
            if replication == at:
                raise KeyboardInterrupt
            return original(self, replication, watch)

        monkeypatch.setattr(Factory, "run", original if at is None else cut)

    return arm


def columns(out):
    return json.loads((out / "manifest.json").read_text())["columns_sha256"]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_an_uninterrupted_run(tmp_path, interrupt, workers):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert vamappo_run(whole) == DONE
    interrupt(2)
    assert vamappo_run(cut) == INTERRUPTED
    manifest = json.loads((cut / "manifest.json").read_text())
    assert (manifest["interrupted"], manifest["replications"]) == (True, [0, 1])
    interrupt(None)
    assert vamappo_run(cut, resume=True, workers=workers) == DONE
    for name in ("summary.json", "scenario.yaml", "requests.parquet", "spans.parquet", "episodes.parquet", "timeline.parquet"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name
    manifest = json.loads((cut / "manifest.json").read_text())
    assert (manifest["interrupted"], manifest["replications"], manifest["resumed_replications"]) == (False, [0, 1, 2, 3], 2)
    assert columns(cut) == columns(whole)
    assert not folder_of(cut).exists()


def test_what_is_kept_is_not_simulated_again(tmp_path, interrupt):
    interrupt(2)
    assert vamappo_run(tmp_path / "a") == INTERRUPTED
    interrupt(0)
    assert vamappo_run(tmp_path / "a", resume=True) == DONE


def test_a_run_that_was_killed_goes_on(tmp_path, interrupt):
    """No result folder, one whole replication, and one that was being written when the machine stopped."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert vamappo_run(whole) == DONE
    interrupt(1)
    assert vamappo_run(killed) == INTERRUPTED
    for path in killed.iterdir():
        path.unlink()
    killed.rmdir()
    (folder_of(killed) / "000001.part-7").write_bytes(b"half a rep")
    interrupt(None)
    assert vamappo_run(killed, resume=True) == DONE
    assert columns(killed) == columns(whole)


def test_precision_goes_on_as_it_would_have(tmp_path, interrupt):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert vamappo_run(whole, replications=1, precision="p50=9 %") == DONE
    assert len(json.loads((whole / "manifest.json").read_text())["replications"]) > 5
    interrupt(6)
    assert vamappo_run(cut, replications=1, precision="p50=9 %") == INTERRUPTED
    interrupt(None)
    assert vamappo_run(cut, replications=1, precision="p50=9 %", resume=True, workers=2) == DONE
    assert (cut / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()


def test_it_is_not_thrown_away_unasked(tmp_path, interrupt):
    out = tmp_path / "a"
    interrupt(2)
    assert vamappo_run(out) == INTERRUPTED
    interrupt(None)
    with pytest.raises(ResultsError, match=r"2 finished replication.*--resume.*--force"):
        run("m-m-1", replications=4, set_=SIZE, out=out)
    with pytest.raises(ResultsError, match="the scenario has changed"):
        run("m-m-1", replications=4, set_=[*SIZE, "seed=99"], out=out, resume=True)
    assert len(list(folder_of(out).glob("*.pickle"))) == 2
    assert vamappo_run(out, replications=1, force=True) == DONE
    assert not folder_of(out).exists()


def test_versions_must_be_the_same(tmp_path, interrupt):
    out = tmp_path / "a"
    interrupt(2)
    assert vamappo_run(out) == INTERRUPTED
    content = folder_of(out) / "run.json"
    content.write_text(content.read_text().replace('"python": "3', '"python": "2'))
    with pytest.raises(ResultsError, match="version of Python"):
        run("m-m-1", replications=4, set_=SIZE, out=out, resume=True)


def test_a_complete_run_is_left_as_it_is(tmp_path, capsys, interrupt):
    out = tmp_path / "a"
    assert vamappo_run(out, resume=True) == DONE  # nothing to go on with: it starts
    before = (out / "manifest.json").read_bytes()
    interrupt(0)
    capsys.readouterr()
    assert vamappo_run(out, resume=True, as_json=True) == DONE
    said = capsys.readouterr()
    assert "is complete" in said.err
    assert json.loads(said.out) == json.loads((out / "summary.json").read_text())
    assert vamappo_run(out, resume=True, slo=["p50 < 1 ms"]) == 1
    with pytest.raises(ResultsError, match=r"4 replications, not 9"):
        run("m-m-1", replications=9, set_=SIZE, out=out, resume=True)
    with pytest.raises(ResultsError, match="of another scenario"):
        run("m-m-1", replications=4, set_=["requests=300"], out=out, resume=True)
    assert (out / "manifest.json").read_bytes() == before


def test_it_needs_a_folder(tmp_path, capsys):
    assert vamappo_run(None, resume=True, as_json=True) == BAD_INPUT
    assert vamappo_run(tmp_path / "a", resume=True, force=True) == BAD_INPUT
    assert "--out" in capsys.readouterr().err
