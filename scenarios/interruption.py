"""Ctrl-C where it may stop work, and not where it would lose what is done.

Within `Shield()` an interrupt ends the part under `may_stop()` with KeyboardInterrupt and leaves the rest alone: what has been computed is
still summarised and written, and `came` tells afterwards that there was one. Outside the main thread signals do not come, and nothing changes.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Shield:
    """Takes SIGINT while it is entered."""

    def __init__(self) -> None:
        self.came = False
        self.open = False
        self.before: Any = None

    def __enter__(self) -> Shield:
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self.handle)
        return self

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def handle(self, number: int, frame: Any) -> None:
        """An interrupt: stops what may stop; else it is kept in mind."""
        self.came = True
        if self.open:
            self.open = False
            raise KeyboardInterrupt
        print("interrupted: what is done is being written; a moment", file=sys.stderr)

    @contextmanager
    def may_stop(self) -> Iterator[None]:
        """The part that an interrupt ends."""
        self.open = True
        try:
            yield
        finally:
            self.open = False
