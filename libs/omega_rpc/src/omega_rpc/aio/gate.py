"""What every call passes before its handler runs, whatever transport brought it.

The layers of omega_rpc.layers in the same order, as one: telemetry, request id, errors,
authentication, deadline. Each call runs in a task, and so in a context, of its own.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc.call import Caller
from omega_rpc.layers import Authenticator, note
from omega_rpc.tracing import Served

_log = logging.getLogger(__name__)
_MAX_REQUEST_ID = 64


@dataclass(frozen=True)
class Gate:
    """Who gets in, and under which terms."""

    authenticate: Authenticator | None = None
    """Who may call which method; None = everybody who reaches the address."""
    deadline_required: bool = True
    """Whether a call without a deadline is refused."""
    trusts_traces: bool = False
    """Whether the caller's trace goes on here; else another one begins, linked to the caller's."""

    def served(self, method: str, metadata: Mapping[str, str], system: str = "grpc") -> Served:
        """What spans and times a call; enter it before anything else.

        Args:
            method: full name.
            metadata: of the call, keys in lower case.
            system: "grpc" or "connect".
        """
        return Served(method, metadata, system, trusting=self.trusts_traces)

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
        note(method, error)
        return error
    if isinstance(error, TimeoutError):
        return OmegaError(ErrorCode.DEADLINE_EXCEEDED)
    _log.error("%s failed [%s]", method, calls.request_id(), exc_info=error)
    return OmegaError(ErrorCode.INTERNAL)
