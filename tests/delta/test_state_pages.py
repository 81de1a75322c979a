"""Pages of a step: each below its bound, all of them together the step, under either codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, unit
from omega_delta import (
    PAGE_BYTES,
    GlobalPattern,
    StateDelta,
    Trend,
    Trends,
    compress,
    decode_state_delta,
    decompress,
    encode_state_delta,
    join_state_deltas,
    state_pages,
)

F16, U8 = resource_pb2.CODEC_F16_ZSTD, resource_pb2.CODEC_U8_ZSTD
CODECS = pytest.mark.parametrize("codec", [F16, U8], ids=["f16", "u8"])


def _patterns(number: int, seed: int = 0) -> tuple[GlobalPattern, ...]:
    random = np.random.default_rng(seed)
    rows = unit(random.standard_normal((number, 384)).astype(np.float32))
    return tuple(
        GlobalPattern(i + 1, row.astype(np.float16).astype(np.float32), 0.75, 4, 0.5)
        for i, row in enumerate(rows)
    )


def _delta(number: int = 80, removed: int = 256) -> StateDelta:
    trends = Trends(
        2**40,
        datetime(2026, 1, 2, tzinfo=UTC),
        tuple(Trend(2**32 - 1 - i, 0.7, regional=True) for i in range(32)),
    )
    gone = tuple(2**32 - 1 - i for i in range(removed))
    return StateDelta(2**40, 2**40 + 1, "m" * 64, _patterns(number), gone, trends)


def _cosines(got: StateDelta, sent: StateDelta) -> FloatArray:
    pairs = zip(got.patterns, sent.patterns, strict=True)
    return np.array([unit(a.embedding) @ unit(b.embedding) for a, b in pairs], np.float32)


@CODECS
def test_pages_of_the_largest_step_keep_their_bound_and_lose_nothing(codec: int) -> None:
    sent = _delta(88)
    pages = state_pages(sent, codec)
    assert max(map(len, pages)) <= PAGE_BYTES
    assert 1 < len(pages) <= 128
    got = join_state_deltas([decode_state_delta(page, codec) for page in pages])
    assert got.removed_pattern_ids == sent.removed_pattern_ids
    assert got.trends is not None
    assert len(got.trends.titles) == 32
    assert [p.pattern_id for p in got.patterns] == [p.pattern_id for p in sent.patterns]
    assert _cosines(got, sent).min() > 0.999


@CODECS
def test_a_step_falls_into_the_same_pages_every_time(codec: int) -> None:
    assert state_pages(_delta(), codec) == state_pages(_delta(), codec)


@CODECS
def test_a_small_step_is_one_page(codec: int) -> None:
    (page,) = state_pages(_delta(1, 2), codec)
    assert decode_state_delta(page, codec).removed_pattern_ids == (2**32 - 1, 2**32 - 2)


def test_float16_vectors_stay_what_they_were() -> None:
    sent = _delta()
    got = join_state_deltas([decode_state_delta(page) for page in state_pages(sent, F16)])
    for a, b in zip(got.patterns, sent.patterns, strict=True):
        np.testing.assert_array_equal(a.embedding, b.embedding)


def test_a_byte_a_component_is_half_the_size_and_of_norm_1() -> None:
    delta = replace(_delta(), trends=None)
    assert len(encode_state_delta(delta, U8)) < 0.6 * len(encode_state_delta(delta, F16))
    for pattern in decode_state_delta(encode_state_delta(delta, U8), U8).patterns:
        assert abs(float(np.linalg.norm(pattern.embedding)) - 1) < 1e-6


def test_vectors_of_extreme_ranges_survive_a_byte_a_component() -> None:
    spike, flat = np.zeros(384, np.float32), np.full(384, 384**-0.5, np.float32)
    spike[7] = -1.0
    patterns = tuple(
        replace(p, embedding=v) for p, v in zip(_patterns(2), (spike, flat), strict=True)
    )
    sent = replace(_delta(), patterns=patterns)
    assert _cosines(decode_state_delta(encode_state_delta(sent, U8), U8), sent).min() > 0.999


@CODECS
def test_a_page_missing_repeated_or_of_another_step_is_refused_or_seen(codec: int) -> None:
    pages = [decode_state_delta(page, codec) for page in state_pages(_delta(), codec)]
    for wrong in (
        [pages[0], pages[0]],
        [pages[1], pages[0]],
        [pages[0], replace(pages[1], version=pages[1].version + 1)],
        [pages[0], pages[1], pages[1]],
    ):
        with pytest.raises(OmegaError) as caught:
            join_state_deltas(wrong)
        assert caught.value.code == ErrorCode.INVALID_FIELD


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: row[:-1],
        lambda row: row + b"\0",
        lambda row: b"\xff\xff" + row[2:],
        lambda row: row[:2] + b"\xff\xff" + row[4:],
        lambda row: bytes(len(row)),
    ],
    ids=["short", "long", "least is no number", "step is no number", "no direction"],
)
def test_a_damaged_vector_is_named(damage: Callable[[bytes], bytes]) -> None:
    message = sync_service_pb2.StateDelta()
    message.ParseFromString(decompress("delta", encode_state_delta(_delta(3), U8), 2**18))
    message.patterns[1].embedding = damage(message.patterns[1].embedding)
    with pytest.raises(OmegaError) as caught:
        decode_state_delta(compress(message.SerializeToString()), U8)
    assert caught.value.field == "patterns[1].embedding"
