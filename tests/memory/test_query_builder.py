"""A query says what it was asked for, within bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from omega_core.errors import OmegaError
from omega_core.memory import MemoryQuery, Tier
from omega_memory import QueryBuilder
from omega_testing.remembering import vector

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)


def test_every_part_reaches_the_query() -> None:
    built = (
        QueryBuilder()
        .tiers(Tier.SESSION, Tier.OMEGA)
        .about(3 * vector(1), "m")
        .of("anna")
        .created(start=NOW, before=NOW)
        .carrying(kind="shown")
        .carrying(rank="1")
        .similar(0.2)
        .important(0.3)
        .sure(0.4)
        .limit(7)
        .build()
    )
    assert built == MemoryQuery(
        model_version="m",
        tiers=(Tier.SESSION, Tier.OMEGA),
        profile_id="anna",
        created_from=NOW,
        created_before=NOW,
        metadata={"kind": "shown", "rank": "1"},
        min_similarity=0.2,
        min_importance=0.3,
        min_confidence=0.4,
        limit=7,
    )
    assert built.vector is not None
    np.testing.assert_allclose(built.vector, vector(1), atol=1e-6)


def test_scales_stand_for_their_tiers() -> None:
    scales = (QueryBuilder.individual(), QueryBuilder.species(), QueryBuilder.cosmic())
    tiers = [tuple(each.build().tiers) for each in scales]
    assert [list(map(int, part)) for part in tiers] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert QueryBuilder.all_tiers().build().tiers == tuple(Tier)


def test_a_builder_is_never_changed() -> None:
    first = QueryBuilder.individual()
    first.limit(3).carrying(a="b")
    assert first.build() == QueryBuilder.individual().build()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (QueryBuilder().limit(0), "limit"),
        (QueryBuilder().limit(101), "limit"),
        (QueryBuilder().similar(1.01), "min_similarity"),
        (QueryBuilder().important(-0.1), "min_importance"),
        (QueryBuilder().sure(float("nan")), "min_confidence"),
        (QueryBuilder().about(vector(1)[:3], "m"), "vector"),
        (QueryBuilder().about(vector(1), ""), "model_version"),
        (QueryBuilder().carrying(**{f"k{n}": "" for n in range(9)}), "metadata"),
    ],
)
def test_what_is_out_of_bounds_is_named(wrong: QueryBuilder, field: str) -> None:
    with pytest.raises(OmegaError) as refused:
        wrong.build()
    assert refused.value.field == field
