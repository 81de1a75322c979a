from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import content_pb2, resource_pb2
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_delta import (
    CataloguePack,
    compress,
    decode_catalogue,
    decompress,
    encode_catalogue,
    packing,
)

LIMIT = 1 << 24


def _halves(rows: FloatArray) -> FloatArray:
    return rows.astype(np.float16).astype(np.float32)


def _pack(n: int = 3, seed: int = 0) -> CataloguePack:
    rng = np.random.default_rng(seed)
    return CataloguePack(
        version=seed + 1,
        model_version="lexical-384-r1",
        centring_mean=rng.standard_normal(DIMENSION).astype(np.float32),
        ordinals=np.cumsum(rng.integers(1, 9, n)).astype(np.uint32),
        contents=tuple(
            Content(
                f"tt-{i}",
                f"Title {i}",
                ContentKind.MOVIE,
                ("Drama",),
                1990,
                minimum_age=(None, 0, 12, 18)[i % 4],
            )
            for i in range(n)
        ),
        embeddings=_halves(unit(rng.standard_normal((n, DIMENSION)).astype(np.float32))),
    )


def _message(pack: CataloguePack) -> resource_pb2.CataloguePack:
    return resource_pb2.CataloguePack.FromString(
        decompress("catalogue", encode_catalogue(pack), LIMIT)
    )


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_a_catalogue_comes_back_as_it_was(n: int, seed: int) -> None:
    pack = _pack(n, seed)
    back = decode_catalogue(encode_catalogue(pack))
    assert (back.version, back.model_version) == (pack.version, pack.model_version)
    assert back.contents == pack.contents
    for name in ("centring_mean", "ordinals", "embeddings"):
        given_array, found = getattr(pack, name), getattr(back, name)
        assert found.dtype == given_array.dtype
        np.testing.assert_array_equal(found, given_array)
    assert encode_catalogue(back) == encode_catalogue(pack)


def test_vectors_lose_only_what_float16_cannot_hold() -> None:
    rows = unit(np.random.default_rng(5).standard_normal((3, DIMENSION)).astype(np.float32))
    back = decode_catalogue(encode_catalogue(replace(_pack(), embeddings=rows)))
    np.testing.assert_array_equal(back.embeddings, _halves(rows))
    np.testing.assert_allclose(back.embeddings, rows, atol=2.5e-4)


def test_decoded_arrays_are_the_callers_own() -> None:
    back = decode_catalogue(encode_catalogue(_pack()))
    for array in (back.centring_mean, back.ordinals, back.embeddings):
        assert array.flags.writeable
        assert array.flags.c_contiguous


def _with(pack: CataloguePack, part: str, index: int, value: object) -> CataloguePack:
    array = getattr(pack, part).copy()
    array[index] = value
    return replace(pack, **{part: array})


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (replace(_pack(), version=0), "version"),
        (replace(_pack(), model_version=""), "model_version"),
        (replace(_pack(), model_version="m" * 65), "model_version"),
        (replace(_pack(), centring_mean=np.zeros(383, np.float32)), "centring_mean"),
        (_with(_pack(), "centring_mean", 3, np.nan), "centring_mean"),
        (_with(_pack(), "ordinals", 2, 0), "entries[2].ordinal"),
        (_with(_pack(), "ordinals", 1, _pack().ordinals[0]), "entries[1].ordinal"),
        (replace(_pack(), ordinals=np.arange(4, dtype=np.uint32)), "ordinals"),
        (replace(_pack(), embeddings=_pack().embeddings[:2]), "embeddings"),
        (_with(_pack(), "embeddings", 1, 0.0), "entries[1].embedding"),
        (_with(_pack(), "embeddings", 2, np.nan), "entries[2].embedding"),
        (_with(_pack(), "embeddings", 0, 1e30), "entries[0].embedding"),
        (
            replace(_pack(), contents=(*_pack().contents[:2], _pack().contents[0])),
            "entries[2].content.content_id",
        ),
        (
            replace(_pack(), contents=(*_pack().contents[:2], Content("x", "", ContentKind.LIVE))),
            "entries[2].content.title",
        ),
    ],
)
def test_a_catalogue_out_of_bounds_is_not_encoded(broken: CataloguePack, field: str) -> None:
    assert _fault(lambda: encode_catalogue(broken)) == field


def _change_dimension(message: resource_pb2.CataloguePack) -> None:
    message.dimension = 383


def _cut_mean(message: resource_pb2.CataloguePack) -> None:
    message.centring_mean = message.centring_mean[:-4]


def _spoil_mean(message: resource_pb2.CataloguePack) -> None:
    message.centring_mean = np.full(DIMENSION, np.inf, "<f4").tobytes()


def _drop_version(message: resource_pb2.CataloguePack) -> None:
    message.version = 0


def _overgrow_version(message: resource_pb2.CataloguePack) -> None:
    message.version = 2**63


def _cut_embedding(message: resource_pb2.CataloguePack) -> None:
    message.entries[1].embedding = message.entries[1].embedding[:-1]


def _zero_embedding(message: resource_pb2.CataloguePack) -> None:
    message.entries[1].embedding = bytes(2 * DIMENSION)


def _nan_embedding(message: resource_pb2.CataloguePack) -> None:
    message.entries[0].embedding = b"\xff\x7f" * DIMENSION


def _swap(message: resource_pb2.CataloguePack) -> None:
    message.entries[2].ordinal = message.entries[1].ordinal


def _repeat(message: resource_pb2.CataloguePack) -> None:
    message.entries[2].content.content_id = message.entries[0].content.content_id


def _unstate_kind(message: resource_pb2.CataloguePack) -> None:
    message.entries[1].content.kind = content_pb2.CONTENT_KIND_UNSPECIFIED


def _drop_title(message: resource_pb2.CataloguePack) -> None:
    message.entries[1].ClearField("content")
    message.entries[1].content.kind = content_pb2.CONTENT_KIND_LIVE


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (_change_dimension, "dimension"),
        (_cut_mean, "centring_mean"),
        (_spoil_mean, "centring_mean"),
        (_drop_version, "version"),
        (_overgrow_version, "version"),
        (_cut_embedding, "entries[1].embedding"),
        (_zero_embedding, "entries[1].embedding"),
        (_nan_embedding, "entries[0].embedding"),
        (_swap, "entries[2].ordinal"),
        (_repeat, "entries[2].content.content_id"),
        (_unstate_kind, "entries[1].content.kind"),
        (_drop_title, "entries[1].content.content_id"),
    ],
)
def test_a_received_catalogue_out_of_bounds_is_refused(
    spoil: Callable[[resource_pb2.CataloguePack], None], field: str
) -> None:
    message = _message(_pack())
    spoil(message)
    body = compress(message.SerializeToString())
    assert _fault(lambda: decode_catalogue(body)) == field


def test_more_titles_than_a_catalogue_may_hold_are_refused() -> None:
    empty = resource_pb2.CatalogueEntry()
    message = resource_pb2.CataloguePack(
        version=1,
        model_version="m",
        dimension=DIMENSION,
        centring_mean=bytes(4 * DIMENSION),
        entries=[empty] * 100_001,
    )
    body = compress(message.SerializeToString())
    assert _fault(lambda: decode_catalogue(body)) == "entries"


def test_a_body_that_cannot_be_transferred_is_not_made() -> None:
    message = resource_pb2.CataloguePack(centring_mean=np.random.default_rng(1).bytes(1_000))
    raw = message.ByteSize()
    body = packing.pack("catalogue", message, limit=2_000, raw_limit=raw)
    assert packing.pack("catalogue", message, limit=len(body), raw_limit=raw) == body
    assert _fault(lambda: packing.pack("catalogue", message, len(body) - 1, raw)) == "catalogue"
    assert _fault(lambda: packing.pack("catalogue", message, len(body), raw - 1)) == "catalogue"
    back = resource_pb2.CataloguePack()
    packing.unpack("catalogue", body, back, limit=len(body), raw_limit=raw)
    assert back == message
    assert _fault(lambda: packing.unpack("c", body, back, len(body) - 1, raw)) == "c"
    assert _fault(lambda: packing.unpack("c", body, back, len(body), raw - 1)) == "c"
