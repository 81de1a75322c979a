"""Rounds over several shards: what all shards are told, and what each of them answered.

All of it lies in the home shard's database and outlives whoever leads the round or answers for a
shard. A shard's answer to a phase is stored once, whoever brings it; what comes after the phase has
ended is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omega_store.kept import StoredDecoder
from omega_store.pool import Connection
from omega_store.rounds import RoundStatus, ShardOutcome, ShardShare
from omega_store.rows import only


@dataclass(frozen=True)
class FleetRound:
    """A round over several shards."""

    round_id: int
    """From 1."""
    cutoff_at: datetime
    """Up to which pushes count, in all shards."""
    ends_at: datetime
    """When it fails if it has not ended."""
    refresh: bool
    """Whether it decodes every sketch anew."""
    basis: str
    """Names settings and catalogue that it rests on, 1 to 128 characters."""
    catalogue_version: int
    """Catalogue that it learns on, from 1."""


@dataclass(frozen=True)
class PhasePlan:
    """A phase that began."""

    number: int
    """From 1, in the order of the phases."""
    phase: str
    """Its name."""
    ends_at: datetime
    """Until when answers are waited for."""
    brought: tuple[str, ...] | None
    """Shards whose answers count; None = it has not ended."""


def begin(conn: Connection, begun: FleetRound, shards: Mapping[str, str]) -> None:
    """Records a RUNNING round as one over these shards, names with regions.

    In the transaction of rounds.begin().
    """
    conn.execute(
        "INSERT INTO fleet_rounds"
        " (round_id, cutoff_at, ends_at, refresh, basis, catalogue_version)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (
            begun.round_id,
            begun.cutoff_at,
            begun.ends_at,
            begun.refresh,
            begun.basis,
            begun.catalogue_version,
        ),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO round_shards (round_id, shard, region) VALUES (%s, %s, %s)",
            [(begun.round_id, shard, region) for shard, region in sorted(shards.items())],
        )


def running(conn: Connection) -> FleetRound | None:
    """The round over several shards that has not ended; None = there is none."""
    row = conn.execute(
        "SELECT f.round_id, f.cutoff_at, f.ends_at, f.refresh, f.basis, f.catalogue_version"
        " FROM fleet_rounds AS f JOIN rounds AS r USING (round_id)"
        " WHERE r.status = %s ORDER BY f.round_id LIMIT 1",
        (RoundStatus.RUNNING,),
    ).fetchone()
    return None if row is None else FleetRound(*row)


def plans(conn: Connection, round_id: int) -> list[PhasePlan]:
    """The phases that began, in order."""
    rows = conn.execute(
        "SELECT number, phase, ends_at, brought FROM round_plans WHERE round_id = %s"
        " ORDER BY number",
        (round_id,),
    ).fetchall()
    return [
        PhasePlan(number, phase, ends_at, None if brought is None else tuple(brought))
        for number, phase, ends_at, brought in rows
    ]


def put_plan(conn: Connection, round_id: int, plan: PhasePlan, body: bytes) -> None:
    """Begins a phase."""
    conn.execute(
        "INSERT INTO round_plans (round_id, number, phase, body, ends_at)"
        " VALUES (%s, %s, %s, %b, %s)",
        (round_id, plan.number, plan.phase, body, plan.ends_at),
    )


def plan_body(conn: Connection, round_id: int, phase: str) -> bytes:
    """What all shards are told in a phase that began."""
    row = conn.execute(
        "SELECT body FROM round_plans WHERE (round_id, phase) = (%s, %s)",
        (round_id, phase),
        binary=True,
    ).fetchone()
    return bytes(only(row)[0])


def answered(conn: Connection, round_id: int, phase: str) -> list[str]:
    """Shards that have answered, by name."""
    rows = conn.execute(
        "SELECT shard FROM round_parts WHERE (round_id, phase, piece) = (%s, %s, 0) ORDER BY shard",
        (round_id, phase),
    ).fetchall()
    return [shard for (shard,) in rows]


def put_part(
    conn: Connection, round_id: int, phase: str, shard: str, pieces: Iterable[bytes]
) -> bool:
    """Stores a shard's answer, all of its pieces, in the caller's transaction.

    False, and nothing is stored, where there is one already, or the phase or the shard's part in
    the round has ended.
    """
    open_row = conn.execute(
        "SELECT brought IS NULL FROM round_plans WHERE (round_id, phase) = (%s, %s) FOR SHARE",
        (round_id, phase),
    ).fetchone()
    if open_row != (True,) or outcome(conn, round_id, shard) != ShardOutcome.AT_WORK:
        return False
    for number, piece in enumerate(pieces):
        stored = conn.execute(
            "INSERT INTO round_parts (round_id, phase, shard, piece, body)"
            " VALUES (%s, %s, %s, %s, %b) ON CONFLICT DO NOTHING",
            (round_id, phase, shard, number, piece),
        )
        if not stored.rowcount:
            return False  # another worker of this shard was first
    return True


def pieces(conn: Connection, round_id: int, phase: str, shard: str) -> Iterator[bytes]:
    """A shard's answer, piece by piece; call it in a transaction."""
    with conn.cursor(name="round_pieces", binary=True) as cursor:
        cursor.itersize = 1
        cursor.execute(
            "SELECT body FROM round_parts WHERE (round_id, phase, shard) = (%s, %s, %s)"
            " ORDER BY piece",
            (round_id, phase, shard),
        )
        for (body,) in cursor:
            yield bytes(body)


def end_phase(conn: Connection, round_id: int, phase: str) -> tuple[str, ...]:
    """Ends a phase; the shards whose answers count. In a transaction.

    A shard that has not answered and has not failed is late, and out of the round.
    """
    conn.execute(
        "SELECT FROM round_plans WHERE (round_id, phase) = (%s, %s) FOR UPDATE", (round_id, phase)
    )
    brought = answered(conn, round_id, phase)
    conn.execute(
        "UPDATE round_plans SET brought = %s WHERE (round_id, phase) = (%s, %s)",
        (brought, round_id, phase),
    )
    conn.execute(
        "UPDATE round_shards SET outcome = %s"
        " WHERE round_id = %s AND outcome = %s AND shard <> ALL (%s)",
        (ShardOutcome.LATE, round_id, ShardOutcome.AT_WORK, brought),
    )
    return tuple(brought)


def outcome(conn: Connection, round_id: int, shard: str) -> ShardOutcome:
    """What became of a shard in a round; LATE where it is not among its shards."""
    row = conn.execute(
        "SELECT outcome FROM round_shards WHERE (round_id, shard) = (%s, %s)", (round_id, shard)
    ).fetchone()
    return ShardOutcome.LATE if row is None else ShardOutcome(row[0])


def at_work(conn: Connection, round_id: int) -> set[str]:
    """Shards that are neither late nor failed."""
    rows = conn.execute(
        "SELECT shard FROM round_shards WHERE (round_id, outcome) = (%s, %s)",
        (round_id, ShardOutcome.AT_WORK),
    ).fetchall()
    return {shard for (shard,) in rows}


def fail_shard(conn: Connection, round_id: int, shard: str) -> None:
    """Takes a shard whose sums cannot be made out of a round."""
    conn.execute(
        "UPDATE round_shards SET outcome = %s WHERE (round_id, shard, outcome) = (%s, %s, %s)",
        (ShardOutcome.FAILED, round_id, shard, ShardOutcome.AT_WORK),
    )


def end(conn: Connection, round_id: int, shares: Sequence[ShardShare]) -> None:
    """Writes down who is in the result and drops plans and answers; in publish_round()'s place."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE round_shards SET outcome = %s, devices = %s, sketches = %s"
            " WHERE (round_id, shard) = (%s, %s)",
            [(s.outcome, s.devices, s.sketches, round_id, s.shard) for s in shares],
        )
    conn.execute(
        "DELETE FROM round_shards WHERE (round_id, outcome) = (%s, %s)",
        (round_id, ShardOutcome.AT_WORK),
    )
    conn.execute("DELETE FROM round_plans WHERE round_id = %s", (round_id,))


def decoder(conn: Connection) -> StoredDecoder | None:
    """What the fleet's last published refresh decoded with; None = there was none."""
    row = conn.execute(
        "SELECT basis, refreshed_at, body FROM fleet_decoder", binary=True
    ).fetchone()
    return None if row is None else StoredDecoder(row[0], row[1], bytes(row[2]))


def put_decoder(conn: Connection, stored: StoredDecoder | None) -> None:
    """Replaces it; None = the next round is a refresh."""
    conn.execute("DELETE FROM fleet_decoder")
    if stored is not None:
        conn.execute(
            "INSERT INTO fleet_decoder (basis, refreshed_at, body) VALUES (%s, %s, %b)",
            (stored.basis, stored.refreshed_at, stored.body),
        )
