"""Privatised sketches on their way to the fleet: noise drawn once, pushes that survive a crash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from omega_core.vectors import FloatArray

from omega_persistence.database import Database


@dataclass(frozen=True)
class Push:
    """Sketches that travel together; equal bytes on every attempt."""

    request_id: str
    """UUID of 36 characters: the idempotency key."""
    model_version: str
    """Encoder of all its sketches."""
    sketches: bytes
    """48 bytes a sketch, in random order."""
    classes: bytes
    """A class byte a sketch, in the same order."""

    def __len__(self) -> int:
        """Number of sketches."""
        return len(self.classes)


class Sketches:
    """One sketch at most for each title."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def noise_for(self, content_rowid: int) -> FloatArray | None:
        """The noise (384,) float32 drawn for a title, or None when none was drawn yet."""
        raise NotImplementedError

    def store(
        self,
        content_rowid: int,
        noise: FloatArray,
        sketch: bytes,
        class_byte: int,
        *,
        model_version: str,
        now: datetime,
    ) -> bool:
        """Queues a title's sketch.

        A title already queued under this encoder takes a new class_byte while it waits; once it is
        in a push or acknowledged nothing changes. A sketch of another encoder is replaced and
        waits again, with the same noise: a second draw would let the two be averaged.

        Args:
            content_rowid: the title.
            noise: (384,) finite float32; must equal `noise_for` when there is one.
            sketch: 48 bytes.
            class_byte: 0 to 255.
            model_version: encoder of the sketch.
            now: when it was queued.

        Returns:
            Whether the title now waits with this sketch (new, or replaced).

        Raises:
            OmegaError: INVALID_FIELD (a bound, or noise that differs from the stored one),
                UNKNOWN_CONTENT (field content_rowid), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def next_push(self, limit: int, *, model_version: str) -> Push | None:
        """The open push as it was persisted, or else a new one, committed before return.

        A new one takes up to `limit` (1 to 20) waiting sketches of `model_version`, drawn and
        ordered by the operating system's randomness. None when nothing waits.
        """
        raise NotImplementedError

    def acknowledge(self, request_id: str) -> int:
        """Marks a push as stored by the server; returns its number of sketches.

        An unknown or already acknowledged request_id changes nothing and returns 0.
        """
        raise NotImplementedError

    def requeue_all(self, model_version: str) -> NDArray[np.int64]:
        """Prepares for a change of encoder: sketches of others leave their push and wait.

        Returns:
            Rowids (n,) of titles whose sketch is to be made again with `noise_for` and handed to
            `store`; until then they are in no push.
        """
        raise NotImplementedError

    def pending_count(self) -> int:
        """Sketches that wait or are in the open push."""
        raise NotImplementedError

    def acknowledged_count(self) -> int:
        """Sketches that the server has acknowledged."""
        raise NotImplementedError
