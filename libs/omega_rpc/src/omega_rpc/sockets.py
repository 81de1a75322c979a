"""Unix sockets: one owner, and only the firmware's group gets in.

grpc replaces the socket of a server that already listens on a path without a word, so an exclusive
lock on a file beside it is taken before binding.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from omega_core.errors import invalid


def claim(address: str, field: str = "listen") -> IO[bytes] | None:
    """Takes the lock of a unix: address; None for TCP. Close the file to give it up.

    Raises:
        OmegaError: INVALID_FIELD `field` when another server or a file holds the path, or the
            directory is not for this user.
    """
    if not address.startswith("unix:"):
        return None
    path = Path(address.removeprefix("unix:"))
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise invalid(field, f"a socket path this user may make ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise invalid(field, "a socket path that no other server holds") from error
    if path.exists() and not path.is_socket():
        lock.close()
        raise invalid(field, "a path where no file lies")
    path.unlink(missing_ok=True)
    return lock


def restrict(address: str) -> None:
    """After binding: owner and group may connect, nobody else."""
    if address.startswith("unix:"):
        os.chmod(address.removeprefix("unix:"), 0o660)  # noqa: PTH101 - the address is no Path
