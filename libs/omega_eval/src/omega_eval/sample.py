"""The project's own catalogue of real films and series, data/sample/titles.jsonl."""

from __future__ import annotations

from pathlib import Path

from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_core.errors import invalid

PLACE = Path("data", "sample", "titles.jsonl")
"""Where the catalogue lies in the repository."""


def sample_path() -> Path:
    """The catalogue in this folder or the nearest one above it that holds data/sample/.

    Raises:
        OmegaError: INVALID_FIELD when no folder up to the root holds it.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PLACE).is_file():
            return folder / PLACE
    raise invalid("working directory", f"inside the repository that holds {PLACE.as_posix()}")


def load_sample(path: Path | None = None) -> list[Content]:
    """The titles of a catalogue file in its order, each held to its bounds.

    Args:
        path: a catalogue file (omega_core.catalogue_file); the default is sample_path().

    Raises:
        OmegaError: INVALID_FIELD that names the file, its line and what is wrong there.
    """
    return read_catalogue(sample_path() if path is None else path)
