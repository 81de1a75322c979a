"""Why a round failed, as its record, its caller and its metrics say."""

from __future__ import annotations

from omega_core.errors import ErrorCode, OmegaError

_CAUSES = {
    ErrorCode.ROUND_NOT_POSSIBLE,
    ErrorCode.ROUND_CONFLICT,
    ErrorCode.STORAGE_FULL,
    ErrorCode.STORAGE_UNAVAILABLE,
}


def cause_of(error: Exception) -> OmegaError:
    """The error a caller sees; what is not the caller's concern becomes ROUND_FAILED."""
    if isinstance(error, OmegaError) and error.code in _CAUSES:
        return error
    return OmegaError(ErrorCode.ROUND_FAILED, detail=repr(error))
