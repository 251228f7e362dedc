"""`vamappo train`: learns a policy on one scenario or several, and keeps the best by validation."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scenarios.commands.run import Overrides, Spikes
from simulator.units import count_of

Several = Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenario files, or names of bundled ones; the first one's 'learning' counts.")]


def train(
    scenarios: Several,
    algorithm: Annotated[Literal["vamappo", "mappo", "ippo", "ppo"] | None, typer.Option(help="A preset, instead of the scenario's.")] = None,
    decisions: Annotated[int | None, typer.Option(min=1, help="How many decisions to learn from.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Number of the training: its weights, draws and episodes; 0, or --resume's.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="CKPT", help="Go on from this checkpoint, bit for bit as if never interrupted.")] = None,
    from_trace: Annotated[Path | None, typer.Option(metavar="DIR", help="Learn first from the decisions recorded in this result folder.")] = None,
    device: Annotated[str, typer.Option(help="Where updates run: cpu, cuda, cuda:1 ...")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes for rollouts; results do not depend on it.")] = 1,
    set_: Overrides = None,
    spike: Spikes = None,
    out: Annotated[Path | None, typer.Option(help="The training's folder; results/SCENARIO-ALGORITHM, or where --resume's checkpoint lies.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing training.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train agents on scenarios."""
    from scenarios.commands import fail
    from scenarios.reading import load
    from scenarios.training import course_of

    missing, status = lacking(device)
    if missing:
        raise fail(missing, status)
    if resume is not None and force:
        raise fail("--resume goes on with a training and --force starts it anew: give one of them")
    if resume is not None and from_trace is not None:
        raise fail("--from-trace is how a training begins: leave it out with --resume")
    from agents.checkpoint import described_settings
    from agents.settings import Learning
    from scenarios.recorded import read_recording
    from scenarios.training_files import LATEST
    from simulator.descriptions import adapter

    recording = read_recording(from_trace) if from_trace is not None else None
    if resume is not None and resume.is_dir():
        resume = resume / LATEST
    stored = described_settings(resume) if resume is not None else None
    given = [f"learning.{name}={value}" for name, value in (("algorithm", algorithm), ("decisions", decisions)) if value is not None]
    begun = [f"learning={json.dumps(adapter(Learning).dump_python(stored[0], mode='json'))}"] if stored is not None else []
    loaded = [load(name, [*begun, *given, *(set_ or [])], spike or []) for name in scenarios]
    for warning in dict.fromkeys(warning for each in loaded for warning in each.warnings):
        print(f"note: {warning}", file=sys.stderr)
    if stored is not None and seed is None:
        seed = stored[1]
    course = course_of(loaded, seed or 0)
    if out is None:
        names = "+".join(each.scenario.name for each in loaded)
        out = resume.parent if resume is not None else Path("results") / f"{names}-{course.settings.algorithm}"
    raise typer.Exit(execute(course, resume, device, workers, out, force, as_json, recording))


def lacking(device: str) -> tuple[str | None, int]:
    """(what stands against training on a device, in one sentence, or None; the exit status)."""
    from scenarios.commands import BAD_INPUT, LACKING

    try:
        import torch

        kind = torch.device(device).type
    except ImportError:
        return "training needs PyTorch, which is not installed: run ./vamappo once, or pip install 'torch>=2.6,<=2.13.0'", LACKING
    except RuntimeError:
        return f"--device {device}: no such kind of device; use cpu, or cuda where there is one", BAD_INPUT
    if kind == "cuda" and not torch.cuda.is_available():
        return f"--device {device}: this PyTorch sees no CUDA device; use --device cpu", LACKING
    return None, 0


def imitated(trainer: Any, course: Any, recording: Any) -> dict[str, Any]:
    """Lets the learner begin with what was recorded; its figures, for the manifest."""
    from agents.imitation import start_from
    from agents.recording import RecordingError

    def seen(part: str, epoch: int, epochs: int, figures: dict[str, float]) -> None:
        if sys.stderr.isatty():
            told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"learning from the recording: {part}, epoch {epoch} of {epochs}: {told}", file=sys.stderr)

    try:
        found = start_from(trainer.learner, recording, trainer.plan.shapes[0], course.agents, seen)
    except RecordingError as error:
        raise RecordingError(f"--from-trace: {error}") from None
    said = f"the clone does the same in {100 * found['accuracy']:.1f} % of those held out, explained variance of values {found['explained_variance']:.3f}"
    print(f"learned from {found['decisions']:,} recorded decisions of {found['policy']}: {said}", file=sys.stderr)
    return found


def execute(course: Any, resume: Path | None, device: str, workers: int, out: Path, force: bool, as_json: bool, recording: Any = None) -> int:
    """Trains, shows how it goes, stores and prints; returns the exit status."""
    import torch

    from agents.checkpoint import write_policy
    from agents.trainer import Trainer
    from scenarios.commands import DONE, INTERRUPTED
    from scenarios.interruption import Shield
    from scenarios.training_files import BEST, LATEST, POLICY, Log, check_folder, clear, discard, has_tensorboard, take_over, write_manifest

    torch.set_num_threads(1)  # results do not depend on the machine's cores; rollouts have processes of their own
    wall, cpu = time.perf_counter(), time.process_time()
    begun: dict[str, Any] = {}
    if resume is None:
        check_folder(out, force)
        trainer = Trainer.new(course.plan, course.graphs, workers, device, course.facts)
        if recording is not None:
            try:
                begun = {"from_trace": imitated(trainer, course, recording)}
            except BaseException:
                trainer.crew.close()
                raise
        clear(out)
    else:
        trainer = Trainer.resumed(resume, course.plan, workers, device, course.facts)
        take_over(resume, out, trainer)
        begun = begun_with(out)
    if not has_tensorboard():
        print("note: no TensorBoard events are written (pip install tensorboard); progress.csv holds the same figures", file=sys.stderr)

    def spent() -> dict[str, Any]:
        before = {name: begun.get(name, 0.0) for name in ("wall_s", "cpu_s")}
        return {**begun, "wall_s": before["wall_s"] + time.perf_counter() - wall, "cpu_s": before["cpu_s"] + time.process_time() - cpu}

    kept = trainer.windows if resume is not None else 0
    write_manifest(out, course, trainer, spent())
    log = Log(out, course.agents, trainer.windows, has_tensorboard())
    with Shield() as shield:
        with trainer.crew, Display(trainer, course, sys.stderr.isatty()) as display:
            try:
                while not trainer.done and not shield.came:
                    with shield.may_stop():
                        figures = trainer.advance()
                        if trainer.windows % course.settings.validate_every == 0 or trainer.done:
                            figures["validation"] = course.validate(trainer)
                    if "validation" in figures and trainer.judged(figures["validation"]):
                        trainer.save(out / BEST)
                        write_policy(out / BEST, out / POLICY)
                    trainer.save(out / LATEST)
                    kept = trainer.windows
                    log.write(figures)
                    display.show(figures)
            except KeyboardInterrupt:
                pass
            finally:
                log.close()
        if kept < trainer.last:
            if not kept:
                discard(out)
                print("interrupted before the first window was learned: nothing to keep", file=sys.stderr)
            else:
                write_manifest(out, course, trainer, spent())
                done = f"{out / LATEST} holds {kept * trainer.per_window:,} decisions"
                print(f"interrupted: {done}; the same command with --resume {out / LATEST} goes on", file=sys.stderr)
            return INTERRUPTED
        write_manifest(out, course, trainer, spent())
        report(course, trainer, out, spent(), as_json)
        if shield.came:
            print(f"interrupted after the last window: everything is in {out}", file=sys.stderr)
            return INTERRUPTED
    return DONE


def begun_with(out: Path) -> dict[str, Any]:
    """What a training that goes on was begun with and what it has cost so far, from its manifest."""
    from scenarios.results import read_json

    told = read_json(out / "manifest.json") if (out / "manifest.json").exists() else {}
    found: dict[str, Any] = {name: told[name] for name in ("from_trace", "wall_s", "cpu_s") if name in told}
    if "command" in told:
        found["begun_by"] = told.get("begun_by", told["command"])
    return found


def report(course: Any, trainer: Any, out: Path, spent: dict[str, Any], as_json: bool) -> None:
    """Says what came of it."""
    from scenarios.training_files import BEST, LATEST

    facts = course.facts
    result = {
        **facts, "algorithm": course.settings.algorithm, "training_seed": course.seed, "decisions": trainer.windows * trainer.per_window,
        "best_validation": trainer.best, "validations": trainer.validations, "best": str(out / BEST), "latest": str(out / LATEST), **spent,
    }  # fmt: skip
    if as_json:
        print(json.dumps(result, indent=1, allow_nan=False))
        return
    rate = result["decisions"] / max(spent["wall_s"], 1e-9)
    print(f"{', '.join(facts['scenarios'])}: {course.settings.algorithm}, {result['decisions']:,} decisions in {spent['wall_s']:.0f} s ({rate:,.0f} /s)")
    best = max(trainer.validations, key=lambda row: row["utility"])
    prior = f", with the greedy prior times {course.settings.greedy_prior:g}" if course.settings.greedy_prior else ""
    print(f"best utility on validation seeds {best['utility']:.4f}, after {best['decisions']:,} decisions{prior}")
    print(f"stored in {out}; compare it: vamappo evaluate {facts['scenarios'][0]} --policies expected-utility,{out / BEST}")


class Display:
    """How a training goes, on standard error: a bar with the latest figures on a terminal, else a line for every validation."""

    def __init__(self, trainer: Any, course: Any, show: bool):
        self.trainer, self.course, self.live = trainer, course, show
        self.bar: Any = None
        self.validated = ""

    def __enter__(self) -> Display:
        if self.live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("\n{task.fields[state]}"))
            self.bar = Progress(*columns, console=Console(stderr=True))
            self.bar.start()
            self.task = self.bar.add_task(self.course.settings.algorithm, total=self.trainer.last, completed=self.trainer.windows, state="first window")
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, figures: dict[str, Any]) -> None:
        """Shows the figures of a window."""
        if "validation" in figures:
            best = max(row["utility"] for row in self.trainer.validations)
            self.validated = f"validation {figures['validation']:.4f} (best {best:.4f})"
        if self.bar is not None:
            self.bar.update(self.task, completed=self.trainer.windows, state="\n".join(self.lines(figures)))
        elif "validation" in figures:
            print("; ".join(self.lines(figures)), file=sys.stderr, flush=True)

    def lines(self, figures: dict[str, Any]) -> list[str]:
        """The figures in a few lines."""
        f = {name: figures.get(name, float("nan")) for name in ("kl", "clip_fraction", "entropy", "explained_variance", "epistemic", "aleatoric")}
        delay = self.course.settings.actor_delay
        policy = f"KL {f['kl']:.4f}, clipped {100 * f['clip_fraction']:.1f} %, entropy {f['entropy']:.3f}"
        forecast = f", forecast loss {figures['forecast_loss']:.3f}" if "forecast_loss" in figures else ""
        if figures["window"] <= delay:
            policy = f"the policy waits ({figures['window']} of {count_of(delay, 'window')})"
        lines = [
            f"{figures['decisions']:,} decisions, {figures['decisions_per_s']:,.0f} /s; {self.validated}",
            f"return {figures['return']:.4f}, utility {figures['utility']:.4f}, p99 {figures['p99_s']:.3g} s, completed {100 * figures['completed']:.1f} %",
            f"{policy}, explained variance {f['explained_variance']:.3f}{forecast}",
            f"uncertainty: epistemic {f['epistemic']:.3g}, aleatoric {f['aleatoric']:.3g}",
        ]
        if self.course.settings.adaptation != "off":
            seen = [(name, i) for i, name in enumerate(self.course.agents) if name and figures["count"][i]][:8]
            lines.append("m, eps: " + ", ".join(f"{name} {figures['multiplier'][i]:.2f}, {figures['clip'][i]:.3f}" for name, i in seen))
        return lines
