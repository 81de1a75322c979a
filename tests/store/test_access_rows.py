"""Keys, claims, certificates and revocations in Postgres."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, certificates, claims, devices, revocations
from omega_store.devices import Device
from omega_testing.fleet import NOW, registered

DAY = timedelta(days=1)
UNKNOWN = f"tv-{'0' * 32}"


def register(store: Store, request_id: str, key: bytes | None, region: str = "") -> Device:
    with store.transaction() as conn:
        return devices.register(
            conn,
            device_id=f"tv-{uuid.uuid4().hex}",
            request_id=request_id,
            platform="",
            app_version="",
            now=NOW,
            region=region,
            key_sha256=key,
            proof="csr",
        )


def revoke(store: Store, device_id: str) -> None:
    with store.transaction() as conn:
        assert devices.revoke(conn, device_id, NOW)


def followed(store: Store, cursor: int = 0, most: int = 1_000) -> list[str]:
    """Ids of every revocation after the cursor, piece by piece."""
    found = []
    while True:
        with store.snapshot() as conn:
            piece = revocations.since(conn, cursor, NOW, most)
        assert len(piece.found) <= most
        found += [r.device_id for r in piece.found]
        cursor = piece.cursor
        if not piece.more:
            return found


def test_the_first_key_stays_and_another_changes_nothing(store: Store) -> None:
    request_id = str(uuid.uuid4())
    first = register(store, request_id, b"k" * 32, "FR")
    assert register(store, request_id, b"k" * 32, "DE").device_id == first.device_id
    for other in (b"x" * 32, None):
        with pytest.raises(OmegaError) as caught:
            register(store, request_id, other, "IT")
        assert (caught.value.code, caught.value.field) == (ErrorCode.ENROLMENT_REFUSED, "csr")
    with store.statements() as conn:
        device = devices.get(conn, first.device_id)
    assert device
    assert (device.key_sha256, device.region) == (b"k" * 32, "DE")


def test_a_device_of_a_release_without_keys_shows_one_later(store: Store) -> None:
    request_id = str(uuid.uuid4())
    first = register(store, request_id, None)
    assert register(store, request_id, b"k" * 32).device_id == first.device_id
    with pytest.raises(OmegaError):
        register(store, request_id, b"x" * 32)


def test_a_claim_is_spent_once_and_before_it_ends(store: Store) -> None:
    device_id, other = registered(store, 2)
    with store.transaction() as conn:
        made = claims.create(conn, 3, DAY, NOW)
        assert len(set(made)) == 3
        assert {len(claim) for claim in made} == {43}
        assert claims.spend(conn, made[0], device_id, NOW)
        assert not claims.spend(conn, made[0], other, NOW)
        assert claims.spend(conn, made[0], device_id, NOW), "a retry"
        assert not claims.spend(conn, made[0], device_id, NOW + DAY), "it has ended"
        assert not claims.spend(conn, "no claim", device_id, NOW)
        assert not claims.spend(conn, made[1], device_id, NOW + DAY)
        assert claims.spend(conn, made[2], device_id, NOW + DAY - timedelta(seconds=1))
        kept = conn.execute("SELECT claims::text FROM claims").fetchall()
    assert not any(secret in str(kept) for secret in (*made, device_id))


def test_many_at_once_spend_a_claim_once(store: Store) -> None:
    ids = registered(store, 8)
    with store.transaction() as conn:
        [claim] = claims.create(conn, 1, DAY, NOW)
    start = threading.Barrier(8)

    def spend(device_id: str) -> bool:
        start.wait()
        with store.transaction() as conn:
            return claims.spend(conn, claim, device_id, NOW)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(spend, ids)) == 1


def test_claims_that_have_ended_are_not_kept(store: Store) -> None:
    with store.transaction() as conn:
        claims.create(conn, 5, DAY, NOW)
        claims.create(conn, 2, DAY, NOW + DAY)
        assert conn.execute("SELECT count(*) FROM claims").fetchone() == (2,)


def test_a_spent_claim_stays_spent_when_its_device_is_erased(store: Store) -> None:
    first, second = registered(store, 2)
    with store.transaction() as conn:
        [claim] = claims.create(conn, 1, DAY, NOW)
        assert claims.spend(conn, claim, first, NOW)
        devices.erase(conn, first)
        assert not claims.spend(conn, claim, second, NOW)


def test_a_revocation_names_the_certificates_that_have_not_ended(store: Store) -> None:
    device_id, other = registered(store, 2)
    with store.transaction() as conn:
        certificates.note(conn, b"\x01", device_id, NOW + timedelta(hours=1), NOW - DAY)
        certificates.note(conn, b"\x02", device_id, NOW, NOW - DAY)
        certificates.note(conn, b"\x03", other, NOW + DAY, NOW)
        devices.revoke(conn, device_id, NOW)
        found = revocations.since(conn, 0, NOW).found
    assert found == (revocations.Revocation(device_id, (b"\x01",)),)


def test_a_device_has_64_certificates_at_most_and_ended_ones_make_room(store: Store) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        for i in range(certificates.MOST):
            ends = NOW + timedelta(hours=1 + i)
            certificates.note(conn, bytes([1, i]), device_id, ends, NOW)
        with pytest.raises(OmegaError) as caught:
            certificates.note(conn, b"\x02", device_id, NOW + DAY, NOW)
        assert (caught.value.code, caught.value.retry_after) == (ErrorCode.RATE_LIMITED, 3_600)
        certificates.note(conn, b"\x02", device_id, NOW + DAY, NOW + timedelta(hours=1))


@pytest.mark.parametrize("most", [1, 2, 1_000])
def test_every_revocation_is_told_once_in_order(store: Store, most: int) -> None:
    ids = registered(store, 5)
    assert followed(store) == []
    for device_id in (*ids[:4], ids[0]):
        revoke(store, device_id)
    assert followed(store, most=most) == ids[:4]
    with store.snapshot() as conn:
        cursor = revocations.since(conn, 0, NOW).cursor
    revoke(store, ids[4])
    assert followed(store, cursor, most) == [ids[4]]


def test_a_cursor_from_before_a_restored_backup_begins_anew(store: Store) -> None:
    [device_id] = registered(store, 1)
    revoke(store, device_id)
    assert followed(store, cursor=1_000_000) == [device_id]


def test_a_reader_beside_many_revokers_misses_none(store: Store) -> None:
    ids = registered(store, 60)
    done = threading.Event()

    def read() -> list[str]:
        cursor, found = 0, list[str]()
        while True:
            last = done.is_set()
            with store.snapshot() as conn:
                piece = revocations.since(conn, cursor, NOW, 7)
            found += [r.device_id for r in piece.found]
            cursor = piece.cursor
            if last and not piece.more:
                return found

    with ThreadPoolExecutor(5) as threads:
        reader = threads.submit(read)
        list(threads.map(lambda device_id: revoke(store, device_id), ids))
        done.set()
        found = reader.result()
    assert sorted(found) == sorted(ids)


def test_numbers_are_given_in_the_order_of_commits(store: Store) -> None:
    first, second = registered(store, 2)
    with ThreadPoolExecutor(1) as threads:
        with store.transaction() as conn:
            devices.revoke(conn, first, NOW)
            other = threads.submit(revoke, store, second)
            with store.snapshot() as reader:
                assert revocations.since(reader, 0, NOW).found == ()
            assert not other.done()
        other.result()
    assert followed(store) == [first, second]


def test_an_unknown_device_is_not_revoked(store: Store) -> None:
    with store.transaction() as conn:
        assert devices.revoke(conn, UNKNOWN, NOW) is None
    assert followed(store) == []
