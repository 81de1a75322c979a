"""Steps between versions of a resource, encoded once for all TVs."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import encode_catalogue_delta, encode_factor_delta, factors_sha256
from omega_store import Store, resources
from omega_store.resources import ResourceKind

_MOST_CACHED = 8


@dataclass(frozen=True)
class Delta:
    """A step that is smaller than the body it leads to."""

    base_sha256: bytes
    """What the base holds, 32 bytes."""
    body: bytes = field(repr=False)
    """As transferred."""
    sha256: bytes
    """Of `body`."""


@dataclass(frozen=True)
class Coding:
    """How steps of a kind are made."""

    kind: ResourceKind
    """Of the bodies."""
    encode: Callable[[bytes, bytes], bytes | None]
    """The step from one body to another; None = there is none."""
    name: Callable[[bytes], bytes]
    """The SHA-256 by which a caller names the base that it holds."""


def _transferred(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


CODINGS = (
    # A TV that came to its titles by deltas never held the body; it knows what was announced.
    Coding(ResourceKind.CATALOGUE, encode_catalogue_delta, _transferred),
    # A TV that came to its factors by deltas holds the body up to how it is compressed.
    Coding(ResourceKind.FACTORS, encode_factor_delta, factors_sha256),
)
"""The kinds that move as steps."""


class Steps:
    """Encoded deltas between the versions of one kind. Safe to share between threads."""

    def __init__(self, store: Store, coding: Coding) -> None:
        self._store = store
        self._coding = coding
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], Delta | None] = OrderedDict()

    def between(self, base: int, sha256: bytes, version: int) -> Delta | None:
        """The step from one version to another; None where the whole body is what to send.

        That is where the base is unknown or another than the caller holds, and where the step is no
        smaller than the body.

        Args:
            base: version that the caller holds.
            sha256: of what it holds, 32 bytes.
            version: that it wants.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        # One thread encodes, the others wait for what it found.
        with self._lock:
            if (base, version) not in self._cache:
                found = self._made(base, version)
                if found is None and not self._stored(base, version):
                    return None  # not remembered: an unknown version may be asked for at will
                self._cache[base, version] = found
                if len(self._cache) > _MOST_CACHED:
                    self._cache.popitem(last=False)
            step = self._cache[base, version]
        return step if step is not None and step.base_sha256 == sha256 else None

    def _stored(self, *versions: int) -> bool:
        """Whether the shard has these versions."""
        try:
            with self._store.statements("find resource") as conn:
                for version in versions:
                    resources.info(conn, self._coding.kind, version)
        except OmegaError as error:
            if error.code != ErrorCode.UNKNOWN_RESOURCE:
                raise
            return False
        return True

    def _made(self, base: int, version: int) -> Delta | None:
        coding = self._coding
        try:
            with self._store.snapshot("read resources") as conn:
                before, after = (
                    resources.read(conn, coding.kind, each, 0, limits.MAX_RESOURCE)
                    for each in (base, version)
                )
            body = coding.encode(before, after)
            if body is None or len(body) >= len(after):
                return None
            return Delta(coding.name(before), body, _transferred(body))
        except OmegaError as error:
            # A version that is not kept, or one that this release cannot read: the whole body.
            if error.code not in {ErrorCode.UNKNOWN_RESOURCE, ErrorCode.INVALID_FIELD}:
                raise
            return None
