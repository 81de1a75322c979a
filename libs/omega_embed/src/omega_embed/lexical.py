"""The fallback without a model: texts compared by their spelling."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise

import numpy as np

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_embed.recipe import MAX_TOKENS

MAX_WORD = 64
"""Characters of a word that are read."""
GRAMS = (3, 4, 5)
"""Lengths of the character n-grams, word boundaries counted."""
WEIGHTS = {"w": 1.0, "b": 0.5, "g": 0.25}
"""Weight of a word, of a pair of words, of a character n-gram.

A word of six letters has 15 n-grams; at a quarter each, their joint norm is about that of the word.
"""
_WORD = re.compile(r"[^\W_]+")
_HASH_KEY = b"lexical-384-r1"
_NOTHING = 1e-6  # colliding features of opposite sign can cancel to a rounding error


class LexicalEncoder:
    """Embeds by spelling: knows that "detectives" resembles "detective", not that both mean crime.

    Words, pairs of words and character n-grams within words are hashed with a sign into 384
    components (Weinberger et al. 2009, Feature hashing for large scale multitask learning), with
    weight 1 + ln(count) (sublinear term frequency; Manning et al. 2008, section 6.4.1). The same
    text gives the same bits on every machine.
    """

    model_version = "lexical-384-r1"
    dimension = DIMENSION

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order; see Encoder.encode. Case, accents and punctuation do not matter.

        Returns:
            (len(texts), 384) float32 unit rows; a text without any word gets one that only texts
            of the same characters share.

        Raises:
            OmegaError: INVALID_FIELD when `texts` is one text instead of a sequence of texts.
        """
        if isinstance(texts, str):
            raise invalid("texts", "a sequence of texts")
        rows = np.zeros((len(texts), DIMENSION))
        for row, text in zip(rows, texts, strict=True):
            _fill(row, text)
        return unit(np.asarray(rows, np.float32))


def _fill(row: np.ndarray[tuple[int], np.dtype[np.float64]], text: str) -> None:
    folded = _fold(text)
    for feature, count in Counter(_features(folded)).items():
        index, sign = _slot(feature)
        row[index] += sign * WEIGHTS[feature[0]] * (1 + math.log(count))
    if np.abs(row).max() < _NOTHING:
        index, sign = _slot("t" + folded)
        row[index] = sign


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _features(folded: str) -> Iterator[str]:
    words = [w.group()[:MAX_WORD] for w in islice(_WORD.finditer(folded), MAX_TOKENS)]
    for word in words:
        yield "w" + word
        bounded = f"<{word}>"
        for n in GRAMS:
            for start in range(len(bounded) - n + 1):
                yield "g" + bounded[start : start + n]
    for first, second in pairwise(words):
        yield f"b{first} {second}"


@lru_cache(maxsize=2_048)
def _slot(feature: str) -> tuple[int, float]:
    digest = hashlib.blake2b(
        feature.encode("utf-8", "replace"), digest_size=8, person=_HASH_KEY
    ).digest()
    value = int.from_bytes(digest, "little")
    return (value >> 1) % DIMENSION, 1.0 if value & 1 else -1.0
