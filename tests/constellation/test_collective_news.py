"""GetGlobalState over a socket: what a TV lacks, whatever it holds."""

from __future__ import annotations

from datetime import UTC, timedelta

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.clock import SystemClock
from omega_delta import StateDelta, decode_state_delta
from omega_store import Store, devices, resources
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW, patterns, registered, vectors
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused

CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE
FACTORS = resource_pb2.ResourceKind.RESOURCE_KIND_FACTORS


@pytest.fixture
def device(store: Store) -> str:
    return registered(store, 1)[0]


def pull(
    client: ConstellationClient, device_id: str, state_version: int = 0, **held: int
) -> pb.GetGlobalStateResponse:
    kinds = {"catalogue": CATALOGUE, "factors": FACTORS}
    return client.get_global_state(
        pb.GetGlobalStateRequest(
            device_id=device_id,
            state_version=state_version,
            held=[
                resource_pb2.HeldResource(kind=kinds[kind], version=version)
                for kind, version in held.items()
            ],
        )
    )


def delta(answer: pb.GetGlobalStateResponse) -> StateDelta:
    assert answer.compression == resource_pb2.Compression.COMPRESSION_ZSTD
    return decode_state_delta(answer.delta)


def test_a_shard_without_news_says_when_to_come_back(
    client: ConstellationClient, device: str
) -> None:
    answer = pull(client, device)
    assert (answer.state_version, answer.delta, list(answer.resources)) == (0, b"", [])
    assert answer.retry_after.ToTimedelta() == timedelta(minutes=10)


def test_a_new_tv_gets_everything(client: ConstellationClient, store: Store, device: str) -> None:
    made = patterns(3)
    publish(store, made)
    answer = pull(client, device)
    news = delta(answer)
    assert (answer.state_version, news.base_version, news.version) == (1, 0, 1)
    assert news.model_version == MODEL
    assert [p.pattern_id for p in news.patterns] == [1, 2, 3]
    for got, sent in zip(news.patterns, made, strict=True):
        np.testing.assert_array_equal(got.embedding, sent.embedding)
        assert (got.success_rate, got.device_count_floor, got.weight) == (0.75, 4, 0.5)


def test_a_tv_that_is_up_to_date_gets_nothing(
    client: ConstellationClient, store: Store, device: str
) -> None:
    publish(store, patterns(3))
    answer = pull(client, device, 1)
    assert (answer.state_version, answer.delta) == (1, b"")


def test_a_step_names_only_what_changed(
    client: ConstellationClient, store: Store, device: str
) -> None:
    publish(store, patterns(4))
    publish(store, patterns(1, seed=1, ids=[2]), [3])
    publish(store, patterns(1, seed=2))
    first = delta(pull(client, device, 1))
    assert (first.base_version, first.version) == (1, 3)
    assert [p.pattern_id for p in first.patterns] == [2, 5]
    assert first.removed_pattern_ids == (3,)
    second = delta(pull(client, device, 2))
    assert [p.pattern_id for p in second.patterns] == [5]
    assert second.removed_pattern_ids == ()


def test_a_step_is_the_same_for_every_tv_and_new_after_a_round(
    client: ConstellationClient, store: Store
) -> None:
    one, other = registered(store, 2)
    publish(store, patterns(4))
    first = pull(client, one)
    assert pull(client, other).delta == first.delta
    publish(store, patterns(1, seed=1, ids=[2]))
    assert pull(client, other, 1).state_version == 2
    assert delta(pull(client, one)).version == 2


@pytest.mark.parametrize("held", [7, 2**62])
def test_an_unknown_version_is_answered_with_everything(
    client: ConstellationClient, store: Store, device: str, held: int
) -> None:
    publish(store, patterns(2))
    publish(store, removed=[1])
    for _ in range(2):
        news = delta(pull(client, device, held))
        assert (news.base_version, news.version) == (0, 2)
        assert [p.pattern_id for p in news.patterns] == [2]


def test_another_encoder_is_answered_with_everything(
    client: ConstellationClient, store: Store, device: str
) -> None:
    publish(store, patterns(2))
    publish(store, patterns(1, seed=1), model_version="other")
    news = delta(pull(client, device, 1))
    assert (news.base_version, news.model_version) == (0, "other")
    assert [p.pattern_id for p in news.patterns] == [3]


def test_a_tv_of_a_lost_shard_keeps_what_it_holds(client: ConstellationClient, device: str) -> None:
    answer = pull(client, device, 9)
    assert (answer.state_version, answer.delta) == (9, b"")


def test_only_newer_resources_are_named(
    client: ConstellationClient, store: Store, device: str
) -> None:
    with store.transaction() as conn:
        for version, body in ((1, b"one"), (2, b"two!")):
            stated = resources.publish(
                conn, ResourceKind.CATALOGUE, version, model_version=MODEL, body=body, now=NOW
            )
    publish(store, patterns(1), factors=b"factors")
    both = pull(client, device).resources
    assert {(r.kind, r.version) for r in both} == {(CATALOGUE, 2), (FACTORS, 1)}
    named = next(r for r in both if r.kind == CATALOGUE)
    assert (named.size_bytes, named.sha256, named.model_version) == (4, stated.sha256, MODEL)
    assert [r.kind for r in pull(client, device, catalogue=2).resources] == [FACTORS]
    assert [r.kind for r in pull(client, device, catalogue=1, factors=1).resources] == [CATALOGUE]
    assert not pull(client, device, catalogue=9, factors=1).resources


def test_a_pull_notes_that_the_device_was_seen(
    client: ConstellationClient, store: Store, device: str
) -> None:
    before = SystemClock().now()
    pull(client, device)
    with store.statements() as conn:
        found = devices.get(conn, device)
    assert found is not None
    assert found.last_seen_at is not None
    assert found.last_seen_at.astimezone(UTC) >= before


def test_unknown_and_revoked_devices_get_nothing(
    client: ConstellationClient, store: Store, device: str
) -> None:
    expected = Refusal("UNAUTHENTICATED", "UNAUTHENTICATED", "")
    assert refused(lambda: pull(client, f"tv-{'0' * 32}")) == expected
    with store.transaction() as conn:
        devices.revoke(conn, device, NOW)
    assert refused(lambda: pull(client, device)) == expected


def test_the_largest_state_fits_an_answer(
    client: ConstellationClient, store: Store, device: str
) -> None:
    random = vectors(80, seed=3)
    publish(store, patterns(80))
    publish(store, patterns(80, seed=4, ids=range(1, 81)))
    assert len(random) == len(delta(pull(client, device)).patterns)
    assert len(delta(pull(client, device, 1)).patterns) == 80


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("device_id", pb.GetGlobalStateRequest(device_id="tv-1")),
        ("state_version", pb.GetGlobalStateRequest(state_version=2**63)),
        ("held", pb.GetGlobalStateRequest(held=[resource_pb2.HeldResource(kind=CATALOGUE)] * 9)),
        ("held[0].kind", pb.GetGlobalStateRequest(held=[resource_pb2.HeldResource()])),
        (
            "held[0].version",
            pb.GetGlobalStateRequest(
                held=[resource_pb2.HeldResource(kind=CATALOGUE, version=2**63)]
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, request_: pb.GetGlobalStateRequest
) -> None:
    if not request_.device_id:
        request_.device_id = f"tv-{'0' * 32}"
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(lambda: shared_client.get_global_state(request_)) == expected
