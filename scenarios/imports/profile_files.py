"""Writing fitted profiles as a file that scenarios name, with what they rest on in its header."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from scenarios.imports.measured import Group
from scenarios.imports.profiles import Fit
from scenarios.readers.profiles import ModelProfile
from simulator.descriptions import adapter
from simulator.units import parse

# Published architectures: parameters at 2 bytes; layers * KV heads * 128 per head * 2 (key and value) * 2 bytes a token.
SIZES = {"llama2-70b": ("138 GB", "320 KiB"), "bloom-176b": ("352 GB", "3920 KiB")}


def model_profile(group: Group, found: Fit, file: str, weights: str | None, kv_size: str | None) -> ModelProfile:
    """The profile of a group as files hold it; sizes are those given, else of a known model, else none (an unlimited cache)."""
    known = SIZES.get(group.model, ("0 B", "0 B"))
    said = re.search(r"(\d+)gb", group.hardware)
    memory = f"{int(said[1]) * group.parallel} GB" if said else "0 B"
    source = (
        f"fitted to {sum(p.rows for p in group.points)} rows of {file}; held out, a configuration at a time: "
        f"prompt time off by {100 * found.prompt_error:.1f} %, token time by {100 * found.token_error:.1f} %"
    )
    return ModelProfile(
        group.model, group.device, rounded(found.profile), parse(kv_size or known[1], "size"), parse(weights or known[0], "size"), parse(memory, "size"), source
    )


def rounded(profile: Any) -> Any:
    """Its numbers to four digits, which is more than they are known to."""

    def short(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(short(item) for item in value)
        return float(f"{value:.4g}") if isinstance(value, float) else value

    return replace(profile, **{field.name: short(getattr(profile, field.name)) for field in fields(profile)})


def profiles_text(profiles: Sequence[ModelProfile], notes: Sequence[str]) -> str:
    """A file of profiles, with a comment a note."""
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.width = 140
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    writer.dump({"profiles": [adapter(ModelProfile).dump_python(profile, mode="json") for profile in profiles]}, text)
    return "".join(f"# {note}\n" for note in notes) + text.getvalue()


def write_profiles(profiles: Sequence[ModelProfile], notes: Sequence[str], out: Path) -> None:
    """Writes the file whole or not at all."""
    part = out.with_name(f".{out.name}.part")
    part.write_text(profiles_text(profiles, notes), encoding="utf-8")
    part.replace(out)
