"""Texts as vectors: through the encoder behind its breaker, in threads of their own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_embed import Encoder
from omega_runtime import GuardedPart
from omega_runtime.workers import Workers

_TEXTS = 256
"""Texts whose vectors are kept."""
_CALLS = 2
"""Query texts that are embedded at once: one that hangs leaves the others their way."""


class GuardedEncoder:
    """An encoder whose calls go through its breaker, and whose errors are the catalogue's.

    Args:
        encoder: what embeds.
        part: its guard.
    """

    def __init__(self, encoder: Encoder, part: GuardedPart) -> None:
        self._encoder = encoder
        self._part = part
        self.model_version = encoder.model_version
        """Of the encoder."""
        self.dimension = encoder.dimension
        """Of the encoder."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order; see Encoder.encode. No text asks nothing of the encoder.

        Raises:
            OmegaError: MODEL_UNAVAILABLE: it is absent, fails, or is not called for now.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        try:
            return self._part.call(lambda: self._encoder.encode(texts))
        except OmegaError:
            raise
        except Exception as error:
            raise OmegaError(
                ErrorCode.MODEL_UNAVAILABLE, bound="not working", detail=repr(error)
            ) from error


class TextVectors:
    """Vectors of query texts: fresh ones through the encoder, and those met before.

    Safe for threads.

    Args:
        encoder: what embeds.
        part: its guard.
    """

    def __init__(self, encoder: Encoder, part: GuardedPart) -> None:
        self._encoder = encoder
        self._part = part
        self._workers = Workers(_CALLS)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, FloatArray] = OrderedDict()

    def known(self, text: str) -> FloatArray | None:
        """The vector (384,) of a text met before."""
        with self._lock:
            vector = self._kept.get(text)
            if vector is not None:
                self._kept.move_to_end(text)
            return vector

    def of(self, text: str, patience: timedelta) -> FloatArray:
        """The vector (384,) of a text; one that comes too late is known the next time.

        Args:
            text: what to embed.
            patience: how long to wait.

        Raises:
            CircuitOpen: the encoder is not called for now.
            TimeoutError: it takes too long, or is taken up by calls that have not ended.
            Exception: whatever the encoder raises.
        """
        vector = self.known(text)
        if vector is not None:
            return vector
        job = self._workers.start(lambda: self._embed(text))
        if job is None or not job.wait(patience):
            raise TimeoutError("embedding the text takes too long")
        if job.error is not None:
            raise job.error
        return job.result

    def forget(self) -> None:
        """Drops every text: somebody typed it."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Lets the threads end."""
        self._workers.close()

    def _embed(self, text: str) -> FloatArray:
        vector: FloatArray = self._part.call(lambda: self._encoder.encode([text]))[0]
        with self._lock:
            self._kept[text] = vector
            if len(self._kept) > _TEXTS:
                self._kept.popitem(last=False)
        return vector
