"""The project's own catalogue of real films and series, data/sample/titles.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

from omega_core.content import Content, ContentKind, check_content
from omega_core.errors import invalid

PLACE = Path("data", "sample", "titles.jsonl")
"""Where the catalogue lies in the repository."""
KINDS = {"movie": ContentKind.MOVIE, "series": ContentKind.SERIES}
"""What the key `kind` may say."""
KEYS = ("content_id", "title", "kind", "genres", "year", "country", "description")
"""Keys of every line; data/sample/README.md says what they hold."""


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
        path: a file of JSON lines in the format of data/sample/; the default is sample_path().

    Raises:
        OmegaError: INVALID_FIELD that names the file, its line and what is wrong there.
    """
    file = sample_path() if path is None else path
    try:
        # not splitlines(): a title may hold separators of other kinds
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError):
        raise invalid(file.name, "a readable UTF-8 file of JSON lines") from None
    contents: list[Content] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        at = f"{file.name}:{number}"
        content = _parse(at, line)
        if content.content_id in seen:
            raise invalid(f"{at}.content_id", "unique in the file")
        seen.add(content.content_id)
        contents.append(content)
    return contents


def _parse(at: str, line: str) -> Content:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        row = None
    if not isinstance(row, dict) or set(row) != set(KEYS):
        raise invalid(at, f"one JSON object with the keys {', '.join(KEYS)}")
    for key in ("content_id", "title", "kind", "country", "description"):
        if not isinstance(row[key], str):
            raise invalid(f"{at}.{key}", "a string")
    if row["kind"] not in KINDS:
        raise invalid(f"{at}.kind", " or ".join(KINDS))
    # bool is an int to Python, not to a reader of the file
    if type(row["year"]) is not int:
        raise invalid(f"{at}.year", "an integer")
    genres = row["genres"]
    if not isinstance(genres, list) or not all(isinstance(genre, str) for genre in genres):
        raise invalid(f"{at}.genres", "a list of strings")
    content = Content(
        content_id=row["content_id"],
        title=row["title"],
        kind=KINDS[row["kind"]],
        genres=tuple(genres),
        year=row["year"],
        country=row["country"],
        description=row["description"],
    )
    return check_content(content, at)
