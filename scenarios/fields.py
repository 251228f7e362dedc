"""Fields of the schema whose form in a file needs words of its own: worker counts, warm-ups, predecessors, ingresses, drains."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from simulator.descriptions import Choice, adapter, description
from simulator.laws import LAWS
from simulator.places import Nodes
from simulator.units import Seconds


class Count:
    """Marks a number of workers: a whole number from 1 on, or `unlimited`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> float:
            if value == "unlimited":
                return math.inf
            if isinstance(value, float) and value == math.inf:
                return value
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
                raise PydanticCustomError("quantity", "{expected}", {"expected": "expected a number of workers from 1 on, or 'unlimited'"})
            return float(value)

        def write(value: float) -> int | str:
            return "unlimited" if value == math.inf else int(value)

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "unlimited"}]}


Workers = Annotated[float, Count()]
MOST = 100_000  # of anything that a number in a file multiplies: nodes, replicas, copies


class NameMarker:
    """Marks a name: a text on one line, not empty; with `file` one that can be a folder's name too."""

    def __init__(self, file: bool = False):
        self.file = file

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: object) -> str:
            if not isinstance(value, str) or not value.strip() or not value.isprintable() or value != value.strip():
                hint = f" (write '{value}' in quotes)" if isinstance(value, int | float) else ""
                raise PydanticCustomError("quantity", "{expected}", {"expected": f"expected a name{hint}"})
            if self.file and ("/" in value or "\\" in value or value.startswith(".")):
                raise PydanticCustomError("quantity", "{expected}", {"expected": "expected a name that can be a folder's, without '/' and no dot first"})
            return value

        return core_schema.no_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "description": "a name"}


Name = Annotated[str, NameMarker()]
FileName = Annotated[str, NameMarker(file=True)]


class TimeOrShare:
    """Marks a warm-up: a time, or a share of the run such as '10 %' (kept as a negative number)."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        from simulator.units import format, parse

        def validate(value: object) -> float:
            share = isinstance(value, str) and value.strip().endswith("%")
            try:
                return -parse(value, "share") if share else parse(value, "time")
            except ValueError as error:
                said = str(error) if share else f"{error}, or a share such as '10 %'"
                raise PydanticCustomError("quantity", "{expected}", {"expected": said}) from None

        def write(value: float) -> str:
            return format(-value, "share") if value < 0 else format(value, "time")

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": ["string", "integer"], "description": "a time such as '1 min' or a share such as '10 %'"}


@description
class Drain:
    """What happens after the last counted arrival: `arrivals` continue until it has ended, or stop; `limit` bounds the time."""

    arrivals: Literal["continue", "stop"] = "continue"
    limit: Seconds = 300.0


class After:
    """Marks predecessors: a list of names, or a mapping from names to payload laws."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        choice = Choice("law", LAWS, "size", bare=True)

        def validate(value: Any) -> dict[str, Any]:
            if isinstance(value, str):
                return {value: None}
            if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
                return dict.fromkeys(value)
            if not isinstance(value, dict):
                wanted = "expected names of calls such as [embed], or names with payloads such as {embed: 2 kB}"
                raise PydanticCustomError("quantity", "{expected}", {"expected": wanted})
            found, errors = {}, []
            for name, law in value.items():
                try:
                    found[str(name)] = None if law is None else choice.validate(law)
                except PydanticCustomError as error:
                    errors.append({"type": error.type, "loc": (name,), "msg": error.message(), "ctx": error.context, "input": law})
            if errors:
                raise PydanticCustomError("nested", "nested", {"errors": errors})
            return found

        def write(after: dict[str, Any]) -> Any:
            return {name: None if law is None else choice.serialize(law) for name, law in after.items()}

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}], "description": "predecessors"}


@description
class Ingress:
    """Nodes at which requests enter, with weights by name, or uniform."""

    nodes: Nodes
    weights: dict[str, float] | Literal["uniform"] = "uniform"

    def problem(self) -> str | None:
        if self.weights == "uniform":
            return None
        if any(not 0.0 <= weight < math.inf for weight in self.weights.values()):
            return "weights must not be negative"
        return None if sum(self.weights.values()) > 0.0 else "weights must be above 0 for at least one node"


class IngressType:
    """Marks an ingress: a node, a place, or {nodes: PLACE, weights: ...}."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import ValidationError
        from pydantic_core import PydanticCustomError, core_schema

        from simulator.places import read_place

        def validate(value: Any) -> Ingress:
            try:
                if isinstance(value, Ingress):
                    return value
                if isinstance(value, dict) and "nodes" in value:
                    return adapter(Ingress).validate_python(value)
                return Ingress(read_place(value))
            except ValidationError as error:
                raise PydanticCustomError("nested", "nested", {"errors": error.errors()}) from None
            except ValueError as error:
                raise PydanticCustomError("quantity", "{expected}", {"expected": str(error)}) from None

        def write(ingress: Ingress) -> dict[str, Any]:
            return {"nodes": ingress.nodes.written(), "weights": ingress.weights}

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}], "description": "where requests enter"}


class DrainType:
    """Marks a drain: {arrivals, limit}, or `continue` or `stop` alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def widen(value: Any) -> Any:
            return {"arrivals": value} if isinstance(value, str) else value

        return core_schema.no_info_before_validator_function(widen, handler(Drain))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"enum": ["continue", "stop"]}, {"type": "object"}], "description": "what happens after the last counted arrival"}


@description
class Telemetry:
    """What agents are told of nodes other than their own: a snapshot every `period`, which travels for the propagation delay.

    With `pace: false` no server tells how fast it works at present, not even to its own node: a slow-down has then to be inferred from
    how long visits and own calls take. Training's critics see it all the same.
    """

    period: Seconds
    pace: bool = True

    def problem(self) -> str | None:
        return None if self.period > 0.0 else "period must be above 0"


class TelemetryType:
    """Marks what agents know: `exact`, or {period: 100 ms}."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import ValidationError
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: Any) -> Any:
            if value == "exact" or isinstance(value, Telemetry):
                return value
            if not isinstance(value, dict):
                raise PydanticCustomError("quantity", "{expected}", {"expected": "expected 'exact' or a period such as {period: 100 ms}"})
            try:
                return adapter(Telemetry).validate_python(value)
            except ValidationError as error:
                raise PydanticCustomError("nested", "nested", {"errors": error.errors()}) from None

        def write(value: Any) -> Any:
            return value if value == "exact" else adapter(Telemetry).dump_python(value, mode="json")

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        period = {"type": "string", "description": "a time such as '100 ms'"}
        pace = {"type": "boolean", "description": "whether servers tell how fast they work at present"}
        mapping = {"type": "object", "properties": {"period": period, "pace": pace}, "required": ["period"], "additionalProperties": False}
        return {"anyOf": [{"const": "exact"}, mapping], "description": "what agents are told of nodes other than their own"}


def told(control: Any) -> str:
    """What agents know of other nodes, as tables and summaries say it: `exact`, `every 100 ms`, `every 100 ms without paces`."""
    from simulator.units import format

    if control.telemetry == "exact":
        return "exact"
    return f"every {format(control.telemetry.period, 'time')}{'' if control.telemetry.pace else ' without paces'}"
