"""Holds every request of a TV to the bounds of the contract, before anything else sees it."""

from __future__ import annotations

from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_delta import bounds

_MAX_ENROLMENT_KEY = 256
_MAX_BLINDED, _ELEMENT_BYTES = 128, 32
_SHORTEST, _LONGEST = 55, 8_192


def registration(request: pb.RegisterDeviceRequest) -> None:
    """Checks a RegisterDeviceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.uuid("request_id", request.request_id)
    validate.identifier("platform", request.platform, limits.MAX_SHORT_ID, optional=True)
    validate.identifier("app_version", request.app_version, limits.MAX_SHORT_ID, optional=True)
    validate.text("enrolment_key", request.enrolment_key, _MAX_ENROLMENT_KEY)
    validate.region("region", request.region)
    bounds.claim("claim", request.claim)
    bounds.csr("csr", request.csr)


def exchange(request: pb.SyncRequest) -> None:
    """Checks a SyncRequest, its size first.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _size(request)
    _push(request)
    bounds.sketches("", request.sketches, request.classes)
    _holdings(request)
    if request.HasField("report"):
        bounds.report("report", request.report)


def push(request: pb.PushPatternsRequest) -> None:
    """Checks a PushPatternsRequest, its size first.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _size(request)
    _push(request)
    bounds.sketches("", request.sketches, request.classes)
    if not request.sketches:
        raise invalid("sketches", f"1 to {limits.MAX_PUSH_SKETCHES} sketches")


def pull(request: pb.PullPatternsRequest) -> None:
    """Checks a PullPatternsRequest, its size first.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _size(request)
    _holdings(request)
    validate.integer("page", request.page, 0, limits.MAX_PAGES - 1)
    bounds.version("wanted_version", request.wanted_version)
    if request.page and not request.wanted_version:
        raise invalid("wanted_version", "the version that the pages before this one lead to")


def body(request: pb.GetResourceRequest) -> None:
    """Checks a GetResourceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    bounds.resource_kind("kind", request.kind)
    bounds.version("version", request.version, 1)
    validate.integer("offset", request.offset, 0, limits.MAX_RESOURCE)
    bounds.base(request.base_version, request.base_sha256)


def tokens(request: pb.IssueTokensRequest) -> None:
    """Checks an IssueTokensRequest; what is no element of the group, the constellation finds.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.uuid("request_id", request.request_id)
    validate.count("blinded", request.blinded, _MAX_BLINDED, 1)
    for i, element in enumerate(request.blinded):
        validate.size(f"blinded[{i}]", element, _ELEMENT_BYTES)


def encapsulated(message: bytes) -> None:
    """Checks what a relay hands on.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not _SHORTEST <= len(message) <= _LONGEST:
        raise invalid("encapsulated", f"{_SHORTEST} to {_LONGEST:,} bytes")


def _size(request: pb.SyncRequest | pb.PushPatternsRequest | pb.PullPatternsRequest) -> None:
    if request.ByteSize() > limits.MAX_SYNC_REQUEST:
        raise invalid("request", f"at most {limits.MAX_SYNC_REQUEST:,} bytes serialised")


def _push(request: pb.SyncRequest | pb.PushPatternsRequest) -> None:
    validate.uuid("request_id", request.request_id)
    validate.text("model_version", request.model_version, limits.MAX_SHORT_ID, 1)
    bounds.sigma("sigma_hundredths", request.sigma_hundredths)


def _holdings(request: pb.SyncRequest | pb.PullPatternsRequest) -> None:
    bounds.version("state_version", request.state_version)
    validate.count("held", request.held, limits.MAX_HELD)
    for i, held in enumerate(request.held):
        bounds.resource_kind(f"held[{i}].kind", held.kind)
        bounds.version(f"held[{i}].version", held.version)
    bounds.codec("codec", request.codec)
