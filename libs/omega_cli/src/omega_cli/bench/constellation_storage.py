"""Bytes that a device takes, by table, and how a shard's database grows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from omega.federation.v1 import federation_service_pb2 as pb
from omega_cli.bench.federation import Fleet, Plan
from omega_cli.bench.figures import Figure
from omega_client import FederationClient
from omega_privacy import class_byte
from omega_store import Store, inbox, pushes
from omega_store.pushes import Push
from omega_testing.fleet import registered
from omega_testing.processes import ServiceProcess

STEPS = 4
_TITLES = 1_000
_PUSH = 5
_DAYS = 365
_TURNS = 24
_FULL = 4_000_000
_MODEL = "lexical-384-r1"
_BYTES = (
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
    " WHERE c.relkind = 'r' AND c.relname LIKE %s"
)


def measure(
    store: Store, households: int, sketches: int, advance: Callable[[str], None]
) -> dict[str, Figure]:
    """device_bytes after a year, and what a full shard grows by in a day."""
    advance(f"a year of {households:,} households")
    fleet = Fleet(store, Plan(devices=max(households, 100), titles=_TITLES))
    fleet.publish_catalogue()
    now = datetime.now(UTC)
    with store.transaction() as conn:
        for months in range(13):
            inbox.make_months(conn, now - timedelta(days=30 * months))
    ids = registered(store, households, now - timedelta(days=_DAYS))
    advance("their pushes")
    each = -(-sketches // _PUSH)
    for turn in range(_TURNS):
        at = now - timedelta(days=_DAYS) * (_TURNS - turn - 1) / _TURNS
        count = each * (turn + 1) // _TURNS - each * turn // _TURNS
        batch = [_push(fleet, device_id) for device_id in ids for _ in range(count)]
        with store.transaction() as conn:
            pushes.store(conn, batch, at)
    advance("a round that keeps what it decoded")
    _round(store)
    advance("sizes")
    with store.statements() as conn:
        for table in ("devices", "pushes", "kept_rows"):
            conn.execute(f"VACUUM ANALYZE {table}".encode())
        sizes = {
            table: _one(conn.execute(_BYTES, (pattern,)).fetchone()) / households
            for table, pattern in (
                ("devices", "devices"),
                ("pushes of a year", "pushes%"),
                ("kept rows", "kept_rows"),
            )
        }
        payload = _one(
            conn.execute("SELECT sum(octet_length(sketches) + count) FROM pushes").fetchone()
        )
    pushed = sizes["pushes of a year"]
    return {
        "device_bytes": Figure(
            sum(sizes.values()),
            "bytes",
            "",
            sizes
            | {
                "sketches and classes alone": payload / households,
                "pushes in the year": float(each),
                "sketches a push": float(_PUSH),
            },
        ),
        "growth_gb_day": Figure(
            pushed * _FULL / _DAYS / 1e9,
            "GB a day and full shard",
            "",
            {
                "devices of a full shard": float(_FULL),
                "GB after a year": sum(sizes.values()) * _FULL / 1e9,
            },
        ),
    }


def _push(fleet: Fleet, device_id: str) -> Push:
    classes = bytes([class_byte(7, 1)]) * _PUSH
    return Push(device_id, str(uuid.uuid4()), _MODEL, fleet.sketches(_PUSH), classes)


def _round(store: Store) -> None:
    environ = {
        "OMEGA_FEDERATION_DATABASE_URL": store.url,
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
        "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
    }
    with (
        ServiceProcess(["omega-federation-worker"], environ) as worker,
        FederationClient(worker.address) as client,
    ):
        worker.wait_serving()
        client.run_round(pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True))


def _one(row: tuple[int, ...] | None) -> int:
    return int(row[0]) if row else 0
