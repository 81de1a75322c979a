"""What is recommended and searched: MovieLens where OMEGA_DATA names it, and the shipped sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from omega_core.content import Content, ContentKind, embedding_text
from omega_core.errors import invalid
from omega_eval.movielens import load_movielens
from omega_eval.sample import load_sample

_SEED = 0


def catalogue(count: int) -> list[Content]:
    """So many titles: the real ones first, then pairs of real ones."""
    contents = _movies() or load_sample()
    sample = load_sample()
    rng = np.random.default_rng(_SEED)
    while len(contents) < count:
        one, two = (sample[i] for i in rng.integers(0, len(sample), 2))
        contents.append(
            Content(
                content_id=f"bench:{len(contents)}",
                title=f"{one.title} and {two.title}"[:300],
                kind=ContentKind.MOVIE,
                genres=tuple(dict.fromkeys((*one.genres, *two.genres)))[:4],
                year=one.year,
                description=two.description,
            )
        )
    return contents[:count]


def real_texts(count: int) -> list[str]:
    """So many distinct texts about real titles, in a fixed order that mixes their sources.

    With MovieLens they are titles as the brain embeds them; the sample gives several texts a
    title: name, line of description, and both together.

    Raises:
        OmegaError: INVALID_FIELD when there are not so many.
    """
    whole = (embedding_text(content) for content in _movies())
    parts = (text for content in load_sample() for text in _forms(content))
    texts = list(dict.fromkeys(chain(whole, parts)))
    if count > len(texts):
        raise invalid("texts", f"at most {len(texts):,}")
    # MovieLens first: what it lacks comes from the sample.
    return [texts[i] for i in np.random.default_rng(_SEED).permutation(count)]


def _movies() -> list[Content]:
    named = os.environ.get("OMEGA_DATA")
    return load_movielens(Path(named))[0] if named else []


def _forms(content: Content) -> Iterator[str]:
    name, about = content.title, content.description
    genres = ", ".join(content.genres)
    words = about.split()
    yield embedding_text(content)
    yield about
    yield f"{name} ({content.year})"
    yield f"{name}. {about}"
    yield f"{genres}. {about}"
    yield f"{name}: {genres}"
    yield f"{content.country}, {content.year}: {about}"
    yield f"{name}, {content.country}"
    for start in (0, len(words) // 3, len(words) // 2):
        yield " ".join(words[start : start + len(words) // 2])
    yield name
