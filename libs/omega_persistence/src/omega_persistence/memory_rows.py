"""A memory as a row of the table memories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omega_core import limits
from omega_core.memory import Memory, Tier, strength
from omega_core.vectors import FloatArray, pack_f16, unit, unpack_f16
from omega_persistence.times import from_micros, to_micros

COLUMNS = (
    "tier, profile_id, key, importance, confidence, access_count, created_at, accessed_at, "
    "expires_at, content_id, text, metadata, model_version, embedding, strength"
)
"""What a row is written with."""
SELECT = f"SELECT memory_rowid, {COLUMNS} FROM memories"  # noqa: S608 - constants only
"""Reads what memory_of takes, after the rowid."""


def memory_values(memory: Memory) -> tuple[object, ...]:
    """Values of COLUMNS."""
    return (
        int(memory.tier),
        memory.profile_id,
        memory.key,
        memory.importance,
        memory.confidence,
        memory.access_count,
        to_micros(memory.created_at),
        to_micros(memory.accessed_at),
        None if memory.expires_at is None else to_micros(memory.expires_at),
        memory.content_id,
        memory.text,
        json.dumps(dict(memory.metadata), ensure_ascii=False),
        memory.model_version,
        None if memory.embedding is None else pack_f16(memory.embedding),
        strength(memory),
    )


def memory_of(row: tuple[Any, ...]) -> Memory:
    """The memory of a row of SELECT.

    Raises:
        OmegaError, TypeError, ValueError: no such row was ever written.
    """
    _, tier, profile_id, key, importance, confidence, access_count = row[:7]
    created_at, accessed_at, expires_at, content_id, text, metadata, model_version = row[7:14]
    packed = row[14]
    known: Mapping[str, str] = json.loads(metadata)
    return Memory(
        tier=Tier(tier),
        key=key,
        text=text,
        importance=importance,
        created_at=from_micros(created_at),
        accessed_at=from_micros(accessed_at),
        profile_id=profile_id,
        content_id=content_id,
        metadata=known,
        confidence=confidence,
        access_count=access_count,
        expires_at=None if expires_at is None else from_micros(expires_at),
        embedding=None if packed is None else _unpacked(packed),
        model_version=model_version,
    )


def _unpacked(packed: bytes) -> FloatArray:
    return unit(unpack_f16("embedding", packed, limits.DIMENSION))
