"""Scenarios from outside data: call graphs, topologies, traces of arrivals. What is measured and what is assumed stands in the header.

from scenarios.imports import import_calls, write_scenario
write_scenario(import_calls(Path("spans.csv"), Path("shop.yaml")), Path("shop.yaml"))
"""

from __future__ import annotations

from scenarios.imports.calls import import_calls
from scenarios.imports.topologies import import_topology
from scenarios.imports.traces import import_trace
from scenarios.imports.writing import Imported, WriteError, write_scenario

__all__ = ["Imported", "WriteError", "import_calls", "import_topology", "import_trace", "write_scenario"]
