"""Link places: which links a spike means. `all`, links by their ends, those inside or touching a place of nodes, or one at random.

Both directions of a link are meant, unless it is written 'a -> b'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from simulator.places import Place, read_place

ONE_WAY, BOTH_WAYS = " -> ", " -- "
EXPECTED = "expected links: 'all', a list of links such as [a, b] or 'a -> b', {within: PLACE}, {touching: PLACE}, {group: west} or {one_of: LINKS}"


@dataclass(frozen=True)
class LinkPlace:
    """Links by exactly one of: `ends` (from, to, whether only that direction), both ends `within` a place, one end `touching` it, or everything."""

    ends: tuple[tuple[str, str, bool], ...] = ()
    within: Place | None = None
    touching: Place | None = None
    everything: bool = False
    one_at_random: bool = False

    def members(self, nodes: Sequence[Any], directions: Sequence[tuple[int, int]]) -> list[tuple[str, list[int]]]:
        """(name, indices of its directions) of every link meant; `directions` are the (from, to) of all, as indices of nodes.

        In the order of the directions, or that of `ends`; what `ends` name and is not there is left out.
        """
        found: dict[str, list[int]] = {}
        if self.ends:
            index = {node.name: i for i, node in enumerate(nodes)}
            for a, b, one_way in self.ends:
                pair = (index.get(a, -1), index.get(b, -1))
                named = f"{a}{ONE_WAY if one_way else BOTH_WAYS}{b}"
                mine = [i for i, ends in enumerate(directions) if ends == pair or (not one_way and ends == pair[::-1])]
                if mine:
                    found.setdefault(named, []).extend(mine)
            return list(found.items())
        place = self.within or self.touching
        chosen = set(range(len(nodes))) if place is None else set(place.members(nodes))
        for i, (source, target) in enumerate(directions):
            near, far = source in chosen, target in chosen
            if (near and far) if self.touching is None else (near or far):
                first, second = sorted((source, target))
                found.setdefault(f"{nodes[first].name}{BOTH_WAYS}{nodes[second].name}", []).append(i)
        return list(found.items())

    def written(self) -> Any:
        """The form of a scenario file."""
        inner: Any = [f"{a}{ONE_WAY}{b}" if one_way else [a, b] for a, b, one_way in self.ends]
        if self.everything:
            inner = "all"
        elif self.within is not None:
            inner = {"within": self.within.written()}
        elif self.touching is not None:
            inner = {"touching": self.touching.written()}
        return {"one_of": inner} if self.one_at_random else inner


def read_links(value: object) -> LinkPlace:
    """Links from their form in a scenario file; ValueError says what was expected."""
    if isinstance(value, LinkPlace):
        return value
    if value == "all":
        return LinkPlace(everything=True)
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if key == "one_of":
            some = read_links(inner)
            return LinkPlace(some.ends, some.within, some.touching, some.everything, True)
        if key in ("within", "touching", "group", "tier"):
            place = read_place({key: inner} if key in ("group", "tier") else inner)
            if not place.one_at_random:
                return LinkPlace(within=place) if key == "within" else LinkPlace(touching=place)
    elif isinstance(value, list | tuple) and value:
        one = len(value) == 2 and all(isinstance(end, str) and read_ends(end) is None for end in value)
        ends = [read_ends(link) for link in ([value] if one else value)]
        if None not in ends:
            return LinkPlace(ends=tuple(end for end in ends if end is not None))
    elif (alone := read_ends(value)) is not None:
        return LinkPlace(ends=(alone,))
    raise ValueError(EXPECTED)


def read_ends(value: object) -> tuple[str, str, bool] | None:
    """(from, to, one way) of a link written [a, b], 'a -- b' or 'a -> b'; None where it is none of these."""
    if isinstance(value, list | tuple):
        pair = len(value) == 2 and all(isinstance(end, str) for end in value)
        return (value[0], value[1], False) if pair and read_ends(value[0]) is None and read_ends(value[1]) is None else None
    if isinstance(value, str):
        for sign in (ONE_WAY, BOTH_WAYS):
            first, there, second = value.partition(sign)
            if there:
                return first.strip(), second.strip(), sign == ONE_WAY
    return None


class LinkPlaceType:
    """Marks a field as links for pydantic."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> LinkPlace:
            try:
                return read_links(value)
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": str(error)}) from None

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda place: place.written())
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        keys: dict[str, Any] = {key: {} for key in ("within", "touching", "one_of", "group", "tier")}
        named = {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": keys}
        return {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1}, named], "description": "links"}


Links = Annotated[LinkPlace, LinkPlaceType()]
