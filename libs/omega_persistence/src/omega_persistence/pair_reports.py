"""Reports of pairs on their way to the fleet: each pair once, ever, whatever crashes between.

A report is stored with the token that pays for it before anything of it is sent. It comes again in
the same bytes until it is answered, and the fleet counts it once. What was tried and is never
answered counts as told: to lose a report is better than to count it twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from omega_persistence import keys
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

Titles = tuple[int, int]
"""Rowids of two titles, the lesser one first; twice the same = a title alone."""


class PairState(IntEnum):
    """How far a pair has come."""

    READY = 0
    """Its report is stored and was never sent."""
    TRIED = 1
    """It was sent at least once, perhaps."""
    TOLD = 2
    """The fleet has it, or it is lost for good."""
    REFUSED = 3
    """No other try will do: a defect."""


@dataclass(frozen=True)
class Waiting:
    """A report that has not been answered."""

    titles: Titles
    """What it tells."""
    tried: bool
    """Whether it may have left."""
    tries: int
    """How often it was sent, a try that died included."""
    refusals: int
    """Tokens of it that were refused."""
    epoch: int
    """Of its keys."""
    report: bytes = field(repr=False)
    """118 bytes, the same at every try."""
    token: bytes = field(repr=False)
    """68 bytes; empty = it waits for one."""
    batch: int
    """Number of the batch that it was made in, from 1."""
    release_at: datetime
    """From when on it leaves, in UTC."""


class PairReports:
    """One row at most for each pair. Writing may raise STORAGE_FULL, all STORAGE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> set[Titles]:
        """All pairs that are told, refused or under way: no other report of them is ever made."""
        with self._database.read() as connection:
            return set(connection.execute("SELECT low, high FROM pair_reports").fetchall())

    def add(self, epoch: int, made: Sequence[tuple[Titles, bytes, bytes, datetime]]) -> int:
        """Stores a batch of reports, and takes their tokens out of those in hand.

        Args:
            epoch: of all of them.
            made: titles, report, token and the instant from which it may leave, of each.

        Returns:
            Its number.
        """
        with self._database.transaction() as connection:
            batch = self._batches(connection) + 1
            connection.execute(keys.SET, (keys.PAIR_BATCHES, str(batch)))
            connection.executemany(
                "INSERT INTO pair_reports (low, high, state, epoch, report, token, batch, "
                "release_at) VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
                [
                    (*titles, epoch, report, token, batch, to_micros(release_at))
                    for titles, report, token, release_at in made
                ],
            )
            connection.executemany(
                "DELETE FROM pair_tokens WHERE token = ?", [(token,) for _, _, token, _ in made]
            )
        return batch

    def waiting(self) -> list[Waiting]:
        """What is not answered, that which leaves first at the beginning."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT low, high, state, tries, refusals, epoch, report, token, batch, release_at "
                "FROM pair_reports WHERE state < 2 ORDER BY release_at, report"
            ).fetchall()
        return [
            Waiting(
                titles=(low, high),
                tried=state == PairState.TRIED,
                tries=tries,
                refusals=refusals,
                epoch=epoch,
                report=report,
                token=token or b"",
                batch=batch,
                release_at=from_micros(release_at),
            )
            for low, high, state, tries, refusals, epoch, report, token, batch, release_at in rows
        ]

    def begin_try(self, titles: Titles) -> None:
        """Notes that a report is about to leave."""
        self._change(titles, "state = 1, tries = tries + 1 WHERE state < 2")

    def end(self, titles: Titles, state: PairState) -> None:
        """Ends a report, TOLD or REFUSED: of it, the pair stays."""
        self._change(titles, _ENDED, int(state))

    def forget(self, titles: Titles) -> None:
        """Makes a pair a wish again, whose report is known not to have been taken."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM pair_reports WHERE low = ? AND high = ? AND state < 2", titles
            )

    def put_off(self, titles: Titles, release_at: datetime) -> None:
        """Has a report leave at another instant."""
        self._change(titles, "release_at = ? WHERE state < 2", to_micros(release_at))

    def refuse_token(self, titles: Titles) -> None:
        """Takes a token away that was refused."""
        self._change(titles, "token = NULL, refusals = refusals + 1 WHERE state < 2")

    def pay(self, titles: Titles, token: bytes, release_at: datetime) -> None:
        """Gives a report another token, of those in hand."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pair_tokens WHERE token = ?", (token,))
            self._change(
                titles, "token = ?, release_at = ? WHERE state < 2", token, to_micros(release_at)
            )

    def withdraw(self, gone: Collection[Titles]) -> None:
        """Drops reports that were never tried; their tokens are in hand again."""
        with self._database.transaction() as connection:
            for titles in gone:
                connection.execute(
                    "INSERT INTO pair_tokens SELECT token, epoch FROM pair_reports "
                    "WHERE low = ? AND high = ? AND state = 0 AND token IS NOT NULL",
                    titles,
                )
                connection.execute(
                    "DELETE FROM pair_reports WHERE low = ? AND high = ? AND state = 0", titles
                )

    def assume_tried(self) -> None:
        """Takes for tried what waits: where history began anew, it may have left since."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE pair_reports SET state = 1 WHERE state = 0")

    def assume_told(self, pairs: Iterable[Titles]) -> None:
        """Takes pairs for told of which nothing is known: this database has forgotten some."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO pair_reports (low, high, state) VALUES (?, ?, 2) "
                "ON CONFLICT (low, high) DO NOTHING",
                pairs,
            )

    def close_epoch(self, epoch: int) -> None:
        """An epoch is closed: what was tried counts as told, what was not is a wish again."""
        with self._database.transaction() as connection:
            close(connection, "epoch = ?", epoch)

    def drop_waiting(self) -> None:
        """Drops what waits, with tokens and an open request for some; what is told stays so."""
        with self._database.transaction() as connection:
            drop_waiting(connection)

    def counts(self) -> dict[PairState, int]:
        """Pairs by state."""
        found = dict.fromkeys(PairState, 0)
        with self._database.read() as connection:
            rows = connection.execute("SELECT state, count(*) FROM pair_reports GROUP BY state")
            found.update((PairState(state), count) for state, count in rows)
        return found

    def newest(self, titles: Collection[int], most: int) -> list[int]:
        """Those of `titles`, by rowid, that were viewed last."""
        with self._database.read() as connection:
            last = dict(connection.execute(_LAST_VIEWED).fetchall())
        return sorted(titles, key=lambda rowid: (-last.get(rowid, 0), rowid))[:most]

    def _change(self, titles: Titles, change: str, *values: int | bytes) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE pair_reports SET {change} AND low = ? AND high = ?",  # noqa: S608 - constants
                (*values, *titles),
            )

    def _batches(self, connection: sqlite3.Connection) -> int:
        row = connection.execute(
            "SELECT value FROM meta WHERE key = ?", (keys.PAIR_BATCHES,)
        ).fetchone()
        return 0 if row is None else int(row[0])


_ENDED = (
    "state = ?, epoch = NULL, report = NULL, token = NULL, batch = NULL, release_at = NULL "
    "WHERE state < 2"
)
_LAST_VIEWED = """
SELECT content_rowid, max(at) FROM (
    SELECT content_rowid, occurred_at AS at FROM events
    UNION ALL SELECT content_rowid, last_at FROM title_records
) GROUP BY content_rowid
"""


def close(connection: sqlite3.Connection, which: str = "TRUE", *values: int) -> None:
    """Ends what waits, inside a transaction: told where it was tried, else forgotten."""
    connection.execute(f"DELETE FROM pair_reports WHERE state = 0 AND {which}", values)  # noqa: S608 - constants
    connection.execute(
        f"UPDATE pair_reports SET {_ENDED} AND {which}",  # noqa: S608 - constants
        (int(PairState.TOLD), *values),
    )


def drop_waiting(connection: sqlite3.Connection) -> None:
    """PairReports.drop_waiting inside a transaction."""
    close(connection)
    connection.execute("DELETE FROM pair_tokens")
    connection.execute("DELETE FROM pair_token_request")
    connection.execute("DELETE FROM meta WHERE key = ?", (keys.PAIR_TOKENS_LEFT,))
