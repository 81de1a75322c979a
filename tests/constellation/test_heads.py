"""GetHeads over a socket: what a gateway compares its TVs with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_store import Store
from omega_store.trends import TrendList
from omega_testing.fleet import NOW, patterns
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused


def test_a_new_shard_has_no_heads_but_says_when_to_come_back(client: ConstellationClient) -> None:
    found = client.get_heads(pb.GetHeadsRequest())
    assert (found.state_version, list(found.resources), list(found.trend_regions)) == (0, [], [])
    assert found.codebook_id == 0
    assert found.retry_after.ToTimedelta() == timedelta(minutes=10)


def test_heads_follow_what_is_published(client: ConstellationClient, store: Store) -> None:
    publish(store, patterns(1), factors=b"factors")
    rising = TrendList(1, NOW, {"": {1: 0.5}, "FR": {2: 0.5}, "DE": {3: 0.5}})
    publish(store, patterns(1, seed=1), trends=rising, factors=b"more factors")
    found = client.get_heads(pb.GetHeadsRequest())
    assert found.state_version == 2
    assert list(found.trend_regions) == ["DE", "FR"]
    assert [(r.version, r.size_bytes) for r in found.resources] == [(2, len(b"more factors"))]


def test_the_cursor_of_revocations_is_held_to_its_bound(client: ConstellationClient) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "revocations_after")
    assert (
        refused(lambda: client.get_heads(pb.GetHeadsRequest(revocations_after=2**63))) == expected
    )


@pytest.mark.parametrize("cursor", [0, 7])
def test_without_revocations_the_cursor_stands_at_the_beginning(
    client: ConstellationClient, cursor: int
) -> None:
    found = client.get_heads(pb.GetHeadsRequest(revocations_after=cursor))
    assert (found.revocations_cursor, found.more_revocations) == (0, False)
