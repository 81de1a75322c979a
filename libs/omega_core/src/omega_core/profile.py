"""Somebody in the household, and what they may see."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import limits, validate


@dataclass(frozen=True)
class Profile:
    """A profile with its parental limits."""

    profile_id: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    name: str
    """1 to 64 characters."""
    max_age_rating: int | None = None
    """Titles rated above it are never shown, nor those not rated; 0 to 21, None = no limit."""
    blocked_genres: tuple[str, ...] = ()
    """Titles of these genres are never shown; at most 64, compared without case."""


def check_profile(profile: Profile, name: str = "profile") -> Profile:
    """Holds a profile to its bounds. `name` is the field it came in.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.identifier(f"{name}.profile_id", profile.profile_id, limits.MAX_SHORT_ID)
    validate.text(f"{name}.name", profile.name, 64, 1)
    if profile.max_age_rating is not None:
        validate.integer(f"{name}.max_age_rating", profile.max_age_rating, 0, limits.MAX_AGE)
    validate.count(f"{name}.blocked_genres", profile.blocked_genres, limits.MAX_BLOCKED_GENRES)
    for i, genre in enumerate(profile.blocked_genres):
        validate.text(f"{name}.blocked_genres[{i}]", genre, 64, 1)
    return profile
