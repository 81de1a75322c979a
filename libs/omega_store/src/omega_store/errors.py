"""Database failures as errors of the project's catalogue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from omega_core.errors import ErrorCode, OmegaError

_log = logging.getLogger(__name__)


def unavailable(error: Exception) -> OmegaError:
    """What a failed connection or statement means to a caller."""
    full = isinstance(error, errors.DiskFull)
    code = ErrorCode.STORAGE_FULL if full else ErrorCode.STORAGE_UNAVAILABLE
    return OmegaError(code, detail=str(error))


@contextmanager
def translated() -> Iterator[None]:
    """Raises STORAGE_UNAVAILABLE or STORAGE_FULL when the server, not the statement, failed.

    Constraint violations and faulty statements pass through: they are defects of this project.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        _log.warning("the database failed: %s", error)
        raise unavailable(error) from error
