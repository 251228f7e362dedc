"""`vamappo test` and what it needs: the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[2]


def checkout(folder: str) -> Path:
    """A folder of the checkout that is not installed; exits with status 3 where there is none."""
    from scenarios.commands import LACKING, fail

    path = ROOT / folder
    if not path.is_dir():
        raise fail(f"'{folder}' is not part of the installed package: run this from a checkout of the project, as ./vamappo", LACKING)
    return path


def test(context: typer.Context, full: Annotated[bool, typer.Option("--full", help="The long property and theory runs too.")] = False) -> None:
    """Run the test suite; further arguments go to pytest."""
    command = [sys.executable, "-m", "pytest", str(checkout("tests")), *(["--full"] if full else []), *context.args]
    raise typer.Exit(subprocess.run(command, cwd=ROOT).returncode)
