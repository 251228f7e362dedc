"""The fixture `stress` for pytest, there wherever the package is installed: assertions on tails under injected spikes.

    def test_survives_a_slow_site(stress):
        assert stress("edge-chat", ["kind=slow_down,nodes=edge-a,factor=4,at=60 s,for=10 s"], replications=10).p99 < 2.0

`scenarios.assertions` says what a comparison means; a failed one tells the interval that decided.
"""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.assertions import OPPOSITE, Reading, Stress


@pytest.fixture(scope="session")
def stress() -> Stress:
    """Runs scenarios under injected spikes; what it gives compares by intervals. The same scenario runs once in a session."""
    return Stress()


def pytest_assertrepr_compare(config: Any, op: str, left: Any, right: Any) -> list[str] | None:
    """What a failed comparison says."""
    if isinstance(left, Reading) and op in OPPOSITE:
        return [left.sentence(op, right)]
    if isinstance(right, Reading) and op in OPPOSITE:
        return [right.sentence(OPPOSITE[op], left)]
    return None
