"""Profiles of models on devices from YAML files: those that come with the project, and those that `fit-profile` writes.

    profiles:
      - model: llama-3-8b
        device: rtx-4090
        weights: 4.58 GiB        # what the model itself takes
        kv_size: 128 KiB         # what a token takes in the KV cache
        memory: 24 GiB           # of the device
        source: where the figures come from
        profile: {kind: formula, ...}     # or table
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios.readers import InputError
from simulator.descriptions import adapter, description
from simulator.inference.profiles import Profile
from simulator.units import Bits

FOLDER = Path(__file__).parent.parent / "library" / "data" / "profiles"


@description
class ModelProfile:
    """A model on a device."""

    model: str
    device: str
    profile: Profile
    kv_size: Bits
    weights: Bits
    memory: Bits
    source: str


def profiles_for(path: Path | None) -> tuple[ModelProfile, ...]:
    """The profiles in a file, or all that come with the project; InputError where it is no such file."""
    if path is not None:
        return read_profiles(path.resolve())
    return tuple(profile for file in sorted(FOLDER.glob("*.yaml")) for profile in read_profiles(file))


@lru_cache(maxsize=32)
def read_profiles(path: Path) -> tuple[ModelProfile, ...]:
    """The profiles in one file, read once a process."""
    from pydantic import ValidationError
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        reason = getattr(error, "strerror", None) or "not YAML in UTF-8"
        raise InputError(f"the profiles {path.name} cannot be read ({reason})") from None
    entries = data.get("profiles") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"the file {path.name} holds no profiles: expected a list under 'profiles', as 'vamappo fit-profile' writes")
    found = []
    for i, entry in enumerate(entries):
        try:
            found.append(adapter(ModelProfile).validate_python(entry))
        except ValidationError as error:
            raise InputError(f"{path.name}: profiles[{i}]: {first_sentence(error.errors()[0])}") from None
    return tuple(found)


def first_sentence(error: Any) -> str:
    """A pydantic error as a path and a sentence, those carried inside a choice unfolded."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "nested":
        return f"{where}.{first_sentence(error['ctx']['errors'][0])}"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
