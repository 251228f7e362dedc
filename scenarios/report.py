"""A page that shows a comparison: figures as pictures beside it, one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.plots import figure, plot_ccdf, plot_latency_over_time, plot_percentiles
from analysis.summary import summarise
from scenarios.commands.tables import interval

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid #ddd }
img { max-width: 100%; margin: .5rem 0 } h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem } p.note { color: #555 }
"""


def picture(made: Any) -> str:
    """A figure as an HTML image with its bytes inside."""
    data = io.BytesIO()
    made.savefig(data, format="png")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def write_demo(out: Path, runs: dict[str, list[Any]], said: str) -> tuple[Path, dict[str, Any]]:
    """Writes the demo's report, which says `said` of the trained policy; returns its path and the summaries by policy."""
    figures = {policy: summarise(traces) for policy, traces in runs.items()}
    latency = {policy: np.concatenate([t.latency[t.counted & t.completed] for t in traces]) for policy, traces in runs.items()}
    curves, axes = figure(2, 11.0)
    plot_ccdf(axes[0], latency)
    plot_percentiles(axes[1], latency)
    parts = [
        "<h1>Ways to place calls, on the same requests and the same spikes</h1>",
        "<p>All policies met the same arrivals, the same work and the same slow-downs (common random numbers): what differs is their doing.</p>",
        f'<p class="note">{html.escape(said)}.</p>',
        table(figures),
        "<h2>Latency tails</h2>",
        picture(curves),
        "<h2>The first replication over time</h2>",
    ]
    for policy, traces in runs.items():
        trace = traces[0]
        made, (one,) = figure(1, 11.0, 3.2)
        shown = trace.counted & trace.completed
        plot_latency_over_time(one, trace.requests["arrival"][shown], trace.latency[shown], [(e[2], e[3]) for e in trace.episodes])
        one.set_title(policy, loc="left")
        parts.append(picture(made))
    parts.append('<p class="note">Intervals are 95 %, from the spread of the replications. A figure the sample cannot carry is not given.</p>')
    out.mkdir(parents=True, exist_ok=True)
    page = out / "report.html"
    part = out / ".report.html.part"
    body = "\n".join(parts)
    title = "vamappo demo"
    head = f'<head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
    part.write_text(f'<!doctype html><html lang="en">{head}<body>{body}</body></html>\n', encoding="utf-8")
    part.replace(page)
    return page, figures


def latency_cell(name: str, figures: Any) -> str:
    """A latency with its interval."""
    return interval(figures["latency_s"][name])


def table(figures: dict[str, Any]) -> str:
    """The figures of every policy as an HTML table."""
    rows: list[tuple[str, Callable[[Any], str]]] = [("completed", lambda f: f"{100 * f['completed_fraction']:.2f} %")]
    for name in ("mean", "p50", "p99", "p999"):
        rows.append((f"latency {name.replace('p999', 'p99.9')}", partial(latency_cell, name)))
    rows.append(("attainment", lambda f: interval(f["attainment"], "{:.4f}".format)))
    rows.append(("utility", lambda f: interval(f["utility"]["mean"], "{:.4f}".format)))
    head = "".join(f"<th>{html.escape(policy)}</th>" for policy in figures)
    body = "".join(f"<tr><td>{label}</td>{''.join(f'<td>{html.escape(write(f))}</td>' for f in figures.values())}</tr>" for label, write in rows)
    return f"<table><tr><th></th>{head}</tr>{body}</table>"
