from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.brain.v1 import brain_service_pb2 as pb
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_delta import profile_from_proto, profile_to_proto

WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=64)
PROFILES = st.builds(
    Profile,
    profile_id=st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True),
    name=WORDS,
    max_age_rating=st.none() | st.integers(0, 21),
    blocked_genres=st.lists(WORDS, max_size=64).map(tuple),
)


@given(PROFILES)
@settings(deadline=None, max_examples=50)
def test_a_profile_comes_back_as_it_was(profile: Profile) -> None:
    wire = profile_to_proto(profile).SerializeToString()
    assert profile_from_proto(pb.Profile.FromString(wire)) == profile


def test_no_limit_and_a_limit_of_0_are_told_apart() -> None:
    free = profile_from_proto(pb.Profile(profile_id="p", name="P"))
    strict = profile_from_proto(pb.Profile(profile_id="p", name="P", max_age_rating=0))
    assert (free.max_age_rating, strict.max_age_rating) == (None, 0)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.Profile(name="P"), "profile.profile_id"),
        (pb.Profile(profile_id="p" * 65, name="P"), "profile.profile_id"),
        (pb.Profile(profile_id="p 1", name="P"), "profile.profile_id"),
        (pb.Profile(profile_id="p"), "profile.name"),
        (pb.Profile(profile_id="p", name="P" * 65), "profile.name"),
        (pb.Profile(profile_id="p", name="P", max_age_rating=22), "profile.max_age_rating"),
        (pb.Profile(profile_id="p", name="P", blocked_genres=["g"] * 65), "profile.blocked_genres"),
        (
            pb.Profile(profile_id="p", name="P", blocked_genres=["g", ""]),
            "profile.blocked_genres[1]",
        ),
    ],
)
def test_a_profile_out_of_bounds_is_refused_by_name(message: pb.Profile, field: str) -> None:
    with pytest.raises(OmegaError) as refused:
        profile_from_proto(message)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, field)
