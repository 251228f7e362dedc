"""Quantities: parsing, refusing, and texts that come back as the very same float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.units import UNITS, format, parse


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("15 ms", "time", 0.015), ("1.1 ms", "time", 0.0011), ("2 min", "time", 120.0), ("50us", "time", 5e-5), ("0", "time", 0.0), (0, "time", 0.0),
        ("8 kB", "size", 64_000.0), ("1 KiB", "size", 8192.0), ("1500 B", "size", 12_000.0),
        ("100 Mbit/s", "rate", 1e8), ("1 GB/s", "rate", 8e9), ("unlimited", "rate", float("inf")),
        ("12 /s", "frequency", 12.0), ("90 /min", "frequency", 1.5), ("10 %", "share", 0.1), (0.1, "share", 0.1),
        (3, "number", 3.0), ("12 km", "length", 12_000.0),
    ],
)  # fmt: skip
def test_parse(text, dimension, value):
    assert parse(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "said"),
    [
        ("100 Mb", "rate", "a rate such as '100 Mbit/s'"), (15, "time", "the unit is missing"), ("-1 ms", "time", "not a negative one"),
        ("120 %", "share", "at most 100 %"), ("nan s", "time", "a time"), (float("inf"), "number", "a finite one"), (True, "number", "a number"),
        ("3 ms", "size", "a size such as '8 kB'"), (None, "time", "a time"), ("1e999 s", "time", "a finite one"),
    ],
)  # fmt: skip
def test_refuse(text, dimension, said):
    with pytest.raises(ValueError, match=said.replace("(", "\\(")):
        parse(text, dimension)


@given(st.floats(0, 1e15, allow_nan=False), st.sampled_from(sorted(set(UNITS) - {"share"})))
def test_format_comes_back(value, dimension):
    assert parse(format(value, dimension), dimension) == value


@given(st.floats(0, 1, allow_nan=False))
def test_share_comes_back(value):
    assert parse(format(value, "share"), "share") == value
