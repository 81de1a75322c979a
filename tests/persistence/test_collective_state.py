"""Global patterns move from version to version, all or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import pack_f16, unit
from omega_persistence import Database, GlobalPatterns, StoredPattern


def pattern(number: int, weight: float = 0.25) -> StoredPattern:
    vector = np.random.default_rng(number).normal(size=384).astype(np.float32)
    return StoredPattern(number, unit(vector), 0.75, 4, weight)


@pytest.fixture
def patterns(database: Database) -> GlobalPatterns:
    table = GlobalPatterns(database)
    table.apply_delta(
        base_version=0,
        version=5,
        patterns=[pattern(number) for number in (1, 2, 3)],
        removed_ids=[],
        model_version="m1",
    )
    return table


def test_none_is_held_at_first(database: Database) -> None:
    table = GlobalPatterns(database)
    assert (table.version(), table.model_version(), table.count(), table.all()) == (0, "", 0, [])


def test_a_delta_adds_replaces_and_removes(patterns: GlobalPatterns) -> None:
    patterns.apply_delta(
        base_version=5,
        version=7,
        patterns=[pattern(2, 0.5), pattern(9)],
        removed_ids=[1, 77],
        model_version="m1",
    )
    assert patterns.all() == [pattern(2, 0.5), pattern(3), pattern(9)]
    assert (patterns.version(), patterns.count()) == (7, 3)
    for held in patterns.all():
        assert pack_f16(held.embedding) == pack_f16(pattern(held.pattern_id).embedding)


def test_base_zero_replaces_everything_also_the_encoder(patterns: GlobalPatterns) -> None:
    patterns.apply_delta(
        base_version=0, version=2, patterns=[pattern(8)], removed_ids=[], model_version="m2"
    )
    assert patterns.all() == [pattern(8)]
    assert (patterns.version(), patterns.model_version()) == (2, "m2")


@pytest.mark.parametrize(
    ("base", "version", "model", "code", "field"),
    [
        (4, 6, "m1", ErrorCode.INVALID_FIELD, "delta.base_version"),
        (6, 7, "m1", ErrorCode.INVALID_FIELD, "delta.base_version"),
        (5, 5, "m1", ErrorCode.INVALID_FIELD, "delta.version"),
        (5, 6, "m2", ErrorCode.ENCODER_MISMATCH, "delta.model_version"),
        (5, 6, "", ErrorCode.INVALID_FIELD, "delta.model_version"),
    ],
)
def test_a_delta_that_does_not_fit_changes_nothing(
    patterns: GlobalPatterns, base: int, version: int, model: str, code: ErrorCode, field: str
) -> None:
    with pytest.raises(OmegaError) as refused:
        patterns.apply_delta(
            base_version=base,
            version=version,
            patterns=[pattern(9)],
            removed_ids=[1],
            model_version=model,
        )
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (patterns.version(), patterns.all()) == (5, [pattern(1), pattern(2), pattern(3)])


def test_one_bad_pattern_refuses_the_whole_delta(patterns: GlobalPatterns) -> None:
    bad = StoredPattern(4, np.full(384, np.nan, np.float32), 0.5, 4, 0.1)
    with pytest.raises(OmegaError) as refused:
        patterns.apply_delta(
            base_version=5,
            version=6,
            patterns=[pattern(9), bad],
            removed_ids=[],
            model_version="m1",
        )
    assert refused.value.field == "delta.patterns[1].embedding"
    assert patterns.version() == 5


def test_a_cleared_state_is_at_version_zero(patterns: GlobalPatterns) -> None:
    patterns.clear()
    assert (patterns.version(), patterns.model_version(), patterns.count()) == (0, "", 0)
