"""Who is told of which version, who is asked, and who is led back, by the heads alone."""

from __future__ import annotations

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import release_pb2
from omega_core.dealing import device_number
from omega_sync import staging

FACTORS = resource_pb2.RESOURCE_KIND_FACTORS
CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
SALT = b"saltsalt"
IDS = [f"tv-{i:032x}" for i in range(400)]
INSIDE = next(each for each in IDS if device_number(SALT, each) < 100)
ASKED = next(each for each in IDS if 100 <= device_number(SALT, each) < 200)
REST = next(each for each in IDS if device_number(SALT, each) >= 200)


def info(
    version: int, kind: resource_pb2.ResourceKind.ValueType = FACTORS
) -> resource_pb2.ResourceInfo:
    return resource_pb2.ResourceInfo(kind=kind, version=version)


HEADS = pb.GetHeadsResponse(
    resources=[info(3, CATALOGUE), info(5)],
    staged=[
        release_pb2.StagedResource(resource=info(6), permille=100, salt=SALT, control_permille=100)
    ],
)


def told(device_id: str, held: int) -> list[int]:
    found = staging.newer(HEADS, device_id, [(CATALOGUE, 3), (FACTORS, held)])
    return [each.version for each in found]


def test_those_inside_get_the_candidate_and_the_others_the_version_before() -> None:
    assert [told(each, 4) for each in (INSIDE, ASKED, REST)] == [[6], [5], [5]]
    assert [told(each, 5) for each in (INSIDE, ASKED, REST)] == [[6], [], []]
    assert [told(each, 6) for each in (INSIDE, ASKED, REST)] == [[], [], []]
    nothing = [each.version for each in staging.newer(HEADS, INSIDE, [])]
    assert sorted(nothing) == [3, 6]


def test_those_inside_and_some_outside_are_asked() -> None:
    assert [staging.asked(HEADS, each) for each in (INSIDE, ASKED, REST)] == [True, True, False]
    assert not staging.asked(pb.GetHeadsResponse(), INSIDE)


def test_who_holds_what_was_taken_back_is_told_not_to_wait() -> None:
    heads = pb.GetHeadsResponse(
        resources=[info(3, CATALOGUE), info(7)],
        withdrawn=[resource_pb2.HeldResource(kind=FACTORS, version=6)],
    )
    for held, expected in ((6, [FACTORS]), (5, []), (7, [])):
        holding = [(CATALOGUE, 2), (FACTORS, held)]
        news = staging.newer(heads, INSIDE, holding)
        assert staging.recalled(heads, holding, news) == expected


def test_a_kind_that_only_some_have_yet_is_for_them_alone() -> None:
    heads = pb.GetHeadsResponse(staged=HEADS.staged)
    assert [len(staging.for_device(heads, each)) for each in (INSIDE, REST)] == [1, 0]
