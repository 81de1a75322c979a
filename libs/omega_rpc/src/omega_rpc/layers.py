"""The layers around every handler.

Outermost first: telemetry, request id, errors, authentication, deadline. A layer is a context
manager over one call, so one form serves unary and streaming methods. The request id lies outside
the errors so that an error's answer can name it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import grpc
from grpc_status import rpc_status

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc import peers
from omega_rpc.call import Call, Caller, Principal
from omega_rpc.status import to_status
from omega_rpc.tracing import CANCELLED, OK, UNTOLD, Served

Layer = Callable[[Call], AbstractContextManager[None]]
Authenticator = Callable[[Caller], Principal | None]
"""Who calls, or None for methods open to all; raises an error of the catalogue. It waits for
nothing: it runs on event loops too."""

_log = logging.getLogger(__name__)
_MAX_REQUEST_ID = 64


@contextmanager
def telemetry(call: Call) -> Iterator[None]:
    """Spans and times the call; the caller's trace goes on.

    Servers of threads have callers of their own house: TVs call a gateway, which trusts none.
    """
    with Served(call.method, call.metadata) as served:
        try:
            yield
        finally:
            served.outcome = _outcome(call.context)


def _outcome(context: grpc.ServicerContext) -> str:
    """Name of the status that the call ends with."""
    if not context.is_active():
        return CANCELLED
    code = context.code()  # type: ignore[attr-defined]  # the stubs lack the getter
    return OK if code is None else str(code.name)


@contextmanager
def request_ids(call: Call) -> Iterator[None]:
    """Takes x-request-id of the client, or draws one; logs and errors name it."""
    given = call.metadata.get("x-request-id", "")
    usable = 0 < len(given) <= _MAX_REQUEST_ID and given.isprintable()
    calls._request_id.set(given if usable else uuid.uuid4().hex)  # noqa: SLF001 - the one writer
    yield


@contextmanager
def errors(call: Call) -> Iterator[None]:
    """Turns exceptions into statuses: the catalogue's, or INTERNAL with an id for the log."""
    try:
        yield
    except OmegaError as error:
        note(call.method, error)
        call.context.abort_with_status(rpc_status.to_status(to_status(error)))
    except Exception:
        if not call.context.is_active():
            raise
        _log.exception("%s failed [%s]", call.method, calls.request_id())
        call.context.abort_with_status(
            rpc_status.to_status(to_status(OmegaError(ErrorCode.INTERNAL)))
        )


def note(method: str, error: OmegaError) -> None:
    """Tells the log why a call failed, and what its answer does not say."""
    defect = error.code == ErrorCode.INTERNAL
    if defect or not method.startswith(UNTOLD):
        level = logging.ERROR if defect else logging.INFO
        _log.log(level, "%s: %s [%s]", method, error, calls.request_id())


def authentication(authenticate: Authenticator | None) -> Layer:
    """Sets the principal, or refuses the call."""

    @contextmanager
    def layer(call: Call) -> Iterator[None]:
        found = authenticate(_caller(call)) if authenticate else None
        calls._principal.set(found)  # noqa: SLF001 - the one writer
        yield

    return layer


@contextmanager
def deadlines(call: Call) -> Iterator[None]:
    """Refuses a call whose time is over and lets handlers ask what is left."""
    left = call.context.time_remaining()
    if left is not None and left <= 0:
        raise OmegaError(ErrorCode.DEADLINE_EXCEEDED)
    calls._deadline.set(None if left is None else time.monotonic() + left)  # noqa: SLF001 - the one writer
    yield


def _caller(call: Call) -> Caller:
    context = call.context
    return Caller(
        call.method,
        call.metadata,
        address=peers.address(context.peer()),
        certificate=peers.certificate(context.auth_context()),
    )
