"""Requests held to their bounds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_core import limits, validate
from omega_core.content import Availability, Content, ContentKind
from omega_core.errors import invalid
from omega_core.memory import MemoryQuery, Tier
from omega_core.vectors import FloatArray, unpack_f32
from omega_delta import content_from_proto, context_from_proto

DEFAULT_LIMIT = 20
"""Titles a list when the request does not say."""
DEFAULT_MEMORIES = 10
"""Memories an answer when the request does not say."""
MAX_COMPANY = 7
"""Most profiles that watch along."""
LONGEST_INTERVAL = timedelta(hours=1)
"""Longest least_interval of a watcher."""
E = TypeVar("E", bound=IntEnum)


def recommend_query(request: pb.GetRecommendationsRequest, name: str = "") -> RecommendQuery:
    """The request for a list; `name` goes before each field that is named.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    for field, most, longest in (
        ("content_ids", 1_000, limits.MAX_ID),
        ("available_services", 64, limits.MAX_SHORT_ID),
        ("exclude_content_ids", 1_000, limits.MAX_ID),
    ):
        ids = getattr(request, field)
        validate.count(name + field, ids, most)
        for i, each in enumerate(ids):
            validate.identifier(f"{name}{field}[{i}]", each, longest)
    validate.count(f"{name}exclude_genres", request.exclude_genres, 16)
    for i, genre in enumerate(request.exclude_genres):
        validate.text(f"{name}exclude_genres[{i}]", genre, 64, 1)
    validate.count(f"{name}company_profile_ids", request.company_profile_ids, MAX_COMPANY)
    for i, profile_id in enumerate(request.company_profile_ids):
        validate.identifier(f"{name}company_profile_ids[{i}]", profile_id, limits.MAX_SHORT_ID)
    cursor = request.cursor
    if cursor:
        validate.uuid(f"{name}cursor", cursor)
        if request.offset:
            raise invalid(f"{name}offset", "0 when cursor is given")
    return RecommendQuery(
        limit=validate.integer(f"{name}limit", request.limit or DEFAULT_LIMIT, 1, 100),
        offset=validate.integer(f"{name}offset", request.offset, 0, 1_000),
        context=(
            context_from_proto(request.context, f"{name}context")
            if request.HasField("context")
            else None
        ),
        content_ids=tuple(request.content_ids),
        available_services=tuple(request.available_services),
        availabilities=_stated(f"{name}availabilities", request.availabilities, Availability),
        kinds=_stated(f"{name}kinds", request.kinds, ContentKind),
        query_text=validate.text(f"{name}query_text", request.query_text, limits.MAX_QUERY),
        profile_id=_profile_id(f"{name}profile_id", request.profile_id),
        company=tuple(request.company_profile_ids),
        exclude_content_ids=tuple(request.exclude_content_ids),
        exclude_genres=tuple(request.exclude_genres),
        diversity=(
            validate.number(f"{name}diversity", request.diversity, 0, 1)
            if request.HasField("diversity")
            else None
        ),
        cursor=cursor,
    )


def watch(request: pb.WatchRecommendationsRequest) -> tuple[RecommendQuery, float]:
    """The list to watch, and the least seconds between two of them.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    query = recommend_query(request.list, "list.")
    for field in ("offset", "cursor"):
        if getattr(query, field):
            raise invalid(f"list.{field}", "absent: a watched list begins at its best title")
    wait = request.least_interval.seconds + request.least_interval.nanos / 1e9
    validate.number("least_interval", wait, 0, LONGEST_INTERVAL.total_seconds())
    return query, wait


def memory_query(request: pb.QueryMemoryRequest) -> tuple[MemoryQuery, str]:
    """The query, without a vector of its text, and the text; one of text and embedding at most.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    text = validate.text("query_text", request.query_text, limits.MAX_QUERY)
    embedding = _embedding(request.embedding)
    if text and embedding is not None:
        raise invalid("embedding", "empty when query_text is given")
    validate.count("tiers", request.tiers, len(Tier))
    tiers = set(_stated("tiers", request.tiers, Tier))
    if request.tier:
        tiers.add(_value("tier", request.tier, Tier))
    validate.count("metadata", request.metadata, 8)
    for key, value in request.metadata.items():
        validate.text("metadata", key, 64, 1)
        validate.text(f"metadata[{key}]", value, 128)
    query = MemoryQuery(
        vector=embedding,
        tiers=tuple(sorted(tiers)),
        limit=validate.integer("limit", request.limit or DEFAULT_MEMORIES, 1, 100),
        min_similarity=validate.number("min_similarity", request.min_similarity, -1, 1),
        min_importance=validate.number("min_importance", request.min_importance, 0, 1),
        created_from=_instant(request, "created_from"),
        created_before=_instant(request, "created_before"),
        metadata=dict(request.metadata),
        profile_id=_profile_id("profile_id", request.profile_id),
    )
    return query, text


def contents(request: pb.UpsertContentsRequest) -> list[Content]:
    """Raises OmegaError INVALID_FIELD."""
    validate.count("contents", request.contents, 500, 1)
    return [
        content_from_proto(message, f"contents[{i}]") for i, message in enumerate(request.contents)
    ]


def _profile_id(field: str, value: str) -> str:
    return validate.identifier(field, value, limits.MAX_SHORT_ID, optional=True)


def _embedding(data: bytes) -> FloatArray | None:
    if not data:
        return None
    vector = unpack_f32("embedding", data, limits.DIMENSION)
    return validate.vector("embedding", vector, limits.DIMENSION)


def _instant(request: pb.QueryMemoryRequest, field: str) -> datetime | None:
    if not request.HasField(field):  # type: ignore[arg-type]  # names of two fields of it
        return None
    stamp: Timestamp = getattr(request, field)
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid(field, "a valid timestamp") from None


def _stated(field: str, values: Collection[int], kind: type[E]) -> tuple[E, ...]:
    validate.count(field, values, len(kind))
    return tuple(_value(f"{field}[{i}]", value, kind) for i, value in enumerate(values))


def _value(field: str, value: int, kind: type[E]) -> E:
    try:
        return kind(value)
    except ValueError:
        stated = ", ".join(f"{each.value} ({each.name.lower()})" for each in kind)
        raise invalid(field, f"one of {stated}") from None
