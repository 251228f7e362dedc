"""Descriptions from outside the project: `kind: package.module:Class`, made with the other keys as its arguments.

A policy may also be a plain class with `act(decision)`: one is made for every simulation, so that nothing that it learns in one replication
leaks into the next. The digest of its source says later whether results are of the same policy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

NEEDED = {
    "law": ("sample", "moments"),
    "policy": ("actor",),
    "arrival process": ("source", "mean_rate"),
    "discipline": ("station",),
    "balancer": ("picker",),
    "spike": ("name", "inject"),
}
CONTRACT = "a policy is a class with act(self, decision), or with actor(self, simulation) that returns an object with act(decision); see docs/policies.md"


@dataclasses.dataclass(frozen=True)
class Outside:
    """A description from outside the project: what the file says of it, and the object made of that, to which it defers.

    `sha256` is the digest of the source of its class, None where there is no source to be read.
    """

    kind: str
    arguments: dict[str, Any]
    made: Any = dataclasses.field(compare=False, repr=False)
    sha256: str | None = dataclasses.field(default=None, compare=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.made, name)


@dataclasses.dataclass(frozen=True)
class PlainPolicy:
    """A class that only has `act(decision)`, as a policy; made anew for every simulation, which it is told where its constructor asks for it."""

    cls: Any
    arguments: dict[str, Any]
    asks: bool

    @staticmethod
    def of(cls: Any, arguments: dict[str, Any]) -> PlainPolicy:
        """TypeError where its constructor does not take the arguments."""
        parameters = inspect.signature(cls).parameters
        asks = "simulation" in parameters and "simulation" not in arguments
        inspect.signature(cls).bind(**arguments, **({"simulation": None} if asks else {}))
        if not asks:
            cls(**arguments)  # what is wrong with it is known before anything runs
        return PlainPolicy(cls, arguments, asks)

    def actor(self, simulation: Any) -> Any:
        """An object of the class for one simulation."""
        return self.cls(simulation=simulation, **self.arguments) if self.asks else self.cls(**self.arguments)


def outside(kind: str, arguments: dict[str, Any], what: str) -> Outside:
    """The description that `package.module:Class` names."""
    module, _, name = kind.partition(":")
    if hint := naming_hint(kind, what):
        raise refusal(f"cannot make {kind!r}: {hint}")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # the installed command does not look there by itself
    try:
        found = getattr(importlib.import_module(module), name)
        plain = what == "policy" and inspect.isclass(found) and hasattr(found, "act") and not hasattr(found, "actor")
        made = PlainPolicy.of(found, arguments) if plain else found(**arguments)
    except ModuleNotFoundError as error:
        where = " (sought in the folder of the command and where PYTHONPATH says)" if error.name == module.split(".")[0] else ""
        raise refusal(f"cannot make {kind!r}: {error}{where}") from None
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise refusal(f"cannot make {kind!r}: {error}") from None
    except Exception as error:  # the code is not ours: whatever it raises is said and nothing runs
        raise refusal(f"cannot make {kind!r}: {type(error).__name__}: {error}") from None
    missing = [needed for needed in NEEDED.get(what, ()) if not hasattr(made, needed)]
    if missing:
        raise refusal(f"{kind!r} is no {what}: it has no {' and no '.join(missing)}{f'; {CONTRACT}' if what == 'policy' else ''}")
    return Outside(kind, arguments, made, source_digest(found, made))


def refusal(sentence: str) -> Exception:
    """The error that a file's reader shows at its place."""
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("kind", "{sentence}", {"sentence": sentence})


def naming_hint(kind: str, what: str) -> str | None:
    """How a name should be written that was meant as a class from outside: a file's, or one with a dot before the class; None for others."""
    module, colon, name = kind.partition(":")
    if colon and re.fullmatch(r"[\w.]+", module) and not module.endswith(".py") and name.isidentifier():
        return None
    stem = re.sub(r"\.py$", "", module).strip("./").replace("/", ".")
    if not colon and not module.endswith(".py") and "/" not in module:
        stem, dot, name = module.rpartition(".")
        if not dot:
            return None
    right = f"{stem or 'module'}:{name if name.isidentifier() else 'Class'}"
    return f"a {what} of your own is named module:Class, as Python imports it: write {right}"


def source_digest(found: Any, made: Any) -> str | None:
    """The digest of the files in which its class, the classes that it inherits from, and `found` itself are written; None without any."""
    cls = found if inspect.isclass(found) else type(made)
    files = set()
    for one in (found, *cls.__mro__):
        try:
            files.add(inspect.getsourcefile(one))
        except TypeError:
            continue  # built in
    contents = [Path(file).read_bytes() for file in sorted(filter(None, files)) if Path(file).is_file()]
    return hashlib.sha256(b"".join(contents)).hexdigest() if contents else None
