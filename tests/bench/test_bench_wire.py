"""`omega bench wire` on the shipped sample, embedded by spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omega_cli.bench import wire, wire_corpus, wire_peers
from omega_core.errors import OmegaError
from omega_core.vectors import unit

PLAN: dict[str, Any] = {
    "patterns": 8,
    "titles": 6,
    "draws": 1,
    "training": 10,
    "rounds": 2,
    "households": 2,
}


def test_every_figure_is_there_and_every_answer_keeps_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMEGA_DATA", raising=False)
    said: list[str] = []
    plan = wire.Plan(**PLAN, encoder="lexical", cache_dir=tmp_path)
    found = wire.measure(plan, said.append)
    assert set(found) == {
        "push_sketches_1024",
        "pull_patterns_5120",
        "pull_contents_5120",
        "pull_pattern_cosine",
        "pull_content_cosine",
        "encode_ms",
        "decode_ms",
        "codebook_bytes",
        "update_bytes",
        "budgets_held",
    }
    assert found["push_sketches_1024"].value >= 16
    assert found["pull_patterns_5120"].value == 8
    assert found["pull_contents_5120"].value == 6
    assert found["pull_pattern_cosine"].beside["centred"] <= found["pull_pattern_cosine"].value
    assert found["budgets_held"].value == 2
    assert found["budgets_held"].beside["longest answer, bytes"] <= wire.RESPONSE
    for figure in ("pull_pattern_cosine", "pull_content_cosine"):
        assert {"p5", "f16 + zstd", "u8 + zstd", "PQ 32", "PQ 48"} <= set(found[figure].beside)
    assert said[-1] == "budgets of households, 1 of 2"


def test_the_codebook_sees_neither_the_measured_households_nor_the_new_titles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMEGA_DATA", raising=False)
    corpus = wire_corpus.load("lexical", tmp_path)
    assert corpus.held_out.any()
    assert not any(corpus.held_out[titles].any() for titles in corpus.known)
    assert len(corpus.known) > len(corpus.liked) > 0


def test_more_bytes_of_a_product_quantiser_lose_less() -> None:
    rows = unit(np.random.default_rng(0).standard_normal((1_020, 384)).astype(np.float32))
    found = wire_peers.cosines(rows[1_000:], rows[:1_000])
    assert found["PQ 32"] < found["PQ 48"] < found["u8 + zstd"] < found["f16 + zstd"]


@pytest.mark.parametrize(("field", "value"), [("patterns", 3), ("draws", 0), ("rounds", 33)])
def test_a_plan_out_of_bounds_is_refused(field: str, value: int) -> None:
    with pytest.raises(OmegaError) as caught:
        wire.Plan(**{**PLAN, field: value})
    assert caught.value.field == field
