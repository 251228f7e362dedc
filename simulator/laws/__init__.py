"""Laws: distributions of times, sizes and plain numbers, each with its mean, variance and tail index.

A law is one frozen dataclass, generic in the quantity of its scale parameters. A new one joins `LAWS`; the scenario schema,
`vamappo list laws` and the docs follow.
"""

from __future__ import annotations

from typing import Annotated, Any

from simulator.descriptions import Choice
from simulator.laws.base import Law, Moments
from simulator.laws.composite import BodyTail, Empirical, Mixture, Scipy, resolve
from simulator.laws.heavy import BoundedPareto, Lognormal, Lomax, Pareto, Weibull
from simulator.laws.light import Deterministic, Discrete, Erlang, Exponential, Gamma, Hyperexponential, Normal, Uniform

LAWS: tuple[type, ...] = (
    Deterministic, Exponential, Erlang, Gamma, Hyperexponential, Uniform, Discrete, Normal, Lognormal, Weibull,
    Pareto, Lomax, BoundedPareto, BodyTail, Mixture, Empirical, Scipy,
)  # fmt: skip

INNER = Choice("law", LAWS, None, bare=True)
TimeLaw = Annotated[Any, Choice("law", LAWS, "time", bare=True)]
SizeLaw = Annotated[Any, Choice("law", LAWS, "size", bare=True)]
NumberLaw = Annotated[Any, Choice("law", LAWS, "number", bare=True)]

__all__ = [
    "LAWS", "BodyTail", "BoundedPareto", "Deterministic", "Discrete", "Empirical", "Erlang", "Exponential", "Gamma", "Hyperexponential",
    "Law", "Lognormal", "Lomax", "Mixture", "Moments", "Normal", "NumberLaw", "Pareto", "Scipy", "SizeLaw", "TimeLaw",
    "Uniform", "Weibull", "resolve",
]  # fmt: skip
