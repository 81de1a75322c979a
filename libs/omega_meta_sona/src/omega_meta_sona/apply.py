"""Tuned settings as settings of the ranker."""

from __future__ import annotations

from dataclasses import replace

from omega_core.tuning import TunedSettings
from omega_rank import RankConfig

_MOST_WEIGHT = 10.0
_LEAST_HALF_LIFE, _MOST_HALF_LIFE = 0.1, 10_000.0


def rank_config(settings: TunedSettings, shipped: RankConfig | None = None) -> RankConfig:
    """What the ranker uses under `settings`.

    Factors apply to `shipped`, held to the ranker's bounds. A popularity above 0 takes the place of
    the newcomer's prior: settings are tuned on households for which that has faded.
    """
    shipped = shipped or RankConfig()
    config = replace(
        shipped,
        collaborative_weight=_held(shipped.collaborative_weight * settings.collaborative),
        content_weight=_held(shipped.content_weight * settings.content),
        genre_weight=_held(shipped.genre_weight * settings.genre),
        nearest_weight=_held(shipped.nearest_weight * settings.nearest),
        local_content_weight=_held(shipped.local_content_weight * settings.content),
        local_genre_weight=_held(shipped.local_genre_weight * settings.genre),
        local_nearest_weight=_held(shipped.local_nearest_weight * settings.nearest),
        half_life=min(
            max(shipped.half_life * settings.half_life, _LEAST_HALF_LIFE), _MOST_HALF_LIFE
        ),
        seen_weight=min(shipped.seen_weight * settings.seen_weight, 1.0),
        mmr_lambda=max(1 - (1 - shipped.mmr_lambda) * settings.diversity, 0.0),
    )
    if not settings.popularity:
        return config
    return replace(config, prior_weight=_held(settings.popularity), prior_half_life=_MOST_HALF_LIFE)


def _held(weight: float) -> float:
    return min(weight, _MOST_WEIGHT)
