"""What lists lose where patterns and titles come through the transform codec."""

from __future__ import annotations

import numpy as np
import pytest

from omega_eval.coded import codebook, through, titles_through
from omega_eval.policies import DEFAULT, named
from omega_eval.quality import Study
from omega_eval.world import World


@pytest.fixture(scope="module")
def study(small_world: World) -> Study:
    return Study(small_world)


def test_lists_after_the_codec_are_beside_those_before_it(study: Study) -> None:
    found = through(study, named(DEFAULT))
    assert 0.9 <= found.pattern_cosine <= 1
    assert 0.9 <= found.title_cosine <= 1
    for ratio in (found.patterns, found.titles):
        assert ratio.low <= ratio.value <= ratio.high
        assert 0.8 <= ratio.value <= 1.2


def test_every_title_comes_through_in_its_place(study: Study) -> None:
    rows = study.shard.pack.embeddings[:60]
    found = titles_through(codebook(study.shard), rows)
    assert found.shape == rows.shape
    assert (np.einsum("ij,ij->i", found, rows) > 0.85).all()
