"""`vamappo stress`: response curves over swept values on the same seeds, or the value at which a service level breaks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.commands.run import Overrides, ScenarioName, Spikes
from simulator.units import count_of

SWEEP = "Values to try, such as 'spikes.edge-slow.factor=2;4;8'; several sweeps make every combination."
WITHOUT = "Leave this spike out of the base, too (swept ones always are); may stand several times."
EACH = "Try every spike of the scenario by itself: which of them breaks the --slo?"
PLAN = "Try the experiments of this file, each with spikes, values and spikes left out."
SLO = "A service level such as 'p99 < 2 s'; exit status 1 where it is clearly missed (of a breaking point: at the scenario's own value)."
BREAK = "Find the value at which the --slo breaks, such as spikes.edge-slow.factor."


def stress(
    scenario: ScenarioName,
    sweep: Annotated[list[str] | None, typer.Option(metavar="PATH=V1;V2;...", help=SWEEP)] = None,
    each: Annotated[bool, typer.Option("--each-spike", help=EACH)] = False,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help=PLAN)] = None,
    find: Annotated[str | None, typer.Option("--find-breaking-point", metavar="PATH", help=BREAK)] = None,
    between: Annotated[str | None, typer.Option(metavar="V1;V2", help="Where to look for the breaking point; else from the scenario's value on.")] = None,
    tolerance: Annotated[str, typer.Option(help="How narrow the breaking point's bracket has to be, relatively.")] = "5 %",
    without: Annotated[list[str] | None, typer.Option(metavar="NAME", help=WITHOUT)] = None,
    slo: Annotated[list[str] | None, typer.Option(help=SLO)] = None,
    policy: Annotated[str | None, typer.Option(help="Who places calls, instead of the scenario's own policy.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed, instead of the scenario's.")] = None,
    replications: Annotated[int, typer.Option(min=1, help="Independent replications, with the same seeds at every point.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes; results do not depend on it.")] = 1,
    set_: Overrides = None,
    spike: Spikes = None,
    out: Annotated[Path | None, typer.Option(help="Result folder; results/SCENARIO-stress unless --json is given alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing result folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what the result folder has of these points and run the rest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the curves as JSON; stores results only with --out.")] = False,
) -> None:
    """Stress a scenario: response curves over swept values, each spike by itself, a plan of experiments, or a service level's breaking point."""
    from scenarios.commands import breaking, fail
    from scenarios.plans import each_spike, read_plan
    from scenarios.reading import load
    from scenarios.stress import target_of
    from scenarios.sweeps import points_of, read_sweep
    from scenarios.targets import read_slo

    overrides = [*(set_ or []), *([f"control.policy={policy}"] if policy is not None else [])]
    levels = [read_slo(text) for text in slo or []]
    if [bool(sweep), each, plan is not None, find is not None].count(True) != 1:
        raise fail("give one of: values to try with --sweep, --each-spike, a plan with --plan, or a path with --find-breaking-point")
    if find is not None:
        if len(levels) != 1:
            raise fail("--find-breaking-point needs one --slo, such as 'p99 < 2 s'")
        if resume:
            raise fail("--resume does not go with --find-breaking-point: give the values that are known with --between 'HELD;MISSED', and --force")
        if without:
            raise fail("--without does not go with --find-breaking-point: leave the spike out of the file, or sweep")
        search = breaking.Question(scenario, find, levels[0], overrides, spike or [], seed, replications, workers, between, tolerance)
        raise typer.Exit(breaking.execute(search, out, force, as_json))
    sweeps = [read_sweep(text) for text in sweep or []]
    if sweeps:
        points = points_of(scenario, sweeps, overrides, spike or [], without or [])
    else:
        whole = load(scenario, overrides, spike or [], without=without or [])
        points, planned = (each_spike(whole), []) if plan is None else read_plan(plan, whole, without or [])
        levels += [read_slo(text) for text in planned]
    base = next(iter(points.values())).loaded
    for warning in base.warnings:
        print(f"note: {warning}", file=sys.stderr)
    target = target_of(out, base.scenario.name, as_json)
    if resume and target is None:
        raise fail("--resume needs the result folder to go on with: name it with --out")
    raise typer.Exit(execute(points, sweeps, levels, seed, range(replications), workers, target, force, resume, as_json))


def execute(
    points: Any, sweeps: Any, levels: Any, seed: int | None, replications: range, workers: int, target: Path | None, force: bool, resume: bool, as_json: bool
) -> int:
    """Runs, prints and stores; returns the exit status. Ctrl-C stops the runs, and what is done by then is written."""
    from scenarios.commands.tables import Progress
    from scenarios.evaluation import run_tasks
    from scenarios.interruption import Shield
    from scenarios.results import check_target
    from scenarios.stress import tasks_of
    from scenarios.stress_files import read_points

    samples: dict[str, list[Any]] = {label: [] for label in points}
    if target is not None:
        if resume:
            samples |= read_points(target, points, seed)
        else:
            check_target(target, force)
    scenario = next(iter(points.values())).loaded.scenario
    done = {(label, sample.replication) for label, of in samples.items() for sample in of}
    todo = [task for task in tasks_of(points, replications, seed) if (task.label, task.replication) not in done]
    with Shield() as shield:
        with Progress(scenario, len(todo), show=sys.stderr.isatty()) as progress:
            try:
                with shield.may_stop():
                    for label, sample in run_tasks(todo, workers, progress):
                        samples[label].append(sample)
            except KeyboardInterrupt:
                pass
        total = len(points) * len(replications)
        return conclude(points, sweeps, levels, seed, samples, total, target, as_json, shield)


def conclude(
    points: Any, sweeps: Any, levels: Any, seed: int | None, samples: dict[str, list[Any]], total: int, target: Path | None, as_json: bool, shield: Any
) -> int:
    """Writes and prints what came of the runs, `total` of which were asked for; returns the exit status."""
    from analysis.standing import MISSED
    from scenarios.commands import CHECK_FAILED, DONE, INTERRUPTED
    from scenarios.commands.stress_tables import print_curves
    from scenarios.evaluation import whole
    from scenarios.stress import curves
    from scenarios.stress_files import write_stress

    scenario = next(iter(points.values())).loaded.scenario
    finished = sum(map(len, samples.values()))
    samples = {label: sorted(of, key=lambda sample: sample.replication) for label, of in samples.items()}
    kept = whole(samples)
    complete = len(next(iter(kept.values())))
    found = curves(points, sweeps, kept, levels) if complete else None
    seed_ = scenario.seed if seed is None else seed
    facts = {"scenario": scenario.name, "seed": seed_, "replications": complete, "interrupted": finished < total}
    if target is not None and finished:
        write_stress(target, points, seed, samples, facts, found)
    if found is not None:
        for note in found.notes:
            print(f"note: {note}", file=sys.stderr)
        if as_json:
            print(json.dumps({**facts, **found.as_dict()}, indent=1, allow_nan=False))
        else:
            print_curves(facts, found, target)
    if finished < total:
        again = f"run again with --resume --out {target} for the others" if target is not None and finished else "nothing was stored"
        print(f"interrupted: {finished} of {total} runs are done, {count_of(complete, 'replication')} at every point; {again}", file=sys.stderr)
        return INTERRUPTED
    if shield.came:
        print(f"interrupted after the last run: {'everything is printed' if target is None else f'everything is in {target}'}", file=sys.stderr)
        return INTERRUPTED
    return CHECK_FAILED if found is not None and found.worst == MISSED else DONE
