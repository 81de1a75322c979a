"""Directory, adoption, claims and routes of operators between constellations, status by status."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from omega.constellation.v1 import admin_pb2, directory_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import AdminClient, ConstellationClient
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_core.directory import Directory, ShardEntry, derived_device_id
from omega_rpc import directories
from omega_rpc.config import ServerConfig
from omega_testing.fleet import MODEL
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.probe import eventually
from omega_testing.processes import free_port
from omega_testing.refusals import Refusal, refused

INVALID = "INVALID_ARGUMENT", "INVALID_FIELD"
CONFLICT = "FAILED_PRECONDITION", "DIRECTORY_CONFLICT"


class Constellation:
    """One, in this process."""

    def __init__(self, stack: ExitStack, shard: str, url: str, **settings: Any) -> None:
        self.shard, self.url = shard, url
        self.entry = ShardEntry(shard, f"127.0.0.1:{free_port()}")
        config = ConstellationConfig(url, shard=shard, move_seconds=0.05, **settings)
        application = build(config, ServerConfig(listen=self.entry.target, grace_seconds=0))
        stack.callback(application.close)
        application.server.start()
        stack.callback(application.server.stop)
        application.started()
        self.client = stack.enter_context(ConstellationClient(self.entry.target))
        self.admin = stack.enter_context(AdminClient(self.entry.target))

    def publish(self, directory: Directory) -> int:
        return self.admin.publish_directory(directories.to_proto(directory)).version

    def register(self, request_id: str = "", **fields: Any) -> pb.RegisterDeviceResponse:
        request_id = request_id or str(uuid.uuid4())
        return self.client.register_device(
            pb.RegisterDeviceRequest(request_id=request_id, **fields)
        )

    def push(self, device_id: str, **fields: Any) -> str:
        push = pb.DevicePush(
            device_id=device_id,
            request_id=str(uuid.uuid4()),
            model_version=MODEL,
            sketches=bytes(96),
            classes=bytes(2),
        )
        push.MergeFrom(pb.DevicePush(**fields))
        [result] = self.client.ingest_patterns(pb.IngestPatternsRequest(pushes=[push])).results
        return pb.PushOutcome.Name(result.outcome).removeprefix("PUSH_OUTCOME_")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(statement.encode()).fetchall()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def begin(stack: ExitStack, postgres: EmbeddedPostgres, template_database: str) -> Any:
    """begin(shard, **settings) -> a constellation with a fresh database."""

    def one(shard: str, **settings: Any) -> Constellation:
        name = f"fleet_{uuid.uuid4().hex}"
        url = postgres.create_database(name, template_database)
        stack.callback(postgres.drop_database, name)
        return Constellation(stack, shard, url, **settings)

    return one


@pytest.fixture
def two(begin: Any) -> tuple[Constellation, Constellation]:
    """Shards a, at home, and b, under directory 1."""
    a, b = begin("a"), begin("b")
    directory = Directory(1, "a", (a.entry, b.entry))
    assert (a.publish(directory), b.publish(directory)) == (1, 1)
    return a, b


def of(shard: str, directory: Directory) -> str:
    """The request_id of a registration that belongs to a shard."""
    while True:
        request_id = str(uuid.uuid4())
        if directory.owner(derived_device_id(request_id)) == shard:
            return request_id


def moved(request_id: str, **fields: Any) -> directory_pb2.MovedDevice:
    message = directory_pb2.MovedDevice(
        device_id=derived_device_id(request_id), request_id=request_id
    )
    message.registered_at.FromDatetime(datetime.now(UTC))
    message.MergeFrom(directory_pb2.MovedDevice(**fields))
    return message


def adopt(
    to: Constellation, *devices: directory_pb2.MovedDevice, version: int = 1, source: str = "a"
) -> directory_pb2.AdoptDevicesResponse:
    request = directory_pb2.AdoptDevicesRequest(
        from_shard=source, directory_version=version, devices=devices
    )
    return to.client.within(20).adopt_devices(request)


def held(a: Constellation) -> Directory:
    return directories.from_proto(a.client.get_directory())


def test_a_shard_without_a_directory_is_alone(begin: Any) -> None:
    alone = begin("alone")
    assert alone.client.get_directory() == directory_pb2.Directory()
    assert alone.client.get_heads(pb.GetHeadsRequest()).directory_version == 0
    listed = alone.admin.list_shards()
    assert (listed.home, listed.directory_version) == ("alone", 0)
    assert [(s.entry.shard, s.reachable) for s in listed.shards] == [("alone", True)]


def test_versions_follow_each_other_at_home(two: tuple[Constellation, Constellation]) -> None:
    a, b = two
    directory = held(a)
    assert a.client.get_heads(pb.GetHeadsRequest()).directory_version == 1
    assert a.publish(directory) == 1, "the same again"
    other = replace(directory, shards=(a.entry, replace(b.entry, active=False)))
    assert refused(lambda: a.publish(other)) == Refusal(*CONFLICT, "directory.version")
    skipped = replace(other, version=3)
    assert refused(lambda: a.publish(skipped)) == Refusal(*CONFLICT, "directory.version")
    assert b.publish(skipped) == 3, "others may have been away"
    assert refused(lambda: b.publish(replace(other, version=2))) == Refusal(
        *CONFLICT, "directory.version"
    )
    moved_home = replace(other, version=2, home="b")
    assert refused(lambda: a.publish(moved_home)) == Refusal(*CONFLICT, "directory.home")
    assert held(a) == directory
    assert held(b) == skipped


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"version": 0}, "directory.version"),
        ({"home": "z"}, "directory.home"),
        ({"shards": (ShardEntry("z", "host:1"),), "home": "z"}, "directory.shards"),
    ],
)
def test_a_directory_out_of_bounds_is_invalid(
    begin: Any, changed: dict[str, Any], field: str
) -> None:
    a = begin("a")
    good = Directory(1, "a", (a.entry,))
    message = directories.to_proto(good)
    if "version" in changed:
        message.version = changed["version"]
    else:
        message.home = changed["home"]
        if "shards" in changed:
            message.shards[0].shard = "z"
    assert refused(lambda: a.admin.publish_directory(message)) == Refusal(*INVALID, field)


def test_an_identity_is_made_where_the_directory_places_it(
    two: tuple[Constellation, Constellation],
) -> None:
    a, b = two
    request_id = of("b", held(a))
    assert refused(lambda: a.register(request_id)) == Refusal(*CONFLICT, "device_id")
    assert refused(lambda: b.register(request_id, known_only=True)) == Refusal(
        "NOT_FOUND", "UNKNOWN_DEVICE", "request_id"
    )
    made = b.register(request_id)
    assert made.device_id == derived_device_id(request_id)
    assert b.register(request_id, known_only=True).device_id == made.device_id
    assert refused(lambda: b.register(request_id, device_id="tv-1")) == Refusal(
        *INVALID, "device_id"
    )


def test_a_request_that_made_another_identity_keeps_it(begin: Any) -> None:
    """As a release did that drew identities by chance."""
    a = begin("a")
    request_id, old = str(uuid.uuid4()), f"tv-{uuid.uuid4().hex}"
    assert a.register(request_id, device_id=old).device_id == old
    assert a.register(request_id).device_id == old
    again = a.register(request_id, device_id=derived_device_id(request_id))
    assert again.device_id == old


def test_devices_are_taken_over_once_with_all_that_is_held_of_them(
    two: tuple[Constellation, Constellation],
) -> None:
    _, b = two
    request_id = of("b", held(b))
    push = directory_pb2.MovedPush(
        request_id=str(uuid.uuid4()), model_version=MODEL, sketches=bytes(48), classes=b"\x07"
    )
    push.received_at.FromDatetime(datetime.now(UTC))
    certificate = directory_pb2.MovedCertificate(serial=b"\x05")
    certificate.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    whole = moved(
        request_id, platform="tizen", region="FR", pushes=[push], certificates=[certificate]
    )
    whole.revoked_at.FromDatetime(datetime.now(UTC))
    assert adopt(b, whole).adopted == 1
    assert adopt(b, whole) == directory_pb2.AdoptDevicesResponse(), "again"
    assert b.rows("SELECT device_id, request_id::text, count FROM pushes") == [
        (whole.device_id, push.request_id, 1)
    ]
    [revocation] = b.client.get_heads(pb.GetHeadsRequest()).revocations
    assert (revocation.device_id, list(revocation.serials)) == (whole.device_id, [b"\x05"])
    more = directory_pb2.MovedPush()
    more.CopyFrom(push)
    more.request_id = str(uuid.uuid4())
    assert adopt(b, moved(request_id, pushes=[push, more])).adopted == 0
    assert b.rows("SELECT count(*) FROM pushes") == [(2,)], "what was lacking"


def test_what_belongs_elsewhere_or_was_erased_is_not_taken_over(
    two: tuple[Constellation, Constellation],
) -> None:
    a, b = two
    foreign, gone = of("a", held(b)), of("b", held(b))
    erased = moved(gone)
    b.client.erase_device(erased.device_id)
    answer = adopt(b, moved(foreign), erased)
    assert answer == directory_pb2.AdoptDevicesResponse(refused=[derived_device_id(foreign)])
    assert b.rows("SELECT device_id FROM devices") == []
    b.register(gone)  # a household that comes back
    assert refused(lambda: adopt(b, moved(gone), version=2)) == Refusal(
        *CONFLICT, "directory_version"
    )
    assert a.rows("SELECT device_id FROM devices") == []


def test_a_full_shard_takes_no_devices_over(begin: Any) -> None:
    a, b = begin("a"), begin("b", max_devices=1)
    directory = Directory(1, "a", (a.entry, b.entry))
    a.publish(directory)
    b.publish(directory)
    first, second = moved(of("b", directory)), moved(of("b", directory))
    answer = adopt(b, first, second)
    assert answer.adopted == 1
    assert len(answer.refused) == 1
    assert set(adopt(b, first, second).refused) == set(answer.refused), "what is here is no more"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"device_id": "tv-1"}, "devices[0].device_id"),
    ({"request_id": "1"}, "devices[0].request_id"),
    ({"platform": "a b"}, "devices[0].platform"),
    ({"region": "a.b"}, "devices[0].region"),
    ({"key_sha256": b"1"}, "devices[0].key_sha256"),
    ({"pushes": [directory_pb2.MovedPush()]}, "devices[0].pushes[0].request_id"),
    (
        {"certificates": [directory_pb2.MovedCertificate()]},
        "devices[0].certificates[0].serial",
    ),
]


@pytest.mark.parametrize(("changed", "field"), BAD)
def test_a_device_out_of_bounds_refuses_all(
    two: tuple[Constellation, Constellation], changed: dict[str, Any], field: str
) -> None:
    _, b = two
    bad = moved(str(uuid.uuid4()))
    bad.MergeFrom(directory_pb2.MovedDevice(**changed))
    assert refused(lambda: adopt(b, bad)) == Refusal(*INVALID, field)
    assert refused(lambda: adopt(b)) == Refusal(*INVALID, "devices")
    assert refused(lambda: adopt(b, moved(str(uuid.uuid4())), source="A")) == Refusal(
        *INVALID, "from_shard"
    )


def test_a_claim_is_spent_at_home_for_a_device_of_any_shard(
    two: tuple[Constellation, Constellation],
) -> None:
    a, b = two
    [claim] = b.admin.create_claims(1, timedelta(days=1))  # handed on to a
    assert a.rows("SELECT count(*) FROM claims") == [(1,)]

    def spend(claim: str, device_id: str) -> Any:
        return a.client.within(20).spend_claim(claim, device_id)

    mine, other = (derived_device_id(str(uuid.uuid4())) for _ in range(2))
    spend(claim, mine)
    spend(claim, mine)
    not_admitted = Refusal("PERMISSION_DENIED", "ENROLMENT_REFUSED", "claim")
    assert refused(lambda: spend(claim, other)) == not_admitted
    assert refused(lambda: spend("nothing", mine)) == not_admitted
    assert refused(lambda: spend("", mine)) == Refusal(*INVALID, "claim")
    assert refused(lambda: spend(claim, "tv-1")) == Refusal(*INVALID, "device_id")


def test_a_spent_claim_admits_a_device_where_claims_are_asked_for(begin: Any) -> None:
    a = begin("a", require_claim=True)
    assert refused(a.register) == Refusal("PERMISSION_DENIED", "ENROLMENT_REFUSED", "claim")
    assert a.register(claim_spent=True).device_id


def test_any_shard_answers_for_any_other(two: tuple[Constellation, Constellation]) -> None:
    a, b = two
    made = b.register(of("b", held(a)))
    assert a.admin.get_device(made.device_id).shard == "b"
    assert a.admin.get_shard_stats("b").total_devices == 1
    assert a.admin.get_shard_stats().total_devices == 0
    request = admin_pb2.ListDevicesRequest(shard="b")
    listed = a.admin.within(20).list_devices(request).devices
    assert [d.device_id for d in listed] == [made.device_id]
    assert refused(lambda: a.admin.get_shard_stats("z")) == Refusal(
        "NOT_FOUND", "UNKNOWN_SHARD", "shard"
    )
    assert refused(lambda: a.admin.get_shard_stats("Z")) == Refusal(*INVALID, "shard")
    a.admin.revoke_device(made.device_id)
    assert b.push(made.device_id) == "REVOKED_DEVICE"
    assert a.admin.erase_device(made.device_id) == 0
    assert b.rows("SELECT device_id FROM devices") == []
    unknown = derived_device_id(str(uuid.uuid4()))
    asks: tuple[Callable[[str], object], ...] = (a.admin.get_device, a.admin.revoke_device)
    for ask in asks:
        assert refused(partial(ask, unknown)) == Refusal("NOT_FOUND", "UNKNOWN_DEVICE", "device_id")
        assert refused(partial(ask, "tv-1")) == Refusal(*INVALID, "device_id")


def test_a_shard_that_does_not_answer_is_listed_and_named(
    two: tuple[Constellation, Constellation],
) -> None:
    a, b = two
    nowhere = ShardEntry("c", f"127.0.0.1:{free_port()}")
    a.publish(Directory(2, "a", (a.entry, b.entry, nowhere)))
    listed = a.admin.list_shards()
    assert [(s.entry.shard, s.reachable) for s in listed.shards] == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]
    unknown = derived_device_id(str(uuid.uuid4()))
    assert refused(lambda: a.admin.get_device(unknown)) == Refusal(
        "UNAVAILABLE", "UPSTREAM_UNAVAILABLE", ""
    )


def test_a_device_that_left_is_told_so_and_takes_its_revocation_along(begin: Any) -> None:
    a, b = begin("a"), begin("b")
    a.publish(Directory(1, "a", (a.entry,)))
    directory = Directory(2, "a", (a.entry, b.entry))
    stays, leaves = a.register(of("a", directory)), a.register(of("b", directory))
    assert a.push(leaves.device_id) == "STORED"
    a.admin.revoke_device(leaves.device_id)
    b.publish(replace(directory, version=1))
    a.publish(directory)
    b.publish(directory)
    eventually(lambda: b.rows("SELECT count(*) FROM pushes"), lambda n: n == [(1,)])
    eventually(lambda: a.admin.get_shard_stats().leaving_devices, lambda n: n == 0)
    assert a.push(leaves.device_id) == "MOVED_DEVICE"
    assert b.push(leaves.device_id) == "REVOKED_DEVICE"
    assert a.push(stays.device_id) == "STORED"
    [revocation] = b.client.get_heads(pb.GetHeadsRequest()).revocations
    assert revocation.device_id == leaves.device_id
    assert a.rows("SELECT device_id, shard FROM moved_devices") == [(leaves.device_id, "b")]


def test_a_shard_that_missed_a_directory_asks_home_for_it(
    two: tuple[Constellation, Constellation],
) -> None:
    a, b = two
    newer = replace(held(a), version=2)
    a.publish(newer)
    eventually(lambda: held(b).version, lambda version: version == 2)
