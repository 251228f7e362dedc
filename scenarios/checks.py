"""What can be told about a scenario before it runs: offered load, the bottleneck, infinite moments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.schema import Scenario


def warnings_of(scenario: Scenario, base: Path) -> Iterator[str]:
    """Sentences on infinite moments and repaired topologies."""
    for where, law, role in laws_of(scenario):
        if not hasattr(law, "moments") or (getattr(law, "file", None) is not None):
            continue
        index = law.moments().tail_index
        if not math.isfinite(law.moments().mean):
            yield f"{where}: the mean is infinite (tail index {index:g}): nothing that depends on it converges; read quantiles"
        elif role == "service" and index <= 2.0:
            yield f"{where}: the variance is infinite (tail index {index:g}): under FIFO the mean wait does not converge; read quantiles"
        elif role == "service" and index <= 3.0:
            yield f"{where}: the third moment is infinite (tail index {index:g}): means of waits converge slower than any interval says; read quantiles"
        elif index <= 2.0:
            yield f"{where}: the variance is infinite (tail index {index:g}): means converge slowly; read quantiles"
    if scenario.network.topology is not None or len(scenario.network.links) > 1:
        from scenarios.build import network_parts

        yield from (f"network: {note}" for note in network_parts(scenario.network, base)[2])


def laws_of(scenario: Scenario) -> Iterator[tuple[str, Any, str]]:
    """(path, law, role) of every law whose moments matter."""
    for name, service in scenario.services.items():
        if service.service_time is not None:
            yield f"services.{name}.service_time", service.service_time, "service"
        for key, variant in (service.variants or {}).items():
            yield f"services.{name}.variants.{key}.service_time", variant.service_time, "service"
    for name, app in scenario.applications.items():
        for call in app.calls:
            if call.payload is not None:
                yield f"applications.{name}.calls.{call.name}.payload", call.payload, "service"
            for before, law in call.after.items():
                if law is not None:
                    yield f"applications.{name}.calls.{call.name}.after.{before}", law, "service"
    for spike in scenario.spikes:
        for key in ("factor", "add"):
            law = getattr(spike, key, None)
            if law is not None:
                yield f"spikes.{spike.name}.{key}", law, "service" if spike.kind == "call_spike" else "other"
