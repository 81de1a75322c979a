"""Catalogue deltas: text alone, to the title what they were made for, never a wrong catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import resource_pb2
from omega_core import limits
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import unit
from omega_delta import (
    CatalogueDelta,
    CataloguePack,
    CatalogueTitles,
    apply_catalogue_delta,
    compress,
    decode_catalogue_delta,
    decompress,
    encode_catalogue,
    encode_catalogue_delta,
    titles_sha256,
)

MEAN = np.zeros(limits.DIMENSION, np.float32)
AXIS = unit(np.ones(limits.DIMENSION, np.float32))


def _pack(titles: dict[int, str], version: int, model: str = "m") -> CataloguePack:
    ordinals = sorted(titles)
    return CataloguePack(
        version=version,
        model_version=model,
        centring_mean=MEAN,
        ordinals=np.array(ordinals, np.uint32),
        contents=tuple(
            Content(f"t{ordinal}", titles[ordinal], ContentKind.MOVIE, ("Drama",), 1990)
            for ordinal in ordinals
        ),
        embeddings=np.tile(AXIS, (len(ordinals), 1)),
    )


def _titles(pack: CataloguePack) -> CatalogueTitles:
    return CatalogueTitles(pack.version, pack.model_version, pack.ordinals, pack.contents)


def _between(before: CataloguePack, after: CataloguePack) -> bytes:
    delta = encode_catalogue_delta(encode_catalogue(before), encode_catalogue(after))
    assert delta is not None
    return delta


BEFORE = _pack({1: "one", 2: "two", 5: "five"}, 3)
AFTER = _pack({1: "one", 2: "second", 6: "six", 7: "seven"}, 4)
DELTA = _between(BEFORE, AFTER)


def _message() -> resource_pb2.CatalogueDelta:
    return resource_pb2.CatalogueDelta.FromString(decompress("delta", DELTA, 2**20))


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


CATALOGUES = st.dictionaries(st.integers(0, 12), st.sampled_from(["a", "b", "c"]))


@settings(deadline=None)
@given(before=CATALOGUES, after=CATALOGUES)
def test_a_delta_leads_to_the_titles_that_it_was_made_for(
    before: dict[int, str], after: dict[int, str]
) -> None:
    old, new = _pack(before, 1), _pack(after, 2)
    found = apply_catalogue_delta(_titles(old), decode_catalogue_delta(_between(old, new)))
    assert (found.version, found.model_version) == (2, "m")
    assert found.ordinals.tolist() == new.ordinals.tolist()
    assert found.contents == new.contents


def test_a_delta_names_what_changed_and_holds_no_vectors() -> None:
    delta = decode_catalogue_delta(DELTA)
    assert (delta.base_version, delta.version) == (3, 4)
    assert delta.ordinals.tolist() == [2, 6, 7]
    assert [c.title for c in delta.contents] == ["second", "six", "seven"]
    assert delta.removed.tolist() == [5]
    assert delta.sha256 == titles_sha256(zip(AFTER.ordinals.tolist(), AFTER.contents, strict=True))
    assert not any(entry.embedding for entry in _message().entries)


@pytest.mark.parametrize(
    "after",
    [
        replace(AFTER, model_version="other"),
        replace(AFTER, centring_mean=AXIS),
        replace(AFTER, version=BEFORE.version),
        replace(AFTER, version=BEFORE.version - 1),
    ],
    ids=["encoder", "mean", "same version", "earlier version"],
)
def test_where_no_delta_leads_there_is_none(after: CataloguePack) -> None:
    assert encode_catalogue_delta(encode_catalogue(BEFORE), encode_catalogue(after)) is None


def test_more_new_titles_than_a_delta_may_have_give_none() -> None:
    message = resource_pb2.CataloguePack(
        version=4,
        model_version="m",
        centring_mean=MEAN.tobytes(),
        entries=[resource_pb2.CatalogueEntry(ordinal=i) for i in range(20_001)],
    )
    body = compress(message.SerializeToString())
    del message.entries[-1]
    enough = compress(message.SerializeToString())
    empty = encode_catalogue(_pack({}, 3))
    assert encode_catalogue_delta(empty, body) is None
    assert encode_catalogue_delta(empty, enough) is not None


@pytest.mark.parametrize(
    ("field", "base"),
    [
        ("base_version", replace(_titles(BEFORE), version=2)),
        ("base_version", replace(_titles(BEFORE), model_version="other")),
        ("removed", _titles(_pack({1: "one", 2: "two"}, 3))),
        ("sha256", _titles(_pack({1: "1", 2: "two", 5: "five"}, 3))),
        ("sha256", _titles(_pack({1: "one", 2: "two", 4: "four", 5: "five"}, 3))),
    ],
)
def test_another_base_than_the_delta_starts_from_is_refused(
    field: str, base: CatalogueTitles
) -> None:
    assert _fault(lambda: apply_catalogue_delta(base, decode_catalogue_delta(DELTA))) == field


def _entry(message: resource_pb2.CatalogueDelta) -> None:
    message.entries[1].embedding = b"\0"


def _twice(message: resource_pb2.CatalogueDelta) -> None:
    message.entries[1].content.content_id = message.entries[0].content.content_id


BROKEN: list[tuple[str, Callable[[resource_pb2.CatalogueDelta], object]]] = [
    ("base_version", lambda m: setattr(m, "base_version", 0)),
    ("version", lambda m: setattr(m, "version", 3)),
    ("version", lambda m: setattr(m, "version", 2**63)),
    ("model_version", lambda m: setattr(m, "model_version", "")),
    ("entries", lambda m: m.entries.extend([m.entries[0]] * 20_000)),
    ("entries[1].embedding", _entry),
    ("entries[1].ordinal", lambda m: setattr(m.entries[1], "ordinal", 2)),
    ("entries[0].content.title", lambda m: setattr(m.entries[0].content, "title", "")),
    ("entries[1].content.content_id", _twice),
    ("removed", lambda m: m.removed.extend(range(6, 80_006))),
    ("removed", lambda m: m.removed.extend([6])),
    ("removed[1]", lambda m: m.removed.extend([5])),
    ("sha256", lambda m: setattr(m, "sha256", bytes(31))),
]


@pytest.mark.parametrize(("field", "damage"), BROKEN)
def test_a_bound_that_is_broken_is_named(
    field: str, damage: Callable[[resource_pb2.CatalogueDelta], object]
) -> None:
    message = _message()
    damage(message)
    assert _fault(lambda: decode_catalogue_delta(compress(message.SerializeToString()))) == field


@settings(deadline=None)
@given(at=st.integers(0, 2**16), bit=st.integers(0, 7))
def test_a_damaged_delta_never_leads_to_another_catalogue(at: int, bit: int) -> None:
    raw = bytearray(_message().SerializeToString())
    raw[at % len(raw)] ^= 1 << bit
    try:
        delta: CatalogueDelta = decode_catalogue_delta(compress(bytes(raw)))
        found = apply_catalogue_delta(_titles(BEFORE), delta)
    except OmegaError as error:
        assert error.code == ErrorCode.INVALID_FIELD  # noqa: PT017 - both outcomes are right
    else:
        assert found.contents == AFTER.contents
        assert found.ordinals.tolist() == AFTER.ordinals.tolist()
