"""Identity, traffic and the last sync survive a restart."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from omega_core.clock import ManualClock
from omega_persistence import Credentials, Database, Identity, LastSync, Meta, Traffic


@pytest.fixture
def meta(database: Database) -> Meta:
    return Meta(database)


def test_the_register_request_id_is_drawn_once(
    meta: Meta, database: Database, path: Path, clock: ManualClock
) -> None:
    drawn = meta.register_request_id()
    assert str(UUID(drawn)) == drawn
    assert meta.register_request_id() == drawn
    database.close()
    again = Database.open(path, clock=clock)
    assert Meta(again).register_request_id() == drawn
    again.close()


def test_an_identity_is_kept_until_it_is_forgotten(meta: Meta) -> None:
    assert meta.identity() is None
    drawn = meta.register_request_id()
    key = meta.device_key(lambda: "a secret key")
    assert meta.device_key(lambda: "another") == key
    identity = Identity("tv-" + "0" * 32, "secret", key, drawn)
    meta.set_identity(identity)
    assert meta.identity() == identity
    assert meta.credentials() is None
    assert "secret" not in repr(identity)
    meta.forget_identity()
    assert meta.identity() is None
    assert meta.register_request_id() != drawn
    assert meta.device_key(lambda: "another") == key, "the TV is still itself"


def test_credentials_come_with_an_identity_and_go_with_it(meta: Meta, clock: ManualClock) -> None:
    identity = Identity("tv-" + "0" * 32, "secret", meta.device_key(lambda: "key"), "")
    given = Credentials((b"leaf", b"issuer"), clock.now(), clock.now() + timedelta(days=30))
    meta.set_identity(identity, given, "FR")
    assert (meta.credentials(), meta.registered_region()) == (given, "FR")
    without = Credentials((), clock.now(), None)
    meta.set_identity(identity, without)
    assert (meta.credentials(), meta.registered_region()) == (without, "")
    assert meta.retire_identity(clock.now()) == identity
    assert meta.credentials() is None
    assert meta.device_key(lambda: "another") == "another"


def test_traffic_adds_up(meta: Meta) -> None:
    assert meta.traffic() == Traffic(0, 0, 0)
    meta.add_traffic(pushed=1_000, pulled=5_000)
    meta.add_traffic(pushed=24, resources=7_000_000)
    assert meta.traffic() == Traffic(1_024, 5_000, 7_000_000)


def test_a_failed_sync_keeps_the_instant_of_the_last_success(
    meta: Meta, clock: ManualClock
) -> None:
    assert meta.last_sync() == LastSync(None, "")
    meta.sync_succeeded(clock.now())
    meta.sync_failed("the sync server did not answer")
    assert meta.last_sync() == LastSync(clock.now(), "the sync server did not answer")
    meta.sync_succeeded(clock.now() + timedelta(hours=1))
    assert meta.last_sync() == LastSync(clock.now() + timedelta(hours=1), "")


def test_any_fact_can_be_set_and_forgotten(meta: Meta) -> None:
    meta.set("key", "Grüße")
    assert meta.get("key") == "Grüße"
    meta.remove("key")
    meta.remove("key")
    assert meta.get("key") is None
