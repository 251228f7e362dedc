"""Options and fixtures for all tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["scenarios.pytest_plugin"]  # an installed package brings it by itself


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the long property and theory tests too")


def pytest_configure(config):
    from hypothesis import HealthCheck, settings

    full = config.getoption("--full")
    settings.register_profile("ours", max_examples=500 if full else 25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    settings.load_profile("ours")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--full"):
        for item in items:
            if "full" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="long: run with --full"))


@pytest.fixture
def shared() -> Path:
    """The folder of real inputs and validation cases beside the project; skips where it is absent."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("needs ../shared, which is not here")
    return path


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command line in this process."""

    from scenarios.commands import main

    def call(*texts):
        monkeypatch.setattr("sys.argv", ["vamappo", *map(str, texts)])
        monkeypatch.setattr("scenarios.commands.app.registered_commands", [])
        monkeypatch.setattr("scenarios.commands.app.registered_groups", [])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(exit_code=left.value.code, stdout=said.out, stderr=said.err)

    return call
