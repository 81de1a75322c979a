"""PushPatterns and PullPatterns before a stand-in of the constellation."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_testing.stand_in import CATALOGUE_KIND, DEVICE, StandIn

Tv = sync_service_pb2_grpc.SyncServiceStub
Bearer = dict[str, Any]


def steps(upstream: StandIn) -> list[upstream_pb.GetGlobalStateRequest]:
    return [r for r in upstream.asked if isinstance(r, upstream_pb.GetGlobalStateRequest)]


def test_a_push_alone_asks_for_no_news(tv: Tv, bearer: Bearer, upstream: StandIn) -> None:
    request = pb.PushPatternsRequest(
        request_id=str(uuid.uuid4()),
        model_version="encoder-1",
        sketches=bytes(96),
        classes=bytes(2),
        sigma_hundredths=450,
    )
    answer = tv.PushPatterns(request, **bearer)
    assert (answer.accepted_sketches, answer.duplicate) == (2, False)
    assert 300 <= answer.retry_after.seconds <= 900
    (asked,) = upstream.asked
    assert asked.pushes[0] == upstream_pb.DevicePush(
        device_id=DEVICE,
        request_id=request.request_id,
        model_version="encoder-1",
        sketches=bytes(96),
        classes=bytes(2),
        sigma_hundredths=450,
    )


def test_a_pull_alone_stores_nothing(tv: Tv, bearer: Bearer, upstream: StandIn) -> None:
    held = [resource_pb2.HeldResource(kind=CATALOGUE_KIND, version=3)]
    answer = tv.PullPatterns(pb.PullPatternsRequest(state_version=8, held=held), **bearer)
    assert (answer.state_version, answer.delta, answer.page) == (9, b"delta", 0)
    assert [info.version for info in answer.resources] == [4]
    touched = upstream.asked[0].pushes[0]
    assert (touched.device_id, touched.sketches) == (DEVICE, b"")


def test_pages_follow_to_the_version_that_the_first_led_to(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    upstream.pages = 3
    pages = [
        tv.PullPatterns(
            pb.PullPatternsRequest(state_version=8, page=page, wanted_version=9 if page else 0),
            **bearer,
        )
        for page in range(3)
    ]
    assert [(p.page, p.pages, p.state_version) for p in pages] == [(n, 3, 9) for n in range(3)]
    assert [len(p.resources) for p in pages] == [1, 0, 0]
    assert [(s.page, s.wanted_version) for s in steps(upstream)] == [(0, 9), (1, 9), (2, 9)]


def test_a_page_of_what_is_no_longer_the_newest_is_the_first_of_what_is(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    request = pb.PullPatternsRequest(state_version=7, page=2, wanted_version=8)
    answer = tv.PullPatterns(request, **bearer)
    assert (answer.page, answer.state_version) == (0, 9)
    assert [(s.page, s.wanted_version) for s in steps(upstream)] == [(0, 9)]


@pytest.mark.parametrize(
    ("region", "asked"), [("FR-75", "FR-75"), ("DE", ""), ("", "")], ids=["own", "shared", "none"]
)
def test_a_region_counts_where_it_has_trends_of_its_own(
    tv: Tv, bearer: Bearer, upstream: StandIn, region: str, asked: str
) -> None:
    upstream.region, upstream.trend_regions = region, ("FR-75",)
    upstream.await_poll()
    tv.PullPatterns(pb.PullPatternsRequest(state_version=8), **bearer)
    assert [s.region for s in steps(upstream)] == [asked]


@pytest.mark.parametrize(("held", "base"), [(10, 0), (8, 8), (0, 0)])
def test_a_version_that_the_shard_does_not_know_yet_is_none(
    tv: Tv, bearer: Bearer, upstream: StandIn, held: int, base: int
) -> None:
    answer = tv.PullPatterns(pb.PullPatternsRequest(state_version=held), **bearer)
    assert answer.state_version == 9
    assert [s.state_version for s in steps(upstream)] == [base]


def test_a_shard_without_a_state_leaves_a_tv_what_it_has(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    upstream.state_version = 0
    upstream.await_poll()
    answer = tv.PullPatterns(pb.PullPatternsRequest(state_version=5), **bearer)
    assert (answer.state_version, answer.delta) == (5, b"")
    assert steps(upstream) == []
