"""Identities that were laid down wait until the fleet has forgotten them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from omega_core.clock import ManualClock
from omega_persistence import Database, Identity, Meta
from omega_persistence.erasures import Erasures

FIRST = Identity("tv-" + "1" * 32, "token-one-of-the-first")
SECOND = Identity("tv-" + "2" * 32, "token-two-of-the-second")


def test_identities_wait_in_their_order_over_a_restart(path: Path, clock: ManualClock) -> None:
    database = Database.open(path, clock=clock)
    queue = Erasures(database)
    queue.queue(SECOND, clock.now())
    queue.queue(FIRST, clock.now() + timedelta(seconds=1))
    queue.queue(SECOND, clock.now() + timedelta(seconds=2))  # is queued already
    queue.failed(FIRST.device_id)
    queue.failed(FIRST.device_id)
    queue.failed("tv-unknown")
    database.close()
    again = Database.open(path, clock=clock)
    assert [
        (pending.identity, pending.queued_at, pending.attempts)
        for pending in Erasures(again).pending()
    ] == [(SECOND, clock.now(), 0), (FIRST, clock.now() + timedelta(seconds=1), 2)]
    again.close()


def test_what_the_fleet_has_forgotten_goes_and_the_others_wait(
    database: Database, clock: ManualClock
) -> None:
    queue = Erasures(database)
    queue.queue(FIRST, clock.now())
    queue.queue(SECOND, clock.now())
    database.backup()
    assert queue.done(FIRST.device_id)
    assert not queue.done(FIRST.device_id)
    assert [pending.identity for pending in queue.pending()] == [SECOND]
    held = b"".join(file.read_bytes() for file in database.path.parent.iterdir())
    assert FIRST.auth_token.encode() not in held
    assert SECOND.auth_token.encode() in held


def test_an_identity_is_laid_down_with_its_registration(
    database: Database, clock: ManualClock
) -> None:
    meta = Meta(database)
    assert meta.retire_identity(clock.now()) is None
    request_id = meta.register_request_id()
    first = replace(FIRST, device_key=meta.device_key(lambda: "key"), request_id=request_id)
    meta.set_identity(first)
    assert meta.retire_identity(clock.now()) == first
    assert meta.identity() is None
    assert meta.register_request_id() != request_id
    assert meta.device_key(lambda: "another") == "another"
    assert [pending.identity for pending in Erasures(database).pending()] == [first]


def test_a_registration_whose_answer_never_came_leaves_nothing_to_forget(
    database: Database, clock: ManualClock
) -> None:
    meta = Meta(database)
    request_id = meta.register_request_id()
    assert meta.retire_identity(clock.now()) is None
    assert (meta.register_request_id() != request_id, Erasures(database).pending()) == (True, [])
