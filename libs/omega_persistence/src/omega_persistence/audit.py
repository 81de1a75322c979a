"""Reads every row once before anything is served.

SQLite checks pages, types and constraints. A flipped byte inside a JSON text, a vector or a UTF-8
sequence passes there and would fail in the middle of a request instead, at every start. Equal
values are decoded once: 10,000 titles share a few hundred lists of genres.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from omega_core.content import ContentKind
from omega_persistence import keys
from omega_persistence.content_rows import parse_genres, parse_providers
from omega_persistence.failures import DamagedError, is_environment

_PAGE = 1_000
Page = Sequence[tuple[Any, ...]]
"""Rows."""


def _check_meta(page: Page) -> None:
    for key, value in page:
        if key in keys.INTEGERS:
            int(value)
        elif key in keys.INSTANTS:
            datetime.fromisoformat(value)


def _check_contents(page: Page) -> None:
    for kind in {row[0] for row in page}:
        ContentKind(kind)
    for genres in {row[1] for row in page}:
        parse_genres(genres)
    for providers in {row[2] for row in page}:
        parse_providers(providers)
    _check_vectors("<f2", [row[3] for row in page])


def _check_served(page: Page) -> None:
    for content_ids, chain, _profile_id in page:
        tuple(json.loads(content_ids))
        tuple(json.loads(chain))


def _check_profiles(page: Page) -> None:
    for blocked_genres, _profile_id, _name in page:
        tuple(json.loads(blocked_genres))


def _check_vectors(dtype: str, packed: Sequence[bytes]) -> None:
    rows = np.frombuffer(b"".join(packed), dtype).reshape(len(packed), -1)
    if not np.isfinite(rows).all() or not rows.any(axis=1).all():
        raise ValueError("a vector is not finite or zero")


_CHECKS: Mapping[str, tuple[str, Callable[[Page], None]]] = {
    "meta": ("key, value", _check_meta),
    "contents": (
        "kind, genres, providers, embedding, content_id, title, country, description",
        _check_contents,
    ),
    "events": ("event_id, session_id, recommendation_id, profile_id", lambda _page: None),
    "interactions": ("event_id, session_id, profile_id", lambda _page: None),
    "title_records": ("profile_id", lambda _page: None),
    "profiles": ("blocked_genres, profile_id, name", _check_profiles),
    "recommendations": ("content_ids, chain, profile_id", _check_served),
    "sketches": (
        "noise, model_version",
        lambda page: _check_vectors("<f4", [row[0] for row in page]),
    ),
    "global_patterns": (
        "embedding",
        lambda page: _check_vectors("<f2", [row[0] for row in page]),
    ),
}


def read_every_row(connection: sqlite3.Connection) -> None:
    """Reads a database of the newest schema; bodies of resources have a SHA-256 of their own.

    Raises:
        DamagedError: a row cannot be read.
        sqlite3.Error: the machine fails.
    """
    for table, (columns, check) in _CHECKS.items():
        try:
            rows = connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - constants
            while page := rows.fetchmany(_PAGE):
                check(page)
        except sqlite3.Error as error:
            if is_environment(error):
                raise
            raise DamagedError(f"a row of {table} cannot be read: {error}") from error
        except (TypeError, ValueError) as error:
            raise DamagedError(f"a row of {table} cannot be read: {error}") from error
