"""Factor deltas: to the byte what they were made for, smaller, and never a wrong pack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega_core import limits
from omega_core.errors import OmegaError
from omega_delta import (
    FactorPack,
    apply_factor_delta,
    compress,
    decode_factors,
    decompress,
    encode_factor_delta,
    encode_factors,
    factors_sha256,
)
from omega_delta.factors import coarse


def pack_of(ordinals: list[int], version: int, seed: int, rank: int = 5) -> FactorPack:
    random = np.random.default_rng(seed)
    n = len(ordinals)
    prior = random.random(n) + 0.1
    return FactorPack(
        version=version,
        model_version="lexical-384-r1",
        catalogue_version=version + 1,
        ordinals=np.array(ordinals, np.uint32),
        factors=random.integers(-127, 128, (n, rank)).astype(np.int8),
        steps=random.random(rank).astype(np.float32) + np.float32(0.1),
        gains=coarse(random.random(n).astype(np.float32) + 1),
        prior=coarse(np.asarray(prior / prior.sum(), np.float32)),
    )


TITLES = st.sets(st.integers(0, 40), min_size=1).map(sorted)


@settings(deadline=None)
@given(before=TITLES, after=TITLES, seed=st.integers(0, 1_000), rank=st.integers(1, 9))
def test_the_result_is_the_pack_to_the_byte(
    before: list[int], after: list[int], seed: int, rank: int
) -> None:
    base = encode_factors(pack_of(before, 3, seed, rank))
    body = encode_factors(pack_of(after, 9, seed + 1, rank))
    delta = encode_factor_delta(base, body)
    assert delta is not None
    found = apply_factor_delta(base, delta)
    assert found == body
    assert factors_sha256(found) == factors_sha256(body)


def test_another_compression_of_the_base_serves_as_well() -> None:
    """A library that compresses differently gives another frame, and the same content."""
    import zstandard  # noqa: PLC0415 - of this test alone

    base = encode_factors(pack_of(list(range(300)), 1, 1))
    raw = decompress("factors", base, limits.MAX_RESOURCE_RAW)
    other = zstandard.ZstdCompressor(level=1).compress(raw)
    assert other != base
    body = encode_factors(pack_of(list(range(300)), 2, 2))
    delta = encode_factor_delta(base, body)
    assert delta is not None
    assert apply_factor_delta(other, delta) == body


def test_a_small_change_is_a_small_delta() -> None:
    before = pack_of(list(range(500)), 1, 1, rank=32)
    moved = (np.random.default_rng(2).random(before.factors.shape) < 0.05).astype(np.int8)
    factors = np.where(before.factors < 127, before.factors + moved, before.factors)
    after = replace(before, version=2, factors=factors.astype(np.int8))
    base, body = encode_factors(before), encode_factors(after)
    delta = encode_factor_delta(base, body)
    assert delta is not None
    assert len(delta) < len(body) / 4


def test_packs_of_other_ranks_have_no_delta() -> None:
    a, b = (encode_factors(pack_of([1, 2], 1, 1, rank)) for rank in (3, 4))
    assert encode_factor_delta(a, b) is None


BASE = encode_factors(pack_of([1, 2, 5, 9], 3, 1))
BODY = encode_factors(pack_of([1, 4, 5, 10], 4, 2))


def message() -> resource_pb2.FactorDelta:
    delta = encode_factor_delta(BASE, BODY)
    assert delta is not None
    found = resource_pb2.FactorDelta()
    found.ParseFromString(decompress("delta", delta, limits.MAX_RESOURCE_RAW))
    return found


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("base_sha256", {"base_version": 2}),
        ("base_sha256", {"base_sha256": bytes(32)}),
        ("sha256", {"sha256": bytes(32)}),
        ("sha256", {"sha256": b""}),
        ("sha256", {"version": 5}),
        ("sha256", {"catalogue_version": 1}),
        ("sha256", {"steps": np.full(5, 0.5, "<f4").tobytes()}),
        ("removed", {"removed": b"123"}),
        ("removed", {"removed": np.array([3], "<u4").tobytes()}),
        ("removed[1]", {"removed": np.array([2, 2], "<u4").tobytes()}),
        ("added", {"added": np.array([5], "<u4").tobytes()}),
        ("added[1]", {"added": np.array([10, 4], "<u4").tobytes()}),
        ("differences", {"differences": b""}),
        ("rows", {"rows": bytes(3)}),
        ("gains", {"gains": bytes(4)}),
        ("gains", {"gains": bytes([255]) * 16}),
        ("prior", {"prior": bytes(4)}),
        ("steps", {"steps": bytes(4)}),
        ("version", {"version": 0}),
    ],
)
def test_a_delta_that_breaks_a_bound_is_named(field: str, change: dict[str, object]) -> None:
    wrong = message()
    for name, value in change.items():
        setattr(wrong, name, value)
    with pytest.raises(OmegaError) as caught:
        apply_factor_delta(BASE, compress(wrong.SerializeToString()))
    assert caught.value.field == field


@settings(deadline=None)
@given(data=st.data())
def test_no_damage_leads_to_a_wrong_pack(data: st.DataObject) -> None:
    delta = bytearray(encode_factor_delta(BASE, BODY) or b"")
    for _ in range(data.draw(st.integers(1, 3))):
        delta[data.draw(st.integers(0, len(delta) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, 5))
    try:
        found = apply_factor_delta(BASE, bytes(delta[: len(delta) - cut]))
    except OmegaError:
        return
    assert found == BODY


@settings(deadline=None)
@given(data=st.data(), name=st.sampled_from(["differences", "rows", "steps", "gains", "prior"]))
def test_no_other_numbers_pass_for_those_that_were_meant(data: st.DataObject, name: str) -> None:
    wrong = message()
    body = bytearray(getattr(wrong, name))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    setattr(wrong, name, bytes(body))
    with pytest.raises(OmegaError):
        apply_factor_delta(BASE, compress(wrong.SerializeToString()))


@given(st.lists(st.floats(2**-20, 2**20, width=32), min_size=1, max_size=20))
def test_coarse_numbers_are_near_and_stay(values: list[float]) -> None:
    exact = np.array(values, np.float32)
    found = coarse(exact)
    np.testing.assert_allclose(found, exact, rtol=1 / 4_096)
    np.testing.assert_array_equal(coarse(found), found)
    assert not (found.view(np.uint32) & 0xFFF).any()


def test_what_is_decoded_is_what_was_given() -> None:
    found = decode_factors(apply_factor_delta(BASE, encode_factor_delta(BASE, BODY) or b""))
    np.testing.assert_array_equal(found.ordinals, [1, 4, 5, 10])
