"""Profiles between their domain form and omega.brain.v1.Profile."""

from __future__ import annotations

from omega.brain.v1 import brain_service_pb2
from omega_core.profile import Profile, check_profile


def profile_to_proto(profile: Profile) -> brain_service_pb2.Profile:
    """The wire form of a profile, which is trusted to be within its bounds."""
    return brain_service_pb2.Profile(
        profile_id=profile.profile_id,
        name=profile.name,
        max_age_rating=profile.max_age_rating,
        blocked_genres=profile.blocked_genres,
    )


def profile_from_proto(message: brain_service_pb2.Profile, name: str = "profile") -> Profile:
    """The profile of a message, held to its bounds.

    Args:
        message: as received; absent max_age_rating = no limit.
        name: the field it came in.

    Raises:
        OmegaError: INVALID_FIELD that names the field below `name` and its bound.
    """
    return check_profile(
        Profile(
            profile_id=message.profile_id,
            name=message.name,
            max_age_rating=message.max_age_rating if message.HasField("max_age_rating") else None,
            blocked_genres=tuple(message.blocked_genres),
        ),
        name,
    )
