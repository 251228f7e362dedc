"""Power and price of a node: what it draws when idle and with all its workers busy, what it costs a second.

Between the two the draw is linear in the share of busy workers (Fan, Weber and Barroso 2007, "Power provisioning for a
warehouse-sized computer"), so the energy follows from busy time alone, and nothing is computed while the simulation runs.
"""

from __future__ import annotations

from simulator.descriptions import description
from simulator.units import Watts


@description
class Power:
    """Watts drawn with no worker busy and with all of them busy."""

    idle: Watts = 0.0
    busy: Watts = 0.0

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        return f"busy is the power with all workers at work, so at least idle ({self.idle:g} W), got {self.busy:g} W" if self.busy < self.idle else None

    def energy(self, busy_s: float, workers: float, window_s: float) -> tuple[float, float]:
        """(idle, dynamic) energy [J] over `window_s`, in which `workers` were busy for `busy_s` worker seconds together."""
        return self.idle * window_s, (self.busy - self.idle) * busy_s / workers if workers > 0 else 0.0


def no_limit(power: Power | None, workers: float | None) -> str | None:
    """A sentence where all workers can never be busy, because their number has no limit; None where all is well."""
    return "power needs a number of workers: with 'unlimited' ones they are never all busy" if power is not None and workers == float("inf") else None
