from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import FactorPack, compress, decode_factors, decompress, encode_factors

ARRAYS = ("ordinals", "factors", "steps", "gains", "prior")


def _pack(n: int = 4, rank: int = 3, seed: int = 0) -> FactorPack:
    rng = np.random.default_rng(seed)
    weights = rng.random(n) + 0.01
    return FactorPack(
        version=seed + 1,
        model_version="lexical-384-r1",
        catalogue_version=seed + 2,
        ordinals=np.cumsum(rng.integers(1, 9, n)).astype(np.uint32),
        factors=rng.integers(-128, 128, (n, rank), dtype=np.int8),
        steps=rng.random(rank).astype(np.float32),
        gains=(rng.random(n) + 0.01).astype(np.float32),
        prior=(weights / weights.sum()).astype(np.float32),
    )


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


def _with(part: str, index: int, value: object) -> FactorPack:
    array = getattr(_pack(), part).copy()
    array[index] = value
    return replace(_pack(), **{part: array})


@given(st.integers(1, 40), st.integers(1, 256), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_factors_come_back_as_they_were(n: int, rank: int, seed: int) -> None:
    pack = _pack(n, rank, seed)
    back = decode_factors(encode_factors(pack))
    assert (back.version, back.catalogue_version) == (pack.version, pack.catalogue_version)
    assert back.model_version == pack.model_version
    for name in ARRAYS:
        given_array, found = getattr(pack, name), getattr(back, name)
        assert found.dtype == given_array.dtype
        assert found.flags.writeable
        np.testing.assert_array_equal(found, given_array)
    assert encode_factors(back) == encode_factors(pack)


def test_the_largest_ordinal_comes_back() -> None:
    pack = _with("ordinals", 3, 2**32 - 1)
    assert decode_factors(encode_factors(pack)).ordinals[3] == 2**32 - 1


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (replace(_pack(), version=0), "version"),
        (replace(_pack(), catalogue_version=0), "catalogue_version"),
        (replace(_pack(), model_version=""), "model_version"),
        (replace(_pack(), ordinals=np.zeros(0, np.uint32)), "ordinals"),
        (_with("ordinals", 2, _pack().ordinals[1]), "ordinals[2]"),
        (replace(_pack(), factors=np.zeros((4, 2), np.int8)), "factors"),
        (replace(_pack(), steps=np.zeros(0, np.float32)), "rank"),
        (replace(_pack(), steps=np.zeros(257, np.float32)), "rank"),
        (_with("steps", 1, np.nan), "steps"),
        (replace(_pack(), gains=np.ones(5, np.float32)), "gains"),
        (_with("gains", 0, 0.0), "gains"),
        (_with("gains", 0, -1.0), "gains"),
        (_with("gains", 0, np.inf), "gains"),
        (replace(_pack(), prior=np.ones(3, np.float32)), "prior"),
        (_with("prior", 0, np.nan), "prior"),
        (replace(_pack(), prior=np.array([-0.1, 0.4, 0.3, 0.4], np.float32)), "prior"),
        (replace(_pack(), prior=np.full(4, 0.2505, np.float32)), "prior"),
        (replace(_pack(), prior=np.full(4, 0.2495, np.float32)), "prior"),
    ],
)
def test_factors_out_of_bounds_are_not_encoded(broken: FactorPack, field: str) -> None:
    assert _fault(lambda: encode_factors(broken)) == field


def test_a_prior_may_miss_one_by_rounding() -> None:
    encode_factors(replace(_pack(), prior=np.full(4, 0.2502, np.float32)))


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("version", 0, "version"),
        ("catalogue_version", 0, "catalogue_version"),
        ("rank", 0, "rank"),
        ("rank", 257, "rank"),
        ("rank", 2, "factors"),
        ("ordinals", b"", "factors"),
        ("ordinals", bytes(15), "ordinals"),
        ("ordinals", bytes(16), "ordinals[1]"),
        ("factors", bytes(11), "factors"),
        ("steps", bytes(8), "steps"),
        ("steps", b"\x00\x00\xc0\x7f" * 3, "steps"),
        ("gains", bytes(12), "gains"),
        ("gains", bytes(16), "gains"),
        ("prior", bytes(20), "prior"),
        ("prior", bytes(16), "prior"),
    ],
)
def test_received_factors_out_of_bounds_are_refused(name: str, value: object, field: str) -> None:
    raw = decompress("factors", encode_factors(_pack()), 1 << 20)
    message = resource_pb2.FactorPack.FromString(raw)
    setattr(message, name, value)
    body = compress(message.SerializeToString())
    assert _fault(lambda: decode_factors(body)) == field


def test_more_titles_than_a_catalogue_may_hold_are_refused() -> None:
    n = 100_001
    huge = FactorPack(
        version=1,
        model_version="m",
        catalogue_version=1,
        ordinals=np.arange(n, dtype=np.uint32),
        factors=np.zeros((n, 1), np.int8),
        steps=np.ones(1, np.float32),
        gains=np.ones(n, np.float32),
        prior=np.full(n, 1 / n, np.float32),
    )
    assert _fault(lambda: encode_factors(huge)) == "ordinals"
