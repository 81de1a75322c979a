"""What stands for an encoder that cannot be had."""

from __future__ import annotations

from collections.abc import Sequence

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray


class AbsentEncoder:
    """Keeps the name of vectors that are stored, and embeds nothing.

    A TV that loses its model still has the vectors it made: they rank as before, and only new
    texts cannot be embedded. To embed all anew with another encoder would throw them away, and
    again when the model is back.

    Args:
        model_version: of the stored vectors, 1 to 64 characters.
        bound: what the model is, for the error: "not installed".

    Raises:
        OmegaError: INVALID_FIELD.
    """

    dimension = DIMENSION

    def __init__(self, model_version: str, *, bound: str = "not installed") -> None:
        validate.identifier("model_version", model_version, 64)
        self.model_version = model_version
        self._bound = bound

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds nothing.

        Raises:
            OmegaError: MODEL_UNAVAILABLE, always.
        """
        raise OmegaError(
            ErrorCode.MODEL_UNAVAILABLE,
            bound=self._bound,
            detail=f"{len(texts)} texts for {self.model_version}",
        )
