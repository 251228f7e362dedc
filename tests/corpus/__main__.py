"""Shows what is said of the broken files, where that differs from what is written beside them; writes it with `--write`.

    python -m tests.corpus            # differences only, exit status 1 when there are any
    python -m tests.corpus --write    # takes them over: read every line of the diff first
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

from scenarios.problems import ScenarioError
from scenarios.reading import load

HERE = Path(__file__).parent


def said_of(name: str) -> str:
    """The message for a broken file of this folder, which must be the working directory so that no path of a machine comes in."""
    try:
        load(name)
    except ScenarioError as error:
        return f"{error}\n"
    return "accepted\n"


def main() -> int:
    os.chdir(HERE)
    different = 0
    for path in sorted(Path().glob("*.yaml")):
        expected = path.with_suffix(".expected")
        before = expected.read_text(encoding="utf-8") if expected.exists() else ""
        now = said_of(path.name)
        if now != before:
            different += 1
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), now.splitlines(True), str(expected), "now", n=0))
            if "--write" in sys.argv:
                expected.write_text(now, encoding="utf-8")
    return 1 if different and "--write" not in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
