"""What the tests of commands share."""

from types import SimpleNamespace

import pytest

from scenarios.commands import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command line in this process."""

    def call(*texts):
        monkeypatch.setattr("sys.argv", ["vamappo", *map(str, texts)])
        monkeypatch.setattr("scenarios.commands.app.registered_commands", [])
        monkeypatch.setattr("scenarios.commands.app.registered_groups", [])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(exit_code=left.value.code, stdout=said.out, stderr=said.err)

    return call
