"""What operators ask of a shard, over a socket."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from omega.constellation.v1 import admin_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2 as service
from omega_client import AdminClient, ConstellationClient
from omega_core.clock import SystemClock
from omega_store import Store, audit, contents, devices, pushes
from omega_store.trends import TrendList
from omega_testing.fleet import MODEL, patterns, push, registered, titles
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused

UNKNOWN = f"tv-{'0' * 32}"
DAY = timedelta(days=1)


@pytest.fixture
def admin(address: str) -> Iterator[AdminClient]:
    """What an operator calls."""
    with AdminClient(address, actor="ada") as opened:
        yield opened


def now() -> datetime:
    return SystemClock().now()


def paged(admin: AdminClient, **wanted: Any) -> list[pb.DeviceRecord]:
    """Every device of a listing."""
    found: list[pb.DeviceRecord] = []
    request = pb.ListDevicesRequest(**wanted)
    while True:
        page = admin.list_devices(request)
        assert len(page.devices) <= (request.page_size or 100)
        found.extend(page.devices)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def test_figures_of_an_empty_shard(admin: AdminClient) -> None:
    stats = admin.get_shard_stats(minutes=1_440)
    assert stats.database_bytes > 0
    assert abs(stats.counted_at.ToDatetime(UTC) - now()) < timedelta(minutes=1)
    assert stats == pb.ShardStats(
        shard="local",
        max_devices=4_000_000,
        counted_at=stats.counted_at,
        database_bytes=stats.database_bytes,
        sketches_by_rate=[0] * 8,
    )


def test_figures_are_counted(admin: AdminClient, client: ConstellationClient, store: Store) -> None:
    french = registered(store, 3, now(), region="FR")
    registered(store, 1, now(), region="DE")
    admin.revoke_device(french[2])
    sent = [push(french[0], 3), push(french[1], 2), push(french[2], 1), push(UNKNOWN, 1)]
    for _ in range(2):
        client.ingest_patterns(pushes_request([*sent, push(french[0], 0)]))
    with store.transaction() as conn:
        contents.upsert(conn, titles(4), model_version=MODEL, catalogue_version=0, now=now())
    publish(store, patterns(2), factors=b"factors")
    stats = admin.get_shard_stats("local", 5)
    assert (stats.total_devices, stats.active_devices, stats.revoked_devices) == (3, 2, 1)
    assert (stats.pushes, stats.sketches, stats.contents) == (2, 5, 4)
    assert (stats.state_version, stats.factors_version, stats.leaving_devices) == (1, 1, 0)
    assert [(r.region, r.devices, r.active_devices) for r in stats.regions] == [
        ("FR", 2, 2),
        ("DE", 1, 0),
    ]
    assert sum(stats.sketches_by_rate) == 5
    assert sum(m.exchanges for m in stats.traffic) == 10
    assert sum(m.sketches for m in stats.traffic) == 5
    assert sum(m.duplicates for m in stats.traffic) == 2
    assert sum(m.refused for m in stats.traffic) == 4
    assert all(0 < m.p50_seconds <= m.p99_seconds < 600 for m in stats.traffic if m.p50_seconds)
    assert not admin.get_shard_stats().traffic


def pushes_request(batch: list[pushes.Push]) -> service.IngestPatternsRequest:
    return service.IngestPatternsRequest(
        pushes=[
            service.DevicePush(
                device_id=p.device_id,
                request_id=p.request_id,
                model_version=p.model_version,
                sketches=p.sketches,
                classes=p.classes,
            )
            for p in batch
        ]
    )


def test_devices_are_listed_page_by_page(admin: AdminClient, store: Store) -> None:
    ids = sorted(registered(store, 7, now()))
    for size in (1, 3, 7, 1_000, 0):
        assert [d.device_id for d in paged(admin, page_size=size)] == ids
    first = admin.list_devices(pb.ListDevicesRequest(page_size=3))
    with store.transaction() as conn:
        devices.erase(conn, ids[2])
        devices.erase(conn, ids[3])
    rest = paged(admin, page_size=3, page_token=first.next_page_token)
    assert [d.device_id for d in rest] == ids[4:], "the page goes on behind a device that is gone"


def test_devices_are_filtered(admin: AdminClient, store: Store) -> None:
    lately, long_ago, never, revoked = registered(store, 4, now(), region="FR")
    [elsewhere] = registered(store, 1, now(), region="DE")
    with store.transaction() as conn:
        devices.touch(conn, lately, now())
        devices.touch(conn, elsewhere, now())
        devices.touch(conn, revoked, now())
        devices.touch(conn, long_ago, now() - 2 * DAY)
        devices.revoke(conn, revoked, now())

    def listed(**wanted: Any) -> set[str]:
        return {d.device_id for d in paged(admin, **wanted)}

    assert listed() == {lately, long_ago, never, revoked, elsewhere}
    assert listed(region="FR") == {lately, long_ago, never, revoked}
    assert listed(filter=pb.DEVICE_FILTER_ACTIVE) == {lately, elsewhere}
    assert listed(filter=pb.DEVICE_FILTER_ACTIVE, region="DE", shard="local") == {elsewhere}
    assert listed(filter=pb.DEVICE_FILTER_REVOKED) == {revoked}
    assert listed(filter=pb.DEVICE_FILTER_REVOKED, region="DE") == set()


def test_a_device_shows_what_it_registered_and_how_much_it_pushed(
    admin: AdminClient, store: Store
) -> None:
    at = now()
    [device_id] = registered(store, 1, at, region="FR")
    with store.transaction() as conn:
        pushes.store(conn, [push(device_id, 3), push(device_id, 2)], at)
    found = admin.get_device(device_id)
    assert found == paged(admin)[0]
    assert (found.device_id, found.platform, found.app_version) == (device_id, "test", "1")
    assert (found.region, found.pushes, found.sketches) == ("FR", 2, 5)
    assert (found.shard, found.has_key) == ("local", False)
    assert found.registered_at.ToDatetime(UTC) == found.last_seen_at.ToDatetime(UTC) == at
    assert not found.HasField("revoked_at")
    admin.revoke_device(device_id)
    assert admin.get_device(device_id).HasField("revoked_at")


def test_an_erased_device_is_nowhere(admin: AdminClient, store: Store) -> None:
    [device_id] = registered(store, 1, now())
    with store.transaction() as conn:
        pushes.store(conn, [push(device_id), push(device_id)], now())
    admin.revoke_device(device_id)
    assert admin.erase_device(device_id) == 2
    assert admin.erase_device(device_id) == 0
    assert refused(partial(admin.get_device, device_id)) == Refusal(
        "NOT_FOUND", "UNKNOWN_DEVICE", "device_id"
    )
    assert not admin.get_shard_stats().total_devices
    assert [(e.action, e.subject) for e in admin.list_audit().entries] == [
        ("EraseDevice", audit.gone(device_id)),
        ("RevokeDevice", audit.gone(device_id)),
    ]


def test_titles_are_listed_by_ordinal_and_beginning(admin: AdminClient, store: Store) -> None:
    made = titles(12)
    with store.transaction() as conn:
        contents.upsert(conn, made, model_version=MODEL, catalogue_version=0, now=now())
    request = pb.ListContentsRequest(page_size=5)
    found = []
    while True:
        page = admin.list_contents(request)
        assert page.total == 12
        found += [c.content_id for c in page.contents]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == [f"t{i}" for i in range(12)]
    chosen = admin.list_contents(pb.ListContentsRequest(title_prefix="tITLE 1"))
    assert [c.title for c in chosen.contents] == ["Title 1", "Title 10", "Title 11"]
    assert chosen.total == 12
    for other in ("itle", "%", "Title _"):
        assert not admin.list_contents(pb.ListContentsRequest(title_prefix=other)).contents


def test_trends_in_force_by_region(admin: AdminClient, store: Store) -> None:
    assert admin.list_trends() == pb.ListTrendsResponse()
    at = now()
    with store.transaction() as conn:
        contents.upsert(conn, titles(4), model_version=MODEL, catalogue_version=0, now=at)
    rising = {"": {0: 0.25, 2: 0.5}, "FR": {1: 1.0}}
    publish(store, patterns(1), trends=TrendList(1, at, rising))
    everywhere = admin.list_trends()
    assert [(t.content_id, t.title, t.score) for t in everywhere.trends] == [
        ("t2", "Title 2", 0.5),
        ("t0", "Title 0", 0.25),
    ]
    assert everywhere.scored_at.ToDatetime(UTC) == at
    assert list(everywhere.regions) == ["FR"]
    assert [t.content_id for t in admin.list_trends("FR").trends] == ["t1"]
    assert not admin.list_trends("DE").trends


def test_the_log_says_who_did_what(admin: AdminClient, address: str, store: Store) -> None:
    [device_id] = registered(store, 1, now())
    with AdminClient(address) as nobody:
        nobody.create_claims(3, timedelta(hours=1))
    admin.revoke_device(device_id)
    admin.revoke_device(device_id)
    log = admin.list_audit()
    assert [(e.actor, e.action, e.subject) for e in log.entries] == [
        ("ada", "RevokeDevice", device_id),
        ("", "CreateClaims", "3 claims"),
    ]
    assert not log.more
    first = admin.list_audit(1)
    assert ([e.action for e in first.entries], first.more) == (["RevokeDevice"], True)
    rest = admin.list_audit(1, first.entries[0].entry_id)
    assert ([e.action for e in rest.entries], rest.more) == (["CreateClaims"], False)


def test_a_deed_without_a_log_entry_is_not_done(address: str, store: Store) -> None:
    [device_id] = registered(store, 1, now())
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "x-omega-actor")
    with AdminClient(address, actor="a" * 129) as verbose:
        for deed in (verbose.revoke_device, verbose.erase_device):
            assert refused(partial(deed, device_id)) == expected
        assert refused(partial(verbose.create_claims, 1, DAY)) == expected
    with store.statements() as conn:
        held = devices.get(conn, device_id)
        assert conn.execute("SELECT count(*) FROM claims").fetchone() == (0,)
    assert held
    assert held.revoked_at is None


@pytest.fixture
def shared_admin(shared_address: str) -> Iterator[AdminClient]:
    with AdminClient(shared_address) as opened:
        yield opened


Call = Callable[[AdminClient], object]
OUT_OF_BOUNDS: list[tuple[str, Call]] = [
    ("shard", lambda a: a.get_shard_stats("No Label")),
    ("minutes", lambda a: a.get_shard_stats(minutes=1_441)),
    ("shard", lambda a: a.list_devices(pb.ListDevicesRequest(shard="a b"))),
    ("page_size", lambda a: a.list_devices(pb.ListDevicesRequest(page_size=1_001))),
    ("page_token", lambda a: a.list_devices(pb.ListDevicesRequest(page_token="?"))),  # noqa: S106 - no secret
    ("page_token", lambda a: a.list_devices(pb.ListDevicesRequest(page_token="dHYtMQ=="))),  # noqa: S106 - no secret
    ("page_token", lambda a: a.list_devices(pb.ListDevicesRequest(page_token="A" * 260))),
    ("region", lambda a: a.list_devices(pb.ListDevicesRequest(region="F R"))),
    ("filter", lambda a: a.list_devices(pb.ListDevicesRequest(filter=9))),  # type: ignore[arg-type]  # on purpose
    ("device_id", lambda a: a.get_device("tv-1")),
    ("device_id", lambda a: a.erase_device("")),
    ("page_size", lambda a: a.list_contents(pb.ListContentsRequest(page_size=1_001))),
    ("page_token", lambda a: a.list_contents(pb.ListContentsRequest(page_token="dHYtMQ=="))),  # noqa: S106 - no secret
    ("title_prefix", lambda a: a.list_contents(pb.ListContentsRequest(title_prefix="a" * 65))),
    ("region", lambda a: a.list_trends("F" * 17)),
    ("page_size", lambda a: a.list_audit(1_001)),
    ("before_entry_id", lambda a: a.list_audit(1, 1 << 63)),
]


@pytest.mark.parametrize(("field", "call"), OUT_OF_BOUNDS)
def test_a_field_out_of_bounds_is_named(shared_admin: AdminClient, field: str, call: Call) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(partial(call, shared_admin)) == expected


def test_a_shard_that_is_alone_knows_no_other(shared_admin: AdminClient) -> None:
    expected = Refusal("NOT_FOUND", "UNKNOWN_SHARD", "shard")
    request = pb.ListDevicesRequest(shard="other")
    assert refused(partial(shared_admin.get_shard_stats, "other")) == expected
    assert refused(partial(shared_admin.list_devices, request)) == expected


def test_a_device_that_nobody_has_is_not_found(shared_admin: AdminClient) -> None:
    unknown = f"tv-{uuid.uuid4().hex}"
    assert refused(partial(shared_admin.get_device, unknown)) == Refusal(
        "NOT_FOUND", "UNKNOWN_DEVICE", "device_id"
    )
    assert shared_admin.erase_device(unknown) == 0


READS: list[Call] = [
    lambda a: a.get_shard_stats(),
    lambda a: a.list_devices(),
    lambda a: a.get_device(UNKNOWN),
    lambda a: a.erase_device(UNKNOWN),
    lambda a: a.list_contents(),
    lambda a: a.list_trends(),
    lambda a: a.list_audit(),
]


@pytest.mark.parametrize("call", READS)
def test_without_a_database_each_says_so(address_without_database: str, call: Call) -> None:
    with AdminClient(address_without_database) as admin:
        expected = Refusal("UNAVAILABLE", "STORAGE_UNAVAILABLE", "")
        assert refused(partial(call, admin)) == expected
