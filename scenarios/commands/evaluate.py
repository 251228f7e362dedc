"""`vamappo evaluate`: policies on the same random numbers, with intervals, paired differences and verdicts."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios.commands.run import Overrides, ScenarioName, Spikes
from simulator.units import count_of

NAMED = "Policies with commas between: names, checkpoints' files, '{kind: ..., key: ...}', package.module:Class."


def evaluate(
    scenario: ScenarioName,
    policies: Annotated[str, typer.Option(metavar="P,P,...", help=NAMED)],
    reference: Annotated[str | None, typer.Option(help="The policy that the others are compared with; the first when absent.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed, instead of the scenario's.")] = None,
    replications: Annotated[int, typer.Option(min=1, help="Independent replications, the same for every policy.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes; results do not depend on it.")] = 1,
    set_: Overrides = None,
    spike: Spikes = None,
    out: Annotated[Path | None, typer.Option(help="Result folder; results/SCENARIO-evaluation unless --json is given alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing result folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the replications that the result folder has and run the others.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what agents saw and chose around a spike, and how they route around all.")] = False,
    at: Annotated[list[str] | None, typer.Option("--explain-at", metavar="TIME", help="Show the decisions from this time on instead, such as '30 s'.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evaluation as JSON; stores results only with --out.")] = False,
) -> None:
    """Compare policies on the same random numbers."""
    from scenarios.commands import fail

    times = times_of(at or [])
    loaded, chosen, named = read_all(scenario, policies, reference, set_ or [], spike or [])
    for warning in loaded.warnings:
        print(f"note: {warning}", file=sys.stderr)
    described = loaded.scenario if seed is None else replace(loaded.scenario, seed=seed)
    target = out if out is not None else None if as_json else Path("results") / f"{described.name}-evaluation"
    if resume and target is None:
        raise fail("--resume needs the result folder to go on with: name it with --out")
    raise typer.Exit(execute(loaded, described, chosen, named, range(replications), workers, target, force, resume, as_json, times if explain or at else None))


def read_all(scenario: str, policies: str, reference: str | None, overrides: list[str], spikes: list[str]) -> tuple[Any, dict[str, Any], str]:
    """(the scenario, policies by label, the reference's label); every mistake of all of them at once, exit status 2."""
    from scenarios.commands import fail
    from scenarios.policies import PolicyError, label_of, policies_of, policy_of
    from scenarios.problems import ScenarioError, suggestion
    from scenarios.reading import load

    mistakes, loaded, chosen = [], None, {}
    try:
        loaded = load(scenario, overrides, spikes)
    except ScenarioError as error:
        mistakes.append(str(error))
    try:
        chosen = policies_of(policies)
    except PolicyError as error:
        mistakes.append(str(error))
    named = next(iter(chosen), "")
    if reference is not None:
        try:
            named = label_of(policy_of(reference))
            if chosen and named not in chosen:
                mistakes.append(f"--reference {reference!r} is not among the policies{suggestion(named, chosen)}; there are {', '.join(chosen)}")
        except PolicyError as error:
            mistakes.append(f"--reference: {error}")
    if loaded is not None:
        mistakes += misfits(loaded, chosen)
    if mistakes:
        raise fail("\n".join(mistakes))
    return loaded, chosen, named


def misfits(loaded: Any, policies: dict[str, Any]) -> list[str]:
    """Why checkpoints cannot act in this scenario."""
    from agents.checkpoint import CheckpointError
    from scenarios.build import build

    found = []
    for policy in policies.values():
        if getattr(policy, "kind", "") == "checkpoint":
            try:
                policy.actor(build(loaded.scenario, loaded.path.parent.resolve()))
            except CheckpointError as error:
                found.append(str(error))
    return found


def times_of(texts: list[str]) -> list[float]:
    """Times in seconds; what is no time ends the command with exit status 2."""
    from scenarios.commands import fail
    from simulator.units import parse

    try:
        return [parse(text, "time") for text in texts]
    except ValueError as error:
        raise fail(f"--explain-at: {error}") from None


@dataclass
class Told:
    """The explanations of an evaluation, to be stored, printed, or given as JSON."""

    found: dict[str, Any]
    routes: dict[str, Any]
    labels: dict[str, str]

    @staticmethod
    def of(
        loaded: Any, scenario: Any, policies: dict[str, Any], kept: dict[str, Any], reference: str, workers: int, at: list[float], labels: dict[str, str]
    ) -> Told:
        """Explains the replications that were kept, of which a few are run again."""
        from scenarios.explanations import explain, routes_of

        print("explaining: running some replications again with their decisions recorded", file=sys.stderr)
        replications = [sample.replication for sample in kept[reference]]
        found = explain(scenario, loaded.path.parent.resolve(), policies, replications, workers, at)
        return Told(found, routes_of(found), labels)

    def write(self, folder: Path) -> None:
        from scenarios.explanations import write

        write(folder, self.found, self.routes, self.labels)

    def data(self) -> dict[str, Any]:
        from scenarios.explanations import as_data

        return {"explanations": as_data(self.found, self.routes)}

    def show(self) -> None:
        from scenarios.commands.explanation_tables import print_explanations

        print_explanations(self.found, self.routes, self.labels)


def execute(
    loaded: Any,
    scenario: Any,
    policies: dict[str, Any],
    reference: str,
    replications: range,
    workers: int,
    target: Path | None,
    force: bool,
    resume: bool,
    as_json: bool,
    explained_at: list[float] | None = None,
) -> int:
    """Runs, prints and stores; returns the exit status. Where `explained_at` is not None, decisions are explained too."""
    from scenarios.commands.tables import Progress
    from scenarios.evaluation import run_tasks, tasks
    from scenarios.evaluation_files import read_samples
    from scenarios.interruption import Shield
    from scenarios.results import check_target

    samples: dict[str, list[Any]] = {label: [] for label in policies}
    if target is not None:
        if resume:
            samples |= read_samples(target, scenario, policies)
        else:
            check_target(target, force)
    done = {(label, sample.replication) for label, of in samples.items() for sample in of}
    todo = [task for task in tasks(scenario, loaded.path.parent.resolve(), policies, replications) if (task.label, task.replication) not in done]
    failure: Exception | None = None
    with Shield() as shield:
        with Progress(scenario, len(todo), show=sys.stderr.isatty()) as progress:
            try:
                with shield.may_stop():
                    for label, sample in run_tasks(todo, workers, progress):
                        samples[label].append(sample)
            except KeyboardInterrupt:
                explained_at = None  # what is there already will do
            except Exception as error:  # said at the end: what is finished is kept as after Ctrl-C
                failure, explained_at = error, None
        return conclude(loaded, scenario, policies, reference, samples, len(replications), workers, target, as_json, explained_at, failure, shield)


def conclude(
    loaded: Any, scenario: Any, policies: dict[str, Any], reference: str, samples: dict[str, list[Any]], asked: int, workers: int, target: Path | None,
    as_json: bool, explained_at: list[float] | None, failure: Exception | None, shield: Any,
) -> int:  # fmt: skip
    """Judges, stores and prints the replications that are done under every policy; returns the exit status."""
    from analysis.evaluation import evaluate as judge
    from scenarios.commands import DONE, INTERRUPTED
    from scenarios.commands.comparison_tables import print_evaluation
    from scenarios.evaluation import whole
    from scenarios.evaluation_files import facts_of, write_evaluation

    kept = whole({label: sorted(of, key=lambda sample: sample.replication) for label, of in samples.items()})
    complete = len(kept[reference])
    if not complete:
        if failure is not None:
            raise failure
        print("interrupted before the first replication was finished under every policy: nothing to keep", file=sys.stderr)
        return INTERRUPTED
    found = judge(kept, reference)
    facts = facts_of(scenario, policies, found)
    told, asked_too = None, explained_at is not None
    if explained_at is not None:
        try:
            with shield.may_stop():
                told = Told.of(loaded, scenario, policies, kept, reference, workers, explained_at, facts["labels"])
        except KeyboardInterrupt:
            pass
    if target is not None:
        write_evaluation(target, scenario, facts, found, told.write if told is not None else None)
    if as_json:
        print(json.dumps({**facts, **found.as_dict(), **(told.data() if told is not None else {})}, indent=1, allow_nan=False))
    else:
        print_evaluation(facts, found, target)
        if told is not None:
            told.show()
    if complete < asked or failure is not None:
        again = f"run again with --resume --out {target} for the others" if target is not None else "nothing was stored"
        some = f"{complete} of {count_of(asked, 'replication')}"
        print(f"{'failed' if failure else 'interrupted'}: kept {some}, finished under every policy; {again}", file=sys.stderr)
        if failure is not None:
            raise failure
        return INTERRUPTED
    if shield.came:
        if asked_too and told is None:
            again = f"; --resume --explain --out {target} does it" if target is not None else ""
            print(f"interrupted: all replications are kept, nothing is explained{again}", file=sys.stderr)
        else:
            print(f"interrupted after the last replication: {'everything is printed' if target is None else f'everything is in {target}'}", file=sys.stderr)
        return INTERRUPTED
    return DONE
