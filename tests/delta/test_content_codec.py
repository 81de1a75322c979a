from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.common.v1 import content_pb2
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import content_from_proto, content_to_proto


def _texts(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    return st.text(
        st.characters(exclude_categories=("Cc", "Cs")), min_size=shortest, max_size=longest
    )


def _ids(longest: int) -> st.SearchStrategy[str]:
    return st.from_regex(rf"[A-Za-z0-9._:-]{{1,{longest}}}", fullmatch=True)


PROVIDERS = st.builds(
    Provider,
    provider_id=_ids(64),
    name=_texts(128, 1),
    availability=st.sampled_from(Availability),
)
CONTENTS = st.builds(
    Content,
    content_id=_ids(128),
    title=_texts(300, 1),
    kind=st.sampled_from(ContentKind),
    genres=st.lists(_texts(64, 1), max_size=16).map(tuple),
    year=st.just(0) | st.integers(1870, 2200),
    country=_texts(64),
    description=_texts(2_000),
    providers=st.lists(PROVIDERS, max_size=4).map(tuple),
    minimum_age=st.none() | st.integers(0, 21),
)


def _message() -> content_pb2.Content:
    return content_pb2.Content(
        content_id="tt-1",
        title="Night Train",
        kind=content_pb2.CONTENT_KIND_MOVIE,
        genres=["Drama"],
        year=1959,
        providers=[
            content_pb2.Provider(
                provider_id="p", name="P", availability=content_pb2.AVAILABILITY_RENT
            )
        ],
    )


@given(CONTENTS)
@settings(deadline=None, max_examples=60)
def test_a_title_comes_back_as_it_was(content: Content) -> None:
    wire = content_to_proto(content).SerializeToString()
    assert content_from_proto(content_pb2.Content.FromString(wire)) == content


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content_id": ""}, "contents[2].content_id"),
        ({"content_id": "x" * 129}, "contents[2].content_id"),
        ({"content_id": "a b"}, "contents[2].content_id"),
        ({"title": ""}, "contents[2].title"),
        ({"title": "x" * 301}, "contents[2].title"),
        ({"title": "two\nlines"}, "contents[2].title"),
        ({"kind": 0}, "contents[2].kind"),
        ({"kind": 4}, "contents[2].kind"),
        ({"genres": ["x"] * 17}, "contents[2].genres"),
        ({"genres": ["fine", ""]}, "contents[2].genres[1]"),
        ({"year": 1869}, "contents[2].year"),
        ({"year": 2201}, "contents[2].year"),
        ({"minimum_age": 22}, "contents[2].minimum_age"),
        ({"country": "x" * 65}, "contents[2].country"),
        ({"description": "x" * 2_001}, "contents[2].description"),
        (
            {
                "providers": [
                    content_pb2.Provider(
                        provider_id="p", name="P", availability=content_pb2.AVAILABILITY_BUY
                    )
                ]
                * 33
            },
            "contents[2].providers",
        ),
        (
            {"providers": [content_pb2.Provider(provider_id="p", name="P")]},
            "contents[2].providers[0].availability",
        ),
        (
            {
                "providers": [
                    content_pb2.Provider(name="P", availability=content_pb2.AVAILABILITY_BUY)
                ]
            },
            "contents[2].providers[0].provider_id",
        ),
    ],
)
def test_a_title_out_of_bounds_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    message = _message()
    for name in changes:
        message.ClearField(name)  # type: ignore[arg-type]  # names come from the table
    message.MergeFrom(content_pb2.Content(**changes))  # type: ignore[arg-type]  # the same
    with pytest.raises(OmegaError) as caught:
        content_from_proto(message, "contents[2]")
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_domain_and_contract_state_the_same_values() -> None:
    kinds = {name.removeprefix("CONTENT_KIND_"): n for name, n in content_pb2.ContentKind.items()}
    assert kinds == {"UNSPECIFIED": 0, **{k.name: k.value for k in ContentKind}}
    offers = {name.removeprefix("AVAILABILITY_"): n for name, n in content_pb2.Availability.items()}
    assert offers == {"UNSPECIFIED": 0, **{a.name: a.value for a in Availability}}
