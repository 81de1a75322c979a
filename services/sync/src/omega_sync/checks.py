"""Holds every request of a TV to the bounds of the contract, before anything else sees it."""

from __future__ import annotations

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits, validate
from omega_core.errors import invalid

_MAX_CLASS = 31
_MAX_ENROLMENT_KEY = 256
_MAX_HELD = 8
# Versions and offsets end up in signed 64-bit columns.
_MAX_VERSION = 2**63 - 1
_KINDS = frozenset(resource_pb2.ResourceKind.values()) - {
    resource_pb2.ResourceKind.RESOURCE_KIND_UNSPECIFIED
}


def registration(request: pb.RegisterDeviceRequest) -> None:
    """Checks a RegisterDeviceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.uuid("request_id", request.request_id)
    validate.identifier("platform", request.platform, limits.MAX_SHORT_ID, optional=True)
    validate.identifier("app_version", request.app_version, limits.MAX_SHORT_ID, optional=True)
    validate.text("enrolment_key", request.enrolment_key, _MAX_ENROLMENT_KEY)


def exchange(request: pb.SyncRequest) -> None:
    """Checks a SyncRequest, its size first.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if request.ByteSize() > limits.MAX_SYNC_REQUEST:
        raise invalid("request", f"at most {limits.MAX_SYNC_REQUEST:,} bytes serialised")
    validate.uuid("request_id", request.request_id)
    validate.text("model_version", request.model_version, limits.MAX_SHORT_ID, 1)
    count, rest = divmod(len(request.sketches), limits.SKETCH_BYTES)
    if rest or count > limits.MAX_PUSH_SKETCHES:
        bound = f"0 to {limits.MAX_PUSH_SKETCHES} sketches of {limits.SKETCH_BYTES} bytes"
        raise invalid("sketches", bound)
    if len(request.classes) != count:
        raise invalid("classes", f"a byte a sketch, {count} in all")
    if max(request.classes, default=0) > _MAX_CLASS:
        raise invalid("classes", f"0 to {_MAX_CLASS} in every byte")
    validate.integer("state_version", request.state_version, 0, _MAX_VERSION)
    validate.count("held", request.held, _MAX_HELD)
    for i, held in enumerate(request.held):
        _resource_kind(f"held[{i}].kind", held.kind)
        validate.integer(f"held[{i}].version", held.version, 0, _MAX_VERSION)


def body(request: pb.GetResourceRequest) -> None:
    """Checks a GetResourceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    _resource_kind("kind", request.kind)
    validate.integer("version", request.version, 1, _MAX_VERSION)
    validate.integer("offset", request.offset, 0, limits.MAX_RESOURCE)


def _resource_kind(field: str, kind: int) -> None:
    if kind not in _KINDS:
        raise invalid(field, "one of the stated values")
