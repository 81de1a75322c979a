"""Vectors as a byte a component: near what they were, and refused when they are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega_core.errors import OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_delta import GlobalPattern, StateDelta, decode_state_delta, encode_state_delta
from omega_delta.bytewise import PACKED_BYTES, pack_u8, unpack_u8

U8 = resource_pb2.CODEC_U8_ZSTD


def _vector(seed: int, power: float) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal(DIMENSION)
    return unit((np.sign(rows) * np.abs(rows) ** power).astype(np.float32))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 3.0, 9.0]))
@settings(deadline=None, max_examples=60)
def test_a_vector_comes_back_near_what_it_was(seed: int, power: float) -> None:
    vector = _vector(seed, power)
    packed = pack_u8(vector)
    assert len(packed) == PACKED_BYTES == 388
    (back,) = unpack_u8([packed], "row[{}]")
    # No component is farther off than half a step and what float16 rounds off least and step.
    spread = float(np.ptp(vector))
    off = spread / 510 + (abs(float(vector.min())) + spread) / 2**11
    assert float(vector @ back) >= np.sqrt(1 - DIMENSION * off**2) - 1e-6
    assert abs(float(np.linalg.norm(back)) - 1) < 1e-5


def test_equal_components_are_kept() -> None:
    vector = unit(np.ones(DIMENSION, np.float32))
    (back,) = unpack_u8([pack_u8(vector)], "row[{}]")
    np.testing.assert_allclose(back, vector, atol=1e-4)


@pytest.mark.parametrize(
    "row",
    [bytes(387), bytes(388), b"\xff\xff" + bytes(386), bytes(2) + b"\x00\x7c" + b"\x01" * 384],
)
def test_what_is_no_vector_is_refused(row: bytes) -> None:
    with pytest.raises(OmegaError) as caught:
        unpack_u8([pack_u8(_vector(0, 1)), row], "patterns[{}].embedding")
    assert caught.value.field == "patterns[1].embedding"


def test_a_delta_as_bytes_takes_half_of_one_as_halves() -> None:
    patterns = tuple(GlobalPattern(i + 1, _vector(i, 1), 0.5, 4, 0.25) for i in range(12))
    delta = StateDelta(0, 1, "m", patterns, (90,))
    data = encode_state_delta(delta, U8)
    assert len(data) < 0.6 * len(encode_state_delta(delta))
    back = decode_state_delta(data, U8)
    assert back.removed_pattern_ids == (90,)
    for found, sent in zip(back.patterns, patterns, strict=True):
        assert found.pattern_id == sent.pattern_id
        assert float(found.embedding @ sent.embedding) >= 0.999


def test_a_delta_is_not_read_as_of_another_codec() -> None:
    delta = StateDelta(0, 1, "m", (GlobalPattern(1, _vector(0, 1), 0.5, 4, 0.25),))
    with pytest.raises(OmegaError) as caught:
        decode_state_delta(encode_state_delta(delta, U8))
    assert caught.value.field == "patterns[0].embedding"
    for codec in (resource_pb2.CODEC_TRANSFORM, 9):
        with pytest.raises(OmegaError) as caught:
            encode_state_delta(delta, codec)
        assert caught.value.field == "codec"
