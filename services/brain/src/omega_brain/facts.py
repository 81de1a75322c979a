"""Facts of the collective state that the brain keeps beside its tables."""

from __future__ import annotations

import base64

from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_persistence.meta import Meta

_VERSION = "catalogue_version"
_SHA256 = "catalogue_sha256"
_MEAN = "centring_mean"
_MODEL = "centring_model_version"


def catalogue_version(meta: Meta) -> int:
    """Version of the fleet's catalogue that was applied; 0 = none."""
    return int(meta.get(_VERSION) or 0)


def catalogue_name(meta: Meta) -> tuple[int, bytes] | None:
    """Version of the applied catalogue and the SHA-256 that announced it; None = not known."""
    version, sha256 = catalogue_version(meta), meta.get(_SHA256)
    return (version, bytes.fromhex(sha256)) if version and sha256 else None


def model_version(meta: Meta) -> str:
    """Encoder of the applied catalogue; empty = there is none."""
    return meta.get(_MODEL) or ""


def note_catalogue_name(meta: Meta, version: int, sha256: bytes) -> None:
    """Notes which version the held titles are; call it inside the transaction that applies it."""
    meta.set(_VERSION, str(version))
    if sha256:
        meta.set(_SHA256, sha256.hex())
    else:
        meta.remove(_SHA256)


def note_catalogue(
    meta: Meta, version: int, mean: FloatArray, model_version: str, sha256: bytes = b""
) -> None:
    """Notes an applied catalogue; call it inside the transaction that applies it."""
    note_catalogue_name(meta, version, sha256)
    meta.set(_MEAN, base64.b64encode(pack_f32(mean)).decode("ascii"))
    meta.set(_MODEL, model_version)


def centring_mean(meta: Meta, model_version: str) -> FloatArray | None:
    """The fleet's centring mean (384,) of an encoder, or None when it is not known."""
    encoded = meta.get(_MEAN)
    if encoded is None or meta.get(_MODEL) != model_version:
        return None
    return unpack_f32(_MEAN, base64.b64decode(encoded), DIMENSION)
