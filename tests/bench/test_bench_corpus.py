"""What the benchmark embeds: real texts, distinct, in a fixed order, embedded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from omega_cli.bench.corpus import catalogue, real_texts
from omega_cli.bench.embeddings import embedded
from omega_core.content import check_content, embedding_text
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray
from omega_embed import LexicalEncoder
from omega_eval.sample import load_sample

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation
2,Jumanji (1995),Adventure
3,Heat (1995),Action
"""


@pytest.fixture(autouse=True)
def without_movielens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMEGA_DATA", raising=False)


@pytest.fixture
def movielens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three titles where OMEGA_DATA says."""
    (tmp_path / "movies.csv").write_text(MOVIES)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n")
    (tmp_path / "tags.csv").write_text("userId,movieId,tag,timestamp\n")
    monkeypatch.setenv("OMEGA_DATA", str(tmp_path))


def test_the_sample_gives_as_many_distinct_texts_as_a_run_needs() -> None:
    texts = real_texts(10_200)
    assert len(set(texts)) == 10_200
    assert min(map(len, texts)) > 0
    assert real_texts(10_200) == texts
    with pytest.raises(OmegaError, match="texts must be at most"):
        real_texts(100_000)


@pytest.mark.usefixtures("movielens")
def test_movielens_comes_first_where_it_is_named() -> None:
    titles = [content.title for content in catalogue(5)]
    assert titles[:3] == ["Toy Story", "Jumanji", "Heat"]
    assert sorted(real_texts(3)) == sorted(embedding_text(c) for c in catalogue(3))


@pytest.mark.parametrize("count", [100, 2_000])
def test_a_catalogue_has_the_wanted_size_and_holds_every_bound(count: int) -> None:
    contents = catalogue(count)
    assert len({check_content(content).content_id for content in contents}) == count
    assert contents == catalogue(count)
    assert contents[:100] == load_sample()[:100]


class Counting:
    """The lexical encoder, and how many texts it was given."""

    def __init__(self, model_version: str) -> None:
        self._lexical = LexicalEncoder()
        self.model_version = model_version
        self.dimension = self._lexical.dimension
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.encoded += len(texts)
        return self._lexical.encode(texts)


def test_texts_are_embedded_once_for_each_encoder(tmp_path: Path) -> None:
    one, other = Counting("one-r1"), Counting("other-r1")
    first = embedded(one, ["a", "b"], tmp_path)
    np.testing.assert_array_equal(embedded(one, ["a", "b"], tmp_path), first)
    assert one.encoded == 2
    embedded(one, ["b", "a"], tmp_path)
    embedded(other, ["a", "b"], tmp_path)
    assert (one.encoded, other.encoded) == (4, 2)
    assert len(list((tmp_path / "bench").iterdir())) == 3


def test_vectors_of_another_shape_are_made_anew(tmp_path: Path) -> None:
    encoder = Counting("one-r1")
    first = embedded(encoder, ["a", "b"], tmp_path)
    (path,) = (tmp_path / "bench").iterdir()
    np.save(path, first[:1])
    np.testing.assert_array_equal(embedded(encoder, ["a", "b"], tmp_path), first)
    assert encoder.encoded == 4
