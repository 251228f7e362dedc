"""Places: which nodes a deployment, an ingress or a spike means. A list of names, `all`, a tier, a group, or one at random of a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Place:
    """Nodes by exactly one of: `names`, `tier`, `group`, or everything; `one_at_random` means a single member each time."""

    names: tuple[str, ...] = ()
    tier: str | None = None
    group: str | None = None
    everything: bool = False
    one_at_random: bool = False

    def members(self, nodes: Sequence[Any]) -> tuple[int, ...]:
        """Indices of the nodes meant, in the nodes' order for tiers, groups and all, in the given order for names."""
        if self.names:
            index = {node.name: i for i, node in enumerate(nodes)}
            return tuple(index[name] for name in self.names)
        return tuple(
            i
            for i, node in enumerate(nodes)
            if self.everything or (self.tier is not None and node.tier == self.tier) or (self.group is not None and self.group in node.groups)
        )

    def written(self) -> Any:
        """The form of a scenario file."""
        inner: Any = "all" if self.everything else {"tier": self.tier} if self.tier else {"group": self.group} if self.group else list(self.names)
        return {"one_of": inner} if self.one_at_random else inner


def read_place(value: object) -> Place:
    """A place from its form in a scenario file; ValueError says what was expected."""
    if isinstance(value, Place):
        return value
    if value == "all":
        return Place(everything=True)
    if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
        return Place(names=tuple(value))
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if key == "tier" and isinstance(inner, str):
            return Place(tier=inner)
        if key == "group" and isinstance(inner, str):
            return Place(group=inner)
        if key == "one_of":
            place = read_place(inner)
            return Place(place.names, place.tier, place.group, place.everything, True)
    if isinstance(value, str):
        return Place(names=(value,))
    raise ValueError("expected a place: a list of node names, 'all', {tier: edge}, {group: west} or {one_of: PLACE}")


class PlaceType:
    """Marks a field as a place for pydantic."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> Place:
            try:
                return read_place(value)
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": str(error)}) from None

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda place: place.written())
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        keys = {"tier": {"type": "string"}, "group": {"type": "string"}, "one_of": {}}
        named = {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": keys}
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}, named], "description": "a place"}


Nodes = Annotated[Place, PlaceType()]
