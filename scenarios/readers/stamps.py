"""Time stamps of traces: plain numbers in a known unit, or dates and times with or without a zone."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal, InvalidOperation

DATE = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
FACTORS = {"s": Decimal(1), "ms": Decimal("1e-3"), "us": Decimal("1e-6"), "ns": Decimal("1e-9")}
NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
MOST = Decimal(10) ** 15  # s; beyond it 64-bit numbers cannot tell one second from the next tenth


class Unreadable(Exception):
    """Raised when a field is not what its column needs; the message goes behind the place."""


class Clock:
    """Reads the stamps of one file. What the first stamp is (a number, a date, a date with a zone) all others must be.

    `numbers` and `dates` say what the format allows, `unit` is that of the numbers.
    """

    def __init__(self, numbers: bool, dates: bool, unit: str):
        self.numbers = numbers
        self.dates = dates
        self.unit = unit
        self.factor = FACTORS[unit]
        self.form: str | None = None  # "number", "date" or "zoned date", once the first stamp is read

    def seconds(self, text: str) -> Decimal:
        """Seconds, exact to the stamp's last digit; dates count from an arbitrary day. Unreadable where there is none."""
        match = DATE.fullmatch(text.strip()) if self.dates else None
        form = "number" if match is None else "zoned date" if match[4] else "date"
        value = self.number(text) if match is None else self.date(match, text)
        if self.form is None:
            self.form = form
        elif form != self.form:
            raise Unreadable(f"expected a {self.form} as in the first row, got the {form} {text!r}")
        return value

    def expected(self) -> str:
        """What a stamp of this format looks like."""
        date = "a time such as '2023-11-16 18:17:03.9799600'"
        number = f"{NAMES[self.unit]} such as {'12.5' if self.unit == 's' else '12500'}"
        return f"{number} or {date}" if self.numbers and self.dates else date if self.dates else number

    def number(self, text: str) -> Decimal:
        """A number of `unit` in seconds."""
        try:
            value = Decimal(text.strip()) if self.numbers else None
        except InvalidOperation:
            value = None
        if value is None or not value.is_finite() or value * self.factor > MOST:
            raise Unreadable(f"expected {self.expected()}, got {text!r}")
        if value < 0:
            raise Unreadable(f"expected {self.expected()}, not below 0, got {text!r}")
        return value * self.factor

    def date(self, match: re.Match[str], text: str) -> Decimal:
        """Seconds since an arbitrary day, in UTC where there is a zone."""
        day, time, fraction, zone = match.groups()
        try:
            moment = datetime.datetime.fromisoformat(f"{day} {time}{zone or ''}")
        except ValueError:
            raise Unreadable(f"expected {self.expected()}, got {text!r}") from None
        offset = moment.utcoffset()
        whole = moment.toordinal() * 86400 + moment.hour * 3600 + moment.minute * 60 + moment.second
        return Decimal(whole - (int(offset.total_seconds()) if offset else 0)) + (Decimal(f"0.{fraction}") if fraction else 0)

    def described(self) -> str:
        """The unit of the stamps that were read."""
        return NAMES[self.unit] if self.form == "number" else "dates and times with a zone" if self.form == "zoned date" else "dates and times"


def tokens(text: str, column: str) -> int:
    """A number of tokens."""
    try:
        value = int(text)
    except ValueError:
        raise Unreadable(f"{column}: expected a number of tokens, got {text!r}") from None
    if value < 0:
        raise Unreadable(f"{column}: a number of tokens cannot be negative, got {value}")
    if value > 2**53:
        raise Unreadable(f"{column}: expected a number of tokens, got one of {len(text.strip())} digits")
    return value
