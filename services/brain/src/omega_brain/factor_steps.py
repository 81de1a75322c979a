"""Factors as what changed since the held ones."""

from __future__ import annotations

import hashlib
import logging

from omega_brain.state import FACTORS
from omega_brain.stores import Stores
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import FactorPack, apply_factor_delta, decode_factors, factors_sha256
from omega_persistence.resources import ResourceKey

_log = logging.getLogger(__name__)


def base(stores: Stores, key: ResourceKey) -> tuple[int, bytes] | None:
    """The held version and what names it; None = there is none, or a whole body is under way.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    stored = stores.resources.get(FACTORS)
    if stored is None or stores.resources.received(key):
        return None
    try:
        return stored.key.version, factors_sha256(stored.body)
    except OmegaError as error:
        _log.warning("the held factors are no base: %s", error)
        return None


def applied(stores: Stores, delta: bytes, key: ResourceKey) -> bytes | None:
    """The body that a delta leads to from the held one; None when it is not to be trusted."""
    stored = stores.resources.get(FACTORS)
    try:
        if stored is None:
            return None
        body = apply_factor_delta(stored.body, delta)
        pack = decode_factors(body)
        _require_announced(pack, key)
    except OmegaError as error:
        if error.code not in {ErrorCode.CORRUPT_RESOURCE, ErrorCode.INVALID_FIELD}:
            raise
        _log.warning("a delta to factors %d is thrown away: %s", key.version, error)
        return None
    return body


def _require_announced(pack: FactorPack, key: ResourceKey) -> None:
    if (pack.version, pack.model_version) != (key.version, key.model_version):
        raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail="it leads to another version")


def stored_key(key: ResourceKey, body: bytes) -> ResourceKey:
    """The key of an announced version whose body was made here: its own size and hash."""
    sha256 = hashlib.sha256(body).digest()
    return ResourceKey(key.kind, key.version, len(body), sha256, key.model_version)
