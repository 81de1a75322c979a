"""Postgres with pgvector: pool, migrations, queries.

`Store.connect(url)` opens a shard, `migrate(url)` brings its schema up to date. Queries stand in
modules of functions that take the connection of a transaction: devices, device_pages, counts,
claims, certificates, revocations, pushes, inbox, moves, directories, traffic, erasures, contents,
resources, states, trends, heads, rounds, kept, releases, release_reports, status, audit,
threshold_counts.
`PushWriter` commits many callers' pushes at once; `leadership()` and `publish_round()` are the
federation worker's.
"""

from omega_store.locks import leadership, lock_catalogue, moving
from omega_store.migrate import MigrationError, migrate, pending, pending_on
from omega_store.pool import Connection, Store, StoreConfig, check_url
from omega_store.publish import RoundResult, publish_round
from omega_store.push_writer import PushWriter, PushWriterConfig

__all__ = [
    "Connection",
    "MigrationError",
    "PushWriter",
    "PushWriterConfig",
    "RoundResult",
    "Store",
    "StoreConfig",
    "check_url",
    "leadership",
    "lock_catalogue",
    "migrate",
    "moving",
    "pending",
    "pending_on",
    "publish_round",
]
