"""`vamappo bench`: speed against the yardstick and peers, interleaved in one run."""

from __future__ import annotations

import subprocess
import sys

import typer

from scenarios.commands.test import ROOT, checkout


def bench(context: typer.Context) -> None:
    """Requests per CPU second beside an idiomatic SimPy model's; further arguments go to the benchmark."""
    checkout("benchmarks")
    raise typer.Exit(subprocess.run([sys.executable, "-m", "benchmarks", *context.args], cwd=ROOT).returncode)
