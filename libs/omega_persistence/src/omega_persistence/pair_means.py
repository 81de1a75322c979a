"""What reports of pairs are made with: keys, tokens, and the bytes that a day allows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime

from omega_core.clock import day_of
from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.meta import Meta

_KEPT_DAYS = 60


@dataclass(frozen=True)
class ToldKeys:
    """Keys of an epoch, as the table holds them."""

    epoch: int
    """Counted from 1970-01-01."""
    threshold: int
    """Reports that open a pair, 2 to 32."""
    epoch_days: int
    """Length of an epoch, 1 to 366."""
    grace_hours: int
    """How long after its end it is still served, 0 to 720."""
    gateway: bytes
    """An encoded key configuration."""
    tokens: bytes
    """32 bytes."""
    randomness: bytes
    """32 bytes."""


@dataclass(frozen=True)
class TokenAsk:
    """A request for tokens, so that it can be repeated as it was."""

    request_id: str
    """UUID of 36 characters: the idempotency key."""
    epoch: int
    """Whose tokens are asked for."""
    nonces: tuple[bytes, ...] = field(repr=False)
    """32 bytes a token."""
    blinds: tuple[bytes, ...] = field(repr=False)
    """32 bytes a token."""


class PairMeans:
    """Tables beside PairReports. Writing may raise STORAGE_FULL, all STORAGE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.facts = Meta(database)
        """Single facts of the reports: PAIR_... of the keys."""

    def told(self) -> dict[int, ToldKeys]:
        """The keys that were believed, by epoch."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM reporting_keys ORDER BY epoch").fetchall()
        return {row[0]: ToldKeys(*row) for row in rows}

    def believe(self, told: list[ToldKeys]) -> None:
        """Keeps keys of epochs of which none are kept."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO reporting_keys VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (epoch) DO NOTHING",
                [tuple(vars(each).values()) for each in told],
            )

    def close_epoch(self, epoch: int) -> None:
        """Forgets keys and tokens of an epoch, and a request for some."""
        with self._database.transaction() as connection:
            for table in ("reporting_keys", "pair_tokens", "pair_token_request"):
                connection.execute(f"DELETE FROM {table} WHERE epoch = ?", (epoch,))  # noqa: S608 - constants

    def tokens(self, epoch: int) -> list[bytes]:
        """Tokens of an epoch that no report has."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT token FROM pair_tokens WHERE epoch = ? ORDER BY token", (epoch,)
            ).fetchall()
        return [token for (token,) in rows]

    def open_ask(self) -> TokenAsk | None:
        """The request for tokens that was not answered; None = there is none."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT request_id, epoch, nonces, blinds FROM pair_token_request"
            ).fetchone()
        if row is None:
            return None
        return TokenAsk(row[0], row[1], _split(row[2]), _split(row[3]))

    def ask(self, request: TokenAsk) -> None:
        """Keeps a request before it is sent; there is one at a time."""
        with self._database.transaction() as connection:
            connection.execute(keys.SET, (keys.PAIRS_JOINED, "1"))
            connection.execute(
                "INSERT INTO pair_token_request VALUES (1, ?, ?, ?, ?)",
                (
                    request.request_id,
                    request.epoch,
                    b"".join(request.nonces),
                    b"".join(request.blinds),
                ),
            )

    def answered(self, epoch: int, tokens: list[bytes], left: int | None) -> None:
        """Keeps what a request brought, none where it was refused, and ends it.

        Args:
            epoch: its epoch.
            tokens: 68 bytes each.
            left: how many more there are in this epoch; None = that was not said.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pair_token_request")
            connection.executemany(
                "INSERT INTO pair_tokens VALUES (?, ?)", [(token, epoch) for token in tokens]
            )
            if left is not None:
                connection.execute(keys.SET, (keys.PAIR_TOKENS_LEFT, f"{epoch} {left}"))

    def left(self, epoch: int) -> int | None:
        """Tokens that this TV may still have in an epoch; None = it was not told."""
        known = self.facts.get(keys.PAIR_TOKENS_LEFT)
        if known is None or int(known.split()[0]) != epoch:
            return None
        return int(known.split()[1])

    def spent(self, now: datetime) -> int:
        """Bytes of the day of `now`."""
        with self._database.read() as connection:
            return _spent(connection, day_of(now))

    def spend(self, now: datetime, size: int, most: int) -> bool:
        """Takes `size` bytes of the day of `now`, if it then has no more than `most`."""
        day = day_of(now)
        with self._database.transaction() as connection:
            if _spent(connection, day) + size > most:
                return False
            connection.execute(
                "INSERT INTO pair_days VALUES (?, ?) "
                "ON CONFLICT (day) DO UPDATE SET bytes = bytes + excluded.bytes",
                (day, size),
            )
            connection.execute("DELETE FROM pair_days WHERE day < ?", (day - _KEPT_DAYS,))
        return True

    def settle(self, day: datetime, planned: int, size: int) -> None:
        """Puts what a call cost in the place of what was taken for it, on the day it was taken."""
        if planned != size:
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE pair_days SET bytes = max(0, bytes + ?) WHERE day = ?",
                    (size - planned, day_of(day)),
                )

    def days(self) -> dict[int, int]:
        """Bytes by day since 1970, of the last 60 days on which there were any."""
        with self._database.read() as connection:
            return dict(connection.execute("SELECT day, bytes FROM pair_days").fetchall())


def _spent(connection: sqlite3.Connection, day: int) -> int:
    row = connection.execute("SELECT bytes FROM pair_days WHERE day = ?", (day,)).fetchone()
    return 0 if row is None else int(row[0])


def _split(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[at : at + 32] for at in range(0, len(packed), 32))
