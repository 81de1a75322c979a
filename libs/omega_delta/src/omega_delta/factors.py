"""Factor packs: collaborative factors, gains and the collective prior, by catalogue ordinal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_delta import checks, packing

MAX_RANK = 256
"""Most columns of the factors."""
PRIOR_TOLERANCE = 1e-3
"""How far from 1 the sum of the prior may lie."""
_DROPPED = 12
"""Lowest bits of a float32 that coarse() leaves 0."""


@dataclass(frozen=True, eq=False)
class FactorPack:
    """What the fleet learned; row i of each part speaks of the same title."""

    version: int
    """From 1."""
    model_version: str
    """Encoder of the sketches it was learned from, 1 to 64 characters."""
    catalogue_version: int
    """Catalogue whose ordinals it uses, from 1."""
    ordinals: NDArray[np.uint32]
    """Titles with a factor, strictly ascending, uint32 (n,); n is 1 to 80,000."""
    factors: NDArray[np.int8]
    """Quantised factors, int8 (n, rank); rank is 1 to 256."""
    steps: FloatArray
    """Step of each column, finite, float32 (rank,); factor = step x int8."""
    gains: FloatArray
    """Gain of each title, greater than 0, float32 (n,)."""
    prior: FloatArray
    """Collective prior of each title, at least 0, sums to 1, float32 (n,)."""


def coarse(values: FloatArray) -> FloatArray:
    """Finite float32 numbers rounded to 12 significant bits, off by at most 1 in 4,096.

    Gains and priors need no more, and what was rounded off would differ in every version.
    """
    bits = values.astype("<f4").view("<u4").astype(np.int64) + (1 << _DROPPED - 1)
    kept = bits >> _DROPPED << _DROPPED
    return np.asarray(kept.astype("<u4").view("<f4"), np.float32)


def encode_factors(pack: FactorPack) -> bytes:
    """The body of a factors resource: a zstd frame of omega.common.v1.FactorPack.

    Equal packs give equal bytes; nothing is rounded.

    Raises:
        OmegaError: INVALID_FIELD that names the field when the pack breaks a bound of the
            contract.
    """
    _check(pack)
    message = resource_pb2.FactorPack(
        version=pack.version,
        model_version=pack.model_version,
        catalogue_version=pack.catalogue_version,
        rank=pack.factors.shape[1],
        ordinals=pack.ordinals.astype("<u4").tobytes(),
        factors=pack.factors.astype("i1").tobytes(),
        steps=pack_f32(pack.steps),
        gains=pack_f32(pack.gains),
        prior=pack_f32(pack.prior),
    )
    return packing.pack("factors", message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)


def decode_factors(data: bytes) -> FactorPack:
    """The pack of a factors resource's body, held to every bound of the contract.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    message = resource_pb2.FactorPack()
    packing.unpack("factors", data, message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)
    rank = validate.integer("rank", message.rank, 1, MAX_RANK)
    n, rest = divmod(len(message.ordinals), 4)
    if rest:
        raise invalid("ordinals", "a multiple of 4 bytes")
    validate.size("factors", message.factors, n * rank)
    pack = FactorPack(
        version=message.version,
        model_version=message.model_version,
        catalogue_version=message.catalogue_version,
        ordinals=np.frombuffer(message.ordinals, "<u4").astype(np.uint32),
        factors=np.frombuffer(message.factors, "i1").reshape(n, rank).astype(np.int8),
        steps=unpack_f32("steps", message.steps, rank),
        gains=unpack_f32("gains", message.gains, n),
        prior=unpack_f32("prior", message.prior, n),
    )
    _check(pack)
    return pack


def _check(pack: FactorPack) -> None:
    checks.version("version", pack.version)
    checks.model("model_version", pack.model_version)
    checks.version("catalogue_version", pack.catalogue_version)
    n, rank = len(pack.ordinals), len(pack.steps)
    validate.integer("ordinals", n, 1, limits.MAX_CATALOGUE)
    validate.integer("rank", rank, 1, MAX_RANK)
    checks.shape("ordinals", pack.ordinals, (n,))
    checks.ascending("ordinals[{}]", pack.ordinals)
    checks.shape("factors", pack.factors, (n, rank))
    checks.shape("steps", pack.steps, (rank,))
    checks.finite("steps", pack.steps)
    checks.shape("gains", pack.gains, (n,))
    checks.finite("gains", pack.gains)
    if not (pack.gains > 0).all():
        raise invalid("gains", "greater than 0")
    checks.shape("prior", pack.prior, (n,))
    checks.finite("prior", pack.prior)
    if (pack.prior < 0).any():
        raise invalid("prior", "at least 0")
    if not abs(float(pack.prior.sum(dtype=np.float64)) - 1.0) <= PRIOR_TOLERANCE:
        raise invalid("prior", "1 in sum")
