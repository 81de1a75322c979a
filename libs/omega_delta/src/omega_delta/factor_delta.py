"""Factor packs as what changed since an earlier one."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_delta import checks, packing
from omega_delta.factors import FactorPack, decode_factors, encode_factors
from omega_delta.zstd import decompress

_SHA256_BYTES = hashlib.sha256().digest_size
_Bits = NDArray[np.uint32]


def factors_sha256(body: bytes) -> bytes:
    """Names a factors body by what it holds, however it was compressed: 32 bytes.

    Raises:
        OmegaError: INVALID_FIELD when it is no zstd frame within the bounds of a body.
    """
    return hashlib.sha256(decompress("factors", body, limits.MAX_RESOURCE_RAW)).digest()


def encode_factor_delta(base: bytes, body: bytes) -> bytes | None:
    """What leads from one factors body to another: a zstd frame of omega.common.v1.FactorDelta.

    None where there is no such way: the ranks differ.

    Raises:
        OmegaError: INVALID_FIELD when a body cannot be read.
    """
    before, after = decode_factors(base), decode_factors(body)
    if before.factors.shape[1] != after.factors.shape[1]:
        return None
    _, old, new = np.intersect1d(before.ordinals, after.ordinals, return_indices=True)
    fresh = np.setdiff1d(np.arange(len(after.ordinals)), new)
    gone = np.setdiff1d(before.ordinals, after.ordinals)
    differences = after.factors[new].view(np.uint8) - before.factors[old].view(np.uint8)
    message = resource_pb2.FactorDelta(
        base_version=before.version,
        base_sha256=factors_sha256(base),
        version=after.version,
        sha256=factors_sha256(body),
        model_version=after.model_version,
        catalogue_version=after.catalogue_version,
        removed=gone.astype("<u4").tobytes(),
        added=after.ordinals[fresh].astype("<u4").tobytes(),
        differences=np.ascontiguousarray(differences.T).tobytes(),
        rows=after.factors[fresh].tobytes(),
        steps=pack_f32(after.steps),
        gains=_planes(_changes(before.gains, after.gains, old, new)),
        prior=_planes(_changes(before.prior, after.prior, old, new)),
    )
    return packing.pack("delta", message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)


def apply_factor_delta(base: bytes, delta: bytes) -> bytes:
    """The factors body that a delta leads to from `base`.

    Decompressed it is, to the byte, the body that the delta was made for; a library that compresses
    differently gives another frame around it.

    Raises:
        OmegaError: INVALID_FIELD when the delta breaks a bound of the contract, starts from another
            body, or leads to something else than it states.
    """
    message = resource_pb2.FactorDelta()
    packing.unpack("delta", delta, message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)
    validate.size("sha256", message.sha256, _SHA256_BYTES)
    before = decode_factors(base)
    if (message.base_version, message.base_sha256) != (before.version, factors_sha256(base)):
        raise invalid("base_sha256", "that of the held factors")
    rank = len(before.steps)
    removed = _ordinals("removed", message.removed)
    added = _ordinals("added", message.added)
    if not np.isin(removed, before.ordinals).all():
        raise invalid("removed", "titles of the base")
    goes_on = ~np.isin(before.ordinals, removed)
    if np.isin(added, before.ordinals[goes_on]).any():
        raise invalid("added", "titles that the base lacks")
    k, a = int(goes_on.sum()), len(added)
    validate.size("differences", message.differences, k * rank)
    validate.size("rows", message.rows, a * rank)
    differences = np.frombuffer(message.differences, np.uint8).reshape(rank, k).T
    kept = (before.factors[goes_on].view(np.uint8) + differences).view(np.int8)
    ordinals = np.concatenate([before.ordinals[goes_on], added])
    order = np.argsort(ordinals, kind="stable")
    factors = np.concatenate([kept, np.frombuffer(message.rows, np.int8).reshape(a, rank)])
    pack = FactorPack(
        version=message.version,
        model_version=message.model_version,
        catalogue_version=message.catalogue_version,
        ordinals=ordinals[order].astype(np.uint32),
        factors=factors[order],
        steps=unpack_f32("steps", message.steps, rank),
        gains=_applied("gains", message.gains, before.gains[goes_on], order),
        prior=_applied("prior", message.prior, before.prior[goes_on], order),
    )
    body = encode_factors(pack)
    if factors_sha256(body) != message.sha256:
        raise invalid("sha256", "that of the factors which the delta leads to")
    return body


def _ordinals(field: str, data: bytes) -> NDArray[np.uint32]:
    if len(data) % 4:
        raise invalid(field, "a multiple of 4 bytes")
    found = np.frombuffer(data, "<u4").astype(np.uint32)
    validate.integer(field, len(found), 0, limits.MAX_CATALOGUE)
    checks.ascending(f"{field}[{{}}]", found)
    return found


def _changes(
    before: FloatArray, after: FloatArray, old: NDArray[np.intp], new: NDArray[np.intp]
) -> _Bits:
    """Bits of numbers less those that they follow, modulo 2^32, in the order of `after`."""
    changes = after.astype("<f4").view(np.uint32).copy()
    changes[new] -= before.astype("<f4").view(np.uint32)[old]
    return changes


def _applied(field: str, data: bytes, before: FloatArray, order: NDArray[np.intp]) -> FloatArray:
    """The numbers of all titles, from those that go on and the changes in the order of titles."""
    n = len(order)
    validate.size(field, data, 4 * n)
    changes = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(4, n).T).view("<u4")[:, 0]
    held = np.zeros(n, np.uint32)
    held[: len(before)] = before.astype("<f4").view(np.uint32)
    return np.asarray((held[order] + changes).astype("<u4").view("<f4"), np.float32)


def _planes(bits: _Bits) -> bytes:
    """Lowest bytes first, then all second, third and fourth."""
    return np.ascontiguousarray(bits.astype("<u4").view(np.uint8).reshape(-1, 4).T).tobytes()
