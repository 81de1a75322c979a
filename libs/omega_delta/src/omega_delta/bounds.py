"""Bounds that sync and constellation hold the same fields to."""

from __future__ import annotations

import re

from omega.common.v1 import release_pb2, resource_pb2
from omega_core import limits, validate
from omega_core.errors import invalid

_KINDS = frozenset(resource_pb2.ResourceKind.values()) - {
    resource_pb2.ResourceKind.RESOURCE_KIND_UNSPECIFIED
}
_CODECS = frozenset(resource_pb2.Codec.values())

_SHA256_BYTES = 32
_CLAIM = re.compile(rf"[A-Za-z0-9_-]{{0,{limits.MAX_CLAIM}}}\Z")


def sketches(name: str, data: bytes, classes: bytes) -> None:
    """Sketches laid end to end, and a class byte for each.

    Args:
        name: what stands before the field names, such as "pushes[3].".
        data: 48 bytes a sketch, at most 20.
        classes: as many bytes, each 0 to 31.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    count, rest = divmod(len(data), limits.SKETCH_BYTES)
    if rest or count > limits.MAX_PUSH_SKETCHES:
        bound = f"0 to {limits.MAX_PUSH_SKETCHES} sketches of {limits.SKETCH_BYTES} bytes"
        raise invalid(f"{name}sketches", bound)
    if len(classes) != count:
        raise invalid(f"{name}classes", f"a byte a sketch, {count} in all")
    if max(classes, default=0) > limits.MAX_CLASS:
        raise invalid(f"{name}classes", f"0 to {limits.MAX_CLASS} in every byte")


def sigma(field: str, value: int) -> int:
    """A noise scale in hundredths; 0 = not stated.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if value and not limits.MIN_SIGMA <= value <= limits.MAX_SIGMA:
        raise invalid(field, f"0, or {limits.MIN_SIGMA:,} to {limits.MAX_SIGMA:,} hundredths")
    return value


def report(name: str, message: release_pb2.ReleaseReport) -> None:
    """How a TV fared on a day.

    Args:
        name: of the field, such as "pushes[3].report".
        message: as received.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.integer(f"{name}.period", message.period, 1, limits.MAX_PERIOD)
    validate.count(f"{name}.held", message.held, limits.MAX_HELD, 1)
    for i, held in enumerate(message.held):
        resource_kind(f"{name}.held[{i}].kind", held.kind)
        version(f"{name}.held[{i}].version", held.version, 1)
    validate.integer(
        f"{name}.epsilon_hundredths",
        message.epsilon_hundredths,
        limits.MIN_EPSILON,
        limits.MAX_EPSILON,
    )


def claim(field: str, value: str) -> str:
    """A one-time claim; empty = none.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if not _CLAIM.match(value):
        raise invalid(field, f"at most {limits.MAX_CLAIM} characters of [A-Za-z0-9_-]")
    return value


def csr(field: str, value: bytes) -> bytes:
    """A certificate signing request by its length alone; empty = none.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    if len(value) > limits.MAX_CSR:
        raise invalid(field, f"at most {limits.MAX_CSR:,} bytes")
    return value


def version(field: str, value: int, least: int = 0) -> int:
    """A version: versions end up in signed 64-bit columns."""
    return validate.integer(field, value, least, limits.MAX_VERSION)


def base(version_stated: int, sha256: bytes) -> None:
    """A version to take a delta from, and its hash; 0 and empty = none.

    Raises:
        OmegaError: INVALID_FIELD base_version or base_sha256.
    """
    length = _SHA256_BYTES if version("base_version", version_stated) else 0
    if len(sha256) != length:
        raise invalid("base_sha256", f"{_SHA256_BYTES} bytes with base_version, empty without")


def codec(field: str, value: int) -> int:
    """A codec of the contract; 0 = not stated."""
    if value not in _CODECS:
        raise invalid(field, "one of the stated values")
    return value


def resource_kind(field: str, kind: int) -> int:
    """A stated kind of resource."""
    if kind not in _KINDS:
        raise invalid(field, "one of the stated values")
    return kind
