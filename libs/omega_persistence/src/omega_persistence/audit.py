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
        elif key == keys.ERASURE:
            json.loads(value)


def _check_contents(page: Page) -> None:
    for kind in {row[0] for row in page}:
        ContentKind(kind)
    for genres in {row[1] for row in page}:
        parse_genres(genres)
    for providers in {row[2] for row in page}:
        parse_providers(providers)
    _check_vectors("<f2", [row[3] for row in page])


def _check_nothing(page: Page) -> None:
    """For rows of which it is enough that their text can be read."""


def _check_lists(columns: int) -> Callable[[Page], None]:
    """The first columns hold JSON lists."""

    def check(page: Page) -> None:
        for row in page:
            for text in row[:columns]:
                if not isinstance(json.loads(text), list):
                    raise TypeError("not a list")

    return check


def _check_objects(columns: int) -> Callable[[Page], None]:
    """The first columns hold JSON objects; equal ones are decoded once."""

    def check(page: Page) -> None:
        for text in {text for row in page for text in row[:columns]}:
            if not isinstance(json.loads(text), dict):
                raise TypeError("not an object")

    return check


def _check_memories(page: Page) -> None:
    _check_objects(1)(page)
    packed = [row[1] for row in page if row[1] is not None]
    if packed:
        _check_vectors("<f2", packed)


def _check_skills(page: Page) -> None:
    _check_objects(1)(page)
    if not np.isfinite(np.frombuffer(b"".join(row[1] for row in page), "<f4")).all():
        raise ValueError("a vector is not finite")


def _check_named_vectors(page: Page) -> None:
    _check_objects(1)(page)
    _check_vectors("<f2", [row[1] for row in page])


def _check_vectors(dtype: str, packed: Sequence[bytes]) -> None:
    rows = np.frombuffer(b"".join(packed), dtype).reshape(len(packed), -1)
    if not np.isfinite(rows).all() or not rows.any(axis=1).all():
        raise ValueError("a vector is not finite or zero")


def _firsts(page: Page) -> list[Any]:
    return [row[0] for row in page]


_CHECKS: Mapping[str, tuple[str, Callable[[Page], None]]] = {
    "meta": ("key, value", _check_meta),
    "contents": (
        "kind, genres, providers, embedding, content_id, title, country, description",
        _check_contents,
    ),
    "events": ("event_id, session_id, recommendation_id, profile_id", _check_nothing),
    "interactions": ("event_id, session_id, profile_id", _check_nothing),
    "title_records": ("profile_id", _check_nothing),
    "profiles": ("blocked_genres, profile_id, name", _check_lists(1)),
    "recommendations": ("content_ids, chain, profile_id", _check_lists(2)),
    "memories": ("metadata, embedding, profile_id, key, text, content_id", _check_memories),
    "habits": ("body, profile_id", _check_objects(1)),
    "skills": ("contexts, centroid, name, profile_id", _check_skills),
    "skill_members": ("contexts, profile_id", _check_objects(1)),
    "causal_edges": ("profile_id, cause, effect", _check_nothing),
    "causal_totals": ("profile_id, name", _check_nothing),
    "causal_tails": ("causes, profile_id, session_id", _check_lists(1)),
    "vectors": ("metadata, vector, vector_id", _check_named_vectors),
    "settings": ("parameters, fitness, evidence", _check_objects(3)),
    "loops": ("name", _check_nothing),
    "loop_reports": ("changes, name, outcome, error", _check_objects(1)),
    "erasures": ("device_id, auth_token, device_key, request_id", _check_nothing),
    "sketches": (
        "noise, model_version",
        lambda page: _check_vectors("<f4", _firsts(page)),
    ),
    "pair_reports": ("low, high, report, token", _check_nothing),
    "pair_tokens": ("token", _check_nothing),
    "pair_token_request": ("request_id, nonces, blinds", _check_nothing),
    "reporting_keys": ("gateway, tokens, randomness", _check_nothing),
    "global_patterns": (
        "embedding",
        lambda page: _check_vectors("<f2", _firsts(page)),
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
