"""Real input: the Azure code-completion trace replayed over Germany50 with an edge site on every node and a cloud.

    python -m benchmarks.real_input --data FOLDER [--replications 10] [--workers 2]

FOLDER holds `topologies/germany50.json` and `requests/azure_llm_2023_code.csv`. Service times are by tokens (0.36 ms a prompt token,
60 ms an output token at reference speed), call spikes hit 1 % with a Pareto factor of shape 1.8. Intervals are over the spikes and
ingresses, given this one trace.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from analysis.summary import summarise
from scenarios.commands.tables import interval
from scenarios.execute import Factory, run_replications
from scenarios.reading import parse

POLICIES = ("local-first", "least-loaded", "power-of-two", "shortest-expected-delay")


def scenario_text(data: Path) -> str:
    """The scenario."""
    return f"""
name: germany50-code
drain: {{arrivals: continue, limit: 30 min}}
seed: 50
network:
  topology: {{file: {data / "topologies" / "germany50.json"}, name_by: name}}
  node_defaults: {{tier: edge, workers: 1, speed: 0.5}}
  link_defaults: {{bandwidth: 10 Gbit/s, stretch: 1.3, floor: 50 us}}
  nodes: [{{name: cloud, tier: cloud, workers: 8, speed: 1.5}}]
  links: [{{between: [Frankfurt, cloud], bandwidth: 10 Gbit/s, propagation: 8 ms}}]
services:
  complete: {{service_time: {{kind: tokens, prompt: 0.36 ms, output: 60 ms}}}}
deployments: [{{service: complete, nodes: all}}]
applications:
  code:
    utility: {{midpoint: 4 s, steepness: 1 /s}}
    objective: 8 s
    response: 4 kB
    calls: [{{name: complete, service: complete, payload: 40 kB}}]
workload:
  - name: editors
    application: code
    ingress: {{tier: edge}}
    arrivals: {{kind: trace, file: {data / "requests" / "azure_llm_2023_code.csv"}, format: azure-llm}}
spikes:
  - {{name: stragglers, kind: call_spike, services: all, probability: 1 %, factor: {{kind: pareto, minimum: 3, shape: 1.8}}}}
control: {{hops: 3}}
"""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--data", type=Path, required=True)
    reader.add_argument("--replications", type=int, default=10)
    reader.add_argument("--workers", type=int, default=2)
    chosen = reader.parse_args()
    text = scenario_text(chosen.data.resolve())
    for policy in POLICIES:
        described = parse(text, Path("real-input.yaml"), [f"control.policy={policy}"]).scenario
        begun = time.perf_counter()
        traces = list(run_replications(Factory(described, Path(), described.seed), range(chosen.replications), chosen.workers))
        figures = summarise(traces)
        print(f"{policy}: {figures['requests']}, {time.perf_counter() - begun:.1f} s")
        for name in ("p50", "p99", "p999"):
            print(f"  {name:5s} {interval(figures['latency_s'][name])}")
        print(f"  utility {interval(figures['utility']['mean'], '{:.4f}'.format)}; attainment {interval(figures['attainment'], '{:.4f}'.format)}")


if __name__ == "__main__":
    main()
