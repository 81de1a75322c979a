"""Ways to the fleet: which is tried first, which next, and which one worked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from omega_client import ServiceError
from omega_core.clock import Clock
from omega_core.errors import invalid
from omega_persistence.sync_facts import SyncFacts, Way

_log = logging.getLogger(__name__)
T = TypeVar("T")
AGAIN = timedelta(hours=6)
"""How long a way that is not the preferred one is used before that is tried again."""


class Transport(StrEnum):
    """How calls travel."""

    GRPC = "grpc"
    """gRPC over HTTP/2."""
    H3 = "h3"
    """The Connect protocol over HTTP/3 (QUIC)."""
    HTTP1 = "http1"
    """The Connect protocol over HTTP/1.1."""


class Closes(Protocol):
    """What is open."""

    def close(self) -> None:
        """Ends what is under way."""
        ...


C = TypeVar("C", bound=Closes)


def order(text: str) -> tuple[Transport, ...]:
    """The transports that a setting names, separated by commas, the preferred one first.

    Raises:
        OmegaError: INVALID_FIELD transports.
    """
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= set(Transport) or len(set(names)) < len(names):
        raise invalid("transports", "some of grpc, h3 and http1, separated by commas")
    return tuple(map(Transport, names))


@dataclass
class _Turn:
    """What was found out since `begin`."""

    used: Transport | None = None
    failed: Transport | None = None


class Transports(Generic[C]):
    """Reaches the fleet by the transport that works. Not safe for threads.

    The preferred one is tried first, and where the fleet is not reached by it, one other: not all
    at once, because a fleet that is merely slow would be asked three times as often. The next
    exchange tries the next one. What worked is kept and tried first from then on, for six hours.
    An error of the fleet's own is an answer: no other way would bring another.

    Args:
        opened: opens each transport that may be used, the preferred one first; at least one.
        facts: keeps what worked.
        clock: wall time.
    """

    def __init__(
        self,
        opened: Sequence[tuple[Transport, Callable[[], C]]],
        facts: SyncFacts,
        clock: Clock,
    ) -> None:
        self._open = dict(opened)
        self._preferred = opened[0][0]
        self._facts = facts
        self._clock = clock
        self._clients: dict[Transport, C] = {}
        self._turn = _Turn()
        self._tried = 0
        self.last: Transport | None = None
        """What reached the fleet last; None = nothing since the start."""
        # A file of certificates that cannot be read is found at the start.
        self._client(self._preferred)

    def begin(self) -> None:
        """Begins an exchange: all of its calls take the transport by which the first one came."""
        self._turn = _Turn()

    def call(self, use: Callable[[C, Transport], T]) -> T:
        """Makes a call by the transport that works.

        Args:
            use: makes it by a client of the named transport; may be called twice.

        Raises:
            ServiceError: of the last transport that was tried.
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if self._turn.used:
            return use(self._client(self._turn.used), self._turn.used)
        first = self._first()
        try:
            return self._try(first, use)
        except ServiceError as error:
            second = self._second(first)
            if second is None or not is_unreached(error) or self._turn.failed:
                raise
            _log.warning("the fleet is not reached by %s, trying %s: %s", first, second, error)
        self._turn.failed = first
        return self._try(second, use)

    def close(self) -> None:
        """Ends the calls under way and closes what is open."""
        for client in list(self._clients.values()):
            client.close()

    def _try(self, transport: Transport, use: Callable[[C, Transport], T]) -> T:
        try:
            found = use(self._client(transport), transport)
        except ServiceError as error:
            if not is_unreached(error):
                self._reached(transport)
            raise
        self._reached(transport)
        return found

    def _reached(self, transport: Transport) -> None:
        self._turn.used = self.last = transport
        held = self._facts.way()
        if transport is self._preferred:
            if held:
                self._facts.set_way(None)
        elif held is None or held.transport != transport or self._is_old(held):
            self._facts.set_way(Way(transport, self._clock.now()))

    def _first(self) -> Transport:
        held = self._held()
        return self._preferred if held is None or self._is_old(held) else Transport(held.transport)

    def _second(self, first: Transport) -> Transport | None:
        held = self._held()
        if held and held.transport != first:
            return Transport(held.transport)
        others = [each for each in self._open if each is not first]
        if not others:
            return None
        self._tried += 1
        return others[(self._tried - 1) % len(others)]

    def _held(self) -> Way | None:
        """What worked, where it may be used still."""
        held = self._facts.way()
        return held if held and held.transport in self._open else None

    def _is_old(self, held: Way) -> bool:
        # A clock that was set back must not keep the preferred one away.
        return not timedelta() <= self._clock.now() - held.since < AGAIN

    def _client(self, transport: Transport) -> C:
        if transport not in self._clients:
            self._clients[transport] = self._open[transport]()
        return self._clients[transport]


def is_unreached(error: ServiceError) -> bool:
    """Whether an error does not come from the fleet: the line, a proxy or a filter made it."""
    return not error.reason
