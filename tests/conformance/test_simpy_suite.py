"""SimPy's own published tests, run against our Environment: an environment that keeps SimPy's order passes them.

The tests come from SimPy's source distribution (`SIMPY_SDIST` names one; else pip is asked for it); they skip where it cannot be had.
"""

import contextlib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

SUBJECTS = ("environment", "event", "process", "condition", "timeout", "interrupts", "exceptions", "resources")
FILES = tuple(f"test_{subject}.py" for subject in SUBJECTS)
DIFFERS: dict[str, str] = {
    "test_exception_chaining": "compares the text of a traceback, in which SimPy's core.py raises; here the handler of events does",
}
CONFTEST = """
import pytest
import simpy
import simulator.engine

simpy.Environment = simulator.engine.Environment

@pytest.fixture
def log():
    return []

@pytest.fixture
def env():
    return simulator.engine.Environment()
"""


def source_distribution() -> Path:
    if "SIMPY_SDIST" in os.environ:
        return Path(os.environ["SIMPY_SDIST"])
    cache = ROOT / ".cache"
    found = sorted(cache.glob("simpy-*.tar.gz"))
    if found:
        return found[0]
    cache.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "simpy", "-d", str(cache), "simpy==4.1.2"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, timeout=120)
    found = sorted(cache.glob("simpy-*.tar.gz"))
    if not found:
        pytest.skip("SimPy's source distribution cannot be had here")
    return found[0]


def test_simpys_tests_pass(tmp_path):
    with tarfile.open(source_distribution()) as archive:
        archive.extractall(tmp_path, filter="data")
    tests = next(tmp_path.glob("simpy-*/tests"))
    (tests / "conftest.py").write_text(CONFTEST)
    chosen = [str(tests / name) for name in FILES if (tests / name).exists()]
    assert len(chosen) >= 5
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tests), "-o", "addopts=", *chosen]
    done = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True)
    failed = set(re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE))
    assert failed == set(DIFFERS), done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) > 100
