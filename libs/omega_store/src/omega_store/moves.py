"""Devices on their way between shards.

The shard that gives marks a few devices, from when on it stores and counts nothing of them; sends
all that it holds of them; and deletes them when the other has answered. Each step can be repeated:
the one that takes adds what it lacks. Whether a mark that was sent became a move is only known from
the answer of the shard that was asked, so a mark is never taken away without one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from omega_store.locks import lock_revocations
from omega_store.pool import Connection

KEPT = timedelta(days=30)
"""How long it is kept where a device went, and that one was erased."""


@dataclass(frozen=True)
class MovingPush:
    """One push as it is stored."""

    request_id: str
    """A UUID."""
    model_version: str
    """Encoder of the sketches."""
    sketches: bytes = field(repr=False)
    """48 bytes a sketch."""
    classes: bytes = field(repr=False)
    """A byte a sketch."""
    sigma_hundredths: int | None
    """None = not stated."""
    received_at: datetime
    """When the first shard stored it."""


@dataclass(frozen=True)
class MovingTokens:
    """Tokens of reports that a device was given by one call."""

    request_id: str
    """A UUID."""
    epoch: int
    """Of the tokens."""
    tokens: int
    """How many, 1 to 128."""
    blinded_sha256: bytes
    """Of what was asked, 32 bytes."""


@dataclass(frozen=True)
class MovingDevice:
    """A device with all, or a part, of what is held of it."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    request_id: str
    """The UUID of its registration."""
    platform: str
    """As registered."""
    app_version: str
    """As registered."""
    region: str
    """As it stated last."""
    registered_at: datetime
    """When the identity was made."""
    last_seen_at: datetime | None
    """None = it never called."""
    revoked_at: datetime | None
    """None = it is welcome."""
    key_sha256: bytes | None
    """None = it has shown no key."""
    pushes: tuple[MovingPush, ...] = field(default=(), repr=False)
    """Its pushes."""
    certificates: tuple[tuple[bytes, datetime], ...] = ()
    """Serial numbers and ends of its certificates."""
    tokens: tuple[MovingTokens, ...] = field(default=(), repr=False)
    """Tokens of reports that it was given."""


@dataclass(frozen=True)
class Adopted:
    """What became of devices that another shard sent."""

    added: int
    """Devices that were not here before."""
    refused: tuple[str, ...]
    """Devices of which nothing was stored, and that are not here."""


# What the shard that gives does


def after(conn: Connection, device_id: str, most: int) -> list[str]:
    """The next `most` devices behind one, by ascending id; those that are leaving are left out."""
    rows = conn.execute(
        "SELECT device_id FROM devices WHERE device_id > %s AND leaving_for IS NULL"
        " ORDER BY device_id LIMIT %s",
        (device_id, most),
    ).fetchall()
    return [found for (found,) in rows]


def mark(conn: Connection, device_ids: Collection[str], shard: str) -> None:
    """From the commit on, nothing of these devices is stored or counted here."""
    conn.execute(
        "UPDATE devices SET leaving_for = %s FROM ("
        "  SELECT device_id FROM devices WHERE device_id = ANY(%s) AND leaving_for IS NULL"
        "  ORDER BY device_id FOR NO KEY UPDATE"
        ") AS chosen WHERE devices.device_id = chosen.device_id",
        (shard, list(device_ids)),
    )


def marked(conn: Connection) -> list[tuple[str, str]]:
    """Devices that are leaving, and where for, by ascending id."""
    return conn.execute(
        "SELECT device_id, leaving_for FROM devices WHERE leaving_for IS NOT NULL"
        " ORDER BY device_id"
    ).fetchall()


def read(conn: Connection, device_ids: Collection[str], now: datetime) -> list[MovingDevice]:
    """All that is held of devices that are marked. Call it in a transaction, after that of mark().

    Pushes that were being stored when they were marked are waited for: what this returns is all
    there will ever be.
    """
    ids = list(device_ids)
    rows = conn.execute(
        "SELECT device_id, request_id::text, platform, app_version, region, registered_at,"
        " last_seen_at, revoked_at, key_sha256 FROM devices"
        " WHERE device_id = ANY(%s) AND leaving_for IS NOT NULL ORDER BY device_id FOR UPDATE",
        (ids,),
    ).fetchall()
    pushes: dict[str, list[MovingPush]] = {}
    for device_id, *values in conn.execute(
        "SELECT device_id, request_id::text, model_version, sketches, classes, sigma_hundredths,"
        " received_at FROM pushes WHERE device_id = ANY(%s)"
        " ORDER BY device_id, received_at, request_id",
        (ids,),
    ):
        pushes.setdefault(device_id, []).append(MovingPush(*values))
    certificates: dict[str, list[tuple[bytes, datetime]]] = {}
    for device_id, serial, ends in conn.execute(
        "SELECT device_id, serial, expires_at FROM certificates"
        " WHERE device_id = ANY(%s) AND expires_at > %s ORDER BY device_id, serial",
        (ids, now),
    ):
        certificates.setdefault(device_id, []).append((serial, ends))
    tokens: dict[str, list[MovingTokens]] = {}
    for device_id, *values in conn.execute(
        "SELECT device_id, request_id::text, epoch, tokens, blinded_sha256 FROM threshold_issued"
        " WHERE device_id = ANY(%s) ORDER BY device_id, request_id",
        (ids,),
    ):
        tokens.setdefault(device_id, []).append(MovingTokens(*values))
    return [
        replace(
            MovingDevice(*row),
            pushes=tuple(pushes.get(row[0], ())),
            certificates=tuple(certificates.get(row[0], ())),
            tokens=tuple(tokens.get(row[0], ())),
        )
        for row in rows
    ]


def finish(conn: Connection, devices: Sequence[MovingDevice], shard: str, now: datetime) -> int:
    """Deletes devices that another shard has answered for; returns how many.

    One that was revoked since it was read stays, and is to be sent again.
    """
    revoked = {device.device_id: device.revoked_at for device in devices}
    held = conn.execute(
        "SELECT device_id, revoked_at FROM devices WHERE device_id = ANY(%s) AND leaving_for = %s"
        " ORDER BY device_id FOR UPDATE",
        (list(revoked), shard),
    ).fetchall()
    gone = [device_id for device_id, revoked_at in held if revoked_at == revoked[device_id]]
    conn.execute("DELETE FROM pushes WHERE device_id = ANY(%s)", (gone,))
    conn.execute("DELETE FROM devices WHERE device_id = ANY(%s)", (gone,))
    conn.execute(
        "INSERT INTO moved_devices (device_id, shard, moved_at) SELECT unnest(%s::text[]), %s, %s"
        " ON CONFLICT (device_id) DO UPDATE SET shard = EXCLUDED.shard,"
        " moved_at = EXCLUDED.moved_at",
        (gone, shard, now),
    )
    return len(gone)


def unmark(conn: Connection, device_ids: Collection[str], shard: str) -> None:
    """Devices that were marked for a shard stay, since it has none of them and takes none."""
    conn.execute(
        "UPDATE devices SET leaving_for = NULL FROM ("
        "  SELECT device_id FROM devices WHERE device_id = ANY(%s) AND leaving_for = %s"
        "  ORDER BY device_id FOR NO KEY UPDATE"
        ") AS chosen WHERE devices.device_id = chosen.device_id",
        (list(device_ids), shard),
    )


def count(conn: Connection, directory_version: int, remaining: int) -> None:
    """Notes how many devices a directory gives to other shards."""
    conn.execute(
        "INSERT INTO moves (directory_version, remaining) VALUES (%s, %s)"
        " ON CONFLICT (singleton) DO UPDATE SET directory_version = EXCLUDED.directory_version,"
        " remaining = EXCLUDED.remaining",
        (directory_version, remaining),
    )


def remaining(conn: Connection, directory_version: int) -> int | None:
    """How many devices a directory gives to other shards; None = they are not counted yet."""
    row = conn.execute(
        "SELECT remaining FROM moves WHERE directory_version = %s", (directory_version,)
    ).fetchone()
    return row[0] if row else None


def forget(conn: Connection, now: datetime) -> None:
    """Deletes what is older than KEPT of where devices went, and of which were erased."""
    conn.execute("DELETE FROM moved_devices WHERE moved_at < %s", (now - KEPT,))
    conn.execute("DELETE FROM erased_devices WHERE erased_at < %s", (now - KEPT,))


# What the shard that takes does


def bury(conn: Connection, device_id: str, now: datetime) -> None:
    """Notes that a device was erased, so that no copy of it comes from another shard."""
    conn.execute(
        "INSERT INTO erased_devices (sha256, erased_at) VALUES (%s, %s)"
        " ON CONFLICT (sha256) DO UPDATE SET erased_at = EXCLUDED.erased_at",
        (_hash(device_id), now),
    )


def adopt(
    conn: Connection,
    devices: Sequence[MovingDevice],
    from_shard: str,
    belongs: Callable[[str], bool],
    room: int | None = None,
) -> Adopted:
    """Takes over devices, or what is lacking of those that are here.

    One that was erased here after it was registered is dropped, as if it had been taken. One that
    is on its way from here to a third shard is refused.

    Args:
        conn: the transaction; share_directory() comes before it.
        devices: each at most once.
        from_shard: gives them.
        belongs: whether a device that is not here belongs here.
        room: most devices to add; None = any number.
    """
    ordered = sorted(devices, key=lambda device: device.device_id)
    buried = _buried(conn, ordered)
    here: dict[str, str | None] = dict(
        conn.execute(
            "SELECT device_id, leaving_for FROM devices WHERE device_id = ANY(%s)"
            " ORDER BY device_id FOR NO KEY UPDATE",
            ([device.device_id for device in ordered],),
        ).fetchall()
    )
    taken: list[MovingDevice] = []
    new: list[MovingDevice] = []
    refused: list[MovingDevice] = []
    for device in ordered:
        if device.device_id in here:
            leaving = here[device.device_id]
            (taken if leaving in {None, from_shard} else refused).append(device)
        elif device.device_id not in buried:
            full = room is not None and len(new) >= room
            (refused if full or not belongs(device.device_id) else new).append(device)
    _insert(conn, new)
    _merge(conn, taken, from_shard)
    _store_pushes(conn, taken, new)
    _note(conn, [*taken, *new])
    return Adopted(len(new), tuple(device.device_id for device in refused))


def _buried(conn: Connection, devices: Sequence[MovingDevice]) -> set[str]:
    by_hash = {_hash(device.device_id): device for device in devices}
    rows = conn.execute(
        "SELECT sha256, erased_at FROM erased_devices WHERE sha256 = ANY(%s)", (list(by_hash),)
    ).fetchall()
    return {
        by_hash[key].device_id for key, erased_at in rows if by_hash[key].registered_at <= erased_at
    }


def _insert(conn: Connection, devices: Sequence[MovingDevice]) -> None:
    if not devices:
        return
    # A TV of a release that drew identities may have made another one here with the same request.
    rows = conn.execute(
        "SELECT request_id::text FROM devices WHERE request_id = ANY(%s)",
        ([UUID(device.request_id) for device in devices],),
    ).fetchall()
    known = {request_id for (request_id,) in rows}
    columns = zip(
        *(
            (
                device.device_id,
                uuid4() if device.request_id in known else UUID(device.request_id),
                device.platform,
                device.app_version,
                device.region,
                device.registered_at,
                device.last_seen_at,
                device.revoked_at,
                device.key_sha256,
            )
            for device in devices
        ),
        strict=True,
    )
    conn.execute(
        "INSERT INTO devices (device_id, request_id, platform, app_version, region, registered_at,"
        " last_seen_at, revoked_at, key_sha256) SELECT * FROM unnest(%s::text[], %s::uuid[],"
        " %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],"
        " %s::timestamptz[], %s::bytea[])",
        [list(column) for column in columns],
    )
    ids = [device.device_id for device in devices]
    conn.execute("DELETE FROM moved_devices WHERE device_id = ANY(%s)", (ids,))


def _merge(conn: Connection, devices: Sequence[MovingDevice], from_shard: str) -> None:
    """What changed elsewhere of devices that are here; what stood here last stays."""
    for device in devices:
        conn.execute(
            "UPDATE devices SET last_seen_at = greatest(last_seen_at, %s),"
            " revoked_at = coalesce(revoked_at, %s), key_sha256 = coalesce(key_sha256, %s),"
            " leaving_for = nullif(leaving_for, %s) WHERE device_id = %s",
            (
                device.last_seen_at,
                device.revoked_at,
                device.key_sha256,
                from_shard,
                device.device_id,
            ),
        )


def _store_pushes(
    conn: Connection, taken: Sequence[MovingDevice], new: Sequence[MovingDevice]
) -> None:
    """Each push once: those of devices that are here may be here, too."""
    rows = conn.execute(
        "SELECT device_id, request_id::text FROM pushes WHERE device_id = ANY(%s)",
        ([device.device_id for device in taken],),
    ).fetchall()
    held = set(rows)
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY pushes (device_id, request_id, model_version, sketches, classes, count,"
            " sigma_hundredths, received_at) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.set_types(["text", "uuid", "text", "bytea", "bytea", "int4", "int2", "timestamptz"])
        for device in (*taken, *new):
            for push in device.pushes:
                if (device.device_id, push.request_id) not in held:
                    held.add((device.device_id, push.request_id))
                    copy.write_row(
                        (
                            device.device_id,
                            UUID(push.request_id),
                            push.model_version,
                            push.sketches,
                            push.classes,
                            len(push.classes),
                            push.sigma_hundredths,
                            push.received_at,
                        )
                    )


def _note(conn: Connection, devices: Sequence[MovingDevice]) -> None:
    """Certificates, tokens that were given out, and who was shut out."""
    certificates = [
        (serial, device.device_id, ends)
        for device in devices
        for serial, ends in device.certificates
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO certificates (serial, device_id, expires_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (serial) DO NOTHING",
            certificates,
        )
        cursor.executemany(
            "INSERT INTO threshold_issued (device_id, request_id, epoch, tokens, blinded_sha256)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (device.device_id, each.request_id, each.epoch, each.tokens, each.blinded_sha256)
                for device in devices
                for each in device.tokens
            ],
        )
    revoked = [device.device_id for device in devices if device.revoked_at is not None]
    if revoked:
        lock_revocations(conn)
        conn.execute(
            "INSERT INTO revocations (device_id) SELECT unnest(%s::text[])"
            " ON CONFLICT (device_id) DO NOTHING",
            (revoked,),
        )


def _hash(device_id: str) -> bytes:
    return sha256(device_id.encode()).digest()
