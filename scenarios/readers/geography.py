"""Distances on the globe and what they cost in propagation.

The great circle is by the haversine formula on a sphere of the Earth's mean radius; light in fibre travels at two thirds of its
speed in vacuum.
"""

from __future__ import annotations

import math

LIGHT = 299_792_458.0  # m/s
FIBRE = 2.0 / 3.0 * LIGHT
EARTH = 6_371_000.0  # m


def propagation_from_length(length: float, stretch: float = 1.0, floor: float = 0.0) -> float:
    """Propagation delay [s] of a fibre of `length` [m] between its ends, laid `stretch` times as long, at least `floor` [s]."""
    return max(length * stretch / FIBRE, floor)


def haversine(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Length [m] of the great circle between two places given in degrees."""
    p, q = math.radians(latitude), math.radians(other_latitude)
    turn = math.radians(other_longitude - longitude)
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(turn / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(min(h, 1.0)))
