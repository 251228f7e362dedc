"""`vamappo run`: simulate a scenario and store what happened."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.units import count_of

Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the scenario; may stand several times.")]
ONE_MORE = "Add a spike, such as 'kind=freeze,nodes=edge-a,at=60 s,for=5 s'; may stand several times."
Spikes = Annotated[list[str] | None, typer.Option("--spike", metavar="KEY=VALUE,...", help=ONE_MORE)]
ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a bundled one.")]


def run(
    scenario: ScenarioName,
    policy: Annotated[str | None, typer.Option(help="Who places calls, instead of the scenario's own policy: a name or a checkpoint's file.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed, instead of the scenario's.")] = None,
    replications: Annotated[int, typer.Option(min=1, help="Independent replications.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes; results do not depend on it.")] = 1,
    precision: Annotated[str | None, typer.Option(help="Add replications until the interval is this narrow, such as 'p99=5 %'.")] = None,
    slo: Annotated[list[str] | None, typer.Option(help="A service level such as 'p99 < 2 s'; exit status 1 when it is missed.")] = None,
    set_: Overrides = None,
    spike: Spikes = None,
    out: Annotated[Path | None, typer.Option(help="Result folder; results/SCENARIO unless --json is given alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing result folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run into this folder that was interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON; stores results only with --out.")] = False,
) -> None:
    """Simulate a scenario and store what happened."""
    from scenarios.commands import fail
    from scenarios.policies import from_here
    from scenarios.reading import load
    from scenarios.targets import read_precision, read_slo

    overrides = list(set_ or [])
    if policy is not None:
        overrides.append(f"control.policy={from_here(policy)}")
    levels = [read_slo(text) for text in slo or []]
    wanted = read_precision(precision) if precision is not None else None
    loaded = load(scenario, overrides, spike or [])
    for warning in loaded.warnings:
        print(f"note: {warning}", file=sys.stderr)
    target = out if out is not None else None if as_json else Path("results") / loaded.scenario.name
    if resume and force:
        raise fail("--resume goes on with a run and --force starts it anew: give one of them")
    if resume and target is None:
        raise fail("--resume needs the result folder of the run that was interrupted: name it with --out")
    code = execute(loaded, seed, replications, workers, wanted, levels, target, force, resume, as_json)
    raise typer.Exit(code)


def execute(
    loaded: Any, seed: int | None, replications: int, workers: int, wanted: Any, levels: list[Any], target: Path | None, force: bool = False,
    resume: bool = False, as_json: bool = False,
) -> int:  # fmt: skip
    """Runs, prints and stores; returns the exit status."""
    from scenarios.commands import INTERRUPTED
    from scenarios.commands.tables import Progress
    from scenarios.execute import Factory
    from scenarios.inputs import inputs_of
    from scenarios.interruption import Shield
    from scenarios.results import check_target, read_json
    from scenarios.resume import Kept, Unkept, check_left, is_complete

    chosen = loaded.scenario if seed is None else replace(loaded.scenario, seed=seed)
    factory = Factory(chosen, loaded.path.parent.resolve(), chosen.seed)
    if target is not None:
        if resume and is_complete(target, factory, replications):
            print(f"{target} is complete: nothing to go on with", file=sys.stderr)
            return conclude(read_json(target / "summary.json"), read_json(target / "manifest.json"), levels, target, as_json)
        check_left(target, force, resume)
        check_target(target, force or resume)
    kept = Kept(target, factory, resume) if target is not None and (replications > 1 or wanted or resume) else Unkept()
    inputs = inputs_of(chosen, loaded.path.parent)
    wall, cpu = time.perf_counter(), time.process_time()
    traces, interrupted = [], False
    with Shield() as shield:
        with Progress(chosen, replications, show=sys.stderr.isatty()) as progress:
            try:
                with shield.may_stop():
                    for trace in simulate(kept.run, factory, replications, workers, wanted, progress):
                        traces.append(trace)
            except KeyboardInterrupt:
                interrupted = True
        if not traces:
            kept.discard()
            print("interrupted before the first replication was finished: nothing to keep", file=sys.stderr)
            return INTERRUPTED
        return finish(chosen, traces, replications, interrupted, kept, inputs, (wall, cpu), levels, target, as_json, shield)


def finish(
    chosen: Any, traces: list[Any], replications: int, interrupted: bool, kept: Any, inputs: Any, begun: tuple[float, float], levels: list[Any],
    target: Path | None, as_json: bool, shield: Any,
) -> int:  # fmt: skip
    """Summarises, stores and prints the replications that are done; returns the exit status."""
    from analysis.summary import summarise
    from scenarios.commands import INTERRUPTED
    from scenarios.fields import told
    from scenarios.recorded import decided
    from scenarios.results import write_results

    wall, cpu = begun
    policy = getattr(chosen.control.policy, "label", getattr(chosen.control.policy, "kind", "outside"))
    summary = {"scenario": chosen.name, "policy": policy, "telemetry": told(chosen.control), "seed": chosen.seed, **summarise(traces)}
    facts = {
        "seed": chosen.seed,
        "loop": summary["loop"],
        "replications": [trace.replication for trace in traces],
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "requests": sum(len(trace.requests["arrival"]) for trace in traces),
        "events": sum(trace.events for trace in traces),
        "interrupted": interrupted,
        "resumed_replications": len(kept.before.intersection(trace.replication for trace in traces)),
        "inputs": inputs,
    }
    if target is not None:
        write_results(target, chosen, traces, summary, facts)
    if not decided(traces):
        print("note: no decisions were recorded, as no call had a choice: 'control.forced: ask' asks about forced placements too", file=sys.stderr)
    if not interrupted:
        kept.discard()
    status = conclude(summary, facts, levels, target, as_json)
    if interrupted:
        on = "give the same command with --resume to go on" if target is not None else "store results with --out to be able to go on"
        print(f"interrupted: kept {count_of(len(traces), 'finished replication')} of {replications}; {on}", file=sys.stderr)
        return INTERRUPTED
    if shield.came:
        print(f"interrupted after the last replication: {'everything is printed' if target is None else f'everything is in {target}'}", file=sys.stderr)
        return INTERRUPTED
    return status


def conclude(summary: dict[str, Any], facts: dict[str, Any], levels: list[Any], target: Path | None, as_json: bool) -> int:
    """Prints the figures and the service levels; returns the exit status."""
    from scenarios.commands import CHECK_FAILED, DONE
    from scenarios.commands.tables import cautions, end_table, judged

    verdicts = judged(levels, summary)
    for caution in cautions(summary):
        print(f"note: {caution}", file=sys.stderr)
    if as_json:
        print(json.dumps(summary, indent=1, allow_nan=False))
    else:
        end_table(summary, facts, target)
    for _, text in verdicts:
        print(text, file=sys.stderr if as_json else sys.stdout)
    return DONE if all(met for met, _ in verdicts) else CHECK_FAILED


MOST = 200  # replications that --precision may add up to


def simulate(run_replications: Any, factory: Any, replications: int, workers: int, wanted: Any, progress: Any) -> Any:
    """Traces of the replications asked for, and of as many more as the precision wanted needs (at least 5, at most 200 in all)."""
    from analysis.estimates import mean_estimate, quantile_estimate
    from analysis.summary import QUANTILES

    done: list[Any] = []
    latest = range(max(replications, 5) if wanted else replications)
    while len(latest):
        for trace in run_replications(factory, latest, workers, progress):
            done.append(trace.latency[trace.counted & trace.completed])
            yield trace
        if wanted is None:
            return
        figure, share = wanted
        found = mean_estimate(done) if figure == "mean" else quantile_estimate(done, QUANTILES[figure])
        if found.half_width_share <= share or len(done) >= MOST:
            if found.half_width_share > share:
                print(f"--precision: not reached with {MOST} replications; make the run longer", file=sys.stderr)
            return
        latest = range(len(done), min(len(done) + max(4, len(done) // 2), MOST))
        progress.expect(latest.stop)
