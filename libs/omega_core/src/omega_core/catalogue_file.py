"""Catalogue files: one JSON object a line, the form in which operators hand titles over.

Keys: content_id, title and kind ("movie", "series" or "live") are needed; genres, year, country,
description, providers and minimum_age may follow, with the names and bounds of
omega_core.content.Content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omega_core.content import Availability, Content, ContentKind, Provider, check_content
from omega_core.errors import invalid

_KEYS = frozenset(Content.__dataclass_fields__)


def read_catalogue(path: Path) -> list[Content]:
    """The titles of a file, in its order.

    Raises:
        OmegaError: INVALID_FIELD that names file, line and key at fault ("titles.jsonl:7.year").
    """
    try:
        # Not splitlines: a title may hold separators of other kinds.
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(path.name, "a readable UTF-8 file of JSON lines") from error
    contents: dict[str, Content] = {}
    for number, line in enumerate(lines, 1):
        at = f"{path.name}:{number}"
        content = parse_line(at, line)
        if content.content_id in contents:
            raise invalid(f"{at}.content_id", "unique in the file")
        contents[content.content_id] = content
    return list(contents.values())


def parse_line(name: str, line: str) -> Content:
    """The title of one line.

    Raises:
        OmegaError: INVALID_FIELD that names `name` and the key at fault.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise invalid(name, "a JSON object") from error
    if not isinstance(record, dict):
        raise invalid(name, "a JSON object")
    if unknown := set(record) - _KEYS:
        raise invalid(f"{name}.{min(unknown)}", f"one of {', '.join(sorted(_KEYS))}")
    providers = _list(name, record, "providers")
    return check_content(
        Content(
            content_id=_text(name, record, "content_id"),
            title=_text(name, record, "title"),
            kind=_choice(f"{name}.kind", ContentKind, record.get("kind")),
            genres=tuple(
                _text(name, {"genres": g}, "genres") for g in _list(name, record, "genres")
            ),
            year=_integer(name, record, "year") or 0,
            country=_text(name, record, "country"),
            description=_text(name, record, "description"),
            providers=tuple(
                _provider(f"{name}.providers[{i}]", p) for i, p in enumerate(providers)
            ),
            minimum_age=_integer(name, record, "minimum_age"),
        ),
        name,
    )


def _provider(name: str, record: object) -> Provider:
    if not isinstance(record, dict):
        raise invalid(name, "a JSON object")
    return Provider(
        _text(name, record, "provider_id"),
        _text(name, record, "name"),
        _choice(f"{name}.availability", Availability, record.get("availability")),
    )


def _text(name: str, record: Mapping[str, object], key: str) -> str:
    value = record.get(key, "")
    if not isinstance(value, str):
        raise invalid(f"{name}.{key}", "text")
    return value


def _list(name: str, record: Mapping[str, object], key: str) -> list[object]:
    value = record.get(key, [])
    if not isinstance(value, list):
        raise invalid(f"{name}.{key}", "a list")
    return value


def _integer(name: str, record: Mapping[str, object], key: str) -> int | None:
    if key not in record:
        return None
    value = record[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{name}.{key}", "an integer")
    return value


def _choice(field: str, kind: Any, value: object) -> Any:
    names = {member.name.lower(): member for member in kind}
    if not isinstance(value, str) or value not in names:
        raise invalid(field, "one of " + ", ".join(names))
    return names[value]
