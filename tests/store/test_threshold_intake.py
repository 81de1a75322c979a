"""Reports are stored once a token, tokens counted a device; what leaves the inbox stays spent."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, devices, moves
from omega_store.threshold_intake import (
    ReportInbox,
    forget,
    issue,
    note_randomness_keys,
    randomness_keys,
)
from omega_testing.fleet import NOW, registered
from omega_testing.probe import eventually

EPOCH = 735
QUOTA = 10


def a_report() -> bytes:
    return os.urandom(118)


def elements(count: int) -> list[bytes]:
    return [os.urandom(32) for _ in range(count)]


def stored(store: Store) -> list[bytes]:
    with store.statements() as conn:
        return [row[0] for row in conn.execute("SELECT report FROM threshold_inbox").fetchall()]


def spent(store: Store) -> list[tuple[bytes, bytes]]:
    """Numbers of reports that left the inbox, and what they paid for, as the rows lie."""
    with store.statements() as conn:
        return conn.execute("SELECT nonce, spent_on FROM threshold_spent ORDER BY ctid").fetchall()


def issued(
    store: Store, device_id: str, count: int, request_id: str = "", epoch: int = EPOCH
) -> int:
    with store.transaction() as conn:
        return issue(
            conn, device_id, request_id or str(uuid.uuid4()), epoch, elements(count), QUOTA
        )


def test_a_report_is_taken_once(store: Store) -> None:
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    assert [inbox.spend(EPOCH, nonce, report) for _ in range(3)] == [True, False, False]
    assert stored(store) == [report]


def test_a_number_pays_for_one_report_of_its_epoch(store: Store) -> None:
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    inbox.spend(EPOCH, nonce, report)
    with pytest.raises(OmegaError) as refused:
        inbox.spend(EPOCH, nonce, a_report())
    assert refused.value.code is ErrorCode.TOKEN_REFUSED
    assert stored(store) == [report]
    assert inbox.spend(EPOCH + 1, nonce, a_report()) is True


def test_what_left_the_inbox_is_still_spent(store: Store) -> None:
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    inbox.spend(EPOCH, nonce, report)
    with store.transaction() as conn:
        conn.execute("DELETE FROM threshold_inbox")
    assert spent(store) == [(nonce, hashlib.sha256(report).digest())]
    assert inbox.spend(EPOCH, nonce, report) is False
    with pytest.raises(OmegaError, match="token must be"):
        inbox.spend(EPOCH, nonce, a_report())
    assert stored(store) == []


def test_spent_numbers_do_not_lie_in_the_order_of_arrival(store: Store) -> None:
    inbox, nonces = ReportInbox(store), [os.urandom(32) for _ in range(20)]
    for nonce in nonces:
        inbox.spend(EPOCH, nonce, a_report())
    with store.transaction() as conn:
        conn.execute("DELETE FROM threshold_inbox")
    assert [nonce for nonce, _ in spent(store)] == sorted(nonces)


def test_a_move_that_is_given_up_spends_nothing_twice(store: Store, database_url: str) -> None:
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    inbox.spend(EPOCH, nonce, report)
    with psycopg.connect(database_url) as conn:
        conn.execute("DELETE FROM threshold_inbox")
        conn.rollback()
    assert stored(store) == [report]
    assert spent(store) == []
    assert inbox.spend(EPOCH, nonce, report) is False


def test_many_calls_with_one_token_store_one_report(store: Store) -> None:
    inbox, nonce, reports = ReportInbox(store), os.urandom(32), [a_report() for _ in range(8)]

    def take(report: bytes) -> bool | None:
        try:
            return inbox.spend(EPOCH, nonce, report)
        except OmegaError as error:
            if error.code is not ErrorCode.TOKEN_REFUSED:
                raise
            return None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, reports), key=str) == [None] * 7 + [True]
    (kept,) = stored(store)
    assert kept in reports


def test_nothing_is_taken_twice_while_rounds_move_reports(store: Store) -> None:
    """Each number comes from two sides with reports of their own, and moves all the time."""
    inbox, nonces = ReportInbox(store), [os.urandom(32) for _ in range(150)]
    done = threading.Event()
    moved: list[bytes] = []

    def move() -> None:
        while not done.is_set():
            with store.transaction() as conn:
                rows = conn.execute("DELETE FROM threshold_inbox RETURNING report").fetchall()
                moved.extend(report for (report,) in rows)

    def take(side: int) -> int:
        taken = 0
        for nonce in nonces:
            try:
                taken += inbox.spend(
                    EPOCH, nonce, hashlib.sha512(nonce).digest() + bytes([side] * 54)
                )
            except OmegaError as error:
                if error.code is not ErrorCode.TOKEN_REFUSED:
                    raise
        return taken

    mover = threading.Thread(target=move)
    mover.start()
    try:
        with ThreadPoolExecutor(3) as pool:
            taken = sum(pool.map(take, [0, 1, 0]))
    finally:
        done.set()
        mover.join()
    assert taken == len(nonces)
    assert len({report[:64] for report in moved + stored(store)}) == len(nonces)
    assert len(moved) + len(stored(store)) == len(nonces)


def test_a_number_that_came_and_moved_meanwhile_pays_for_nothing_else(
    store: Store, database_url: str
) -> None:
    """The other report is stored and moved by one transaction, which this call waits for."""
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    with psycopg.connect(database_url) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("SELECT threshold_take(%s, %s, %s)", (EPOCH, nonce, report))
        waiting = pool.submit(inbox.spend, EPOCH, nonce, a_report())
        await_waiting(store)
        conn.execute("DELETE FROM threshold_inbox")
        conn.commit()
        refused = waiting.exception(20)
    assert isinstance(refused, OmegaError)
    assert refused.code is ErrorCode.TOKEN_REFUSED
    assert stored(store) == []
    assert [number for number, _ in spent(store)] == [nonce]


def await_waiting(store: Store) -> None:
    """Returns when a call waits for another's transaction."""

    def waiting() -> bool:
        with store.statements() as conn:
            row = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ).fetchone()
        return row is not None and row[0] > 0

    eventually(waiting, bool)


def test_a_repeat_does_not_wait_for_a_round(store: Store, database_url: str) -> None:
    inbox, nonce, report = ReportInbox(store), os.urandom(32), a_report()
    inbox.spend(EPOCH, nonce, report)
    with psycopg.connect(database_url) as conn:
        conn.execute("DELETE FROM threshold_inbox")
        assert inbox.spend(EPOCH, nonce, report) is False
        conn.rollback()


def test_tokens_are_counted_a_device_and_epoch(store: Store) -> None:
    one, other = registered(store, 2)
    assert issued(store, one, 4) == 6
    assert issued(store, one, 6) == 0
    assert issued(store, other, 1) == 9
    assert issued(store, one, 3, epoch=EPOCH + 1) == 7
    with pytest.raises(OmegaError) as refused:
        issued(store, one, 1)
    assert refused.value.code is ErrorCode.TOKENS_SPENT
    assert refused.value.public_text == "this device has had its 10 tokens of the epoch"


def test_a_repeated_request_counts_once(store: Store) -> None:
    (device,) = registered(store, 1)
    request, asked = str(uuid.uuid4()), elements(10)
    for _ in range(3):
        with store.transaction() as conn:
            assert issue(conn, device, request, EPOCH, asked, QUOTA) == 0


@pytest.mark.parametrize("other_epoch", [False, True])
def test_a_request_is_for_the_same_elements_for_ever(store: Store, other_epoch: bool) -> None:
    (device,) = registered(store, 1)
    request, asked = str(uuid.uuid4()), elements(2)
    with store.transaction() as conn:
        issue(conn, device, request, EPOCH, asked, QUOTA)
    changed = asked if other_epoch else [*asked[:1], *elements(1)]
    with pytest.raises(OmegaError) as refused, store.transaction() as conn:
        issue(conn, device, request, EPOCH + other_epoch, changed, QUOTA)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, "request_id")


def test_a_call_waits_for_the_one_before_it(store: Store, database_url: str) -> None:
    (device,) = registered(store, 1)
    with psycopg.connect(database_url) as conn, ThreadPoolExecutor(1) as pool:
        issue(conn, device, str(uuid.uuid4()), EPOCH, elements(6), QUOTA)
        waiting = pool.submit(issued, store, device, 6)
        await_waiting(store)
        conn.commit()
        refused = waiting.exception(20)
    assert isinstance(refused, OmegaError)
    assert refused.code is ErrorCode.TOKENS_SPENT


def test_calls_at_once_get_no_more_than_one_after_the_other(store: Store) -> None:
    (device,) = registered(store, 1)

    def ask(_: int) -> int:
        try:
            issued(store, device, 3)
        except OmegaError as error:
            if error.code is not ErrorCode.TOKENS_SPENT:
                raise
            return 0
        return 3

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 9


def test_who_is_not_welcome_or_not_here_gets_none(store: Store) -> None:
    revoked, leaving, moved = registered(store, 3)
    with store.transaction() as conn:
        devices.revoke(conn, revoked, NOW)
        moves.mark(conn, [leaving, moved], "b")
        moving = moves.read(conn, [moved], NOW)
        moves.finish(conn, moving, "b", NOW)
    codes = {}
    for device in (revoked, leaving, moved, "tv-" + "0" * 32):
        with pytest.raises(OmegaError) as refused:
            issued(store, device, 1)
        codes[device] = refused.value.code
    assert list(codes.values()) == [
        ErrorCode.REVOKED,
        ErrorCode.DEVICE_MOVING,
        ErrorCode.DEVICE_MOVING,
        ErrorCode.UNKNOWN_DEVICE,
    ]


def test_erasure_deletes_what_names_the_device_and_no_report(store: Store) -> None:
    (device,) = registered(store, 1)
    issued(store, device, 3)
    report = a_report()
    ReportInbox(store).spend(EPOCH, os.urandom(32), report)
    with store.transaction() as conn:
        devices.erase(conn, device)
    with store.statements() as conn:
        assert conn.execute("SELECT FROM threshold_issued").fetchall() == []
    assert stored(store) == [report]


def test_what_was_given_out_is_forgotten_with_its_epoch(store: Store) -> None:
    (device,) = registered(store, 1)
    for epoch in (EPOCH - 2, EPOCH - 1, EPOCH):
        issued(store, device, 3, epoch=epoch)
    with store.transaction() as conn:
        note_randomness_keys(conn, {EPOCH - 1: b"\1" * 32, EPOCH: b"\2" * 32})
        assert forget(conn, EPOCH) == 2
        assert forget(conn, EPOCH) == 0
        assert randomness_keys(conn, range(EPOCH + 1)) == {EPOCH: b"\2" * 32}
        rows = conn.execute("SELECT epoch FROM threshold_issued").fetchall()
    assert rows == [(EPOCH,)]


def test_the_first_key_that_the_randomness_server_told_stays(store: Store) -> None:
    with store.transaction() as conn:
        note_randomness_keys(conn, {1: b"\1" * 32, 2: b"\2" * 32})
        note_randomness_keys(conn, {2: b"\3" * 32, 3: b"\3" * 32})
        assert randomness_keys(conn, range(2, 5)) == {2: b"\2" * 32, 3: b"\3" * 32}
