"""A scenario that replays a trace of arrivals, with what the trace is like: rate, variability, burstiness, lengths."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from scenarios.imports.writing import Imported, digits, file_reference, flow, name_for, percent, rounded, scalar, seconds
from scenarios.readers import InputError
from scenarios.readers.traces import read_trace
from simulator.arrivals import Trace, TraceData

PREFILL, DECODE = 0.36e-3, 60e-3  # s a token: Llama-2-70B on two A100 at batch 1
UTILISATION = 0.6
WARM_UP = 0.05
MINUTE = 60.0


@dataclass(frozen=True)
class Burstiness:
    """What arrivals are like: rate [/s] and span [s], cv of the intervals, index of dispersion of the counts in whole minutes.

    The index is variance over mean of the counts (n - 1), 1 for a Poisson process; None with fewer than two whole minutes. `peak` is the
    fullest minute over the mean one.
    """

    count: int
    span: float
    rate: float
    cv: float | None
    dispersion: float | None
    minutes: int
    peak: float | None


def burstiness(times: np.ndarray) -> Burstiness:
    """Figures of arrival times [s] that do not decrease, shape (n,)."""
    span = float(times[-1] - times[0]) if len(times) else 0.0
    gaps = np.diff(times)
    cv = float(gaps.std() / gaps.mean()) if len(gaps) > 1 and gaps.mean() > 0 else None
    minutes = int(span // MINUTE)
    dispersion = peak = None
    if minutes >= 2:
        counts = np.bincount(((times - times[0]) // MINUTE).astype(int), minlength=minutes)[:minutes]
        dispersion = float(counts.var(ddof=1) / counts.mean())
        peak = float(counts.max() / counts.mean())
    return Burstiness(len(times), span, len(gaps) / span if span > 0 else 0.0, cv, dispersion, minutes, peak)


def formats() -> list[str]:
    """The formats that a scenario may name."""
    hint = get_type_hints(Trace)["format"]
    members = [member for part in (hint, *get_args(hint)) for member in get_args(part) or (part,)]
    return list(dict.fromkeys(member for member in members if isinstance(member, str)))


def told(path: Path, format: str | None) -> tuple[str, TraceData]:
    """(format, trace): the one named, else the first that the file can be read as.

    Where none fits, the error is that of the format that came furthest into the file.
    """
    known = formats()
    if format is not None:
        if format not in known:
            raise InputError(f"unknown format {format!r} (one of {', '.join(known)})")
        return format, read_trace(path, format)
    errors: list[tuple[int, InputError]] = []
    for name in known:
        try:
            return name, read_trace(path, name)
        except InputError as error:
            match = re.match(r":(\d+):", str(error).removeprefix(str(path)))
            errors.append((int(match[1]) if match else 0, error))
    furthest, closest = max(errors, key=lambda found: found[0])
    if furthest > 1 or len({str(found) for _, found in errors}) == 1:  # a bad row, or nothing that any format could read
        raise closest
    raise InputError(f"{path}: of none of the known formats: {', '.join(known)}; name one with --format to hear what it lacks")


def import_trace(path: Path, out: Path, *, format: str | None = None) -> Imported:
    """A scenario that replays the trace at `path`, to be written to `out`; the format is told from the file where it is None."""
    name, trace = told(path, format)
    figures = burstiness(trace.times)
    prompt, output = trace.columns["prompt"], trace.columns["output"]
    mean = float(prompt.mean()) * PREFILL + float(output.mean()) * DECODE
    workers = max(1, math.ceil(figures.rate * mean / UTILISATION))
    if workers > 100_000:
        raise InputError(f"{path}: {digits(figures.rate)} requests/s would need {workers:,} workers; give a part of the trace")
    warm_up = rounded(WARM_UP * figures.span) if figures.span >= 1.0 else 0.0
    arrivals: dict[str, Any] = {"kind": "trace", "file": file_reference(path, out), "format": name}
    measured = [f"{figures.count:,} requests over {seconds(figures.span)}, format {name}: mean rate {digits(figures.rate)} /s, {variability(figures)}"]
    account = getattr(trace, "account", None)
    measured += account.notes() if account is not None else []
    measured += [lengths("prompt", prompt), lengths("output", output)]
    if len(prompt) > 2 and prompt.std() > 0 and output.std() > 0:
        measured.append(f"correlation of prompt and output tokens: {digits(float(np.corrcoef(prompt, output)[0, 1]), 2)}")
    body = [
        f"name: {scalar(name_for(out))}",
        f"description: {scalar(f'Replay of {path.name}')}",
        f"warm_up: {seconds(warm_up) if warm_up else '0 s'}",
        "seed: 1",
        "network:",
        "  nodes:",
        f"    - {flow({'name': 'server', 'workers': workers})}",
        "services:",
        f"  generate: {flow({'service_time': {'kind': 'tokens', 'prompt': seconds(PREFILL), 'output': seconds(DECODE)}})}",
        "deployments:",
        "  - {service: generate, nodes: [server]}",
        "applications:",
        "  request:",
        "    calls:",
        "      - {name: generate, service: generate}",
        "workload:",
        "  - name: replay",
        "    application: request",
        "    ingress: server",
        f"    arrivals: {flow(arrivals)}",
        "control: {policy: least-loaded}",
    ]
    assumed = [
        f"service time: {seconds(PREFILL)} a prompt token and {seconds(DECODE)} an output token (a model of 70 billion parameters on two A100 at batch 1)",
        f"one node of {workers:,} workers, each for one request at a time: a utilisation of at most {percent(UTILISATION)} at the mean rate",
        "payloads and links: none",
    ]
    return Imported(name_for(out), path, "\n".join(body) + "\n", tuple(measured), tuple(assumed))


def variability(figures: Burstiness) -> str:
    """How uneven the arrivals are, in words."""
    said = [f"interarrival cv {digits(figures.cv, 3)}" if figures.cv is not None else "too few for an interarrival cv"]
    if figures.dispersion is None:
        said.append("shorter than two minutes, so no index of dispersion")
    else:
        said.append(f"index of dispersion at one minute {digits(figures.dispersion, 3)} ({figures.minutes:,} whole minutes; a Poisson process has 1)")
        said.append(f"fullest minute {digits(figures.peak or 0.0, 3)} times the mean one")
    return ", ".join(said)


def lengths(what: str, tokens: np.ndarray) -> str:
    """The distribution of lengths in words."""
    ordered = np.sort(tokens)
    p50, p99 = (float(ordered[math.ceil(q * len(ordered)) - 1]) for q in (0.5, 0.99))
    return f"{what} tokens: mean {digits(float(tokens.mean()))}, median {p50:g}, p99 {p99:g}, largest {ordered[-1]:g}"
