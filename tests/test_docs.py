"""The scenarios printed in the docs run as they are."""

import json
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from analysis.summary import summarise
from scenarios.reading import bundled, load
from tests.helpers import run, scenario

DOCS = Path(__file__).parent.parent / "docs"


def blocks() -> list:
    """Every scenario in a fenced block, named by its page and its own name."""
    found = []
    for page in sorted(DOCS.glob("*.md")):
        for part in page.read_text(encoding="utf-8").split("```yaml\n")[1:]:
            text = part.split("```")[0]
            if text.startswith("name:"):
                found.append(pytest.param(text, id=f"{page.stem}-{text.split()[1]}"))
    return found


@pytest.mark.parametrize("text", blocks())
def test_scenario_runs(text):
    described = scenario(text)
    if described.requests is not None:
        described = replace(described, requests=min(described.requests, 2000))
    figures = summarise([run(described)])
    json.dumps(figures, allow_nan=False)
    assert figures["requests"]["completed"] > 0
    assert figures["requests"]["unfinished"] == 0


def programs() -> list[str]:
    """Every indented program on the page of environments."""
    page = (DOCS / "environments.md").read_text(encoding="utf-8")
    return [textwrap.dedent(block) for block in re.findall(r"(?m)(?:^    .*\n|^\n)+", page) if block.lstrip("\n").startswith("    import ")]


@pytest.mark.parametrize("text", programs(), ids=lambda text: next(word for word in text.split() if "make" in word).split("(")[0])
def test_program_runs(text):
    found: dict = {}
    exec(text, found)
    assert found["env"].unwrapped.metadata


def test_the_policy_in_the_docs_is_one(tmp_path, monkeypatch):
    from scenarios.policies import policies_of, under

    block = (DOCS / "policies.md").read_text(encoding="utf-8").split("    # mypolicy.py\n")[1].split("\nIn the folder")[0]
    (tmp_path / "documented_policy.py").write_text(dedent(block), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    described = load("edge-chat", ["horizon=20 s", "warm_up=2 s"]).scenario
    found = policies_of("documented_policy:LeastWork, {kind: 'documented_policy:LeastWork', weight: 2}")
    latencies = [run(under(described, policy)).latency for policy in found.values()]
    assert len(latencies) == 2 and not np.array_equal(*latencies, equal_nan=True)


def test_defaults_are_those_of_the_program():
    from scenarios.defaults_page import page

    assert (DOCS / "defaults.md").read_text(encoding="utf-8") == page(), "run: python -m scenarios.defaults_page > docs/defaults.md"


def test_every_bundled_scenario_with_spikes_stands_in_the_table_of_what_they_cost():
    page = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    named = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    assert {name for name in bundled() if load(name).scenario.spikes} <= named, "run python -m benchmarks.spikes --write docs/scenarios.md --only NAME"
