"""What is known of the call under way, for handlers and logs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

import grpc


@dataclass(frozen=True)
class Call:
    """One RPC as the layers of the chain see it."""

    method: str
    """Full name, "/omega.sync.v1.SyncService/Sync"."""
    metadata: Mapping[str, str]
    """Text metadata, keys in lower case; of a repeated key the last."""
    context: grpc.ServicerContext
    """grpc's own context."""


@dataclass(frozen=True)
class Caller:
    """What a call shows of who makes it, whatever transport brought it."""

    method: str
    """Full name, "/omega.sync.v1.SyncService/Sync"."""
    metadata: Mapping[str, str]
    """Text metadata or HTTP header fields, keys in lower case; of a repeated key the last."""
    address: str = ""
    """IP address of the peer; empty over a unix socket."""
    certificate: bytes = field(default=b"", repr=False)
    """Certificate (DER) that the peer showed and the listener verified; empty = none."""


@dataclass(frozen=True)
class Principal:
    """Who calls, as the credentials say."""

    device_id: str
    """The authenticated device."""
    serial: bytes = b""
    """Serial number of its certificate, big-endian; empty where a token and a proof said it."""
    expires_at: float = 0.0
    """When its certificate or token ends, in seconds since 1970; 0 = never."""


_request_id: ContextVar[str] = ContextVar("omega_request_id", default="")
_principal: ContextVar[Principal | None] = ContextVar("omega_principal", default=None)
_caller: ContextVar[Caller | None] = ContextVar("omega_caller", default=None)
_deadline: ContextVar[float | None] = ContextVar("omega_deadline", default=None)


def request_id() -> str:
    """Id of the call under way; empty outside a call."""
    return _request_id.get()


def principal() -> Principal:
    """Who calls.

    Raises:
        LookupError: the method runs without authentication.
    """
    found = _principal.get()
    if found is None:
        raise LookupError("this call carries no principal")
    return found


def caller() -> Caller:
    """What the call shows of who makes it.

    Raises:
        LookupError: outside a call, or on a server of threads.
    """
    found = _caller.get()
    if found is None:
        raise LookupError("no call is under way here")
    return found


def remaining(longest: float) -> float:
    """Seconds left for the call, at most `longest`; `longest` when the client set no deadline."""
    deadline = _deadline.get()
    return longest if deadline is None else max(0.0, min(longest, deadline - time.monotonic()))
