"""All of a transaction or none of it, also when transactions are nested or in several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, Meta

MakeEvent = Callable[..., ViewingEvent]


class ChangedMindError(Exception):
    """Raised by the tests."""


def test_an_exception_leaves_nothing_of_the_block(
    database: Database, contents: Contents, make_event: MakeEvent
) -> None:
    events, meta = Events(database), Meta(database)

    def record_then_fail() -> None:
        with database.transaction():
            events.record(make_event(1))
            meta.set("key", "value")
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        record_then_fail()
    assert (events.count(), meta.get("key"), contents.count()) == (0, None, 10)


@pytest.mark.usefixtures("contents")
def test_a_failed_inner_transaction_is_undone_by_itself(
    database: Database, make_event: MakeEvent
) -> None:
    events, meta = Events(database), Meta(database)

    def set_then_fail() -> None:
        with database.transaction():
            meta.set("key", "value")
            events.record(make_event(2, title=99))

    with database.transaction():
        events.record(make_event(1))
        with pytest.raises(OmegaError):
            set_then_fail()
        meta.set("other", "kept")
    assert [entry.event.event_id for entry in events.all_events()] == ["e1"]
    assert (meta.get("key"), meta.get("other")) == (None, "kept")


def test_an_inner_transaction_ends_with_the_outer_one(database: Database) -> None:
    meta = Meta(database)

    def set_deep_down_then_fail() -> None:
        with database.transaction():
            with database.transaction(), database.transaction():
                meta.set("key", "value")
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        set_deep_down_then_fail()
    assert meta.get("key") is None
    meta.set("key", "again")
    assert meta.get("key") == "again"


def test_what_sqlite_rolled_back_by_itself_is_not_reported_as_stored(database: Database) -> None:
    meta = Meta(database)

    def lose_the_transaction(*, set_before: bool) -> None:
        with database.transaction() as connection:
            if set_before:
                meta.set("key", "value")
            connection.execute("ROLLBACK")
            if not set_before:
                meta.set("key", "value")

    for set_before in (True, False):
        with pytest.raises(OmegaError, match="rolled back"):
            lose_the_transaction(set_before=set_before)
        assert meta.get("key") is None


@pytest.mark.usefixtures("contents")
def test_threads_that_write_at_once_lose_nothing(database: Database, make_event: MakeEvent) -> None:
    events = Events(database)
    done: list[bool] = []

    def write(worker: int) -> None:
        done.extend([events.record(make_event(100 * worker + i, title=worker)) for i in range(20)])

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 80
    assert all(done)
    assert events.count() == 80


def test_a_rider_writes_with_the_outermost_transaction_only(database: Database) -> None:
    meta, rides = Meta(database), []
    database.before_commit(lambda connection: rides.append(connection.in_transaction))
    with database.transaction():
        meta.set("key", "value")
        meta.set("key", "other")
        assert rides == []
    assert rides == [True]
