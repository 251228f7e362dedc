"""Broken files and what is said of them: every `tests/corpus/*.yaml` has its message beside it, none ends in a traceback."""

import pytest

from scenarios.problems import ScenarioError
from scenarios.reading import load
from tests.conftest import ROOT

CORPUS = ROOT / "tests" / "corpus"
FILES = sorted(CORPUS.glob("*.yaml"))


def test_there_are_enough():
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_message(path, monkeypatch):
    monkeypatch.chdir(CORPUS)
    with pytest.raises(ScenarioError) as caught:
        load(path.name)
    assert str(caught.value) + "\n" == path.with_suffix(".expected").read_text(encoding="utf-8")


def test_command_line_says_it_and_exits_2(capfd):
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "scenarios", "run", str(CORPUS / "several-mistakes.yaml")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 4
    assert "Traceback" not in done.stderr
