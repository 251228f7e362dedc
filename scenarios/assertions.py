"""Assertions on a scenario's tail, for tests: `assert stress("edge-chat", spikes=[...], replications=10).p99 < 2.0`.

A comparison is answered by the interval, never by the value alone. `p99 < 2.0` is true only where the interval of the share of requests
beyond 2 s lies below 1 %, and false only where it lies above (`analysis.standing`); between them it raises `Undecided`, which says
how far the interval reaches. So either answer is wrong with a probability below 2.5 %, whatever the seed, and with a fixed seed the
same version always gives the same one. Where `most` is greater than `replications` they are doubled until the answer is clear.

Two stressed scenarios compare by the difference within replications of the same seed (`analysis.comparison`).

Nothing is imported before a scenario runs, since the plugin for pytest loads this module in every session.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.comparison import Difference
    from analysis.estimates import Estimate
    from analysis.evaluation import Figure, Sample
    from analysis.standing import Standing
    from scenarios.reading import Loaded

SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
OPPOSITE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Undecided(AssertionError):
    """Raised when the replications cannot tell on which side of the bound a figure is; the message gives the interval."""


class Named:
    """A figure of a stressed scenario, called what the attribute is called."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, under: Stressed, owner: type | None = None) -> Reading:
        return Reading(under, self.name)


class Stressed:
    """A scenario under stress, run when its first figure is compared. Latencies count what did not complete as infinite."""

    mean, p50, p90, p95, p99, p999 = Named(), Named(), Named(), Named(), Named(), Named()  # latency [s]
    attainment, completed, utility = Named(), Named(), Named()  # shares of all counted requests, and utility a request

    def __init__(self, loaded: Loaded, seed: int, replications: int, most: int, workers: int, samples: list[Sample]):
        self.loaded = loaded
        self.seed = seed
        self.replications = replications
        self.most = most
        self.workers = workers
        self.samples = samples

    def run(self, replications: int) -> Sequence[Sample]:
        """The first replications; those that are not there yet are run."""
        from scenarios.evaluation import Task, run_tasks
        from scenarios.execute import Factory
        from scenarios.stress import lean

        factory = Factory(lean(self.loaded.scenario, self.seed), self.loaded.path.parent.resolve(), self.seed)
        missing = [Task("", factory, replication) for replication in range(len(self.samples), replications)]
        self.samples.extend(sample for _, sample in run_tasks(missing, self.workers))
        return self.samples[:replications]

    def __repr__(self) -> str:
        spikes = ", ".join(spike.name for spike in self.loaded.scenario.spikes)
        return f"{self.loaded.scenario.name} ({f'spikes {spikes}' if spikes else 'no spikes'}; seed {self.seed})"


class Reading:
    """A figure of a stressed scenario: compare it with a bound ([s], '2 s', or a share) or with the same figure of another one."""

    def __init__(self, under: Stressed, name: str):
        self.under = under
        self.name = name

    @property
    def estimate(self) -> Estimate:
        """The figure with its interval over the replications, or the reason why the sample cannot carry it."""
        return figure_of(self.name).over(self.under.run(self.under.replications))

    def standing(self, sign: str, bound: float | str) -> Standing:
        """Where the figure stands against the bound; adds replications up to `most` while that is undecided."""
        from analysis.standing import settle

        return settle(self.under.run, self.name, sign, self.number(bound), self.under.replications, self.under.most)

    def number(self, bound: float | str) -> float:
        """The bound as a number: times may be written with their unit."""
        from scenarios.targets import TargetError, read_slo

        if not isinstance(bound, str):
            return float(bound)
        try:
            return read_slo(f"{self.name} < {bound}").bound
        except TargetError as error:
            raise TargetError(f"{self.name} compared with {bound!r}: {str(error).partition(': ')[2]}") from None

    def minus(self, other: Reading) -> Difference:
        """The difference to the same figure of another scenario, pair by pair where both met the same arrivals."""
        from analysis.comparison import judged, paired_difference, unpaired_difference
        from analysis.evaluation import are_paired

        if other.name != self.name:
            raise TypeError(f"{self.name} cannot be compared with {other.name}")
        figure, replications = figure_of(self.name), min(self.under.replications, other.under.replications)
        mine, theirs = self.under.run(replications), other.under.run(replications)
        paired = are_paired(mine, {sample.replication: sample for sample in theirs})
        take = paired_difference if paired else unpaired_difference
        return judged([take([figure.of(sample) for sample in mine], [figure.of(sample) for sample in theirs])], figure.higher_is_better)[0]

    def sentence(self, sign: str, bound: Any) -> str:
        """What was found, with the interval that decided."""
        if isinstance(bound, Reading):
            found = self.minus(bound)
            interval = f" [{found.low:+.4g}, {found.high:+.4g}]" if found.low is not None and found.high is not None else f" ({found.note})"
            how = "pair by pair" if found.paired else "not paired"
            return f"{self.name} of {self.under} minus that of {bound.under}: {found.value:+.4g}{interval}, {how}, p = {found.p_adjusted:.2g}"
        standing = self.standing(sign, bound)
        return f"{self.name} {sign} {bound} of {self.under} is {standing.sentence()}{f'; {self!r}' if standing.what.startswith('share') else ''}"

    def answer(self, sign: str, bound: Any) -> bool:
        """Whether it holds; Undecided where the interval does not tell."""
        __tracebackhide__ = True
        if isinstance(bound, Reading):
            from analysis.comparison import NONE_SHOWN

            difference = self.minus(bound)
            if difference.verdict != NONE_SHOWN:
                return bool(SIGNS[sign](difference.value, 0.0))
        else:
            from analysis.standing import HELD, UNDECIDED

            standing = self.standing(sign, bound)
            if standing.verdict != UNDECIDED:
                return standing.verdict == HELD
        raise Undecided(f"{self.sentence(sign, bound)}. More replications or a bound further away would tell")

    def __lt__(self, bound: Any) -> bool:
        __tracebackhide__ = True
        return self.answer("<", bound)

    def __le__(self, bound: Any) -> bool:
        __tracebackhide__ = True
        return self.answer("<=", bound)

    def __gt__(self, bound: Any) -> bool:
        __tracebackhide__ = True
        return self.answer(">", bound)

    def __ge__(self, bound: Any) -> bool:
        __tracebackhide__ = True
        return self.answer(">=", bound)

    def __repr__(self) -> str:
        found = self.estimate
        if found.value is None:
            return f"{self.name}: {found.reason}"
        interval = f" [{found.low:.4g}, {found.high:.4g}]" if found.low is not None and found.high is not None else ""
        return f"{self.name} = {found.value:.4g}{interval}"


def figure_of(name: str) -> Figure:
    """How a figure is taken from one replication and from all."""
    from analysis.evaluation import FIGURES, mean_figure, quantile_figure
    from analysis.summary import QUANTILES

    known = {figure.name: figure for figure in FIGURES}
    if name in known:
        return known[name]
    if name in QUANTILES:
        return quantile_figure(name, name, QUANTILES[name])
    return mean_figure(name, "mean", "s", lambda sample: sample.latency, "there are no requests", higher=False, most=math.inf)


class Stress:
    """What the fixture `stress` is: makes stressed scenarios, and runs the same one only once in a session."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Sample]] = {}

    def __call__(
        self,
        scenario: Any,
        spikes: Sequence[str | Mapping[str, Any]] = (),
        *,
        values: Sequence[str] = (),
        without: Sequence[str] = (),
        policy: str | None = None,
        seed: int | None = None,
        replications: int = 10,
        most: int | None = None,
        workers: int = 1,
    ) -> Stressed:
        """The scenario (a path, a bundled name or one that was loaded) under spikes added to its own.

        `spikes` are texts like `--spike` or mappings of a file's keys, `values` overrides like `--set`, `without` names spikes to leave out,
        `policy` places the calls. ScenarioError holds every mistake, TypeError says what was misspelt, nothing runs before the first comparison.
        """
        from scenarios.reading import Loaded, dump_yaml, load
        from scenarios.stress import lean

        loaded = scenario if isinstance(scenario, Loaded) else load(scenario)
        loaded = loaded.with_values(*values, *([f"control.policy={policy}"] if policy is not None else [])).with_spikes(*spikes)
        loaded = loaded.without_spikes(*without) if without else loaded
        root = loaded.scenario.seed if seed is None else seed
        samples = self.kept.setdefault(dump_yaml(lean(loaded.scenario, root)), [])
        return Stressed(loaded, root, replications, max(replications, most or 0), workers, samples)
