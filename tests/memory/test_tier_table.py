"""The numbers of the twelve tiers, and that configuration holds them to bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_core.errors import OmegaError
from omega_core.memory import Scale, Tier
from omega_memory import MemoryConfig

DAY = timedelta(days=1)
TABLE = (
    # name, threshold, retention, scale
    ("instant", 0.0, timedelta(seconds=60), "individual"),
    ("session", 0.1, timedelta(hours=24), "individual"),
    ("episodic", 0.3, 30 * DAY, "individual"),
    ("semantic", 0.5, 365 * DAY, "individual"),
    ("collective", 0.6, 3_650 * DAY, "species"),
    ("evolutionary", 0.7, None, "species"),
    ("architectural", 0.8, None, "species"),
    ("substrate", 0.85, None, "species"),
    ("civilizational", 0.9, None, "cosmic"),
    ("temporal", 0.93, None, "cosmic"),
    ("physical", 0.96, None, "cosmic"),
    ("omega", 0.99, None, "cosmic"),
)
CAPACITIES = (1_000, 10_000, 100_000)
"""Of the tiers whose capacity is the original's; the others are lowered for a TV."""


def test_each_tier_has_the_threshold_retention_and_scale_of_the_table() -> None:
    rules = [MemoryConfig().rule(tier) for tier in Tier]
    found = [(r.tier.name.lower(), r.threshold, r.retention, r.scale.value) for r in rules]
    assert tuple(found) == TABLE


def test_no_capacity_is_above_the_originals_and_none_is_endless() -> None:
    rules = [MemoryConfig().rule(tier) for tier in Tier]
    assert tuple(rule.capacity for rule in rules[:3]) == CAPACITIES
    assert all(1 <= rule.capacity <= 100_000 for rule in rules)


def test_tiers_are_numbered_as_in_the_contract() -> None:
    named = {f"MEMORY_TIER_{tier.name}": int(tier) for tier in Tier}
    assert named | {"MEMORY_TIER_UNSPECIFIED": 0} == dict(pb.MemoryTier.items())


def test_each_tier_leads_to_the_next_and_the_last_to_none() -> None:
    chain = [Tier.INSTANT]
    while (above := chain[-1].next_tier) is not None:
        chain.append(above)
    assert chain == list(Tier)


def test_a_scale_has_four_tiers() -> None:
    assert [sum(t.scale is scale for t in Tier) for scale in Scale] == [4, 4, 4]


def test_retention_and_capacity_follow_the_configuration() -> None:
    config = MemoryConfig(session_retention_hours=2, semantic_capacity=7)
    assert config.rule(Tier.SESSION).retention == timedelta(hours=2)
    assert config.rule(Tier.SEMANTIC).capacity == 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instant_retention_seconds", 0),
        ("session_retention_hours", 169),
        ("episodic_retention_days", float("nan")),
        ("semantic_retention_days", 0),
        ("collective_retention_days", 1e9),
        ("omega_capacity", 0),
        ("physical_capacity", 1_000_001),
        ("scan", 10),
    ],
)
def test_a_setting_out_of_bounds_is_named(field: str, value: float) -> None:
    with pytest.raises(OmegaError) as refused:
        MemoryConfig(**{field: value})  # type: ignore[arg-type]  # a number of either kind
    assert refused.value.field == field
