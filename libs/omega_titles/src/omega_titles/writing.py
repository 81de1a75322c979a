"""Writes titles in forms that this package reads again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from omega_core.content import Content
from omega_titles.cells import COLUMNS, line_of, row_of


def write_csv(file: TextIO, contents: Iterable[Content]) -> None:
    """A header and a line a title."""
    file.write(line_of(COLUMNS))
    file.writelines(line_of(row_of(content)) for content in contents)


def write_json_lines(file: TextIO, contents: Iterable[Content]) -> None:
    """A line a title, without keys of what is not known."""
    file.writelines(
        json.dumps(record_of(content), ensure_ascii=False) + "\n" for content in contents
    )


def record_of(content: Content) -> dict[str, object]:
    """A title as a catalogue file has it."""
    record: dict[str, object] = {
        "content_id": content.content_id,
        "title": content.title,
        "kind": content.kind.name.lower(),
        "genres": list(content.genres),
        "year": content.year,
        "country": content.country,
        "description": content.description,
        "providers": [
            {
                "provider_id": each.provider_id,
                "name": each.name,
                "availability": each.availability.name.lower(),
            }
            for each in content.providers
        ],
        "minimum_age": content.minimum_age,
    }
    return {key: value for key, value in record.items() if value not in ("", 0, [], None)} | (
        {"minimum_age": 0} if content.minimum_age == 0 else {}
    )
