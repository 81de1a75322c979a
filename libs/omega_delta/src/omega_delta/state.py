"""State deltas: news of the tastes that the fleet shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from omega.sync.v1 import sync_service_pb2
from omega_core import limits, validate
from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta import checks, packing
from omega_delta.components import F16, decode_vectors, encode_vector

MAX_PATTERNS = 88
"""Most patterns a delta."""
MAX_REMOVED = 4_096
"""Most removed ids a delta."""
_MOST_ID = 2**32 - 1


@dataclass(frozen=True, eq=False)
class GlobalPattern:
    """A taste that at least 3 TVs share."""

    pattern_id: int
    """Names it within a shard, 1 to 4,294,967,295."""
    embedding: FloatArray
    """Centred unit vector, float32 (384,)."""
    success_rate: float
    """Quality-weighted success rate of its members, 0 to 1; float32 on the wire."""
    device_count_floor: int
    """Distinct TVs behind it, rounded down to a power of two, at least 2."""
    weight: float
    """Share of the fleet's weighted taste, 0 to 1; float32 on the wire."""


@dataclass(frozen=True)
class Trend:
    """A title on the rise."""

    ordinal: int
    """Position in the catalogue's index, 0 to 4,294,967,295."""
    score: float
    """How strong it was, above 0, at most 1; float32 on the wire."""
    regional: bool
    """True: in the TV's region. False: over all regions."""


@dataclass(frozen=True)
class Trends:
    """Every trend that holds for a TV."""

    catalogue_version: int
    """Catalogue whose ordinals they use, from 1."""
    at: datetime
    """When the scores held, aware; to the microsecond on the wire."""
    titles: tuple[Trend, ...]
    """1 to 32, each ordinal once."""


@dataclass(frozen=True, eq=False)
class StateDelta:
    """What leads from one version of the collective state to another."""

    base_version: int
    """Version it starts from; 0 = from nothing."""
    version: int
    """Version it leads to, greater than base_version."""
    model_version: str
    """Encoder of the patterns, 1 to 64 characters."""
    patterns: tuple[GlobalPattern, ...]
    """New or changed, at most 88, with distinct ids."""
    removed_pattern_ids: tuple[int, ...] = ()
    """Gone, at most 4,096, distinct, none of them in patterns."""
    trends: Trends | None = None
    """All that hold, whatever was held before; None = there are none."""


def encode_state_delta(delta: StateDelta, codec: int = F16) -> bytes:
    """A zstd frame of omega.sync.v1.StateDelta. Equal deltas give equal bytes.

    About 710 bytes a pattern as F16 and 400 as U8, so that MAX_PATTERNS of them stay below
    limits.MAX_DELTA.

    Args:
        delta: what to tell.
        codec: components.F16 or U8, the form of the vectors.

    Raises:
        OmegaError: INVALID_FIELD that names the field when the delta breaks a bound of the
            contract, or its frame exceeds limits.MAX_DELTA.
    """
    return packing.pack(
        "delta", state_message(delta, codec), limits.MAX_DELTA, limits.MAX_DELTA_RAW
    )


def state_message(delta: StateDelta, codec: int) -> sync_service_pb2.StateDelta:
    """The message that encode_state_delta compresses.

    Raises:
        OmegaError: INVALID_FIELD that names the field when the delta breaks a bound.
    """
    check_state_delta(delta)
    message = sync_service_pb2.StateDelta(
        base_version=delta.base_version,
        version=delta.version,
        model_version=delta.model_version,
        patterns=[
            sync_service_pb2.GlobalPattern(
                pattern_id=p.pattern_id,
                embedding=encode_vector(codec, p.embedding),
                success_rate=p.success_rate,
                device_count_floor=p.device_count_floor,
                weight=p.weight,
            )
            for p in delta.patterns
        ],
        removed_pattern_ids=delta.removed_pattern_ids,
    )
    if delta.trends is not None:
        message.trends_catalogue_version = delta.trends.catalogue_version
        message.trends_at.FromDatetime(delta.trends.at.astimezone(UTC))
        message.trends.extend(
            sync_service_pb2.Trend(ordinal=t.ordinal, score=t.score, regional=t.regional)
            for t in delta.trends.titles
        )
    return message


def decode_state_delta(data: bytes, codec: int = F16) -> StateDelta:
    """The delta of a zstd frame, held to every bound of the contract.

    Args:
        data: as received.
        codec: components.F16 or U8, as the answer states it.

    Raises:
        OmegaError: INVALID_FIELD that names the field, such as "patterns[3].weight".
    """
    message = sync_service_pb2.StateDelta()
    packing.unpack("delta", data, message, limits.MAX_DELTA, limits.MAX_DELTA_RAW)
    validate.count("patterns", message.patterns, MAX_PATTERNS)
    embeddings = decode_vectors(
        codec, [p.embedding for p in message.patterns], "patterns[{}].embedding"
    )
    delta = StateDelta(
        base_version=message.base_version,
        version=message.version,
        model_version=message.model_version,
        patterns=tuple(
            GlobalPattern(
                pattern_id=p.pattern_id,
                embedding=embedding,
                success_rate=p.success_rate,
                device_count_floor=p.device_count_floor,
                weight=p.weight,
            )
            for p, embedding in zip(message.patterns, embeddings, strict=True)
        ),
        removed_pattern_ids=tuple(message.removed_pattern_ids),
        trends=_trends(message),
    )
    return check_state_delta(delta)


def _trends(message: sync_service_pb2.StateDelta) -> Trends | None:
    validate.count("trends", message.trends, limits.MAX_TRENDS)
    if not message.trends:
        return None
    try:
        at = message.trends_at.ToDatetime(UTC)
    except ValueError:
        raise invalid("trends_at", "an instant of the years 1 to 9999") from None
    return Trends(
        catalogue_version=message.trends_catalogue_version,
        at=at,
        titles=tuple(Trend(t.ordinal, t.score, t.regional) for t in message.trends),
    )


def check_trends(trends: Trends) -> None:
    """Refuses trends that break a bound.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    checks.version("trends_catalogue_version", trends.catalogue_version)
    if trends.at < validate.EARLIEST:
        raise invalid("trends_at", "2000-01-01 or later")
    validate.count("trends", trends.titles, limits.MAX_TRENDS, 1)
    for i, trend in enumerate(trends.titles):
        validate.integer(f"trends[{i}].ordinal", trend.ordinal, 0, _MOST_ID)
        validate.number(f"trends[{i}].score", trend.score, 0.0, 1.0)
        if not trend.score:
            raise invalid(f"trends[{i}].score", "above 0")
    checks.distinct("trends[{}].ordinal", [trend.ordinal for trend in trends.titles])


def check_state_delta(delta: StateDelta) -> StateDelta:
    """Returns a delta that keeps every bound of the contract.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    validate.integer("base_version", delta.base_version, 0, limits.MAX_VERSION)
    checks.version("version", delta.version)
    if delta.version <= delta.base_version:
        raise invalid("version", "greater than base_version")
    checks.model("model_version", delta.model_version)
    validate.count("patterns", delta.patterns, MAX_PATTERNS)
    for i, pattern in enumerate(delta.patterns):
        check_pattern(f"patterns[{i}]", pattern)
    validate.count("removed_pattern_ids", delta.removed_pattern_ids, MAX_REMOVED)
    for i, removed in enumerate(delta.removed_pattern_ids):
        validate.integer(f"removed_pattern_ids[{i}]", removed, 1, _MOST_ID)
    kept = [p.pattern_id for p in delta.patterns]
    checks.distinct("patterns[{}].pattern_id", kept)
    checks.distinct("removed_pattern_ids[{}]", delta.removed_pattern_ids)
    if not set(kept).isdisjoint(delta.removed_pattern_ids):
        raise invalid("removed_pattern_ids", "free of ids that patterns holds")
    if delta.trends is not None:
        check_trends(delta.trends)
    return delta


def check_pattern(name: str, pattern: GlobalPattern) -> None:
    """Refuses a pattern that breaks a bound.

    Raises:
        OmegaError: INVALID_FIELD that names the field below `name`.
    """
    validate.integer(f"{name}.pattern_id", pattern.pattern_id, 1, _MOST_ID)
    checks.shape(f"{name}.embedding", pattern.embedding, (DIMENSION,))
    checks.unit_rows(f"{name}.embedding", pattern.embedding[np.newaxis])
    validate.number(f"{name}.success_rate", pattern.success_rate, 0.0, 1.0)
    floor = validate.integer(f"{name}.device_count_floor", pattern.device_count_floor, 2, _MOST_ID)
    if floor & (floor - 1):
        raise invalid(f"{name}.device_count_floor", "a power of two")
    validate.number(f"{name}.weight", pattern.weight, 0.0, 1.0)
