"""Omega: the safe defaults that came with the firmware, so that a bare TV can show something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from types import MappingProxyType

from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_core.memory import KIND, Memory, Tier
from omega_memory.readers import Fixed

SHIPPED_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""When the defaults were learnt, for created_at: equal on every TV."""


@dataclass(frozen=True)
class ShippedDefaults:
    """What the package holds."""

    ranking: Mapping[str, float]
    """Ranking settings by their name."""
    popular: tuple[Content, ...]
    """Titles to show where nothing else is known, first ones first."""


@cache
def defaults() -> ShippedDefaults:
    """Reads them from the package.

    Raises:
        OmegaError: INVALID_FIELD when the package is damaged.
    """
    data = resources.files("omega_memory") / "data"
    ranking: dict[str, float] = json.loads((data / "ranking.json").read_text("utf-8"))
    with resources.as_file(data / "popular.jsonl") as path:
        popular = tuple(read_catalogue(path))
    return ShippedDefaults(MappingProxyType(ranking), popular)


def popular_memories() -> list[Memory]:
    """The popular titles by rank, importance 0.99 to 1."""
    held = defaults()
    return [
        Memory(
            tier=Tier.OMEGA,
            key=f"popular:{content.content_id}",
            text=f"To start with: {content.title}."[:1_000],
            content_id=content.content_id,
            importance=1.0 - 0.01 * place / len(held.popular),
            created_at=SHIPPED_AT,
            accessed_at=SHIPPED_AT,
            metadata={KIND: "popular", "source": "firmware", "rank": str(place + 1)},
        )
        for place, content in enumerate(held.popular)
    ]


def source() -> Fixed:
    """Omega's memories: the popular titles and the settings."""
    settings = [
        Memory(
            tier=Tier.OMEGA,
            key=f"ranking:{name}",
            text=f"Ranking setting {name} as shipped: {value:g}.",
            importance=0.99,
            created_at=SHIPPED_AT,
            accessed_at=SHIPPED_AT,
            metadata={KIND: "default", "name": name, "setting": repr(value)},
        )
        for name, value in sorted(defaults().ranking.items())
    ]
    return Fixed([*popular_memories(), *settings])
