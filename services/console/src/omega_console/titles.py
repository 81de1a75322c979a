"""Reads uploads of titles: the forms that they may have, and the lines that are at fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_core.errors import OmegaError

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "application/jsonl": "One JSON object a line (docs/catalogue.md).",
        "application/x-ndjson": "The same by its other name.",
    }
)
"""Types of bodies that are taken, and what they are."""
_PLACE = re.compile(r"[^:]*:(\d+)\.?(.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class LineError:
    """A line that is at fault."""

    line: int
    """From 1; 0 = the file as a whole."""
    field: str
    """What of it."""
    bound: str
    """What that must be."""


def read_titles(path: Path, media_type: str, errors: list[LineError]) -> list[Content]:
    """The titles of a file in its order; what is at fault is added to `errors`."""
    try:
        return read_catalogue(path)
    except OmegaError as error:
        place = _PLACE.match(error.field)
        line, name = (int(place[1]), place[2]) if place else (0, "file")
        errors.append(LineError(line, name or "line", error.bound))
        return []
