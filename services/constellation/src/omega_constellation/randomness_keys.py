"""What the randomness server says its keys are: asked once an epoch, kept, and held to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from omega_client import RandomnessClient, ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, threshold_intake
from omega_threshold import ristretto

_log = logging.getLogger(__name__)
PATIENCE_SECONDS = 2.0
"""Longest wait for one answer of the randomness server."""
_PAUSE_SECONDS = 1.0


class RandomnessKeys:
    """Public keys by epoch. Safe to share between threads.

    The first that is told of an epoch is stored in the shard and stays, so that all replicas tell
    TVs the same, also after a restart. A randomness server that says another one later has lost
    its keys, or tells callers apart.

    Args:
        store: the shard.
        server: the randomness server.
        now: seconds that only grow.
    """

    def __init__(
        self, store: Store, server: RandomnessClient, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._server = server
        self._now = now
        self._asking = threading.Lock()
        self._known: dict[int, bytes] = {}
        self._failed_at = -_PAUSE_SECONDS

    def of(self, epochs: range) -> dict[int, bytes]:
        """The keys of epochs that are open, from memory where it knows them all.

        One caller asks; others wait as long as it may take, and ask nothing for a moment where it
        was in vain.

        Raises:
            OmegaError: UPSTREAM_UNAVAILABLE; STORAGE_UNAVAILABLE.
        """
        known = self._known
        if all(epoch in known for epoch in epochs):
            return {epoch: known[epoch] for epoch in epochs}
        if not self._asking.acquire(timeout=PATIENCE_SECONDS):
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no key of randomness yet")
        try:
            return self._completed(epochs)
        finally:
            self._asking.release()

    def compare(self, epochs: range) -> None:
        """Asks again, and complains where another key is told than the one that is known.

        Raises:
            OmegaError: UPSTREAM_UNAVAILABLE; STORAGE_UNAVAILABLE.
        """
        known = self.of(epochs)
        for epoch, told in self._asked(epochs).items():
            if told != known[epoch]:
                _complain(epoch)

    def close(self) -> None:
        """Closes the way to the server."""
        self._server.close()

    def _completed(self, epochs: range) -> dict[int, bytes]:
        missing = [epoch for epoch in epochs if epoch not in self._known]
        if missing:
            if self._now() - self._failed_at < _PAUSE_SECONDS:
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no key of randomness yet")
            with self._store.statements("read randomness keys") as conn:
                found = threshold_intake.randomness_keys(conn, missing)
            told = self._asked(epoch for epoch in missing if epoch not in found)
            if told:
                with self._store.transaction("note randomness keys") as conn:
                    threshold_intake.note_randomness_keys(conn, told)
                    found |= threshold_intake.randomness_keys(conn, told)
            for epoch in told.keys() & found.keys():
                if told[epoch] != found[epoch]:
                    _complain(epoch)  # another replica was told another one at the same time
            self._known = {e: k for e, k in (self._known | found).items() if e in epochs}
        return dict(self._known)

    def _asked(self, epochs: Iterable[int]) -> dict[int, bytes]:
        """What the server says now."""
        told = {}
        for epoch in epochs:
            try:
                key = self._server.get_public_key(epoch).public_key
                told[epoch] = ristretto.decode_element("public_key", key)
            except (ServiceError, OmegaError) as error:
                self._failed_at = self._now()
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail=str(error)) from error
        return told


def _complain(epoch: int) -> None:
    _log.error(
        "the randomness server says another key for epoch %d than before, which TVs are not told;"
        " reports of that epoch wait, or are lost",
        epoch,
    )
