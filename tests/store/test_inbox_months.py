"""The inbox by months: a push is stored once in all of them, and none fails for want of one."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from omega_core.errors import OmegaError
from omega_store import Store, erasures, inbox, kept, leadership, migrate, pushes
from omega_store.kept import Keeping, KeptRow, StoredDecoder
from omega_store.pushes import Outcome, Push, PushResult
from omega_testing.fleet import MODEL, push, registered

TODAY = datetime(2031, 5, 17, 12, tzinfo=UTC)
MONTH = timedelta(days=31)


@pytest.fixture
def own(empty_database_url: str) -> Iterator[Store]:
    """A store whose partitions a test may change."""
    migrate(empty_database_url)
    with Store.connect(empty_database_url) as opened:
        yield opened


def keep(store: Store, now: datetime, *batch: Push) -> list[PushResult]:
    with store.transaction() as conn:
        return pushes.store(conn, batch, now)


def make(store: Store, now: datetime) -> int:
    with store.transaction() as conn:
        assert inbox.maintaining(conn)
        return inbox.make_months(conn, now)


def drop(store: Store, before: datetime) -> int:
    with store.transaction() as conn:
        assert inbox.maintaining(conn)
        return inbox.drop_months(conn, before)


def places(store: Store) -> dict[str, int]:
    """Pushes by the table that holds them, parts of a month added up."""
    with store.statements() as conn:
        rows = conn.execute(
            "SELECT regexp_replace(tableoid::regclass::text, '(_\\d{4}_\\d\\d)_\\d$', '\\1') AS t,"
            " count(*) FROM pushes GROUP BY t"
        ).fetchall()
    return dict(rows)


def test_a_push_goes_into_its_month_and_its_devices_part(own: Store) -> None:
    ids = registered(own, 40)
    make(own, TODAY)
    keep(own, TODAY, *(push(device_id) for device_id in ids))
    assert places(own) == {"pushes_2031_05": 40}
    with own.statements() as conn:
        parts = conn.execute("SELECT count(DISTINCT tableoid) FROM pushes").fetchone()
    assert parts
    assert 5 <= parts[0] <= 8


def test_a_retry_of_any_age_is_a_duplicate(own: Store) -> None:
    [device_id] = registered(own, 1)
    first = push(device_id, 3)
    for months in range(15):
        make(own, TODAY + months * MONTH)
    assert keep(own, TODAY, first) == [PushResult(Outcome.STORED, 3)]
    for months in (0, 1, 7, 14, 400):
        forged = dataclasses.replace(push(device_id, 5), request_id=first.request_id)
        assert keep(own, TODAY + months * MONTH, forged) == [PushResult(Outcome.DUPLICATE, 3)]
    assert sum(places(own).values()) == 1


def test_writers_on_both_sides_of_midnight_store_a_push_once(own: Store) -> None:
    ids = registered(own, 12)
    make(own, TODAY)
    same = [push(device_id, 2) for device_id in ids]
    start = threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait()
        now = TODAY + MONTH * (worker % 3)
        results = [r for i in range(0, 12, 4) for r in keep(own, now, *same[i : i + 4])]
        return sum(r.outcome is Outcome.STORED for r in results)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 12
    assert sum(places(own).values()) == 12


def test_a_push_of_a_time_without_a_month_is_stored_and_moves_into_it_later(own: Store) -> None:
    [device_id] = registered(own, 1)
    odd = [TODAY - timedelta(days=900), TODAY, TODAY + timedelta(days=900)]
    batch = [push(device_id) for _ in odd]
    for now, each in zip(odd, batch, strict=True):
        assert keep(own, now, each)[0].outcome is Outcome.STORED
    assert places(own) == {"pushes_rest": 3}
    assert make(own, TODAY) == inbox.AHEAD + 1 + 2
    assert places(own) == {"pushes_2028_11": 1, "pushes_2031_05": 1, "pushes_2033_11": 1}
    assert {keep(own, TODAY, each)[0].outcome for each in batch} == {Outcome.DUPLICATE}
    assert make(own, TODAY) == 0


def test_maintainers_take_turns(own: Store) -> None:
    with own.transaction() as first, own.transaction() as second:
        assert inbox.maintaining(first)
        assert not inbox.maintaining(second)


def test_pushes_go_on_while_months_are_made(own: Store) -> None:
    ids = registered(own, 8)
    done = threading.Event()

    def work() -> int:
        stored = 0
        while not done.is_set():
            batch = [push(device_id, 1) for device_id in ids]
            stored += sum(r.outcome is Outcome.STORED for r in keep(own, TODAY, *batch))
        return stored

    with ThreadPoolExecutor(2) as threads:
        workers = [threads.submit(work) for _ in range(2)]
        for months in range(12):
            make(own, TODAY + months * 2 * MONTH)
        done.set()
        stored = sum(worker.result() for worker in workers)
    assert sum(places(own).values()) == stored > 0
    assert set(places(own)) <= {"pushes_rest", "pushes_2031_05"}


def test_old_months_go_and_the_others_stay(own: Store) -> None:
    ids = registered(own, 3)
    for months, device_id in enumerate(ids):
        make(own, TODAY + months * MONTH)
        keep(own, TODAY + months * MONTH, push(device_id))
    drop(own, datetime(2031, 5, 31, tzinfo=UTC))
    assert places(own) == {"pushes_2031_05": 1, "pushes_2031_06": 1, "pushes_2031_07": 1}
    drop(own, datetime(2031, 6, 1, tzinfo=UTC))
    assert places(own) == {"pushes_2031_06": 1, "pushes_2031_07": 1}
    with own.statements() as conn:
        assert len(erasures.noted(conn)) == 1, "months without pushes leave no note"


def keep_rows(store: Store, rows: list[KeptRow]) -> None:
    with store.transaction() as conn:
        kept.store(conn, Keeping(StoredDecoder("basis", TODAY, b"d"), rows))


def test_devices_whose_pushes_went_are_decoded_anew(own: Store) -> None:
    """As many come as go: their number alone would not tell."""
    part, all_gone, untouched = sorted(registered(own, 3))
    keep(own, TODAY, push(part), push(part), push(all_gone))
    keep(own, TODAY + MONTH, push(part), push(untouched))
    make(own, TODAY)
    keep_rows(
        own, [KeptRow(part, 3, b"p"), KeptRow(all_gone, 1, b"a"), KeptRow(untouched, 1, b"u")]
    )
    with own.snapshot() as conn:
        assert kept.changed(conn, MODEL) == []
    drop(own, datetime(2031, 6, 1, tzinfo=UTC))
    keep(own, TODAY + MONTH, push(part), push(part))
    with own.snapshot() as conn:
        assert kept.changed(conn, MODEL) == [part]
        assert [row.device_id for row in kept.iterate(conn)] == [untouched]
        assert len(erasures.noted(conn)) == 1


def test_nothing_is_dropped_under_a_round(own: Store) -> None:
    [device_id] = registered(own, 1)
    make(own, TODAY)
    keep(own, TODAY, push(device_id))
    with leadership(own):
        assert drop(own, TODAY + 9 * MONTH) == 0
    assert drop(own, TODAY + 9 * MONTH) > 0
    assert places(own) == {}


def test_behind_a_long_reader_maintenance_gives_way(own: Store) -> None:
    [device_id] = registered(own, 1)
    make(own, TODAY)
    keep(own, TODAY, push(device_id))
    with psycopg.connect(own.url) as reader:
        reader.execute("SELECT count(*) FROM pushes")
        with pytest.raises(OmegaError):
            drop(own, TODAY + 9 * MONTH)
        assert keep(own, TODAY, push(device_id))[0].outcome is Outcome.STORED
    assert places(own) == {"pushes_2031_05": 2}


def test_whoever_deletes_a_device_deletes_its_pushes(own: Store) -> None:
    gone, stays = registered(own, 2)
    make(own, TODAY)
    for months in range(3):
        keep(own, TODAY + months * MONTH, push(gone), push(stays))
    with own.transaction() as conn:
        conn.execute("DELETE FROM devices WHERE device_id = %s", (gone,))
    with own.statements() as conn:
        held = conn.execute("SELECT device_id, count(*) FROM pushes GROUP BY device_id").fetchall()
    assert held == [(stays, 3)]


def test_a_retry_is_looked_for_through_the_index(own: Store) -> None:
    with own.transaction() as conn:
        conn.execute("SELECT * FROM stored_pushes(ARRAY['tv'], ARRAY[gen_random_uuid()])")
        scans = conn.execute(
            "SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_xact_user_tables"
            " WHERE relname LIKE 'pushes%'"
        ).fetchone()
        tables = len(inbox.months(conn)) + 1
    assert scans == (0, tables), "one part of each month, and pushes_rest"
