"""Descriptions: frozen dataclasses whose fields are the keys of a scenario file, and unions of them chosen by `kind`.

A description checks itself: where it has a method `problem()`, making one that has a problem raises ValueError with that sentence,
from Python as from a file. Pydantic validates the dataclasses as they are; it is imported only where that happens.
"""

from __future__ import annotations

import dataclasses
import difflib
from contextvars import ContextVar
from typing import Annotated, Any, TypeVar, dataclass_transform

from simulator.outside import Outside, naming_hint, outside
from simulator.units import WHAT, format, parse

C = TypeVar("C")
DIMENSION: ContextVar[str] = ContextVar("dimension", default="number")  # of the scale parameters of the law being read or written


@dataclass_transform(frozen_default=True)
def description(cls: type[C]) -> type[C]:
    """Makes `cls` a frozen dataclass that refuses unknown keys and checks itself by its `problem()`."""
    cls.__pydantic_config__ = {"extra": "forbid", **getattr(cls, "__pydantic_config__", {})}  # type: ignore[attr-defined]
    if hasattr(cls, "problem") and "__post_init__" not in cls.__dict__:
        cls.__post_init__ = check  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True)(cls)


def check(self: Any) -> None:
    """Raises ValueError with the description's own sentence where it has a problem."""
    sentence = self.problem()
    if sentence is not None:
        raise ValueError(sentence)


class ScaleMarker:
    """Marks a law's scale parameter: a quantity of whatever the law is a law of."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> float:
            try:
                return parse(value, DIMENSION.get())
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": str(error)}) from None

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: format(value, DIMENSION.get()))
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "number"], "description": "a quantity with its unit, of whatever the law is a law of"}


Scale = Annotated[float, ScaleMarker()]


def adapter(cls: type) -> Any:
    """The pydantic adapter of a description, made when first needed."""
    from pydantic import TypeAdapter

    found = ADAPTERS.get(cls)
    if found is None:
        found = ADAPTERS[cls] = TypeAdapter(cls)
    return found


ADAPTERS: dict[type, Any] = {}


@dataclasses.dataclass(frozen=True)
class Choice:
    """Marks a field as one of several descriptions, chosen by `kind`.

    `dimension` is that of the scale parameters inside (inherited when None); with `bare` a quantity stands for the first class
    made of it; with `names` a plain string stands for the kind without parameters, unless a class takes it (`named(text)`).
    `kind: package.module:Class` takes a description from outside the project.
    """

    what: str
    classes: tuple[type, ...]
    dimension: str | None = None
    bare: bool = False
    names: bool = False

    def kinds(self) -> dict[str, type]:
        """Classes by kind."""
        return {cls.__dataclass_fields__["kind"].default: cls for cls in self.classes}  # type: ignore[attr-defined]

    def validate(self, value: Any) -> Any:
        """The description meant by `value`; errors inside it are carried along as details."""
        from pydantic_core import PydanticCustomError

        dimension = self.dimension or DIMENSION.get()
        if isinstance(value, (*self.classes, Outside)):
            return value
        if self.bare and isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                return self.classes[0](parse(value, dimension))
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": f"{error}, or a {self.what}"}) from None
        if self.names and isinstance(value, str):
            made = next((made for cls in self.classes if hasattr(cls, "named") and (made := cls.named(value)) is not None), None)
            if made is not None:
                return made
            value = {"kind": value}
        if not isinstance(value, dict):
            form = f", or {WHAT[dimension].removeprefix('a ')}" if self.bare else ""
            raise PydanticCustomError("quantity", "{expected}", {"expected": f"expected a {self.what} such as {{kind: {next(iter(self.kinds()))}, ...}}{form}"})
        return self._by_kind(value, dimension)

    def _by_kind(self, value: dict[str, Any], dimension: str) -> Any:
        from pydantic import ValidationError
        from pydantic_core import PydanticCustomError

        kinds, kind = self.kinds(), value.get("kind")
        if kind is None:
            raise PydanticCustomError("kind", "{sentence}", {"sentence": f"missing key 'kind' (one of {', '.join(kinds)})"})
        if isinstance(kind, str) and ":" in kind:
            return outside(kind, {key: item for key, item in value.items() if key != "kind"}, self.what)
        if kind not in kinds:
            near = difflib.get_close_matches(str(kind), kinds, 1)
            own = naming_hint(kind, self.what) if isinstance(kind, str) and not near else None
            hint = f" (did you mean {near[0]!r}?)" if near else f": {own}" if own else f" (one of {', '.join(kinds)})"
            raise PydanticCustomError("kind", "{sentence}", {"sentence": f"unknown {self.what} {kind!r}{hint}"})
        token = DIMENSION.set(dimension)
        try:
            return adapter(kinds[kind]).validate_python(value)
        except ValidationError as error:
            known = [field.name for field in dataclasses.fields(kinds[kind])]
            raise PydanticCustomError("nested", "nested", {"errors": error.errors(), "known": known}) from None
        finally:
            DIMENSION.reset(token)

    def serialize(self, value: Any) -> Any:
        """The form of a scenario file."""
        dimension = self.dimension or DIMENSION.get()
        if self.bare and type(value) is self.classes[0]:
            return format(value.value, dimension)  # type: ignore[attr-defined]
        if isinstance(value, Outside):
            return {"kind": value.kind, **value.arguments}
        token = DIMENSION.set(dimension)
        try:
            written = adapter(type(value)).dump_python(value, mode="json", by_alias=True)
            return {"kind": value.kind, **{key: item for key, item in written.items() if key != "kind"}}
        finally:
            DIMENSION.reset(token)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(self.serialize)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"x-choice": self.what}
