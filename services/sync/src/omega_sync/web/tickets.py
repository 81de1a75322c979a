"""TLS session tickets that are good for one resumption, so that early data cannot be replayed."""

from __future__ import annotations

import time
from collections import OrderedDict

from aioquic.tls import SessionTicket

_MOST = 65_536
_LONGEST_SECONDS = 86_400.0


class SingleUseTickets:
    """Tickets of one process: another replica would not know that one is spent.

    Args:
        most: tickets that are kept; the oldest go first, and their TVs make a full handshake.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, SessionTicket]] = OrderedDict()

    def keep(self, ticket: SessionTicket) -> None:
        """Remembers a ticket that was given out."""
        self._kept[ticket.ticket] = (time.monotonic(), ticket)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def spend(self, label: bytes) -> SessionTicket | None:
        """The ticket, the first time that it is shown within a day."""
        given, ticket = self._kept.pop(label, (0.0, None))
        return ticket if time.monotonic() - given < _LONGEST_SECONDS else None
