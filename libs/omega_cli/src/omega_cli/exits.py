"""Exit codes of `omega`; docs/exit-codes.md lists them."""

from __future__ import annotations

from enum import IntEnum

from omega_client import ServiceError
from omega_core.errors import OmegaError


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    """All of it is done, or shown."""
    FAILED = 1
    """Refused or failed, with the reason; or a check found a fault."""
    USAGE = 2
    """The command line is wrong; nothing was tried."""
    NOT_FOUND = 3
    """What was named is not there."""
    UNREACHABLE = 4
    """A service does not answer; try again later."""
    PARTLY = 5
    """A part is done and the rest was left out, with what and why; or a check found a warning."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report it."""
    PIPE_CLOSED = 141
    """Whoever read the output went away, as shells report it."""


_OF_STATUS = {
    "NOT_FOUND": Exit.NOT_FOUND,
    "UNAVAILABLE": Exit.UNREACHABLE,
    "DEADLINE_EXCEEDED": Exit.UNREACHABLE,
}


def exit_of(error: Exception) -> Exit:
    """The code for a command that ended with an error."""
    if isinstance(error, ServiceError):
        return _OF_STATUS.get(error.status, Exit.FAILED)
    if isinstance(error, OmegaError):
        return _OF_STATUS.get(error.spec.status, Exit.FAILED)
    return Exit.FAILED
