"""What a client is told to do, and what it says came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

from omega_core.closing import Closing


class Identity(NamedTuple):
    """What a client shows in a TLS handshake."""

    key: bytes
    """PEM."""
    chain: bytes
    """PEM certificates, its own first."""


@dataclass(frozen=True)
class Target:
    """A server, how to trust it, and who calls it."""

    address: str
    """HOST:PORT or unix:/absolute/path."""
    authorities: bytes | None = None
    """PEM certificates that sign it; None = no TLS."""
    identity: Identity | None = None
    """Shown to it; None = nothing, or no TLS."""


@dataclass(frozen=True)
class Order:
    """One call."""

    target: Target
    """Who is called."""
    path: str
    """"/omega.brain.v1.BrainService/GetStats"."""
    streams: tuple[bool, bool]
    """Whether the method streams requests, and answers."""
    messages: tuple[bytes, ...]
    """Serialised requests."""
    as_is: bool
    """Whether they go out as these very bytes; else a client makes them anew with its own codec."""
    deadline: float | None
    """Seconds that client and server know of; None = neither."""
    metadata: tuple[tuple[str, str], ...]
    """Sent along; the name "grpc-timeout" is a deadline that the server alone is told."""
    take: int
    """Leave the call after so many answers, which counts as OK, and keep it open until release();
    0 = read to the end."""
    hold: bool
    """Keep the client's side open after the last request."""
    patience: float
    """Seconds after which the call is cancelled, whatever was agreed."""


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    """gRPC status."""
    details: bytes | None = b""
    """The google.rpc.Status behind it; empty = there is none, None = the client does not tell."""
    raw: tuple[bytes, ...] = ()
    """Answers as they came."""
    read: tuple[bytes, ...] = field(default=())
    """The same as the client's own codec read and wrote them."""


class CannotError(Exception):
    """The client has no way to make such a call; the text says why."""


class Client(Closing, ABC):
    """Makes calls, one after the other; a context manager."""

    @abstractmethod
    def call(self, order: Order) -> Ended:
        """Makes a call.

        Raises:
            CannotError: it has no way to.
        """

    @abstractmethod
    def release(self) -> None:
        """Cancels what is still open."""
