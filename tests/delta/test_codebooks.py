"""Codebooks: trained, taken up as they were, refused when a bound is broken."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_core.vectors import unit
from omega_delta.transform import Codebook, neighbourhoods, train
from omega_testing import codec

WORLD = codec.world()
BOOK = WORLD.codebook


def test_a_body_gives_the_same_codebook() -> None:
    back = Codebook.decode(BOOK.body)
    assert back.body == BOOK.body
    assert back.model_version == codec.MODEL
    assert back.id == int.from_bytes(hashlib.sha256(BOOK.body).digest()[:4], "little") == BOOK.id
    assert len(BOOK.body) < 230_000


def test_the_same_titles_give_the_same_codebook() -> None:
    rows = WORLD.titles[:200]
    books = [train("m", neighbourhoods(rows, WORLD.mean, 4, 80), rows, 4).id for _ in range(2)]
    assert books[0] == books[1]


def test_neighbourhoods_are_unit_vectors_of_what_is_there() -> None:
    rows = neighbourhoods(WORLD.titles[:3], WORLD.mean, 0, 20)
    assert len(rows) >= 20
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mean": np.zeros(384, np.int16)}, "mean"),
        ({"mean": np.ones(383, np.int16)}, "mean"),
        ({"scales": np.zeros_like(BOOK.scales)}, "scales"),
        ({"scales": np.full_like(BOOK.scales, 1_024)}, "scales"),
        ({"steps": BOOK.steps[::-1].copy()}, "steps"),
        ({"steps": np.concatenate([[2**20 + 1], BOOK.steps[1:]]).astype(np.uint32)}, "steps"),
        ({"anchors": BOOK.anchors[:3]}, "anchors"),
        ({"anchors": np.zeros((1, 385), np.int8)}, "anchors"),
        ({"gain_table": BOOK.gain_table + np.uint16(1)}, "table"),
        ({"operation_table": np.array([[2**15, 0, 0]], np.uint16)}, "table"),
        ({"model_version": ""}, "codebook"),
        ({"model_version": "\u00e9"}, "ASCII"),
    ],
)
def test_a_codebook_out_of_bounds_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(OmegaError) as caught:
        replace(BOOK, **changes)  # type: ignore[arg-type]  # one table of several types
    assert caught.value.field == "codebook"
    assert says in caught.value.bound


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_damaged_bodies_are_refused_or_are_codebooks_of_their_own(seed: int, bytes_: int) -> None:
    rng = np.random.default_rng(seed)
    body = bytearray(BOOK.body)
    for _ in range(bytes_):
        body[rng.integers(len(body))] ^= int(rng.integers(1, 256))
    try:
        assert Codebook.decode(bytes(body)).id != BOOK.id
    except OmegaError as error:
        assert error.field == "codebook"  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize("body", [b"", b"OTC1", BOOK.body[:-1], BOOK.body + b"\0", bytes(99)])
def test_what_is_no_codebook_is_refused(body: bytes) -> None:
    with pytest.raises(OmegaError) as caught:
        Codebook.decode(body)
    assert caught.value.field == "codebook"


@pytest.mark.parametrize("which", ["patterns", "contents"])
def test_too_few_or_wrong_vectors_are_not_trained_from(which: str) -> None:
    rows = WORLD.titles[:80]
    for wrong in (rows[:63], rows[:, :100], 3 * rows):
        given_ = (wrong, rows) if which == "patterns" else (rows, wrong)
        with pytest.raises(OmegaError) as caught:
            train("m", *given_)
        assert caught.value.field.startswith(which)


def test_vectors_without_any_spread_are_trained_from() -> None:
    rows = np.tile(unit(np.arange(1, 385, dtype=np.float32)), (64, 1))
    assert Codebook.decode(train("m", rows, rows).body).model_version == "m"
