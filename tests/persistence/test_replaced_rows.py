"""A row that is replaced keeps its identity, and with it every row that refers to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import omega_persistence
from omega_core.viewing import ViewingEvent
from omega_persistence import Contents, Database, Events, StoredContent, TitleRecords

MakeEvent = Callable[..., ViewingEvent]
MakeTitle = Callable[..., StoredContent]
SOURCES = Path(omega_persistence.__file__).parent
DELETES_FIRST = re.compile(r"\b(OR\s+REPLACE|REPLACE\s+INTO)\b", re.IGNORECASE)
"""What deletes a row, its children with it, and makes another one in its place."""


def test_no_statement_replaces_a_row_by_deleting_it() -> None:
    files = [path for path in SOURCES.rglob("*") if path.suffix in {".py", ".sql"}]
    assert len(files) > 20
    found = [path.name for path in files if DELETES_FIRST.search(path.read_text("utf-8"))]
    assert found == []


def test_a_title_that_is_stored_again_keeps_its_history(
    database: Database, contents: Contents, make_title: MakeTitle, make_event: MakeEvent
) -> None:
    events, records = Events(database), TitleRecords(database)
    events.record_all([make_event(number, title=3) for number in range(4)])
    records.capacity(2, 10)
    before = contents.by_ids(["c3"])["c3"].rowid
    other = make_title(77)
    contents.upsert([replace(other, content=replace(other.content, content_id="c3"))])
    assert contents.by_ids(["c3"])["c3"].rowid == before
    assert (events.count(), records.viewings()) == (2, 2)
    with database.read() as connection:
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
