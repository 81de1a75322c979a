"""The codec's golden vectors: what any reader of news has to make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta.transform import Codebook, CodedState, decode_news, patterns_of

FOLDER = Path(__file__).parent / "codec"
STATED: dict[str, Any] = json.loads((FOLDER / "cases.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in STATED["cases"]}
BOOK = Codebook.decode((FOLDER / "codebook.bin").read_bytes())
VECTORS = np.fromfile(FOLDER / "vectors.f32", "<f4").reshape(-1, DIMENSION)


def _base(case: dict[str, Any]) -> CodedState | None:
    if case["base"] is None:
        return None
    return decode_news(bytes.fromhex(CASES[case["base"]]["message"]), BOOK, None).state


def _same_bits(found: FloatArray, vector: int) -> bool:
    return bool(found.astype("<f4").tobytes() == VECTORS[vector].tobytes())


def test_the_codebook_has_its_id() -> None:
    assert BOOK.id == STATED["codebook_id"]
    assert BOOK.model_version == STATED["model_version"]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["accepted"]])
def test_a_sound_message_gives_these_bits(name: str) -> None:
    case = CASES[name]
    news = decode_news(bytes.fromhex(case["message"]), BOOK, _base(case))
    state = news.state
    assert state.version == case["version"]
    figures = zip(state.ids, state.rates, state.floors, state.weights, strict=True)
    for row, wanted, pattern in zip(
        figures, case["patterns"], patterns_of(state, BOOK), strict=True
    ):
        assert [*row] == [wanted[field] for field in ("id", "rate", "floor", "weight")]
        assert _same_bits(pattern.embedding, wanted["vector"])
    trends = news.trends.titles if news.trends else ()
    at = (news.trends.at - validate.EARLIEST).total_seconds() if news.trends else 0
    assert at == case["trends_at"]
    assert [
        {"ordinal": t.ordinal, "score": 64 * t.score, "regional": t.regional} for t in trends
    ] == case["trends"]
    ordinals = news.titles.ordinals.tolist() if news.titles else []
    assert ordinals == [title["ordinal"] for title in case["titles"]]
    for i, title in enumerate(case["titles"]):
        assert news.titles is not None
        assert _same_bits(news.titles.embeddings[i], title["vector"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case["accepted"]])
def test_a_broken_message_is_refused(name: str) -> None:
    with pytest.raises(OmegaError) as caught:
        decode_news(bytes.fromhex(CASES[name]["message"]), BOOK, None)
    assert caught.value.code == ErrorCode.INVALID_FIELD
    assert caught.value.field
