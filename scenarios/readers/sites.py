"""Places on a map as CSV: edge sites, and the users around them, in degrees (as in the EUA data set of Lai et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenarios.readers import InputError
from scenarios.readers.geography import EARTH
from scenarios.readers.traces import rows_of

LATITUDE, LONGITUDE = ("latitude", "lat"), ("longitude", "lon", "lng", "long")
IDS = ("site_id", "id", "site", "name")
MOST = 5_000  # sites; links are sought among all pairs


@dataclass(frozen=True)
class Sites:
    """Names and positions [degrees], shape (n, 2): latitude, longitude."""

    names: tuple[str, ...]
    positions: np.ndarray


def read_positions(path: Path) -> np.ndarray:
    """Latitudes and longitudes [degrees], shape (n, 2)."""
    return read_places(path, None, named=False).positions


def read_sites(path: Path, name_by: str | None = None) -> Sites:
    """Named places: by the column `name_by`, else SITE_ID, id, site or name, else by number."""
    found = read_places(path, name_by, named=True)
    if len(found.names) > MOST:
        raise InputError(f"{path}: {len(found.names):,} sites, at most {MOST:,} can be linked; keep those of one area")
    return found


def read_places(path: Path, name_by: str | None, named: bool) -> Sites:
    """The rows of a CSV with a latitude and a longitude."""
    header, rows = rows_of(path)
    lower = [name.lower() for name in header]
    places = []
    for wanted in (LATITUDE, LONGITUDE):
        found = [lower.index(name) for name in wanted if name in lower]
        if not found:
            raise InputError(f"{path}:1: expected a column {wanted[0]!r} in degrees; the columns are {', '.join(header)}")
        places.append(found[0])
    if name_by is not None and name_by not in header:
        raise InputError(f"{path}:1: there is no column {name_by!r}; the columns are {', '.join(header)}")
    label = header.index(name_by) if name_by is not None else next((lower.index(name) for name in IDS if name in lower), None)
    if not rows:
        raise InputError(f"{path}: there is a header but no row")
    names: dict[str, int] = {}
    positions = np.zeros((len(rows), 2))
    for i, (line, row) in enumerate(rows):
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: expected {len(header)} fields, found {len(row)}")
        for axis, (place, limit) in enumerate(zip(places, (90.0, 360.0), strict=True)):
            positions[i, axis] = degrees(row[place], limit, f"{path}:{line}: {header[place]}")
        name = (row[label].strip() if label is not None else f"site-{i}") if named else str(i)
        if not name or not name.isprintable():
            raise InputError(f"{path}:{line}: expected a name, got {name!r}")
        if name in names:
            raise InputError(f"{path}:{line}: the site {name!r} stands twice (first in line {names[name]})")
        names[name] = line
    return Sites(tuple(names), positions)


def degrees(text: str, limit: float, where: str) -> float:
    """An angle."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not -limit <= value <= limit:
        raise InputError(f"{where}: expected degrees from -{limit:g} to {limit:g}, got {text!r}")
    return value


def distances(place: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Great-circle distances [m] from one place, shape (2,), to others, shape (n, 2), by the haversine formula."""
    p, q = np.radians(place), np.radians(others)
    half = np.sin((q - p) / 2.0) ** 2
    h = half[:, 0] + np.cos(p[0]) * np.cos(q[:, 0]) * half[:, 1]
    return 2.0 * EARTH * np.arcsin(np.sqrt(np.minimum(h, 1.0)))


def users_by_site(sites: np.ndarray, users: np.ndarray, reach: float) -> np.ndarray:
    """How many users have each site as their nearest one within `reach` [m], shape (sites,); the first of equally near ones."""
    counts = np.zeros(len(sites), dtype=int)
    for user in users:
        far = distances(user, sites)
        nearest = int(np.argmin(far))
        if far[nearest] <= reach:
            counts[nearest] += 1
    return counts


def neighbour_links(sites: np.ndarray, neighbours: int) -> list[tuple[int, int, float]]:
    """(site, site, length [m]) of every site's `neighbours` nearest ones, and of a shortest spanning tree so that all are joined.

    The tree is Prim's: it grows by the shortest link from what is joined to what is not.
    """
    links: dict[tuple[int, int], float] = {}
    count = len(sites)
    near = np.full(count, np.inf)  # to the tree
    by = np.zeros(count, dtype=int)
    joined = np.zeros(count, dtype=bool)
    at = 0
    for _ in range(count):
        joined[at] = True
        far = distances(sites[at], sites)
        order = [int(other) for other in np.argsort(far, kind="stable")[: neighbours + 1] if other != at]
        for other in order[:neighbours]:
            links[min(at, other), max(at, other)] = float(far[other])
        closer = ~joined & (far < near)
        near[closer], by[closer] = far[closer], at
        if joined.all():
            break
        next_one = int(np.argmin(np.where(joined, np.inf, near)))
        other = int(by[next_one])
        links[min(next_one, other), max(next_one, other)] = float(near[next_one])
        at = next_one
    return [(a, b, length) for (a, b), length in sorted(links.items())]
