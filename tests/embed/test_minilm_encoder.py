from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed.minilm import MiniLmEncoder
from omega_embed.sentences import sentences

DESCRIPTIONS = [
    "A rag doll and a tin soldier come alive at night. Genres: Animation, Children, Comedy.",
    "Soldiers hold a bridge through a long winter. Genres: War, Drama.",
    "A detective hunts a killer through a rainy city. Genres: Crime, Thriller.",
    "Two strangers meet on a train and fall in love. Genres: Romance.",
    "Marine biologists film whales below the ice. Genres: Documentary.",
    "Colonists on Mars find that the ship has no fuel. Genres: Sci-Fi.",
]
WISHES = [
    "a cartoon for the kids",
    "battlefield in the second world war",
    "murder mystery with a police investigator",
    "a love story",
    "nature film about ocean animals",
    "astronauts on another planet",
]


def test_each_wish_finds_its_title_by_meaning(minilm: MiniLmEncoder) -> None:
    cosines = minilm.encode(WISHES) @ minilm.encode(DESCRIPTIONS).T
    assert cosines.argmax(axis=1).tolist() == list(range(len(WISHES)))


def test_cosines_are_those_published_for_the_float32_model(minilm: MiniLmEncoder) -> None:
    # The first example in the documentation of Sentence Transformers.
    rows = minilm.encode(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    )
    expected = [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]]
    assert np.allclose(rows @ rows.T, expected, atol=0.03)


def test_the_vectors_are_those_its_version_names(minilm: MiniLmEncoder) -> None:
    # Other vectors need another version: TVs compare new ones with those they stored.
    assert minilm.model_version == "all-MiniLM-L6-v2-int8-r1"
    rows = minilm.encode(["The quiet lighthouse", "Ein Krimi für den Sonntagabend, São Paulo 1974"])
    expected = [
        [-0.0012, 0.0271, 0.0153, 0.0894, -0.0174, -0.0369],
        [0.0019, 0.0983, -0.0964, 0.0192, -0.0659, 0.0315],
    ]
    assert np.allclose(rows[:, :6], expected, atol=1e-3)


def test_a_vector_does_not_depend_on_its_batch(minilm: MiniLmEncoder) -> None:
    texts = sentences(150, 3)
    together = minilm.encode(texts)
    apart = np.concatenate([minilm.encode([t]) for t in texts])
    assert np.allclose(together, apart, atol=1e-5)
    assert np.allclose(minilm.encode(texts[::-1])[::-1], together, atol=1e-5)


def test_rows_are_finite_unit_float32(minilm: MiniLmEncoder) -> None:
    rows = minilm.encode([*sentences(40, 9), "", " ", "🎬", "\udcff", "a" * 9_999, "映画"])
    assert rows.shape == (46, 384)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_what_exceeds_256_tokens_is_not_read(minilm: MiniLmEncoder) -> None:
    long = " ".join(["whale"] * 300)
    assert [len(ids) for ids in minilm.tokenise([long, "whale", ""])] == [256, 3, 2]
    assert np.array_equal(minilm.encode([long]), minilm.encode([long + " and more"]))


def test_threads_share_one_encoder(minilm: MiniLmEncoder) -> None:
    texts = sentences(60, 4)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(minilm.encode, [texts] * 4):
            assert np.array_equal(rows, minilm.encode(texts))


def test_no_text_gives_no_row(minilm: MiniLmEncoder) -> None:
    rows = minilm.encode([])
    assert rows.shape == (0, 384)
    assert rows.dtype == np.float32


def test_one_text_instead_of_many_is_refused(minilm: MiniLmEncoder) -> None:
    with pytest.raises(OmegaError) as caught:
        minilm.encode("a single text")
    assert caught.value.code is ErrorCode.INVALID_FIELD
