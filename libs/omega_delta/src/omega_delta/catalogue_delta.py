"""Catalogues as what changed since an earlier version: titles alone, no vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_core import limits, validate
from omega_core.content import Content
from omega_core.errors import invalid
from omega_delta import checks, packing
from omega_delta.content import content_from_proto, content_to_proto

MAX_ENTRIES = 20_000
"""Most new and changed titles a delta; with more, the whole pack is sent."""

_SHA256_BYTES = hashlib.sha256().digest_size
_ORDINAL_BYTES = 4


@dataclass(frozen=True, eq=False)
class CatalogueTitles:
    """One version of a catalogue without its vectors; entry i of each part is the same title."""

    version: int
    """From 1."""
    model_version: str
    """Encoder of the catalogue, 1 to 64 characters."""
    ordinals: NDArray[np.uint32]
    """Positions in the versioned index, strictly ascending, uint32 (n,); n at most 80,000."""
    contents: tuple[Content, ...]
    """The titles, n of them with distinct ids."""


@dataclass(frozen=True, eq=False)
class CatalogueDelta:
    """What leads from one version of a catalogue to another."""

    base_version: int
    """Version it starts from, at least 1."""
    version: int
    """Version it leads to, greater than base_version."""
    model_version: str
    """Encoder of both, 1 to 64 characters."""
    ordinals: NDArray[np.uint32]
    """Of new and changed titles, strictly ascending, uint32 (k,); k at most 20,000."""
    contents: tuple[Content, ...]
    """Those titles, k of them with distinct ids."""
    removed: NDArray[np.uint32]
    """Ordinals of the base that are gone, strictly ascending, uint32 (m,); m at most 80,000."""
    sha256: bytes
    """titles_sha256 of the result, 32 bytes."""


def titles_sha256(titles: Iterable[tuple[int, Content]]) -> bytes:
    """Names titles by what they hold: 32 bytes.

    SHA-256 over each title's ordinal as uint32, little-endian, and its omega.common.v1.Content,
    deterministically serialised.

    Args:
        titles: (ordinal, title) in the order of ordinals; read once, so it may come from a table.
    """
    return _sha256(
        (ordinal, content_to_proto(content).SerializeToString(deterministic=True))
        for ordinal, content in titles
    )


def encode_catalogue_delta(base: bytes, body: bytes) -> bytes | None:
    """What leads from one catalogue body to another: a zstd frame of CatalogueDelta.

    None where there is no such way: another encoder or mean, a version that does not grow, or more
    than MAX_ENTRIES titles that are new or changed.

    Raises:
        OmegaError: INVALID_FIELD when a body cannot be read.
    """
    before, after = _pack(base), _pack(body)
    frame = (before.model_version, before.centring_mean)
    if frame != (after.model_version, after.centring_mean) or after.version <= before.version:
        return None
    held = {e.ordinal: e.content.SerializeToString(deterministic=True) for e in before.entries}
    wanted = {e.ordinal: e.content.SerializeToString(deterministic=True) for e in after.entries}
    changed = [e for e in after.entries if held.get(e.ordinal) != wanted[e.ordinal]]
    if len(changed) > MAX_ENTRIES:
        return None
    message = resource_pb2.CatalogueDelta(
        base_version=before.version,
        version=after.version,
        model_version=after.model_version,
        entries=[
            resource_pb2.CatalogueEntry(ordinal=e.ordinal, content=e.content) for e in changed
        ],
        removed=sorted(held.keys() - wanted.keys()),
        sha256=_sha256(wanted.items()),
    )
    return packing.pack("delta", message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)


def decode_catalogue_delta(data: bytes) -> CatalogueDelta:
    """The delta of a zstd frame, held to every bound of the contract.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "entries[3].content.title".
    """
    message = resource_pb2.CatalogueDelta()
    packing.unpack("delta", data, message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)
    checks.version("base_version", message.base_version)
    checks.version("version", message.version)
    if message.version <= message.base_version:
        raise invalid("version", "greater than base_version")
    checks.model("model_version", message.model_version)
    validate.count("entries", message.entries, MAX_ENTRIES)
    validate.count("removed", message.removed, limits.MAX_CATALOGUE)
    validate.size("sha256", message.sha256, _SHA256_BYTES)
    for i, entry in enumerate(message.entries):
        if entry.embedding:
            raise invalid(f"entries[{i}].embedding", "empty")
    delta = CatalogueDelta(
        base_version=message.base_version,
        version=message.version,
        model_version=message.model_version,
        ordinals=np.array([e.ordinal for e in message.entries], np.uint32),
        contents=tuple(
            content_from_proto(e.content, f"entries[{i}].content")
            for i, e in enumerate(message.entries)
        ),
        removed=np.array(message.removed, np.uint32),
        sha256=message.sha256,
    )
    checks.ascending("entries[{}].ordinal", delta.ordinals)
    checks.ascending("removed[{}]", delta.removed)
    checks.distinct("entries[{}].content.content_id", [c.content_id for c in delta.contents])
    if np.isin(delta.removed, delta.ordinals).any():
        raise invalid("removed", "free of ordinals that entries holds")
    return delta


def apply_catalogue_delta(base: CatalogueTitles, delta: CatalogueDelta) -> CatalogueTitles:
    """The titles that a delta leads to from `base`.

    Raises:
        OmegaError: INVALID_FIELD when the delta starts from another version, removes what the base
            lacks, or leads to something else than it states.
    """
    if (delta.base_version, delta.model_version) != (base.version, base.model_version):
        raise invalid("base_version", f"the held version {base.version} of {base.model_version}")
    if not np.isin(delta.removed, base.ordinals).all():
        raise invalid("removed", "titles of the base")
    titles = dict(zip(base.ordinals.tolist(), base.contents, strict=True))
    for ordinal in delta.removed.tolist():
        del titles[ordinal]
    titles.update(zip(delta.ordinals.tolist(), delta.contents, strict=True))
    validate.integer("entries", len(titles), 0, limits.MAX_CATALOGUE)
    ordered = sorted(titles.items())
    if titles_sha256(ordered) != delta.sha256:
        raise invalid("sha256", "that of the titles which the delta leads to")
    checks.distinct("entries[{}].content.content_id", [c.content_id for _, c in ordered])
    return CatalogueTitles(
        version=delta.version,
        model_version=delta.model_version,
        ordinals=np.array([ordinal for ordinal, _ in ordered], np.uint32),
        contents=tuple(content for _, content in ordered),
    )


def _pack(body: bytes) -> resource_pb2.CataloguePack:
    message = resource_pb2.CataloguePack()
    packing.unpack("catalogue", body, message, limits.MAX_RESOURCE, limits.MAX_RESOURCE_RAW)
    return message


def _sha256(titles: Iterable[tuple[int, bytes]]) -> bytes:
    found = hashlib.sha256()
    for ordinal, title in titles:
        found.update(ordinal.to_bytes(_ORDINAL_BYTES, "little"))
        found.update(title)
    return found.digest()
