"""`vamappo demo`: baselines and a policy that is trained on the spot, on the bundled scenario under spikes, side by side, with a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.units import count_of

POLICIES = ("least-loaded", "shortest-expected-delay", "expected-utility")
TRAINED, WEIGHTS = "trained", "trained.pt"
LEARNING = (
    "greedy_prior=40", "prior_price=0.5", "prior_slowness=1", "gae_lambda=0.98", "learning_rate=0.0015", "epochs=6", "window=4096",
    "validate_every=4", "validation_replications=1", "warm_up_updates=2",
)  # fmt: skip


def demo(
    small: Annotated[bool, typer.Option("--small", help="A shorter run, for trying things out.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("results/demo"),
) -> None:
    """Simulate the bundled edge scenario under baselines, train a policy on it, compare them all, and write a report."""
    from scenarios.commands.tables import Progress, interval
    from scenarios.execute import Factory, run_replications
    from scenarios.policies import policies_of, under
    from scenarios.reading import load
    from scenarios.results import ResultsError

    left = {path.name for path in out.iterdir()} if out.exists() else set()
    if left - {WEIGHTS} and "report.html" not in left:
        raise ResultsError(f"{out} is not a demo's folder (it has no report.html) and is left alone; name another with --out")
    horizon, replications, decisions = ("40 s", 3, 4096) if small else ("2 min", 5, 49_152)
    texts = {name: name for name in POLICIES}
    weights, said = trained(decisions, horizon, out)
    texts[TRAINED] = str(weights)
    runs: dict[str, list[Any]] = {}
    loaded = load("demo", [f"horizon={horizon}"])
    for label, text in texts.items():
        (policy,) = policies_of(text).values()
        factory = Factory(under(loaded.scenario, policy), loaded.path.parent, loaded.scenario.seed)
        print(f"demo: {label}, {count_of(replications, 'replication')}", file=sys.stderr)
        with Progress(loaded.scenario, replications, sys.stderr.isatty()) as progress:
            runs[label] = list(run_replications(factory, range(replications), 1, progress))
    from scenarios.report import write_demo

    page, figures = write_demo(out, runs, said)
    for label, found in figures.items():
        latency = found["latency_s"]
        utility = interval(found["utility"]["mean"], "{:.4f}".format)
        print(f"{label}: p50 {interval(latency['p50'])}, p99 {interval(latency['p99'])}, utility {utility}")
    print(said)
    print(f"report: {page}")


def trained(decisions: int, horizon: str, out: Path) -> tuple[Path, str]:
    """Trains on seeds that the comparison does not use; (the best policy's file, what was done)."""
    import torch

    from agents.trainer import Trainer
    from scenarios.commands.train import Display
    from scenarios.reading import load
    from scenarios.training import course_of

    torch.set_num_threads(1)
    keys = (*LEARNING, f"decisions={decisions}")
    course = course_of([load("demo", [f"horizon={horizon}", *(f"learning.{key}" for key in keys)])], seed=0)
    print(f"demo: training on {decisions:,} decisions", file=sys.stderr)
    trainer = Trainer.new(course.plan, course.graphs, facts=course.facts)
    best = out / WEIGHTS
    with trainer.crew, Display(trainer, course, sys.stderr.isatty()) as display:
        while not trainer.done:
            figures = trainer.advance()
            if trainer.windows % course.settings.validate_every == 0 or trainer.done:
                figures["validation"] = course.validate(trainer)
                if trainer.judged(figures["validation"]):
                    trainer.save(best)
            display.show(figures)
    begins = "it begins as expected-utility with a price for crowding (the greedy prior), and so few decisions teach it little beyond that"
    return best, f"{TRAINED}: VAMAPPO after {decisions:,} decisions on other seeds; {begins}"
