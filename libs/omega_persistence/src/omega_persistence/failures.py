"""SQLite's failures as errors of the catalogue."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from omega_core.errors import ErrorCode, OmegaError

_ENVIRONMENT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
    }
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})


class DamagedError(Exception):
    """A file is not what this release or an earlier one wrote; the text says why."""


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; SQLITE_OK where the error is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)) & 0xFF


def is_environment(error: sqlite3.Error) -> bool:
    """Whether it is the machine that failed, not the file's content or a statement."""
    return primary_code(error) in _ENVIRONMENT | {sqlite3.SQLITE_FULL}


@contextmanager
def sqlite_errors(doing: str) -> Iterator[None]:
    """Turns SQLite's failures into OmegaError; mistakes in SQL pass as they are.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_FULL:
            raise OmegaError(ErrorCode.STORAGE_FULL, detail=f"{doing}: {error}") from error
        if code in _ENVIRONMENT | _DAMAGE:
            raise unavailable(f"{doing}: {error}") from error
        raise


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """`sqlite_errors`, and the same for failures of the file system.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    try:
        with sqlite_errors(doing):
            yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise OmegaError(ErrorCode.STORAGE_FULL, detail=f"{doing}: {error}") from error
        raise unavailable(f"{doing}: {error}") from error


def unavailable(detail: str) -> OmegaError:
    """A STORAGE_UNAVAILABLE error."""
    return OmegaError(ErrorCode.STORAGE_UNAVAILABLE, detail=detail)
