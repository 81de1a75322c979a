"""The one error catalogue: code -> gRPC status -> public text.

Code raises OmegaError; libs/omega_rpc turns it into a gRPC status with an ErrorInfo. Only the
public text and the named field and bound leave the process; `detail` is for the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """Stable names of every error a client can meet."""

    INVALID_FIELD = "INVALID_FIELD"
    UNKNOWN_CONTENT = "UNKNOWN_CONTENT"
    UNKNOWN_PROFILE = "UNKNOWN_PROFILE"
    UNKNOWN_RECOMMENDATION = "UNKNOWN_RECOMMENDATION"
    UNKNOWN_RESOURCE = "UNKNOWN_RESOURCE"
    UNKNOWN_ROUND = "UNKNOWN_ROUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ENROLMENT_REFUSED = "ENROLMENT_REFUSED"
    REVOKED = "REVOKED"
    WRONG_SHARD = "WRONG_SHARD"
    RATE_LIMITED = "RATE_LIMITED"
    DEADLINE_REQUIRED = "DEADLINE_REQUIRED"
    UNKNOWN_DEVICE = "UNKNOWN_DEVICE"
    UNKNOWN_SHARD = "UNKNOWN_SHARD"
    UNKNOWN_RELEASE = "UNKNOWN_RELEASE"
    SHARD_FULL = "SHARD_FULL"
    DEVICE_MOVING = "DEVICE_MOVING"
    DIRECTORY_CONFLICT = "DIRECTORY_CONFLICT"
    RELEASE_ENDED = "RELEASE_ENDED"
    RELEASE_UNDER_WAY = "RELEASE_UNDER_WAY"
    ROLE_MISSING = "ROLE_MISSING"
    ENCODER_MISMATCH = "ENCODER_MISMATCH"
    SYNC_NOT_CONFIGURED = "SYNC_NOT_CONFIGURED"
    SYNC_NOT_ALLOWED = "SYNC_NOT_ALLOWED"
    SYNC_UNAVAILABLE = "SYNC_UNAVAILABLE"
    STORAGE_FULL = "STORAGE_FULL"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    ROUND_CONFLICT = "ROUND_CONFLICT"
    ROUND_NOT_POSSIBLE = "ROUND_NOT_POSSIBLE"
    ROUND_FAILED = "ROUND_FAILED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CORRUPT_RESOURCE = "CORRUPT_RESOURCE"
    EPOCH_CLOSED = "EPOCH_CLOSED"
    PROOF_REFUSED = "PROOF_REFUSED"
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - a name, no secret
    TOKENS_SPENT = "TOKENS_SPENT"
    REPORTS_NOT_TAKEN = "REPORTS_NOT_TAKEN"
    KEYS_DIFFER = "KEYS_DIFFER"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    MODEL_REFUSED = "MODEL_REFUSED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True)
class ErrorSpec:
    """What a code means outside the process."""

    status: str
    """Name of the gRPC status code."""
    text: str
    """Public text; may use {field} and {bound}."""


CATALOGUE: Mapping[ErrorCode, ErrorSpec] = MappingProxyType(
    {
        ErrorCode.INVALID_FIELD: ErrorSpec("INVALID_ARGUMENT", "{field} must be {bound}"),
        ErrorCode.UNKNOWN_CONTENT: ErrorSpec("NOT_FOUND", "{field} must name a stored title"),
        ErrorCode.UNKNOWN_PROFILE: ErrorSpec("NOT_FOUND", "{field} must name a stored profile"),
        ErrorCode.UNKNOWN_RECOMMENDATION: ErrorSpec(
            "NOT_FOUND", "{field} must name a list that is still kept"
        ),
        ErrorCode.UNKNOWN_RESOURCE: ErrorSpec("NOT_FOUND", "this resource version is not kept"),
        ErrorCode.UNKNOWN_ROUND: ErrorSpec("NOT_FOUND", "{field} must name a recorded round"),
        ErrorCode.UNAUTHENTICATED: ErrorSpec(
            "UNAUTHENTICATED", "valid device credentials are needed; register the device again"
        ),
        ErrorCode.ENROLMENT_REFUSED: ErrorSpec(
            "PERMISSION_DENIED", "{field} does not admit this device"
        ),
        ErrorCode.REVOKED: ErrorSpec("PERMISSION_DENIED", "this device was shut out"),
        ErrorCode.WRONG_SHARD: ErrorSpec(
            "FAILED_PRECONDITION", "the credentials are of another shard; register the device here"
        ),
        ErrorCode.RATE_LIMITED: ErrorSpec(
            "RESOURCE_EXHAUSTED", "too many calls of this {field}; come back later"
        ),
        ErrorCode.DEADLINE_REQUIRED: ErrorSpec("INVALID_ARGUMENT", "the call needs a deadline"),
        ErrorCode.UNKNOWN_DEVICE: ErrorSpec("NOT_FOUND", "{field} must name a registered device"),
        ErrorCode.UNKNOWN_SHARD: ErrorSpec(
            "NOT_FOUND", "{field} must name a shard of the directory"
        ),
        ErrorCode.UNKNOWN_RELEASE: ErrorSpec("NOT_FOUND", "{field} must name a recorded release"),
        ErrorCode.SHARD_FULL: ErrorSpec(
            "RESOURCE_EXHAUSTED", "this shard takes no more than {bound} devices"
        ),
        ErrorCode.DEVICE_MOVING: ErrorSpec(
            "UNAVAILABLE", "the device is moving to another shard; nothing was stored, try again"
        ),
        ErrorCode.DIRECTORY_CONFLICT: ErrorSpec("FAILED_PRECONDITION", "{field} must be {bound}"),
        ErrorCode.RELEASE_ENDED: ErrorSpec(
            "FAILED_PRECONDITION", "this release has ended: it is {bound}"
        ),
        ErrorCode.RELEASE_UNDER_WAY: ErrorSpec(
            "FAILED_PRECONDITION", "the version before is still being released: {bound}"
        ),
        ErrorCode.ROLE_MISSING: ErrorSpec("PERMISSION_DENIED", "the role {bound} is needed"),
        ErrorCode.ENCODER_MISMATCH: ErrorSpec(
            "FAILED_PRECONDITION", "{field} must be {bound}: vectors of two encoders never meet"
        ),
        ErrorCode.SYNC_NOT_CONFIGURED: ErrorSpec(
            "FAILED_PRECONDITION", "no sync server is configured"
        ),
        ErrorCode.SYNC_NOT_ALLOWED: ErrorSpec(
            "FAILED_PRECONDITION", "the household does not consent; nothing is sent"
        ),
        ErrorCode.SYNC_UNAVAILABLE: ErrorSpec(
            "UNAVAILABLE", "the sync server did not answer; nothing was lost, try again later"
        ),
        ErrorCode.STORAGE_FULL: ErrorSpec(
            "RESOURCE_EXHAUSTED", "the disk is full; nothing was stored"
        ),
        ErrorCode.STORAGE_UNAVAILABLE: ErrorSpec(
            "UNAVAILABLE", "the database does not answer; nothing was stored, try again later"
        ),
        ErrorCode.UPSTREAM_UNAVAILABLE: ErrorSpec(
            "UNAVAILABLE", "a server behind this one does not answer; repeat the call later"
        ),
        ErrorCode.OVERLOADED: ErrorSpec(
            "RESOURCE_EXHAUSTED", "too many calls at once; nothing was stored, try again later"
        ),
        ErrorCode.ROUND_CONFLICT: ErrorSpec("ABORTED", "another worker runs a round"),
        ErrorCode.ROUND_NOT_POSSIBLE: ErrorSpec(
            "FAILED_PRECONDITION", "a round needs {bound}; {field} has fewer"
        ),
        ErrorCode.ROUND_FAILED: ErrorSpec("ABORTED", "the round failed; nothing was published"),
        ErrorCode.DEADLINE_EXCEEDED: ErrorSpec("DEADLINE_EXCEEDED", "the deadline has passed"),
        ErrorCode.CORRUPT_RESOURCE: ErrorSpec("DATA_LOSS", "a transferred body is damaged"),
        ErrorCode.EPOCH_CLOSED: ErrorSpec("FAILED_PRECONDITION", "{field} must be {bound}"),
        ErrorCode.PROOF_REFUSED: ErrorSpec(
            "FAILED_PRECONDITION", "the answer was not made with the published key"
        ),
        ErrorCode.TOKEN_REFUSED: ErrorSpec(
            "PERMISSION_DENIED", "{field} must be a token of this epoch that was not spent before"
        ),
        ErrorCode.TOKENS_SPENT: ErrorSpec(
            "RESOURCE_EXHAUSTED", "this device has had its {bound} tokens of the epoch"
        ),
        ErrorCode.REPORTS_NOT_TAKEN: ErrorSpec(
            "FAILED_PRECONDITION", "no reports of pairs are taken here"
        ),
        ErrorCode.KEYS_DIFFER: ErrorSpec(
            "FAILED_PRECONDITION", "{field} is not the same for everybody; nothing was reported"
        ),
        ErrorCode.MODEL_UNAVAILABLE: ErrorSpec(
            "FAILED_PRECONDITION", "the sentence model is {bound}; run `omega model install`"
        ),
        ErrorCode.MODEL_REFUSED: ErrorSpec(
            "FAILED_PRECONDITION", "the model was not installed: {field} must be {bound}"
        ),
        ErrorCode.INTERNAL: ErrorSpec("INTERNAL", "an internal error; its id is in the log"),
    }
)


class OmegaError(Exception):
    """An error of the catalogue.

    Args:
        code: its row in CATALOGUE.
        field: name of the request field or setting at fault, as the client wrote it.
        bound: what the field must be, for a person: "between 0 and 1".
        detail: for the log only; never leaves the process.
        retry_after: seconds after which the caller is welcome again; 0 = not stated.
    """

    def __init__(
        self,
        code: ErrorCode,
        *,
        field: str = "",
        bound: str = "",
        detail: str = "",
        retry_after: float = 0.0,
    ) -> None:
        self.code = code
        self.field = field
        self.bound = bound
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(self.public_text + (f" ({detail})" if detail else ""))

    @property
    def spec(self) -> ErrorSpec:
        """The code's row of the catalogue."""
        return CATALOGUE[self.code]

    @property
    def public_text(self) -> str:
        """The text a client sees."""
        return self.spec.text.format(field=self.field, bound=self.bound)


def invalid(field: str, bound: str) -> OmegaError:
    """An INVALID_FIELD error: `field` must be `bound`."""
    return OmegaError(ErrorCode.INVALID_FIELD, field=field, bound=bound)
