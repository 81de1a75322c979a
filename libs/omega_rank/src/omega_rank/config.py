"""Settings of the ranker."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import validate


@dataclass(frozen=True)
class RankConfig:
    """Weights and constants of the hybrid ranker, each with what it rests on.

    "Validation" is the validation cut of MovieLens small, `python bench/ranking_weights.py DATA`
    with the part in brackets; the figures stand in docs/adr/0023. "The study" is the project's
    feasibility study, whose ranker this one comes from.
    """

    half_life: float = 20.0
    """Titles after which a viewing counts half: decay is 0.5^(recency rank / half_life). The study.
    """
    seen_weight: float = 0.3
    """Weight of a title seen without strong opinion, beside 1 of a liked one. The study."""
    opinion_reward: float = 0.5
    """Least reward of a title that was not liked but not rejected either; below it weighs 0. Rests
    on no measurement."""
    collaborative_weight: float = 1.0
    """Weight of the collaborative term: the unit of the others."""
    content_weight: float = 1.4
    """Weight of the content term where factors are held. Validation (weights)."""
    genre_weight: float = 1.4
    """Weight of the genre term where factors are held. Validation (weights)."""
    nearest_weight: float = 1.0
    """Weight of the nearest term where factors are held. Validation (weights)."""
    local_content_weight: float = 1.0
    """Weight of the content term without factors. Picked on the validation cut before there was a
    record of it."""
    local_genre_weight: float = 0.2
    """Weight of the genre term without factors. As local_content_weight."""
    local_nearest_weight: float = 1.0
    """Weight of the nearest term without factors. As local_content_weight."""
    prior_weight: float = 6.0
    """Weight of the collective prior for a household that liked nothing yet. As
    local_content_weight."""
    prior_half_life: float = 1.5
    """Likes after which the prior weighs half. As local_content_weight."""
    pattern_weight: float = 1.5
    """Weight of the density of global patterns, added to the prior's, as long as there are no
    factors. As local_content_weight."""
    context_boost: float = 1.25
    """Factor on a history title's weight for each stated part of the context it shares. Rests on no
    measurement: MovieLens has no circumstances."""
    context_weight: float = 0.5
    """Most that what the household watches in the stated circumstances adds to or takes from a
    title's mean standard score. Rests on no measurement but on planted households (tests)."""
    misery_weight: float = 0.5
    """Share of the lowest relevance among those who watch together, beside the mean of all
    (least misery and average; Masthoff 2011). Rests on no measurement."""
    mmr_lambda: float = 0.8
    """Share of relevance against diversity and calibration together (Carbonell & Goldstein 1998);
    1 = relevance only. The study."""
    calibration_weight: float = 1.0
    """Weight of the divergence of the list's genres from the household's (Steck 2018), in nats,
    beside that of the greatest cosine. Validation (calibration)."""
    mmr_window: int = 50
    """Titles of the relevance order that diversity and calibration may move. The study."""
    session_weight: float = 0.5
    """Most that the running session adds to or takes from a title's mean standard score. Titles
    that lie further apart than twice that never change places. Rests on no measurement: MovieLens
    has no sessions."""
    season_weight: float = 0.25
    """Most that preferences of the circumstances add to or take from a title's mean standard
    score. Rests on no measurement."""
    trend_weight: float = 0.75
    """Most that a trend adds to a title's mean standard score. Picked on made-up households
    (docs/adr/0020): MovieLens has no regions and no trends."""
    fresh_weight: float = 0.1
    """Most that being new in the catalogue adds to a title's mean standard score. Rests on no
    measurement: it breaks ties in favour of what nobody could have watched yet."""

    def __post_init__(self) -> None:
        validate.number("half_life", self.half_life, 0.1, 10_000)
        validate.number("seen_weight", self.seen_weight, 0, 1)
        validate.number("opinion_reward", self.opinion_reward, 0, 1)
        for name in (
            "collaborative_weight",
            "content_weight",
            "genre_weight",
            "nearest_weight",
            "local_content_weight",
            "local_genre_weight",
            "local_nearest_weight",
            "prior_weight",
            "pattern_weight",
        ):
            validate.number(name, getattr(self, name), 0, 10)
        validate.number("prior_half_life", self.prior_half_life, 0.1, 10_000)
        validate.number("context_boost", self.context_boost, 1, 4)
        validate.number("context_weight", self.context_weight, 0, 1)
        validate.number("misery_weight", self.misery_weight, 0, 1)
        validate.number("calibration_weight", self.calibration_weight, 0, 10)
        validate.number("mmr_lambda", self.mmr_lambda, 0, 1)
        validate.number("session_weight", self.session_weight, 0, 1)
        validate.number("season_weight", self.season_weight, 0, 1)
        validate.number("trend_weight", self.trend_weight, 0, 1)
        validate.number("fresh_weight", self.fresh_weight, 0, 1)
        validate.integer("mmr_window", self.mmr_window, 1, 200)
