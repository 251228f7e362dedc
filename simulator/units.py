"""Quantities: text with units at the door, plain floats in base units inside (seconds, bits, bit/s, 1/s).

`parse("15 ms", "time") == 0.015`; arithmetic goes through `Decimal`, so that "1.1 ms" is exactly the float 0.0011, and `format`
writes a text that `parse` turns back into the very same float. The `Annotated` types below are fields of descriptions: pydantic
validates them where it is used, and the simulator itself never imports it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

SECOND = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1", "min": "60", "h": "3600", "d": "86400"}
SIZE = {
    "bit": "1", "kbit": "1e3", "Mbit": "1e6", "Gbit": "1e9",
    "B": "8", "kB": "8e3", "MB": "8e6", "GB": "8e9", "TB": "8e12",
    "KiB": "8192", "MiB": "8388608", "GiB": "8589934592", "TiB": "8796093022208",
}  # fmt: skip
UNITS: dict[str, dict[str, str]] = {
    "time": SECOND,
    "size": SIZE,
    "rate": {f"{unit}/s": factor for unit, factor in {**SIZE, "Tbit": "1e12"}.items()},
    "frequency": {"/s": "1", "/min": "60", "/h": "3600"},
    "length": {"m": "1", "km": "1e3"},
    "power": {"W": "1", "kW": "1e3", "mW": "1e-3"},
    "price": {"/s": "1", "/min": "60", "/h": "3600"},
    "share": {"%": "0.01"},
    "number": {},
}
WHAT = {
    "time": "a time such as '15 ms'",
    "size": "a size such as '8 kB'",
    "rate": "a rate such as '100 Mbit/s'",
    "frequency": "a rate such as '12 /s'",
    "length": "a length such as '12 km'",
    "power": "a power such as '250 W'",
    "price": "a price a time such as '0.0003 /s' or '1.2 /h'",
    "share": "a share such as '10 %' or 0.1",
    "number": "a number",
}
BARE = {"share", "number"}  # dimensions whose values may come without a unit
PATTERN = re.compile(r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*$")
DIVIDERS = {"/min": "60", "/h": "3600"}


def parse(text: object, dimension: str) -> float:
    """The value of `text` in base units; ValueError says what was expected.

    A number without a unit is taken only for a share or a plain number, or where it is 0.
    """
    expected = f"expected {WHAT[dimension]}"
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(expected)
    if isinstance(text, int | float):
        return _checked(_bare(float(text), dimension, expected), dimension, expected)
    if dimension == "rate" and text.strip() == "unlimited":
        return math.inf
    match = PATTERN.match(text)
    if match is None:
        raise ValueError(expected)
    number, unit = match.groups()
    try:
        if not unit:
            return _checked(_bare(float(number), dimension, expected), dimension, expected)
        if unit not in UNITS[dimension]:
            raise ValueError(expected)
        if dimension in ("frequency", "price") and unit in DIVIDERS:
            value = float(Decimal(number) / Decimal(DIVIDERS[unit]))
        else:
            value = float(Decimal(number) * Decimal(UNITS[dimension][unit]))
    except InvalidOperation:
        raise ValueError(expected) from None
    return _checked(value, dimension, expected)


def _bare(value: float, dimension: str, expected: str) -> float:
    if dimension in BARE or value == 0.0:
        return value
    raise ValueError(f"{expected} (the unit is missing)")


def _checked(value: float, dimension: str, expected: str) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{expected}, a finite one")
    if value < 0.0:
        raise ValueError(f"{expected}, not a negative one")
    if dimension == "share" and value > 1.0:
        raise ValueError(f"{expected}, at most 100 %")
    return value


SHOWN = {
    "time": ("s", "ms", "us", "min", "h"),
    "size": ("B", "kB", "MB", "GB", "GiB", "bit"),
    "rate": ("Gbit/s", "Mbit/s", "kbit/s", "GB/s", "bit/s"),
    "frequency": ("/s",),
    "length": ("m", "km"),
    "power": ("W",),
    "price": ("/s",),
    "share": ("%",),
}


def count_of(number: int, noun: str) -> str:
    """`1 replication`, `12,000 replications`: a number of things whose plural ends in s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format(value: float, dimension: str) -> str:
    """A text with unit that `parse` turns back into exactly `value`; the shortest there is among the usual units."""
    if dimension == "rate" and value == math.inf:
        return "unlimited"
    if dimension == "number":
        return repr(float(value)) if value != int(value) else str(int(value))
    best: tuple[int, str] | None = None
    for unit in SHOWN[dimension]:
        scaled = Decimal(repr(value)) / Decimal(UNITS[dimension][unit])
        number = f"{float(scaled):.12g}"
        if "e" in number and unit != SHOWN[dimension][0]:
            continue
        text = f"{number} {unit}"
        length = len(text) + 3 * text.startswith("0.")  # 100 Mbit/s rather than 0.1 Gbit/s
        if parse(text, dimension) == value and (best is None or length < best[0]):
            best = (length, text)
    if best is not None:
        return best[1]
    base = {"time": "s", "size": "bit", "rate": "bit/s", "frequency": "/s", "length": "m", "power": "W", "price": "/s"}.get(dimension)
    return f"{value!r} {base}" if base else repr(value)


@dataclass(frozen=True)
class Quantity:
    """Marks a float field as a quantity of one dimension for pydantic; costs nothing where pydantic is not used."""

    dimension: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> float:
            try:
                return parse(value, self.dimension)
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": str(error)}) from None

        return core_schema.no_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: format(value, self.dimension)),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        kinds = ["string", "number"] if self.dimension in BARE else ["string", "integer"]
        return {"type": kinds, "description": WHAT[self.dimension]}


Seconds = Annotated[float, Quantity("time")]
Bits = Annotated[float, Quantity("size")]
BitRate = Annotated[float, Quantity("rate")]
Rate = Annotated[float, Quantity("frequency")]
Share = Annotated[float, Quantity("share")]
Number = Annotated[float, Quantity("number")]
Length = Annotated[float, Quantity("length")]
Watts = Annotated[float, Quantity("power")]
Price = Annotated[float, Quantity("price")]  # a second, in whatever currency
