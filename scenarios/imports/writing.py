"""The text of an imported scenario: YAML with a header of what was measured and assumed, checked before it is put in place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTH = 120
# What YAML 1.2 would not read as the same text: numbers, dates, words for true, false and nothing, and marks of its own
NOT_PLAIN = re.compile(r"[-+.]?\d[\d_.,:eExXoOa-fA-F+-]*|\.inf|[-+]\.inf|\.nan|true|false|null|~|yes|no|on|off|\d{4}-\d\d-\d\d.*", re.IGNORECASE)
PLAIN = re.compile(r"[A-Za-z0-9_./(][\w /.()+%*;-]*", re.ASCII)
QUANTITY = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)? [A-Za-z/%]+")


class WriteError(Exception):
    """Raised when a scenario cannot be written where it should; the message says what to change."""


@dataclass(frozen=True)
class Imported:
    """A scenario to be written: its text under the header, what was measured from which file, and what was assumed."""

    name: str
    source: Path
    body: str
    measured: tuple[str, ...]
    assumed: tuple[str, ...]

    def text(self) -> str:
        """The whole file."""
        digest = hashlib.sha256(self.source.read_bytes()).hexdigest()
        source = "".join(c if c.isprintable() else "?" for c in self.source.name)
        lines = [f"# Made by 'vamappo import' from {source} (sha256 {digest[:16]}...).", "#"]
        for title, points in (("Measured from the file:", self.measured), ("Assumed, to be changed where you know better:", self.assumed)):
            lines.append(f"# {title}")
            for point in points:
                plain = "".join(c if c.isprintable() else " " for c in point)  # no line may end within a comment
                lines += textwrap.wrap(plain, WIDTH, initial_indent="#   - ", subsequent_indent="#     ", break_long_words=False, break_on_hyphens=False)
        return "\n".join(lines) + "\n" + self.body


def scalar(value: Any) -> str:
    """A plain value as YAML 1.2 reads it back; texts in quotes where they would be taken for something else."""
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    plain = PLAIN.fullmatch(text) and text == text.strip() and " #" not in text
    if plain and (QUANTITY.fullmatch(text) or not NOT_PLAIN.fullmatch(text)):
        return text
    quoted = json.dumps(text, ensure_ascii=False)  # its short escapes are YAML's too
    return quoted if quoted.isprintable() else "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def flow(value: Any) -> str:
    """A value in flow style: {a: 1, b: [x, y]}."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def folded(value: Mapping[str, Any], indent: str) -> str:
    """A mapping in flow style, broken over lines of at most `WIDTH`."""
    lines, line = [], ""
    for key, item in value.items():
        part = f"{scalar(key)}: {flow(item)}, "
        if line and len(indent) + len(line) + len(part) > WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += part
    lines.append(line.rstrip().rstrip(","))
    return "{\n" + "\n".join(indent + line for line in lines) + "\n" + indent[:-2] + "}"


def commented(line: str, comment: str, indent: str = "") -> list[str]:
    """A line with a comment behind it, or above it where that would be too long."""
    if not comment:
        return [indent + line]
    both = f"{indent}{line}  # {comment}"
    return [both] if len(both) <= WIDTH else [f"{indent}# {comment}", indent + line]


def seconds(value: float) -> str:
    """A time with four digits in a usual unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= factor:
            return f"{digits(value / factor)} {unit}"
    return f"{digits(value * 1e9)} ns"


def digits(value: float, most: int = 4) -> str:
    """A number of at most `most` significant digits, never in scientific notation."""
    from decimal import Decimal

    return f"{Decimal(f'{value:.{most}g}'):f}"


def rounded(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7 times a power of ten, from below; for horizons and counts that people read."""
    power = 10.0 ** float(f"{value:e}".split("e")[1])
    return float(f"{power * next(step for step in (7.0, 5.0, 3.0, 2.0, 1.5, 1.0, 0.0) if step * power <= value * (1 + 1e-9)):.6g}")


def percent(share: float) -> str:
    """A share of at most four digits."""
    return f"{digits(100.0 * share)} %"


def file_reference(path: Path, out: Path) -> str:
    """The path by which the scenario `out` names a data file: relative to it where that is near, else absolute."""
    try:
        relative = Path(os.path.relpath(path.resolve(), out.resolve().parent))
    except ValueError:  # another drive
        return str(path.resolve())
    return relative.as_posix() if relative.parts.count("..") <= 2 else str(path.resolve())


def name_for(out: Path) -> str:
    """A scenario's name by its file's."""
    name = "".join(c if c.isprintable() else "-" for c in out.stem).strip().lstrip(".")
    return name or "imported"


def check_out(out: Path, force: bool) -> None:
    """Refuses a file that would be overwritten or cannot be made."""
    if out.is_dir():
        raise WriteError(f"{out} is a folder; name a file with -o")
    if not out.parent.is_dir():
        raise WriteError(f"{out}: there is no folder {out.parent}")
    if out.exists() and not force:
        raise WriteError(f"{out} exists; name another file with -o, or replace it with --force")


def write_scenario(imported: Imported, out: Path, force: bool = False) -> tuple[str, ...]:
    """Checks the scenario and puts it at `out`, whole or not at all; returns the warnings that reading it gives."""
    from scenarios.reading import parse

    check_out(out, force)
    text = imported.text()
    warnings = parse(text, out).warnings
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            part.replace(out)
        else:
            place_new(part, out)
    except OSError as error:
        raise WriteError(f"{out} cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return warnings


def place_new(part: Path, out: Path) -> None:
    """Moves a file to a name that nobody may have taken meanwhile."""
    try:
        os.link(part, out)  # unlike a renaming, fails where the name is taken
    except FileExistsError:
        raise WriteError(f"{out} exists; name another file with -o, or replace it with --force") from None
    except OSError:  # a file system without links
        part.replace(out)


def block(lines: Iterable[str]) -> list[str]:
    """Lines, each indented by two."""
    return [f"  {line}" for line in lines]
