"""What a scenario says of an inference service: the model, its tokens, how the engine batches; and the draws of tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from simulator.descriptions import Choice, description
from simulator.inference.engine import UNLIMITED
from simulator.inference.profiles import Profile
from simulator.laws import LAWS
from simulator.units import Bits, Share

COUNT = Choice("law", LAWS, "number", bare=True)


@dataclass(frozen=True)
class Column:
    """Tokens from a column of the entry's trace."""

    column: Literal["prompt", "output"]

    def of_attributes(self, attributes: dict[str, np.ndarray], first: int, count: int) -> np.ndarray:
        """Tokens of requests `first` .. `first + count - 1`."""
        return attributes[self.column][first : first + count]

    def mean_of(self, attributes: dict[str, np.ndarray]) -> float:
        """Mean over a whole trace."""
        return float(attributes[self.column].mean())


class TokenMarker:
    """Marks a number of tokens: a number, a law, or `{column: prompt}` of the trace."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(value: Any) -> Any:
            if isinstance(value, Column):
                return value
            if isinstance(value, dict) and "column" in value and "kind" not in value:
                if set(value) != {"column"} or value["column"] not in ("prompt", "output"):
                    raise PydanticCustomError("quantity", "{expected}", {"expected": "expected {column: prompt} or {column: output}, of the trace"})
                return Column(value["column"])
            return COUNT.validate(value)

        def write(value: Any) -> Any:
            return {"column": value.column} if isinstance(value, Column) else COUNT.serialize(value)

        return core_schema.no_info_plain_validator_function(validate, serialization=core_schema.plain_serializer_function_ser_schema(write))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        column = {"type": "object", "properties": {"column": {"enum": ["prompt", "output"]}}, "required": ["column"], "additionalProperties": False}
        return {"anyOf": [column, {"x-choice": "law"}], "description": "tokens: a number, a law, or a column of the trace"}


TokenLaw = Annotated[Any, TokenMarker()]


@description
class Inference:
    """A model that generates: `prompt` tokens in, `output` tokens out, on the node's device.

    How long an iteration lasts comes from the profile of `model` on `device` (the node's, unless named here), bundled or in `file`, or
    from a `profile` written out. `batch` bounds the requests at once, `chunk` the tokens of an iteration, `capacity` the requests there.
    The KV cache has `kv_memory`, in blocks of `block` tokens, of which admission leaves a share `watermark` free.
    """

    prompt: TokenLaw
    output: TokenLaw
    model: str | None = None
    device: str | None = None
    file: str | None = None
    sha256: str | None = None
    profile: Profile | None = None
    kv_size: Bits | None = None
    kv_memory: Bits | None = None
    batch: int = 32
    chunk: int | Literal["unlimited"] = 512
    block: int = 16
    watermark: Share = 0.01
    capacity: int | None = None
    step_by_step: bool = False

    def problem(self) -> str | None:
        """What is wrong with the parameters, in one sentence, or None."""
        if (self.model is None) == (self.profile is None):
            return "give either 'model' (its profile on the device is looked up) or 'profile'"
        if self.profile is not None and (self.device is not None or self.file is not None):
            return "a 'profile' written out needs no 'device' and no 'file'"
        if self.profile is not None and (self.kv_size is None) != (self.kv_memory is None):
            return "kv_size (of one token) and kv_memory belong together; without both the cache is unlimited"
        if not 1 <= self.batch <= 100_000:
            return f"batch must be from 1 to 100,000, got {self.batch}"
        if self.chunk != "unlimited" and self.chunk < self.batch:
            return f"chunk must be at least the batch, which is {self.batch}: every request in it may take a token, got {self.chunk}"
        if self.block < 1:
            return f"block must be at least 1 token, got {self.block}"
        if self.capacity is not None and self.capacity < 1:
            return f"capacity must be at least 1 (it counts the requests in the batch), got {self.capacity}"
        return "kv_size must be above 0" if self.kv_size == 0.0 else None

    def budget(self) -> int:
        """Tokens that an iteration may process."""
        return UNLIMITED if self.chunk == "unlimited" else self.chunk

    def blocks(self, kv_memory: float, kv_size: float) -> int:
        """Blocks that `kv_memory` bits hold when a token takes `kv_size` bits; plenty where either is unknown."""
        return math.floor(kv_memory / (kv_size * self.block)) if kv_memory < math.inf and kv_size > 0.0 else UNLIMITED
