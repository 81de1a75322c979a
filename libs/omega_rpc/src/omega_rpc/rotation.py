"""Files of certificates and keys that are read again when they were replaced."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from omega_core.errors import OmegaError

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 10.0
T = TypeVar("T")


class Files:
    """Files that may be replaced at any time. Safe to share between threads.

    Args:
        paths: of them; None = not given.
    """

    def __init__(self, *paths: Path | None) -> None:
        self._paths = [path for path in paths if path is not None]
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._retry_at: float | None = None

    def follow(self, make: Callable[[], T]) -> T | None:
        """What is made of the files, where they were replaced since they were read.

        None = they were not, or what is there is of no use, such as a key whose certificate is
        still to come: that is logged, and tried again when they change, or ten seconds later.
        """
        with self._lock:
            stamp = self._stamp()
            due = self._retry_at is not None and time.monotonic() >= self._retry_at
            if stamp == self._seen and not due:
                return None
            self._seen, self._retry_at = stamp, None
            try:
                made = make()
            except (OmegaError, OSError, ValueError) as error:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                _log.warning("new certificates are of no use, those before go on: %s", error)
                return None
            _log.info("certificates were replaced: %s", ", ".join(map(str, self._paths)))
            return made

    def _stamp(self) -> list[tuple[int, int, int] | None]:
        """What tells that a file is another one; behind links, as Kubernetes replaces secrets."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return found


def renewing(make: Callable[[], ssl.SSLContext], *paths: Path | None) -> ssl.SSLContext:
    """A server's context whose new connections are made by what the files hold then.

    Args:
        make: reads the files.
        paths: of them.

    Raises:
        OmegaError, OSError: what `make` raises at the first time.
    """
    files = Files(*paths)
    first = current = make()

    def at_hello(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        nonlocal current
        current = files.follow(make) or current
        connection.context = current

    # Called for each connection, whether or not the client names a server.
    first.sni_callback = at_hello
    return first
