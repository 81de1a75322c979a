"""Titles as rows of CSV: what stands in which cell, in both directions.

Lists are joined by bars; a bar or backslash inside of one is written with a backslash before it.
A provider is "availability/provider_id/name".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from omega_core.content import Availability, Content, ContentKind, Provider, check_content
from omega_core.errors import invalid

NEEDED = ("content_id", "title", "kind")
"""Columns that a file must have."""
COLUMNS = tuple(Content.__dataclass_fields__)
"""All columns, in the order in which they are written."""

_JOINED = re.compile(r"((?:[^|\\]|\\[|\\])*)(\||\Z)")
_DIGITS = 4


def cells(name: str, line: str) -> list[str]:
    """The cells of a line: commas between them, quotation marks round them where need be.

    Raises:
        OmegaError: INVALID_FIELD that names the line.
    """
    try:
        (row,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError) as error:
        raise invalid(name, f"cells of CSV on one line ({error})") from error
    return row


def line_of(row: Sequence[str]) -> str:
    """A line of cells, with its end."""
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerow(row)
    return made.getvalue()


def content_of(name: str, row: Mapping[str, str]) -> Content:
    """The title of a row; an empty cell is one that is not there.

    Raises:
        OmegaError: INVALID_FIELD that names `name`, column and bound.
    """
    age = row.get("minimum_age", "")
    content = Content(
        content_id=row["content_id"],
        title=row["title"],
        kind=_choice(f"{name}.kind", ContentKind, row["kind"]),
        genres=tuple(split(f"{name}.genres", row.get("genres", ""))),
        year=_integer(f"{name}.year", row.get("year", "") or "0"),
        country=row.get("country", ""),
        description=row.get("description", ""),
        providers=tuple(
            _provider(f"{name}.providers[{i}]", each)
            for i, each in enumerate(split(f"{name}.providers", row.get("providers", "")))
        ),
        minimum_age=_integer(f"{name}.minimum_age", age) if age else None,
    )
    return check_content(content, name)


def row_of(content: Content) -> list[str]:
    """The cells of a title, in the order of COLUMNS."""
    return [
        content.content_id,
        content.title,
        content.kind.name.lower(),
        join(content.genres),
        str(content.year or ""),
        content.country,
        content.description,
        join(
            [f"{p.availability.name.lower()}/{p.provider_id}/{p.name}" for p in content.providers]
        ),
        "" if content.minimum_age is None else str(content.minimum_age),
    ]


def split(name: str, cell: str) -> list[str]:
    """The parts of a cell; none of an empty one.

    Raises:
        OmegaError: INVALID_FIELD `name` for a backslash before anything but a bar or backslash.
    """
    parts, at = [], 0
    while cell:
        match = _JOINED.match(cell, at)
        if match is None:
            raise invalid(name, r"parts joined by |, with \| and \\ for | and \ inside of them")
        parts.append(re.sub(r"\\([|\\])", r"\1", match[1]))
        at = match.end()
        if not match[2]:
            break
    return parts


def join(parts: Sequence[str]) -> str:
    """The cell of parts, none of them empty."""
    return "|".join(re.sub(r"([|\\])", r"\\\1", part) for part in parts)


def _provider(name: str, text: str) -> Provider:
    parts = text.split("/", 2)
    if len(parts) != 3:  # noqa: PLR2004 - as the bound says
        raise invalid(name, "availability/provider_id/name")
    availability, provider_id, called = parts
    return Provider(
        provider_id, called, _choice(f"{name}.availability", Availability, availability)
    )


def _integer(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise invalid(name, f"an integer of at most {_DIGITS} digits")
    return int(text)


def _choice(name: str, kind: Any, text: str) -> Any:
    names = {member.name.lower(): member for member in kind}
    if text not in names:
        raise invalid(name, "one of " + ", ".join(names))
    return names[text]
