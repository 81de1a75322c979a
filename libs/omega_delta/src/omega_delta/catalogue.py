"""Catalogue packs: titles with their ordinals and vectors, and the encoder's centring mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_core import limits, validate
from omega_core.content import Content, check_content
from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, pack_f32, unpack_f32
from omega_delta import checks, packing
from omega_delta.content import content_from_proto, content_to_proto


@dataclass(frozen=True, eq=False)
class CataloguePack:
    """One version of an operator's catalogue; row i of each part speaks of the same title."""

    version: int
    """From 1."""
    model_version: str
    """Encoder of the vectors, 1 to 64 characters."""
    centring_mean: FloatArray
    """What is subtracted from a vector before it is sketched, float32 (384,)."""
    ordinals: NDArray[np.uint32]
    """Positions in the versioned index, strictly ascending, uint32 (n,); n at most 80,000."""
    contents: tuple[Content, ...]
    """The titles, n of them with distinct ids."""
    embeddings: FloatArray
    """Unit vectors, float32 (n, 384); float16 on the wire."""


def encode_catalogue(pack: CataloguePack) -> bytes:
    """The body of a catalogue resource: a zstd frame of omega.common.v1.CataloguePack.

    Equal packs give equal bytes. Vectors are rounded to float16.

    Raises:
        OmegaError: INVALID_FIELD that names the field when the pack breaks a bound of the
            contract, or its body exceeds limits.MAX_RESOURCE.
    """
    _check(pack)
    for i, content in enumerate(pack.contents):
        check_content(content, f"entries[{i}].content")
    halves = pack.embeddings.astype("<f2")
    message = resource_pb2.CataloguePack(
        version=pack.version,
        model_version=pack.model_version,
        dimension=DIMENSION,
        centring_mean=pack_f32(pack.centring_mean),
        entries=[
            resource_pb2.CatalogueEntry(
                ordinal=ordinal, content=content_to_proto(content), embedding=half.tobytes()
            )
            for ordinal, content, half in zip(
                pack.ordinals.tolist(), pack.contents, halves, strict=True
            )
        ],
    )
    return packing.pack("catalogue", message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)


def decode_catalogue(data: bytes) -> CataloguePack:
    """The pack of a catalogue resource's body, held to every bound of the contract.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "entries[3].content.title".
    """
    message = resource_pb2.CataloguePack()
    packing.unpack("catalogue", data, message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)
    if message.dimension != DIMENSION:
        raise invalid("dimension", str(DIMENSION))
    entries = message.entries
    validate.count("entries", entries, limits.MAX_CATALOGUE)
    pack = CataloguePack(
        version=message.version,
        model_version=message.model_version,
        centring_mean=unpack_f32("centring_mean", message.centring_mean, DIMENSION),
        ordinals=np.fromiter((e.ordinal for e in entries), np.uint32, len(entries)),
        contents=tuple(
            content_from_proto(e.content, f"entries[{i}].content") for i, e in enumerate(entries)
        ),
        embeddings=packing.halves([e.embedding for e in entries], "entries[{}].embedding"),
    )
    _check(pack)
    return pack


def _check(pack: CataloguePack) -> None:
    """Everything but the titles' own fields."""
    n = len(pack.contents)
    checks.version("version", pack.version)
    checks.model("model_version", pack.model_version)
    validate.integer("entries", n, 0, limits.MAX_CATALOGUE)
    checks.shape("centring_mean", pack.centring_mean, (DIMENSION,))
    checks.finite("centring_mean", pack.centring_mean)
    checks.shape("ordinals", pack.ordinals, (n,))
    checks.ascending("entries[{}].ordinal", pack.ordinals)
    checks.shape("embeddings", pack.embeddings, (n, DIMENSION))
    checks.unit_rows("entries[{}].embedding", pack.embeddings)
    checks.distinct("entries[{}].content.content_id", [c.content_id for c in pack.contents])
