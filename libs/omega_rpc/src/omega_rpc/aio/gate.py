"""What every call passes before its handler runs, whatever transport brought it.

The layers of omega_rpc.layers in the same order, as one: telemetry, request id, errors,
authentication, deadline. Each call runs in a task, and so in a context, of its own.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from typing import Final, Self

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.call import Caller
from omega_rpc.layers import Authenticator, record_duration

_log = logging.getLogger(__name__)
_MAX_REQUEST_ID = 64
OK: Final = "OK"
CANCELLED: Final = "CANCELLED"


@dataclass(frozen=True)
class Gate:
    """Who gets in, and under which terms."""

    authenticate: Authenticator | None = None
    """Who may call which method; None = everybody who reaches the address."""
    deadline_required: bool = True
    """Whether a call without a deadline is refused."""

    def enter(self, caller: Caller, left: float | None) -> None:
        """Makes request id, principal and deadline known to the handler, or refuses.

        Args:
            caller: what the call shows.
            left: seconds until its deadline; None = it has none.

        Raises:
            OmegaError: DEADLINE_REQUIRED, DEADLINE_EXCEEDED, or what the authenticator raises.
        """
        given = caller.metadata.get("x-request-id", "")
        usable = 0 < len(given) <= _MAX_REQUEST_ID and given.isprintable()
        calls._request_id.set(given if usable else uuid.uuid4().hex)  # noqa: SLF001 - a writer
        principal = self.authenticate(caller) if self.authenticate else None
        if left is None:
            if self.deadline_required:
                raise OmegaError(ErrorCode.DEADLINE_REQUIRED)
        elif left <= 0:
            raise OmegaError(ErrorCode.DEADLINE_EXCEEDED)
        calls._principal.set(principal)  # noqa: SLF001 - a writer
        ends = None if left is None else time.monotonic() + left
        calls._deadline.set(ends)  # noqa: SLF001 - a writer
        calls._caller.set(caller)  # noqa: SLF001 - a writer


def public(method: str, error: Exception) -> OmegaError:
    """The error of the catalogue that a failed call answers; the log says what it does not."""
    if isinstance(error, OmegaError):
        level = logging.ERROR if error.code == ErrorCode.INTERNAL else logging.INFO
        _log.log(level, "%s: %s [%s]", method, error, calls.request_id())
        return error
    if isinstance(error, TimeoutError):
        return OmegaError(ErrorCode.DEADLINE_EXCEEDED)
    _log.error("%s failed [%s]", method, calls.request_id(), exc_info=error)
    return OmegaError(ErrorCode.INTERNAL)


class Measured:
    """Records rpc.server.call.duration of one call; a context manager.

    Args:
        method: full name, "/omega.sync.v1.SyncService/Sync".
        system: value of rpc.system.name.
    """

    __slots__ = ("_begun", "_method", "_system", "outcome")

    def __init__(self, method: str, system: str = "grpc") -> None:
        self._method, self._system = method, system
        self.outcome = CANCELLED
        """Name of the status that the call ends with."""

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        record_duration(self._begun, self._system, self._method, self.outcome)
