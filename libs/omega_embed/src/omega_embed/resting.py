"""An encoder that gives its memory back between uses."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_embed.encoder import Encoder

_log = logging.getLogger(__name__)


class Resting:
    """Drops an encoder that nobody has used for a while, and opens it again when it is needed.

    Safe for threads: of several that find it at rest one opens it and the others wait; it is never
    dropped while one of them embeds.

    Args:
        factory: opens the encoder; called here once, and at each waking. What it raises comes out
            of encode(), and the next encode() tries again.
        idle_seconds: rest after so long without use, 0.01 to 86,400.
        rested: called after each drop, without any lock held; a place to give freed memory back to
            the system.

    Raises:
        OmegaError: what `factory` raises; INVALID_FIELD when idle_seconds is out of bounds.
    """

    def __init__(
        self,
        factory: Callable[[], Encoder],
        idle_seconds: float,
        *,
        rested: Callable[[], object] | None = None,
    ) -> None:
        validate.number("idle_seconds", idle_seconds, 0.01, 86_400)
        self._factory = factory
        self._idle = idle_seconds
        self._rested = rested
        self._state = threading.Condition()
        self._closed = False
        self._users = 0
        self._used_at = time.monotonic()
        self._encoder: Encoder | None = factory()
        self.model_version = self._encoder.model_version
        """Of the encoder."""
        self.dimension = self._encoder.dimension
        """Of the encoder."""
        self._watcher = threading.Thread(target=self._watch, name="encoder-rest", daemon=True)
        self._watcher.start()

    @property
    def awake(self) -> bool:
        """Whether the encoder is in memory now."""
        return self._encoder is not None

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order; see Encoder.encode.

        Raises:
            OmegaError: as the encoder; MODEL_UNAVAILABLE when it was closed, cannot be opened any
                more, or is of another version now.
        """
        encoder = self._taken()
        try:
            return encoder.encode(texts)
        finally:
            with self._state:
                self._users -= 1
                self._used_at = time.monotonic()

    def rest(self) -> bool:
        """Drops the encoder now unless it is in use; whether it is at rest."""
        with self._state:
            if self._users:
                return False
            awake, self._encoder = self._encoder is not None, None
        if awake and self._rested:
            self._rested()
        return True

    def close(self) -> None:
        """Drops the encoder for good; an embedding under way is finished. May be called twice."""
        with self._state:
            self._closed = True
            self._encoder = None
            self._state.notify_all()
        self._watcher.join()

    def _taken(self) -> Encoder:
        with self._state:
            if self._closed:
                raise OmegaError(ErrorCode.MODEL_UNAVAILABLE, bound="closed")
            if self._encoder is None:
                self._encoder = self._opened()
                self._state.notify_all()
            self._users += 1
            return self._encoder

    def _opened(self) -> Encoder:
        begun = time.perf_counter()
        encoder = self._factory()
        if encoder.model_version != self.model_version:
            raise OmegaError(
                ErrorCode.MODEL_UNAVAILABLE,
                bound=f"{encoder.model_version} now, and was {self.model_version}",
            )
        _log.info("the encoder woke in %.0f ms", (time.perf_counter() - begun) * 1e3)
        return encoder

    def _watch(self) -> None:
        while self._idled():
            self.rest()

    def _idled(self) -> bool:
        """Waits until the encoder has been idle for long enough; False when all is over."""
        with self._state:
            while not self._closed:
                left = self._used_at + self._idle - time.monotonic()
                if self._encoder is None:
                    self._state.wait()
                elif self._users:
                    self._state.wait(self._idle)
                elif left > 0:
                    self._state.wait(left)
                else:
                    return True
            return False
