"""`summary.json`: every figure of a run, over all replications, counted requests only.

A list of traces goes in, plain data comes out. Names and meanings are those of the reference page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from analysis.energy import energy_figures
from analysis.episodes import episodes_in_window, totals_of
from analysis.estimates import INSTANT, Estimate, clean, mean_estimate, quantile_estimate
from analysis.inference import inference_figures
from analysis.invariants import invariants
from simulator.record import CALL_FIELDS, LANES
from simulator.residency import LOAD_FIELDS
from simulator.samples import Samples
from simulator.trace import Trace
from simulator.units import format

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def latency_figures(series: Sequence[np.ndarray], exceed: Sequence[float] = ()) -> dict[str, Any]:
    """mean, sd, quantiles of latencies [s], one array a replication, and the shares above each of `exceed` [s]."""
    pooled = np.concatenate(list(series)) if series else np.zeros(0)
    figures: dict[str, Any] = {"mean": mean_estimate(series).as_dict(), "sd": clean(pooled.std()) if len(pooled) else None, "n": len(pooled)}
    figures |= {name: quantile_estimate(series, q).as_dict() for name, q in QUANTILES.items()}
    if exceed:
        figures["exceeds"] = {format(bound, "time"): clean(float((pooled > bound).mean())) if len(pooled) else None for bound in exceed}
    return figures


def request_figures(traces: Sequence[Trace], chosen: Callable[[Trace], np.ndarray]) -> dict[str, Any]:
    """The figures of the requests that `chosen` (a mask by trace) picks."""
    masks = [chosen(trace) for trace in traces]
    done = [trace.latency[mask & trace.completed] for trace, mask in zip(traces, masks, strict=True)]
    everything = [trace.latency[mask] for trace, mask in zip(traces, masks, strict=True)]
    counts: dict[str, int] = {"generated": int(sum(mask.sum() for mask in masks))}
    for trace, mask in zip(traces, masks, strict=True):
        for name, count in trace.outcome_counts(mask).items():
            counts[name] = counts.get(name, 0) + count
    seconds = [trace.window[1] - trace.window[0] for trace in traces]
    utility = [trace.requests["utility"][mask] for trace, mask in zip(traces, masks, strict=True)]
    valued = [u[~np.isnan(u)] for u in utility]
    within = [objective_met(trace)[mask] for trace, mask in zip(traces, masks, strict=True)]
    judged = [met[~np.isnan(met)] for met in within]
    span = sum(seconds)
    good = sum(float(np.nansum(np.where(np.isnan(met), trace.completed[mask], met))) for trace, mask, met in zip(traces, masks, within, strict=True))
    return {
        "requests": counts,
        "completed_fraction": counts["completed"] / counts["generated"] if counts["generated"] else None,
        "latency_s": latency_figures(done, traces[0].exceed),
        "latency_all_s": latency_figures(everything, traces[0].exceed),
        "throughput_per_s": ended_in_window(traces, masks) / span if span > INSTANT else None,
        "goodput_per_s": good / span if span > INSTANT else None,
        "attainment": mean_estimate(judged, most=1.0).as_dict() if any(len(j) for j in judged) else {"value": None, "reason": "no objective is declared"},
        "utility": {"mean": mean_estimate(valued, most=1.0).as_dict(), "total": float(sum(u.sum() for u in valued))}
        if any(len(u) for u in valued)
        else {"mean": {"value": None, "reason": "no utility is declared"}, "total": None},
        "prob_any_spiked": mean_estimate([trace.requests["spiked"][mask].astype(float) for trace, mask in zip(traces, masks, strict=True)], most=1.0).as_dict(),
    }


def objective_met(trace: Trace) -> np.ndarray:
    """1.0 where a request completed within its application's objective, 0.0 where not, NaN where none is declared; (requests,)."""
    objectives = np.array([np.nan if objective is None else objective for objective in trace.objectives])[trace.application_of]
    met = (trace.completed & (trace.latency <= objectives)).astype(float)
    return np.where(np.isnan(objectives), np.nan, met)


def ended_in_window(traces: Sequence[Trace], masks: Sequence[np.ndarray]) -> int:
    """Requests (counted or not) of the chosen applications that completed within the window."""
    total = 0
    for trace, mask in zip(traces, masks, strict=True):
        apps = np.unique(trace.application_of[mask])
        end = trace.requests["end"]
        total += int((trace.completed & np.isin(trace.application_of, apps) & (end >= trace.window[0]) & (end < trace.window[1])).sum())
    return total


def pooled(records: Sequence[Any], name: str) -> Samples:
    """One sample of the same measurement over replications."""
    together = Samples()
    for record in records:
        together.merge(getattr(record, name))
    return together


def sample_quantile(samples: Samples, q: float) -> float | None:
    """A quantile where at least ten values lie beyond it."""
    return clean(samples.quantile(q)) if samples.count * (1.0 - q) >= 10 else None


def quantiles_of(samples: Samples, what: str) -> dict[str, float | None]:
    """{p50_what: ...} for every quantile of QUANTILES."""
    return {f"{name}_{what}": sample_quantile(samples, q) for name, q in QUANTILES.items()}


def station_figures(records: Sequence[Any], exceed: Sequence[float] = ()) -> dict[str, Any]:
    """The figures of one station over replications."""
    window = sum(record.window_s for record in records)
    length = max(len(record.time_at) for record in records)
    time_at = np.zeros(length)
    for record in records:
        time_at[: len(record.time_at)] += record.time_at
    n = np.arange(length)
    workers = records[0].workers
    waits, sojourns, services = (pooled(records, name) for name in ("waits", "sojourns", "services"))
    share = time_at / window if window > INSTANT else time_at * np.nan
    mean = float(n @ share)
    rejected = sum(record.rejected for record in records)
    if records[0].busy_s is not None:  # batches: workers and jobs in service differ in number
        busy = sum(record.busy_s for record in records) / window if window > INSTANT else np.nan
        queue = sum(record.queue_s for record in records) / window if window > INSTANT else np.nan
    else:
        busy = float(np.minimum(n, workers) @ share)
        queue = float(np.maximum(n - workers, 0) @ share) if np.isfinite(workers) else 0.0
    return {
        "utilisation": clean(busy / workers) if np.isfinite(workers) else None,
        "mean_queue": clean(queue),
        "mean_number": clean(mean),
        "var_number": clean(float(n**2 @ share) - mean**2),
        "prob_wait": clean(waits.fraction_positive()),
        "prob_idle": clean(float(share[0])) if length else None,
        "mean_wait_s": clean(waits.mean()),
        **quantiles_of(waits, "wait_s"),
        "mean_sojourn_s": clean(sojourns.mean()),
        **quantiles_of(sojourns, "sojourn_s"),
        "slowdown": clean(sojourns.total / services.total) if services.total > 0 else None,
        "rejected": rejected,
        "prob_blocked": rejected / (rejected + waits.count) if rejected + waits.count else None,
        "visits": waits.count,
        **({"wait_exceeds": {format(bound, "time"): clean(waits.fraction_above(bound)) for bound in exceed}} if exceed else {}),
    }


def link_figures(records: Sequence[Any]) -> dict[str, Any]:
    """The figures of one link direction over replications."""
    window = sum(record.window_s for record in records)
    waits = pooled(records, "waits")
    return {
        "utilisation": clean(sum(record.busy_s for record in records) / window) if window > INSTANT else None,
        "mean_wait_s": clean(waits.mean()),
        **quantiles_of(waits, "wait_s"),
        "mean_transit_s": clean(sum(record.transit_s for record in records) / waits.count) if waits.count else None,
        "dropped": sum(record.dropped for record in records),
        "lost": sum(record.lost for record in records),
        "bits": sum(record.run_bits["in"] for record in records),
        "messages": waits.count,
    }


def memory_figures(records: Sequence[Any]) -> dict[str, Any]:
    """The figures of one node's memory over replications."""
    loads = np.concatenate([record.loads[record.counted] for record in records])
    field = dict(zip(LOAD_FIELDS, loads.T, strict=True))
    hits, misses, wait = (sum(getattr(record, name) for record in records) for name in ("hits", "misses", "wait_s"))
    load_s = float((field["end"] - field["begun"]).sum())
    return {
        "loads": len(loads),
        "downloads": int((field["origin"] >= 0).sum()),
        "prefetches": sum(record.prefetches for record in records),
        "evictions": sum(record.evictions for record in records),
        "hit_fraction": hits / (hits + misses) if hits + misses else None,
        "load_s": load_s,
        "mean_load_s": load_s / len(loads) if len(loads) else None,
        "mean_room_wait_s": clean(float((field["begun"] - field["asked"]).mean())) if len(loads) else None,
        "mean_call_wait_s": wait / (hits + misses) if hits + misses else None,
        "peak_bits": max(record.peak_bits for record in records),
        "capacity_bits": records[0].capacity_bits,
    }


def call_figures(traces: Sequence[Trace]) -> dict[str, Any]:
    """Figures by call from the requests whose spans were recorded (`traced` says how many visits)."""
    figures: dict[str, Any] = {}
    names = [(v.application, v.call) for v in traces[0].vertices]
    rows = np.concatenate([trace.calls[trace.counted[trace.calls[:, 0].astype(np.int64)]] for trace in traces])
    field = {name: rows[:, i] for i, name in enumerate(CALL_FIELDS)}
    code = np.array([names.index(name) for name in names], dtype=np.int64)[field["vertex"].astype(np.int64)] if len(rows) else np.zeros(0, np.int64)
    for number in sorted({names.index(name) for name in names}):
        mine = code == number
        ended = mine & (field["status"] % LANES == 0)
        sojourn = field["finished"][ended] - field["reached"][ended]
        critical = field["critical"][ended]
        figures[".".join(names[number])] = {
            "mean_sojourn_s": clean(float(sojourn.mean())) if len(sojourn) else None,
            "p99_sojourn_s": clean(float(np.quantile(sojourn, 0.99, method="inverted_cdf"))) if len(sojourn) >= 1000 else None,
            "critical_probability": clean(float(critical.mean())) if len(sojourn) else None,
            "critical_mean_s": clean(float(sojourn[critical > 0].mean())) if critical.any() else None,
            **attempt_figures([trace.attempts[names[number]] for trace in traces if names[number] in trace.attempts], len(sojourn)),
            "traced": len(sojourn),
        }
    return figures


def attempt_figures(counts: Sequence[Sequence[int]], traced: int) -> dict[str, Any]:
    """How often a call was tried, from all counted requests; `counts` as ATTEMPT_COUNTS, one a replication, none where a call is tried once."""
    first, retried, hedged, given_up = (sum(column) for column in zip(*counts, strict=True)) if counts else (traced, 0, 0, 0)
    if first == 0:
        return {"mean_attempts": None, "hedged_fraction": None, "given_up": 0}
    return {"mean_attempts": (first + retried) / first, "hedged_fraction": hedged / first, "given_up": given_up}


def of_application(trace: Trace, index: int) -> np.ndarray:
    """A mask of the counted requests of one application."""
    return trace.counted & (trace.application_of == index)


def summarise(traces: Sequence[Trace]) -> dict[str, Any]:
    """All figures of a run."""
    first = traces[0]
    figures: dict[str, Any] = {"replications": len(traces), "loop": first.loop, "window_s": sum(t.window[1] - t.window[0] for t in traces)}
    figures |= request_figures(traces, lambda trace: trace.counted)
    figures["applications"] = {name: request_figures(traces, partial(of_application, index=i)) for i, name in enumerate(first.applications)}
    figures["stations"] = {record.name: station_figures([t.stations[i] for t in traces], first.exceed) for i, record in enumerate(first.stations)}
    figures["links"] = {record.name: link_figures([t.links[i] for t in traces]) for i, record in enumerate(first.links)}
    if any(len(t.tokens) for t in traces):
        figures["inference"] = inference_figures(traces)
    figures["memory"] = {record.node: memory_figures([t.memories[i] for t in traces]) for i, record in enumerate(first.memories)}
    figures["calls"] = call_figures(traces)
    if energy := energy_figures(traces, figures["goodput_per_s"]):
        figures["energy"] = energy
    figures["invariants"] = invariants(traces)
    figures["episodes"] = sum(len(t.episodes) for t in traces)
    figures["episodes_in_window"] = totals_of([episodes_in_window(t) for t in traces])
    figures["decisions"] = sum(t.decisions for t in traces)
    figures["events"] = sum(t.events for t in traces)
    return figures


def estimate_of(figures: dict[str, Any], name: str) -> Estimate:
    """The estimate of a figure such as p99, mean, attainment or utility in a summary."""
    found = figures["latency_s"].get(name) or {"attainment": figures["attainment"], "utility": figures["utility"]["mean"]}.get(name)
    if found is None:
        raise KeyError(name)
    return Estimate(found.get("value"), found.get("low"), found.get("high"), reason=found.get("reason"))
