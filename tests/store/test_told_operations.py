"""What telemetry is told of the database: names and times, no statement and no value."""

from __future__ import annotations

import psycopg
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from omega_core import spans
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, StoreConfig
from omega_testing.fleet import registered
from omega_testing.recording import context_of, recording


def test_an_operation_is_a_span_below_what_it_is_part_of(store: Store) -> None:
    with recording() as recorded:
        with spans.span("work"):
            with store.transaction("first"), store.snapshot("second") as conn:
                conn.execute("SELECT 1")
            with store.statements("third") as conn:
                conn.execute("SELECT 1")
        # What runs of itself has a time, and no trace.
        with store.statements("fourth") as conn:
            conn.execute("SELECT 1")
    second, first, third, work = recorded.all()
    assert [s.name for s in (first, second, third)] == ["first", "second", "third"]
    assert [s.parent for s in (first, second, third)] == [
        context_of(work),
        context_of(first),
        context_of(work),
    ]
    assert {s.kind for s in (first, second, third)} == {SpanKind.CLIENT}
    assert first.attributes == {"db.system.name": "postgresql", "omega.statement": "first"}


def test_of_a_failure_the_kind_is_told_and_not_what_it_was_about(store: Store) -> None:
    (device,) = registered(store, 1)
    with recording() as recorded, spans.span("work"):
        with pytest.raises(psycopg.errors.UniqueViolation), store.transaction("copy") as conn:
            conn.execute(
                "INSERT INTO devices SELECT * FROM devices WHERE device_id = %s", (device,)
            )
        with pytest.raises(OmegaError), store.transaction("refuse"):
            raise OmegaError(ErrorCode.REVOKED, detail=device)
    told = {s.name: dict(s.attributes or {})["error.type"] for s in recorded.all()[:2]}
    assert told == {"copy": "UniqueViolation", "refuse": "REVOKED"}
    assert {s.status.status_code for s in recorded.all()[:2]} == {StatusCode.ERROR}
    assert device not in "".join(s.to_json() for s in recorded.all())


def test_a_database_that_is_away_is_told_as_such() -> None:
    config = StoreConfig(acquire_seconds=0.1)
    with (
        Store.connect("host=/nowhere", config) as store,
        recording() as recorded,
        pytest.raises(OmegaError),
        spans.span("work"),
        store.statements("look"),
    ):
        pass
    (look, _) = recorded.all()
    assert dict(look.attributes or {})["error.type"] == "STORAGE_UNAVAILABLE"
