"""What the constellation answers about reports of pairs, where it takes them and where not."""

from __future__ import annotations

from typing import NoReturn, Protocol

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.threshold.v1 import keys_pb2
from omega_core.errors import ErrorCode, OmegaError


class Reports(Protocol):
    """What of the fleet's reports this shard answers for."""

    def handle(self, encapsulated: bytes) -> bytes:
        """Takes what a relay handed on; the answer for it to hand back.

        Raises:
            OmegaError: INVALID_FIELD encapsulated for what cannot be read; REPORTS_NOT_TAKEN,
                OVERLOADED, STORAGE_UNAVAILABLE, STORAGE_FULL.
        """
        ...

    def keys(self) -> keys_pb2.ReportingKeys:
        """What TVs are told.

        Raises:
            OmegaError: REPORTS_NOT_TAKEN; UPSTREAM_UNAVAILABLE while the randomness server has not
                told its key.
        """
        ...

    def issue(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """Tokens for a device.

        Args:
            request: held to its bounds.

        Raises:
            OmegaError: INVALID_FIELD blinded or request_id, EPOCH_CLOSED epoch, TOKENS_SPENT,
                UNKNOWN_DEVICE, REVOKED, DEVICE_MOVING, REPORTS_NOT_TAKEN, STORAGE_UNAVAILABLE,
                STORAGE_FULL.
        """
        ...


class NotTaken:
    """Reports where the operator has set no secret for them.

    What takes them is loaded where it is needed only: a shard without it does without its
    cryptography, too.
    """

    def handle(self, encapsulated: bytes) -> bytes:
        """Refuses."""
        del encapsulated
        _refuse()

    def keys(self) -> keys_pb2.ReportingKeys:
        """Refuses."""
        _refuse()

    def issue(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """Refuses."""
        del request
        _refuse()


def _refuse() -> NoReturn:
    raise OmegaError(ErrorCode.REPORTS_NOT_TAKEN)
