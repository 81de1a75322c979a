"""Reports of pairs and their tokens: what a device had, and what nobody can tell whose it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import LiteralString

from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_store.pool import Connection, Store

# The lock makes two calls of a device wait for each other, and for its erasure or move.
_DEVICE: LiteralString = (
    "SELECT revoked_at IS NOT NULL, leaving_for IS NOT NULL FROM devices WHERE device_id = %s"
    " FOR NO KEY UPDATE"
)
_REQUEST: LiteralString = (
    "SELECT epoch, blinded_sha256 FROM threshold_issued WHERE device_id = %s AND request_id = %s"
)
_HAD: LiteralString = (
    "SELECT coalesce(sum(tokens), 0)::bigint FROM threshold_issued"
    " WHERE device_id = %s AND epoch = %s"
)
_ISSUED: LiteralString = (
    "INSERT INTO threshold_issued (device_id, request_id, epoch, tokens, blinded_sha256)"
    " VALUES (%s, %s, %s, %s, %s)"
)


class ReportInbox:
    """Takes reports, each in a transaction of its own; what omega_threshold.tokens.Spent asks for.

    Args:
        store: the shard, which is home to what is one for the fleet.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def spend(self, epoch: int, nonce: bytes, spent_on: bytes) -> bool:
        """Notes that a token was spent on a report and stores the report, both or neither.

        Args:
            epoch: of the token.
            nonce: its number, 32 bytes.
            spent_on: the report, 118 bytes.

        Returns:
            True the first time, False when the very same came before: nothing is stored then.

        Raises:
            OmegaError: TOKEN_REFUSED token where it was spent on another report;
                STORAGE_UNAVAILABLE, STORAGE_FULL.
        """
        with self._store.statements("take report") as conn:
            row = conn.execute(
                "SELECT threshold_take(%s, %s, %s)", (epoch, nonce, spent_on)
            ).fetchone()
        if row is None or row[0] is None:
            raise OmegaError(ErrorCode.TOKEN_REFUSED, field="token")
        return bool(row[0])


def issue(
    conn: Connection,
    device_id: str,
    request_id: str,
    epoch: int,
    blinded: Sequence[bytes],
    quota: int,
) -> int:
    """Notes that a device is given tokens; the same request_id with the same elements counts once.

    Args:
        conn: the transaction.
        device_id: of the device.
        request_id: a UUID.
        epoch: of the tokens.
        blinded: what is evaluated, an element a token.
        quota: most tokens of a device in an epoch.

    Returns:
        Tokens that it may still have in this epoch.

    Raises:
        OmegaError: UNKNOWN_DEVICE device_id, REVOKED, DEVICE_MOVING (also where it was here once);
            INVALID_FIELD request_id that was used for other elements; TOKENS_SPENT.
    """
    _check_here(conn, device_id)
    digest = hashlib.sha256(b"".join(blinded)).digest()
    known = conn.execute(_REQUEST, (device_id, request_id)).fetchone()
    if known is not None and known != (epoch, digest):
        raise invalid("request_id", "one that was not used for other elements")
    had = _had(conn, device_id, epoch)
    if known is not None:
        return max(0, quota - had)
    if had + len(blinded) > quota:
        raise OmegaError(ErrorCode.TOKENS_SPENT, field="blinded", bound=str(quota))
    conn.execute(_ISSUED, (device_id, request_id, epoch, len(blinded), digest))
    return quota - had - len(blinded)


def randomness_keys(conn: Connection, epochs: Iterable[int]) -> dict[int, bytes]:
    """Epoch -> public key of the randomness server, of those epochs that it was told for."""
    return dict(
        conn.execute(
            "SELECT epoch, public_key FROM threshold_randomness WHERE epoch = ANY(%s)",
            (list(epochs),),
        ).fetchall()
    )


def note_randomness_keys(conn: Connection, told: Mapping[int, bytes]) -> None:
    """Notes keys of the randomness server; what was noted of an epoch before stays."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO threshold_randomness (epoch, public_key) VALUES (%s, %s)"
            " ON CONFLICT DO NOTHING",
            sorted(told.items()),
        )


def forget(conn: Connection, first_open: int) -> int:
    """Deletes what was given out for epochs before `first_open`, and the keys that were told.

    Each shard counts its own devices, so each forgets by itself; reports are a round's to forget.

    Returns:
        How many calls of devices were forgotten.
    """
    conn.execute("DELETE FROM threshold_randomness WHERE epoch < %s", (first_open,))
    return conn.execute("DELETE FROM threshold_issued WHERE epoch < %s", (first_open,)).rowcount


def _check_here(conn: Connection, device_id: str) -> None:
    row = conn.execute(_DEVICE, (device_id,)).fetchone()
    if row is None:
        moved = conn.execute(
            "SELECT FROM moved_devices WHERE device_id = %s", (device_id,)
        ).fetchone()
        if moved is None:
            raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")
    if row is None or row[1]:
        raise OmegaError(ErrorCode.DEVICE_MOVING, detail=device_id, retry_after=1.0)
    if row[0]:
        raise OmegaError(ErrorCode.REVOKED, detail=device_id)


def _had(conn: Connection, device_id: str, epoch: int) -> int:
    row = conn.execute(_HAD, (device_id, epoch)).fetchone()
    return int(row[0]) if row else 0
