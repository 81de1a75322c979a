"""Holds every request to the bounds of the contract, before the database sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation.news import Wanted
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, unpack_f16
from omega_delta import bounds, content_from_proto
from omega_store.contents import EmbeddedContent
from omega_store.pushes import Push
from omega_store.release_reports import Report

_MAX_PUSHES = 256
_MAX_CONTENTS = 1_000
_MAX_DEVICES = 1_000
_MAX_CLAIMS = 1_000
_SHORTEST_CLAIM, _LONGEST_CLAIM = 60, 366 * 86_400
_SHA256_BYTES = 32
_MAX_BLINDED, _ELEMENT_BYTES = 128, 32
_UNIT_TOLERANCE = 1e-2


def registration(request: pb.RegisterDeviceRequest) -> None:
    """Checks a RegisterDeviceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.uuid("request_id", request.request_id)
    validate.identifier("platform", request.platform, limits.MAX_SHORT_ID, optional=True)
    validate.identifier("app_version", request.app_version, limits.MAX_SHORT_ID, optional=True)
    validate.region("region", request.region)
    if request.key_sha256:
        validate.size("key_sha256", request.key_sha256, _SHA256_BYTES)
    bounds.claim("claim", request.claim)
    bounds.csr("csr", request.csr)
    if request.device_id:
        validate.device_id("device_id", request.device_id)


def claims(request: pb.CreateClaimsRequest) -> timedelta:
    """Checks a CreateClaimsRequest; returns how long the claims can be shown.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.integer("count", request.count, 1, _MAX_CLAIMS)
    seconds = request.valid_for.seconds + request.valid_for.nanos / 1e9
    if not _SHORTEST_CLAIM <= seconds <= _LONGEST_CLAIM:
        raise invalid("valid_for", "1 minute to 366 days")
    return timedelta(seconds=seconds)


def revocation(request: pb.RevokeDeviceRequest) -> None:
    """Checks a RevokeDeviceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.device_id("device_id", request.device_id)


def pushes(request: pb.IngestPatternsRequest) -> list[Push]:
    """The pushes of a request; one bad push refuses all of them.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "pushes[3].classes".
    """
    validate.count("pushes", request.pushes, _MAX_PUSHES, 1)
    return [_push(f"pushes[{i}]", push) for i, push in enumerate(request.pushes)]


def pull(request: pb.GetGlobalStateRequest) -> Mapping[int, int]:
    """Checks a GetGlobalStateRequest; returns the held version of each kind, the highest stated.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if request.device_id:
        validate.device_id("device_id", request.device_id)
    validate.region("region", request.region)
    bounds.version("state_version", request.state_version)
    bounds.codec("codec", request.codec)
    validate.integer("page", request.page, 0, limits.MAX_PAGES - 1)
    bounds.version("wanted_version", request.wanted_version)
    validate.count("held", request.held, limits.MAX_HELD)
    held: dict[int, int] = {}
    for i, resource in enumerate(request.held):
        kind = bounds.resource_kind(f"held[{i}].kind", resource.kind)
        version = bounds.version(f"held[{i}].version", resource.version)
        held[kind] = max(version, held.get(kind, 0))
    return held


def wanted(request: pb.GetGlobalStateRequest, region: str) -> Wanted:
    """What a checked GetGlobalStateRequest asks for, on behalf of a TV of this region."""
    return Wanted(
        version=request.state_version,
        region=region,
        codec=request.codec,
        codebook_id=request.codebook_id,
        page=request.page,
        leads_to=request.wanted_version,
    )


def heads(request: pb.GetHeadsRequest) -> None:
    """Checks a GetHeadsRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    bounds.version("revocations_after", request.revocations_after)


def contents(request: pb.UpsertContentsRequest) -> list[EmbeddedContent]:
    """The titles of a request; one bad title refuses all of them.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "contents[3].embedding".
    """
    model_version(request.model_version)
    validate.count("contents", request.contents, _MAX_CONTENTS, 1)
    found = []
    seen: set[str] = set()
    for i, message in enumerate(request.contents):
        name = f"contents[{i}]"
        content = content_from_proto(message.content, f"{name}.content")
        if content.content_id in seen:
            raise invalid(f"{name}.content.content_id", "named once in a request")
        seen.add(content.content_id)
        found.append(EmbeddedContent(content, _unit(f"{name}.embedding", message.embedding)))
    return found


def body(request: pb.GetResourceRequest) -> None:
    """Checks a GetResourceRequest, but for the body's own length.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    bounds.resource_kind("kind", request.kind)
    bounds.version("version", request.version, 1)
    validate.integer("offset", request.offset, 0, limits.MAX_RESOURCE)
    bounds.base(request.base_version, request.base_sha256)


def codebook(request: pb.PublishCodebookRequest) -> None:
    """Checks the size of a PublishCodebookRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not 1 <= len(request.body) <= limits.MAX_CODEBOOK:
        raise invalid("body", f"1 to {limits.MAX_CODEBOOK:,} bytes")


def tokens(request: pb.IssueTokensRequest) -> None:
    """Checks an IssueTokensRequest; what is no element of the group is found where it is used.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.device_id("device_id", request.device_id)
    validate.uuid("request_id", request.request_id)
    validate.count("blinded", request.blinded, _MAX_BLINDED, 1)
    for i, element in enumerate(request.blinded):
        validate.size(f"blinded[{i}]", element, _ELEMENT_BYTES)


def erasure(request: pb.EraseDeviceRequest) -> None:
    """Checks an EraseDeviceRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.device_id("device_id", request.device_id)


def status(request: pb.GetClusterStatusRequest) -> None:
    """Checks a GetClusterStatusRequest.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.integer("max_devices", request.max_devices, 0, _MAX_DEVICES)


def model_version(value: str, name: str = "model_version") -> str:
    """An encoder's name.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    return validate.text(name, value, limits.MAX_SHORT_ID, 1)


def _push(name: str, message: pb.DevicePush) -> Push:
    validate.device_id(f"{name}.device_id", message.device_id)
    validate.uuid(f"{name}.request_id", message.request_id)
    model_version(message.model_version, f"{name}.model_version")
    bounds.sketches(f"{name}.", message.sketches, message.classes)
    bounds.sigma(f"{name}.sigma_hundredths", message.sigma_hundredths)
    report = None
    if message.HasField("report"):
        bounds.report(f"{name}.report", message.report)
        report = Report(
            period=message.report.period,
            held=tuple((held.kind, held.version) for held in message.report.held),
            watched=message.report.watched,
            epsilon_hundredths=message.report.epsilon_hundredths,
        )
    return Push(
        device_id=message.device_id,
        request_id=message.request_id,
        model_version=message.model_version,
        sketches=message.sketches,
        classes=message.classes,
        sigma_hundredths=message.sigma_hundredths,
        report=report,
    )


def _unit(field: str, data: bytes) -> FloatArray:
    vector = unpack_f16(field, data, limits.DIMENSION)
    if not abs(float(np.linalg.norm(vector)) - 1.0) <= _UNIT_TOLERANCE:
        raise invalid(field, "a vector of norm 1")
    return vector
