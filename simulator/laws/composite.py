"""Laws made of other laws or of data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np

from simulator.descriptions import Scale, description
from simulator.laws.base import Moments, first_problem


class InnerMarker:
    """Marks a law inside a law: of the same quantity, any kind (the union is only known once every law is)."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from simulator.laws import INNER

        return INNER.__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"x-choice": "law"}


InnerLaw = Annotated[Any, InnerMarker()]


@description
class Mixture:
    """One of the laws in `of`, chosen with `weights` (which sum to 1)."""

    of: tuple[InnerLaw, ...]
    weights: tuple[float, ...]
    kind: Literal["mixture"] = "mixture"

    def problem(self) -> str | None:
        return first_problem(
            (not self.of, "'of' must name at least one law"),
            (len(self.of) != len(self.weights), "'of' and 'weights' must be equally long"),
            (bool(self.weights) and (min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-9), f"weights must sum to 1, they sum to {sum(self.weights):g}"),
        )

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        chosen = np.searchsorted(np.cumsum(self.weights)[:-1], generator.random(size), side="right")
        return np.stack([law.sample(generator, size) for law in self.of])[chosen, np.arange(size)]

    def moments(self) -> Moments:
        parts = [(weight, law.moments()) for weight, law in zip(self.weights, self.of, strict=True) if weight > 0]
        mean = sum(weight * m.mean for weight, m in parts)
        second = sum(weight * m.second for weight, m in parts)
        return Moments(mean, second - mean**2 if math.isfinite(second) else math.inf, min(m.tail_index for _, m in parts))


@description
class BodyTail:
    """`body` below its quantile `threshold`, and above it that value plus a generalised-Pareto excess with `xi` and `scale`.

    With probability 1 - threshold a draw is u + GPD(xi, scale), u the body's quantile; else the body conditioned to stay below u.
    The body is represented by a fixed sample of 200,001 draws, from which u and the conditional law are read.
    """

    body: InnerLaw
    threshold: float
    xi: float
    scale: Scale
    kind: Literal["body_tail"] = "body_tail"

    def problem(self) -> str | None:
        return first_problem(
            (not 0.0 < self.threshold < 1.0, f"threshold is a quantile level between 0 and 1, got {self.threshold}"),
            (self.scale <= 0, "scale must be above 0"),
            (self.xi < 0, f"xi must not be negative, got {self.xi}"),
        )

    def _body(self) -> tuple[np.ndarray, float, float]:
        try:
            return body_below(self.body, self.threshold)
        except TypeError:  # a law that cannot be a key of the cache
            return body_below.__wrapped__(self.body, self.threshold)

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        below, _, _ = self._body()
        level, uniform = generator.random(size), generator.random(size)
        excess = -np.log1p(-uniform) if self.xi == 0 else np.expm1(-self.xi * np.log1p(-uniform)) / self.xi
        return np.where(level < self.threshold, below[(uniform * len(below)).astype(np.int64)], below[-1] + self.scale * excess)

    def moments(self) -> Moments:
        (below, mean_below, square_below), p = self._body(), self.threshold
        u, xi, scale = float(below[-1]), self.xi, self.scale
        mean_excess = scale / (1 - xi) if xi < 1 else math.inf
        second_excess = 2 * scale**2 / ((1 - xi) * (1 - 2 * xi)) if xi < 0.5 else math.inf
        mean = p * mean_below + (1 - p) * (u + mean_excess)
        second = p * square_below + (1 - p) * (u * u + 2 * u * mean_excess + second_excess)
        return Moments(mean, second - mean**2 if math.isfinite(second) else math.inf, 1 / xi if xi > 0 else math.inf)


@lru_cache(maxsize=16)
def body_below(body: Any, threshold: float) -> tuple[np.ndarray, float, float]:
    """(the fixed sample of a law up to its quantile, ascending; its mean; its mean square), made once a process."""
    draws = np.sort(body.sample(np.random.default_rng(0), 200_001))
    below = draws[: int(threshold * len(draws)) + 1].copy()
    below.flags.writeable = False
    return below, float(below.mean()), float((below**2).mean())


@description
class Empirical:
    """Resampled from `values`, or from a `column` of a CSV `file` whose numbers are in `unit` of the base quantity."""

    values: tuple[Scale, ...] = ()
    file: str | None = None
    column: str | None = None
    unit: Scale | None = None
    sha256: str | None = None
    kind: Literal["empirical"] = "empirical"

    def problem(self) -> str | None:
        return first_problem(
            (self.file is None and not self.values, "give 'values', or a 'file' (with 'column' and 'unit', such as unit: 1 ms)"),
        )

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return np.array(self.values, dtype=float)[generator.integers(0, len(self.values), size)]

    def moments(self) -> Moments:
        values = np.array(self.values, dtype=float)
        return Moments(float(values.mean()), float(values.var())) if len(values) else Moments(math.nan, math.nan)


@description
class Scipy:
    """Any of scipy.stats' continuous laws by `name`, with its shape parameters `args` and a `scale`; negative draws are refused."""

    name: str
    scale: Scale
    args: tuple[float, ...] = ()
    kind: Literal["scipy"] = "scipy"

    def problem(self) -> str | None:
        import scipy.stats

        law: Any = getattr(scipy.stats, self.name, None)
        if law is None or not isinstance(law, scipy.stats.rv_continuous):
            return f"scipy.stats has no continuous law {self.name!r}"
        wanted = int(getattr(law, "numargs", 0))
        if wanted != len(self.args):
            return f"{self.name} takes {wanted} shape parameters ({law.shapes or 'none'}), got {len(self.args)}"
        return first_problem((float(law.support(*self.args)[0]) < 0, f"{self.name} can be negative; a law here must not be"))

    def _frozen(self) -> Any:
        import scipy.stats

        return getattr(scipy.stats, self.name)(*self.args, scale=self.scale)

    def sample(self, generator: np.random.Generator, size: int) -> np.ndarray:
        return np.asarray(self._frozen().rvs(size, random_state=generator), dtype=float)

    def moments(self) -> Moments:
        mean, variance = (float(x) for x in self._frozen().stats("mv"))
        return Moments(mean if math.isfinite(mean) else math.inf, variance if math.isfinite(variance) else math.inf)


def resolve(described: Any, read_column: Callable[[str, str | None], np.ndarray]) -> Any:
    """A law, or any description with laws in it, with the data of their files filled in; `read_column(file, column)` returns the numbers of a file."""
    if isinstance(described, Empirical) and described.file is not None and not described.values:
        numbers = read_column(described.file, described.column) * (described.unit if described.unit is not None else 1.0)
        return replace(described, values=tuple(numbers.tolist()))
    if isinstance(described, tuple):
        parts = tuple(resolve(part, read_column) for part in described)
        return parts if any(new is not old for new, old in zip(parts, described, strict=True)) else described
    if not is_dataclass(described):
        return described
    found = {f.name: resolve(getattr(described, f.name), read_column) for f in fields(described)}
    changed = {name: value for name, value in found.items() if value is not getattr(described, name)}
    return replace(described, **changed) if changed else described  # type: ignore[type-var]
