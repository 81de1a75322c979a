"""Memories and queries held to their bounds."""

from __future__ import annotations

from dataclasses import replace

from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.memory import (
    MAX_KEY,
    MAX_LIMIT,
    MAX_METADATA,
    MAX_METADATA_VALUE,
    MAX_TEXT,
    Memory,
    MemoryQuery,
)
from omega_core.vectors import unit


def check_memory(memory: Memory, name: str = "memory") -> Memory:
    """The memory with a unit vector, held to its bounds. `name` is the field it came in.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.text(f"{name}.key", memory.key, MAX_KEY, 1)
    validate.text(f"{name}.text", memory.text, MAX_TEXT, 1)
    validate.number(f"{name}.importance", memory.importance, 0, 1)
    validate.number(f"{name}.confidence", memory.confidence, 0, 1)
    validate.identifier(f"{name}.profile_id", memory.profile_id, limits.MAX_SHORT_ID, optional=True)
    validate.identifier(f"{name}.content_id", memory.content_id, limits.MAX_ID, optional=True)
    validate.count(f"{name}.metadata", memory.metadata, MAX_METADATA)
    for key, value in memory.metadata.items():
        validate.text(f"{name}.metadata", key, 64, 1)
        validate.text(f"{name}.metadata[{key}]", value, MAX_METADATA_VALUE)
    if memory.profile_id and not memory.tier.personal:
        raise invalid(f"{name}.profile_id", f"empty in {memory.tier.name.lower()}")
    if memory.embedding is None:
        validate.text(f"{name}.model_version", memory.model_version, 0)
        return memory
    validate.text(f"{name}.model_version", memory.model_version, limits.MAX_SHORT_ID, 1)
    vector = validate.vector(f"{name}.embedding", memory.embedding, limits.DIMENSION)
    return replace(memory, embedding=unit(vector))


def check_query(query: MemoryQuery) -> MemoryQuery:
    """The query with a unit vector, held to its bounds.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.integer("limit", query.limit, 1, MAX_LIMIT)
    validate.number("min_similarity", query.min_similarity, -1, 1)
    validate.number("min_importance", query.min_importance, 0, 1)
    validate.number("min_confidence", query.min_confidence, 0, 1)
    validate.count("metadata", query.metadata, 8)
    if query.vector is None:
        return query
    validate.text("model_version", query.model_version, limits.MAX_SHORT_ID, 1)
    vector = validate.vector("vector", query.vector, limits.DIMENSION)
    return replace(query, vector=unit(vector))
