"""Pushes that are gone since a round last saw the shard.

A note for each device that was erased, and for each month that was dropped: how many, never which.

What was published before still rests on them; the next refresh withdraws it. The factors before
are kept until the refresh after that, because TVs that hold them are sent only what changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from omega_store import resources
from omega_store.pool import Connection


def note(conn: Connection) -> None:
    """Notes that pushes are gone; devices.erase() and inbox.drop_months() do it."""
    conn.execute("INSERT INTO erasures DEFAULT VALUES")


def noted(conn: Connection) -> list[int]:
    """Names of the notes; read them in the snapshot that reads the pushes."""
    rows = conn.execute("SELECT erasure_id FROM erasures ORDER BY erasure_id").fetchall()
    return [erasure_id for (erasure_id,) in rows]


def settle(conn: Connection, seen: Sequence[int]) -> None:
    """Makes the erasures good that a refresh saw; those of later devices stay for the next.

    Of the factors, the newest and the version before are left; and that one goes, too, with the
    refresh after the one that first left a device out. Call it behind the publication.
    """
    newest = resources.newest_version(conn, resources.ResourceKind.FACTORS)
    done = conn.execute(
        "DELETE FROM erasures WHERE erasure_id = ANY(%s) AND replaced_in IS NOT NULL"
        " RETURNING replaced_in",
        (list(seen),),
    ).fetchall()
    conn.execute(
        "UPDATE erasures SET replaced_in = %s WHERE erasure_id = ANY(%s)", (newest, list(seen))
    )
    oldest = max((version for (version,) in done), default=0)
    resources.keep_newest(conn, resources.ResourceKind.FACTORS, least=oldest)


def reopen(conn: Connection, version: int) -> None:
    """Factors from `version` on are taken back: who was first left out there is to be anew."""
    conn.execute("UPDATE erasures SET replaced_in = NULL WHERE replaced_in >= %s", (version,))


def forget(conn: Connection, seen: Sequence[int]) -> None:
    """Deletes the notes that a round saw which leaves nothing that rests on any device."""
    conn.execute("DELETE FROM erasures WHERE erasure_id = ANY(%s)", (list(seen),))
