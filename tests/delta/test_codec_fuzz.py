"""Whatever arrives: a decoder gives a value or an OmegaError, never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omega.brain.v1.brain_service_pb2 import ObserveEventRequest
from omega.common.v1.content_pb2 import CONTENT_KIND_MOVIE
from omega.common.v1.content_pb2 import Content as ContentMessage
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta import (
    CataloguePack,
    FactorPack,
    GlobalPattern,
    StateDelta,
    compress,
    content_from_proto,
    decode_catalogue,
    decode_catalogue_delta,
    decode_factors,
    decode_state_delta,
    decompress,
    encode_catalogue,
    encode_catalogue_delta,
    encode_factors,
    encode_state_delta,
    event_from_proto,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STAMP = Timestamp(seconds=1_700_000_000)


def _axis(index: int) -> FloatArray:
    return np.asarray(np.eye(1, DIMENSION, index)[0], np.float32)


CATALOGUE = encode_catalogue(
    CataloguePack(
        version=1,
        model_version="m",
        centring_mean=_axis(0),
        ordinals=np.arange(2, dtype=np.uint32),
        contents=(
            Content("a", "A", ContentKind.MOVIE, ("Drama",), 1950, "UK", "About a."),
            Content("b", "B", ContentKind.SERIES),
        ),
        embeddings=np.stack([_axis(1), _axis(2)]),
    )
)
FACTORS = encode_factors(
    FactorPack(
        version=1,
        model_version="m",
        catalogue_version=1,
        ordinals=np.arange(2, dtype=np.uint32),
        factors=np.ones((2, 3), np.int8),
        steps=np.ones(3, np.float32),
        gains=np.ones(2, np.float32),
        prior=np.full(2, 0.5, np.float32),
    )
)
STATE = encode_state_delta(
    StateDelta(0, 1, "m", (GlobalPattern(1, _axis(3), 0.5, 4, 0.25),), (7, 8))
)
_PACK = decode_catalogue(CATALOGUE)
CATALOGUE_DELTA = (
    encode_catalogue_delta(
        CATALOGUE, encode_catalogue(replace(_PACK, version=9, contents=_PACK.contents[::-1]))
    )
    or b""
)
DECODERS: list[tuple[Callable[[bytes], object], bytes]] = [
    (decode_catalogue, CATALOGUE),
    (decode_factors, FACTORS),
    (decode_state_delta, STATE),
    (decode_catalogue_delta, CATALOGUE_DELTA),
]


def _only_omega_errors(call: Callable[[], object]) -> bool:
    """Whether the call gave a value."""
    try:
        call()
    except OmegaError as error:
        assert error.code == ErrorCode.INVALID_FIELD  # noqa: PT017 - both outcomes are right
        assert error.field  # noqa: PT017 - the same
        return False
    return True


@pytest.mark.parametrize(("decode", "body"), DECODERS)
def test_random_bytes_never_decode(decode: Callable[[bytes], object], body: bytes) -> None:
    @given(st.binary(max_size=300))
    @example(b"")
    @settings(deadline=None, max_examples=60)
    def holds(data: bytes) -> None:
        assert not _only_omega_errors(lambda: decode(data))
        assert not _only_omega_errors(lambda: decode(compress(data)))
        assert not _only_omega_errors(lambda: decode(body + data[:1] + b"\x00"))

    holds()


@pytest.mark.parametrize(("decode", "body"), DECODERS)
def test_damaged_messages_raise_nothing_else(
    decode: Callable[[bytes], object], body: bytes
) -> None:
    raw = decompress("body", body, 1 << 20)
    rng = random.Random(7)  # noqa: S311 - chooses damage
    decoded = 0
    for _ in range(600):
        damaged = bytearray(raw)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(raw))] = rng.randrange(256)
        cut = bytes(damaged[: rng.randrange(len(raw))] if rng.random() < 0.3 else damaged)
        decoded += _only_omega_errors(lambda cut=cut: decode(compress(cut)))  # type: ignore[misc]  # bound at once
    assert 0 < decoded < 600


@pytest.mark.parametrize(
    ("kind", "convert"),
    [
        (ContentMessage, content_from_proto),
        (ObserveEventRequest, lambda message: event_from_proto(message, NOW)),
    ],
)
def test_any_message_that_parses_is_judged(
    kind: type[Message], convert: Callable[[Message], object]
) -> None:
    whole = {
        ContentMessage: ContentMessage(
            content_id="a",
            title="A",
            kind=CONTENT_KIND_MOVIE,
            genres=["Drama"],
            year=1950,
            country="UK",
        ),
        ObserveEventRequest: ObserveEventRequest(
            event_id="e", content_id="c", watch_percentage=0.5, occurred_at=STAMP, session_id="s"
        ),
    }[kind].SerializeToString()
    rng = random.Random(3)  # noqa: S311 - chooses damage
    judged = 0
    for _ in range(2_000):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(whole))] = rng.randrange(256)
        try:
            message = kind.FromString(bytes(damaged))
        except DecodeError:
            continue
        judged += 1
        _only_omega_errors(lambda message=message: convert(message))  # type: ignore[misc]  # bound at once
    assert judged > 200
