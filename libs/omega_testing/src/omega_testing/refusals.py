"""What a refused call says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from omega_client import ServiceError


class Refusal(NamedTuple):
    """Status, reason and field of an error."""

    status: str
    """gRPC status, "INVALID_ARGUMENT"."""
    reason: str
    """ErrorCode, "INVALID_FIELD"; empty when grpc itself refused."""
    field: str
    """Request field at fault, or empty."""


def refused(call: Callable[[], object]) -> Refusal:
    """Makes a call that must fail.

    Raises:
        AssertionError: it was answered.
    """
    try:
        answer = call()
    except ServiceError as error:
        return Refusal(error.status, error.reason, error.field)
    raise AssertionError(f"the call was answered: {str(answer)[:200]}")
