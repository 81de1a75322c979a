import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_embed import LexicalEncoder

ENCODER = LexicalEncoder()
ANY_TEXT = st.text(st.characters(), max_size=80)  # surrogates too: file names bring them


@given(st.lists(ANY_TEXT, max_size=5))
@settings(deadline=None, max_examples=200)
def test_every_text_has_a_finite_unit_vector(texts: list[str]) -> None:
    rows = ENCODER.encode(texts)
    assert rows.shape == (len(texts), 384)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
@settings(deadline=None, max_examples=50)
def test_a_vector_depends_on_its_text_alone(texts: list[str]) -> None:
    together = ENCODER.encode(texts)
    apart = np.concatenate([LexicalEncoder().encode([t]) for t in texts])
    assert np.array_equal(together, apart)


@given(st.text("abcdefghijklmnop éüñ", min_size=1))
@settings(deadline=None, max_examples=50)
def test_case_accents_and_punctuation_do_not_matter(text: str) -> None:
    plain = text.translate(str.maketrans("éüñ", "eun"))
    rows = ENCODER.encode([plain, text.upper(), f"«{plain}»!"])
    if plain.strip():
        assert np.array_equal(rows[0], rows[1])
        assert np.array_equal(rows[0], rows[2])


def test_hashing_is_the_same_in_every_process() -> None:
    text = "The Quiet Lighthouse, part 2"
    script = (
        "from omega_embed import LexicalEncoder;"
        f"print(LexicalEncoder().encode([{text!r}]).tobytes().hex())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        )
        assert bytes.fromhex(done.stdout) == ENCODER.encode([text]).tobytes()


def test_the_recipe_is_the_one_its_version_names() -> None:
    # Slots by BLAKE2b of the word and of <ab, ab>, <ab>; another result needs another version.
    row = ENCODER.encode(["ab"])[0]
    expected = np.zeros(384)
    expected[[351, 163, 218, 297]] = [-1, 0.25, 0.25, 0.25]
    assert np.allclose(row, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_repeated_word_weighs_by_the_logarithm_of_its_count() -> None:
    once, often = ENCODER.encode(["whale", "whale " * 8])
    word = int(np.abs(once).argmax())
    (pair,) = np.flatnonzero((often != 0) & (once == 0))
    # 8 times the word, 7 times the pair "whale whale" at half its weight.
    expected = 0.5 * (1 + np.log(7)) / (1 + np.log(8))
    assert abs(often[pair] / often[word]) == pytest.approx(expected, rel=1e-5)


def test_spelling_is_all_it_knows() -> None:
    rows = ENCODER.encode(["the detective", "the detectives", "an investigator of crimes"])
    assert rows[0] @ rows[1] > 0.5
    assert abs(rows[0] @ rows[2]) < 0.2


def test_texts_without_words_differ_from_each_other() -> None:
    rows = ENCODER.encode(["", "!!!", "?", "...", "🎬"])
    assert np.count_nonzero(rows[0]) == 1
    assert len({row.tobytes() for row in rows}) >= 4


def test_words_beyond_256_and_characters_beyond_64_are_not_read() -> None:
    words = " ".join(f"w{i}" for i in range(256))
    rows = ENCODER.encode([words, words + " more", "x" * 64, "x" * 5_000])
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[2], rows[3])


def test_no_text_gives_no_row() -> None:
    assert ENCODER.encode([]).shape == (0, 384)


def test_one_text_instead_of_many_is_refused() -> None:
    with pytest.raises(OmegaError) as caught:
        ENCODER.encode("a single text")
    assert caught.value.code is ErrorCode.INVALID_FIELD
