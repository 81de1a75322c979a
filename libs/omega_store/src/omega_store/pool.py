"""Connections to one shard's Postgres."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from omega_core import validate
from omega_core.closing import Closing
from omega_core.errors import invalid
from omega_store import dialect, metering
from omega_store.errors import translated

Connection = psycopg.Connection[TupleRow]
"""A psycopg connection whose rows are tuples."""

_RECONNECT_SECONDS = 3.0


@dataclass(frozen=True)
class StoreConfig:
    """Bounds of a shard's connections."""

    pool_size: int = 8
    """Most connections, 1 to 256."""
    acquire_seconds: float = 2.0
    """Longest wait for a connection before STORAGE_UNAVAILABLE, 0.1 to 60."""
    connect_seconds: int = 2
    """Longest attempt to connect, 2 to 60."""
    statement_seconds: float = 30.0
    """Longest statement, 0.1 to 3,600."""
    application_name: str = "omega"
    """Shown in pg_stat_activity, 1 to 64 characters of [A-Za-z0-9._:-]."""
    transaction_pooling: bool = False
    """Whether the URL leads to a proxy that gives each transaction a connection of its own, as
    PgBouncer does: nothing is prepared or set for longer than a transaction then."""

    def __post_init__(self) -> None:
        dialect.check()
        validate.integer("pool_size", self.pool_size, 1, 256)
        validate.number("acquire_seconds", self.acquire_seconds, 0.1, 60)
        validate.integer("connect_seconds", self.connect_seconds, 2, 60)
        validate.number("statement_seconds", self.statement_seconds, 0.1, 3_600)
        validate.identifier("application_name", self.application_name, 64)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of psycopg.connect."""
        found: dict[str, Any] = {
            "application_name": self.application_name,
            "connect_timeout": self.connect_seconds,
            # A silent network must not hold a call longer than a statement may last.
            "tcp_user_timeout": int(self.statement_seconds * 1_000),
            "keepalives_idle": 30,  # seconds; a leader's connection is idle for a whole round
        }
        if self.transaction_pooling:
            return found | {"prepare_threshold": None}
        return found | {"options": " ".join(f"-c {name}={ms}" for name, ms in self._limits())}

    def limits(self) -> bytes:
        """What sets the time limits of one transaction, where they are not the connection's."""
        return "; ".join(f"SET LOCAL {name} = {ms}" for name, ms in self._limits()).encode()

    def _limits(self) -> tuple[tuple[str, int], ...]:
        return (
            ("statement_timeout", int(self.statement_seconds * 1_000)),
            ("idle_in_transaction_session_timeout", int(self.statement_seconds * 2_000)),
        )


def check_url(field: str, url: str) -> str:
    """Holds a connection string to libpq's form; `field` is the setting that it came from.

    Raises:
        OmegaError: INVALID_FIELD; the text does not repeat the value, which may hold a password.
    """
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise invalid(field, "a postgresql:// URL or a libpq connection string") from None
    return url


class Store(Closing):
    """A shard's database. Safe to share between threads.

    Made by connect(); opens whether or not the server answers, and finds it again by itself.
    """

    def __init__(self, url: str, config: StoreConfig, direct_url: str = "") -> None:
        self._url = url
        self._direct_url = direct_url
        self._config = config
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            kwargs={"autocommit": True, **config.arguments()},
            min_size=1,
            max_size=config.pool_size,
            timeout=config.acquire_seconds,
            # A waiting caller starts a fresh attempt; long back-offs would only delay recovery.
            reconnect_timeout=_RECONNECT_SECONDS,
            check=self._check,
            open=False,
        )
        metering.watch(self._pool)

    @classmethod
    def connect(cls, url: str, config: StoreConfig | None = None, direct_url: str = "") -> Self:
        """Opens a pool to `url`, a libpq connection string or postgresql:// URL.

        Where that leads to a proxy (transaction_pooling), `direct_url` leads past it.
        """
        store = cls(url, config or StoreConfig(), direct_url)
        store._pool.open(wait=False)
        return store

    @property
    def url(self) -> str:
        """The connection string, for migrate() and pending()."""
        return self._url

    @contextmanager
    def statements(self, name: str = metering.UNNAMED) -> Iterator[Connection]:
        """A connection on which each statement is a transaction of its own; for single reads.

        Behind a proxy (transaction_pooling) all of them are one. What runs is timed as `name`, of
        few words and ours.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL.
        """
        if self._config.transaction_pooling:
            with self.transaction(name) as conn:
                yield conn
            return
        with metering.operation(name), translated(), self._pool.connection() as conn:
            yield conn

    @contextmanager
    def transaction(self, name: str = metering.UNNAMED) -> Iterator[Connection]:
        """One READ COMMITTED transaction, committed when the block ends without an exception.

        It is timed as `name`, of few words and ours.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL; nothing of the block is stored, except
                that a failure during the commit itself leaves the outcome open.
        """
        with (
            metering.operation(name),
            translated(),
            self._pool.connection() as conn,
            conn.transaction(),
        ):
            if self._config.transaction_pooling:
                conn.execute(self._config.limits())
            yield conn

    @contextmanager
    def snapshot(self, name: str = metering.UNNAMED) -> Iterator[Connection]:
        """A read-only transaction whose statements all see the same instant, timed as `name`.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self.transaction(name) as conn:
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield conn

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection outside the pool in autocommit mode, for session-level locks.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE; INVALID_FIELD direct_url where transactions are pooled
                and there is none.
        """
        config = replace(self._config, transaction_pooling=False)
        if self._config.transaction_pooling and not self._direct_url:
            raise invalid("direct_url", "a direct connection: a leader's lock lives in a session")
        url = self._direct_url or self._url
        with translated(), psycopg.connect(url, autocommit=True, **config.arguments()) as conn:
            yield conn

    def close(self) -> None:
        """Closes every connection."""
        self._pool.close()

    def _check(self, conn: Connection) -> None:
        if _abandoned(conn):
            # One dead connection means a restarted server: the others are dead, too.
            self._pool.drain()
            raise psycopg.OperationalError("the server closed an idle connection")


def _abandoned(conn: Connection) -> bool:
    """Whether an idle connection's server is gone. Costs a poll, not a round trip."""
    poller = select.poll()
    poller.register(conn.fileno(), select.POLLIN)
    if not poller.poll(0):
        return False
    try:
        conn.pgconn.consume_input()  # a notice, or the end of the stream
    except psycopg.OperationalError:
        return True
    return bool(poller.poll(0))
