from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.sync.v1 import sync_service_pb2
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import unit
from omega_delta import (
    GlobalPattern,
    StateDelta,
    compress,
    decode_state_delta,
    decompress,
    encode_state_delta,
)
from omega_delta.state import MAX_PATTERNS


def _pattern(pattern_id: int = 1, seed: int = 0) -> GlobalPattern:
    rng = np.random.default_rng(seed)
    row = unit(rng.standard_normal(DIMENSION).astype(np.float32))
    return GlobalPattern(
        pattern_id=pattern_id,
        embedding=row.astype(np.float16).astype(np.float32),
        success_rate=float(np.float32(rng.random())),
        device_count_floor=2 ** int(rng.integers(1, 32)),
        weight=float(np.float32(rng.random())),
    )


def _delta(n: int = 2, seed: int = 0) -> StateDelta:
    return StateDelta(
        base_version=seed,
        version=seed + 1,
        model_version="lexical-384-r1",
        patterns=tuple(_pattern(i + 1, seed + i) for i in range(n)),
        removed_pattern_ids=(90, 70),
    )


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


def _changed(index: int, **changes: object) -> StateDelta:
    patterns = list(_delta().patterns)
    patterns[index] = replace(patterns[index], **changes)  # type: ignore[arg-type]  # one table of several types
    return replace(_delta(), patterns=tuple(patterns))


@given(st.integers(0, 20), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_a_delta_comes_back_as_it_was(n: int, seed: int) -> None:
    delta = _delta(n, seed)
    back = decode_state_delta(encode_state_delta(delta))
    assert (back.base_version, back.version) == (delta.base_version, delta.version)
    assert back.model_version == delta.model_version
    assert back.removed_pattern_ids == delta.removed_pattern_ids
    assert len(back.patterns) == n
    for found, sent in zip(back.patterns, delta.patterns, strict=True):
        np.testing.assert_array_equal(found.embedding, sent.embedding)
        for name in ("pattern_id", "success_rate", "device_count_floor", "weight"):
            assert getattr(found, name) == getattr(sent, name)
    assert encode_state_delta(back) == encode_state_delta(delta)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (replace(_delta(), base_version=-1), "base_version"),
        (replace(_delta(), version=0), "version"),
        (replace(_delta(), base_version=1), "version"),
        (replace(_delta(), model_version=""), "model_version"),
        (replace(_delta(), patterns=tuple(_pattern(i + 1) for i in range(257))), "patterns"),
        (_changed(1, pattern_id=0), "patterns[1].pattern_id"),
        (_changed(1, pattern_id=2**32), "patterns[1].pattern_id"),
        (_changed(1, pattern_id=1), "patterns[1].pattern_id"),
        (_changed(1, embedding=np.zeros(383, np.float32)), "patterns[1].embedding"),
        (_changed(0, embedding=np.ones(DIMENSION, np.float32)), "patterns[0].embedding"),
        (_changed(0, success_rate=1.01), "patterns[0].success_rate"),
        (_changed(0, success_rate=float("nan")), "patterns[0].success_rate"),
        (_changed(0, device_count_floor=1), "patterns[0].device_count_floor"),
        (_changed(0, device_count_floor=6), "patterns[0].device_count_floor"),
        (_changed(1, weight=-0.01), "patterns[1].weight"),
        (replace(_delta(), removed_pattern_ids=(0,)), "removed_pattern_ids[0]"),
        (replace(_delta(), removed_pattern_ids=(5, 5)), "removed_pattern_ids[1]"),
        (replace(_delta(), removed_pattern_ids=(2,)), "removed_pattern_ids"),
        (replace(_delta(), removed_pattern_ids=tuple(range(9, 4_106))), "removed_pattern_ids"),
    ],
)
def test_a_delta_out_of_bounds_is_not_encoded(broken: StateDelta, field: str) -> None:
    assert _fault(lambda: encode_state_delta(broken)) == field


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("embedding", bytes(767), "patterns[1].embedding"),
        ("embedding", bytes(768), "patterns[1].embedding"),
        ("pattern_id", 1, "patterns[1].pattern_id"),
        ("success_rate", 1.5, "patterns[1].success_rate"),
        ("weight", float("inf"), "patterns[1].weight"),
        ("device_count_floor", 3, "patterns[1].device_count_floor"),
    ],
)
def test_a_received_delta_out_of_bounds_is_refused(name: str, value: object, field: str) -> None:
    raw = decompress("delta", encode_state_delta(_delta()), limits.MAX_DELTA_RAW)
    message = sync_service_pb2.StateDelta.FromString(raw)
    setattr(message.patterns[1], name, value)
    body = compress(message.SerializeToString())
    assert _fault(lambda: decode_state_delta(body)) == field


def test_more_patterns_than_a_delta_may_hold_are_refused() -> None:
    message = sync_service_pb2.StateDelta(version=1, model_version="m")
    for _ in range(257):
        message.patterns.add()
    body = compress(message.SerializeToString())
    assert _fault(lambda: decode_state_delta(body)) == "patterns"


def test_a_delta_that_does_not_fit_an_answer_is_not_encoded() -> None:
    patterns = tuple(_pattern(i + 1, i) for i in range(MAX_PATTERNS))
    gone = np.random.default_rng(0).choice(2**32 - 100, 4_096, replace=False) + 99

    def body(removed: tuple[int, ...]) -> bytes:
        return encode_state_delta(replace(_delta(), patterns=patterns, removed_pattern_ids=removed))

    assert len(body(())) <= limits.MAX_DELTA
    with pytest.raises(OmegaError) as caught:
        body(tuple(gone.tolist()))
    assert (caught.value.field, caught.value.bound) == (
        "delta",
        "at most 65,536 bytes when compressed",
    )


def test_a_frame_above_the_answers_bound_is_refused_unopened() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(OmegaError) as caught:
        decode_state_delta(compress(rng.bytes(limits.MAX_DELTA)))
    assert caught.value.bound == "at most 65,536 bytes"
    assert _fault(lambda: decode_state_delta(compress(bytes(limits.MAX_DELTA_RAW + 1)))) == "delta"
