"""A line that adds to every message, both ways, what only a release to come would know."""

from __future__ import annotations

from omega_delta.later import later_field
from omega_testing.between import Between, Spoilt

EXTRA = later_field()
"""What is added."""


class UnknownFields(Between):
    """Passes every call on to a server without TLS; a context manager.

    Args:
        target: HOST:PORT of the server.
    """

    def __init__(self, target: str) -> None:
        self.passed = 0
        """Messages that were added to, of both ways."""
        super().__init__(target, Spoilt(request=self._added, answer=self._added))

    def _added(self, _method: str, message: bytes) -> bytes:
        self.passed += 1
        return message + EXTRA
