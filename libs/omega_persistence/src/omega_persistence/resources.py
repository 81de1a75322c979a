"""Large versioned bodies, and the parts of one that is still being transferred."""

from __future__ import annotations

from dataclasses import dataclass, field

from omega_persistence.database import Database


@dataclass(frozen=True)
class ResourceKey:
    """Names one version of a body, as the server announced it."""

    kind: int
    """Value of omega.common.v1.ResourceKind."""
    version: int
    """From 1."""
    size_bytes: int
    """Length of the body, 1 to 67,108,864."""
    sha256: bytes
    """32 bytes."""
    model_version: str
    """Encoder whose vectors the body rests on."""


@dataclass(frozen=True)
class StoredResource:
    """A complete, verified body."""

    key: ResourceKey
    """Its name."""
    body: bytes = field(repr=False)
    """As transferred."""


class Resources:
    """One complete body and at most one unfinished transfer a kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, key: ResourceKey, body: bytes) -> None:
        """Verifies a body and keeps it in place of the kind's last one; ends its transfer.

        Raises:
            OmegaError: CORRUPT_RESOURCE (size or SHA-256 differ; nothing is changed),
                INVALID_FIELD (a bound of the key), STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def get(self, kind: int) -> StoredResource | None:
        """The kind's body, or None.

        Raises:
            OmegaError: CORRUPT_RESOURCE when the stored body no longer matches its SHA-256.
        """
        raise NotImplementedError

    def held(self) -> list[ResourceKey]:
        """The complete versions held, without their bodies, by kind."""
        raise NotImplementedError

    def received(self, key: ResourceKey) -> int:
        """Bytes of an unfinished transfer of exactly this key: the offset to go on from."""
        raise NotImplementedError

    def append(self, key: ResourceKey, offset: int, data: bytes) -> int:
        """Keeps the next chunk; returns the bytes held. A transfer of another version is dropped.

        Raises:
            OmegaError: INVALID_FIELD (offset is not `received`, or more than size_bytes),
                STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def complete(self, key: ResourceKey) -> StoredResource:
        """Joins, verifies and stores a transfer whose bytes are all there.

        Raises:
            OmegaError: CORRUPT_RESOURCE: the parts are dropped, so that the next try starts
                afresh; the last complete body stays. STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def remove(self, kind: int) -> None:
        """Forgets the kind's body and transfer."""
        raise NotImplementedError
