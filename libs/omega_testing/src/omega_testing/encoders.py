"""Encoders for tests of what happens when the encoder changes or fails."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_embed import open_encoder


class TurnedEncoder:
    """The lexical encoder with its axes in reverse: the same neighbours in another space."""

    dimension = DIMENSION

    def __init__(self, model_version: str = "turned-384-r1") -> None:
        self.model_version = model_version
        self._lexical = open_encoder(kind="lexical")

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts; (n, 384) float32 unit rows."""
        return np.ascontiguousarray(self._lexical.encode(texts)[:, ::-1])


class FailingEncoder:
    """The lexical encoder, as long as it is not broken."""

    dimension = DIMENSION

    def __init__(self) -> None:
        self._lexical = open_encoder(kind="lexical")
        self.model_version = self._lexical.model_version
        self.broken = False
        """Whether every text is refused."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts; (n, 384) float32 unit rows.

        Raises:
            RuntimeError: it is broken and there is a text.
        """
        if self.broken and texts:
            raise RuntimeError("the encoder is broken")
        return self._lexical.encode(texts)


class HangingEncoder:
    """The lexical encoder, which does not come back as long as it is held."""

    dimension = DIMENSION

    def __init__(self) -> None:
        self._lexical = open_encoder(kind="lexical")
        self.model_version = self._lexical.model_version
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        """Calls from now on do not end."""
        self._free.clear()

    def release(self) -> None:
        """All calls end."""
        self._free.set()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts; (n, 384) float32 unit rows."""
        self._free.wait()
        return self._lexical.encode(texts)
