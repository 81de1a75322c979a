"""Who among the operators calls, for the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

import grpc

from omega_core import validate
from omega_store import Connection, audit

ACTOR = "x-omega-actor"
"""Metadata that names the operator on whose behalf a call is made."""
_NAMES = ("x509_common_name", "x509_subject_alternative_name")


def actor(context: grpc.ServicerContext) -> str:
    """What the call's metadata says, or the name in the caller's certificate; empty = neither.

    Raises:
        OmegaError: INVALID_FIELD x-omega-actor.
    """
    stated = str(dict(context.invocation_metadata() or ()).get(ACTOR, ""))
    if stated:
        return validate.text(ACTOR, stated, audit.MOST_CHARACTERS)
    shown = context.auth_context()
    # grpc gives a sequence of values a key, whatever its stubs say.
    names = (each for key in _NAMES for each in cast("Iterable[bytes]", shown.get(key, ())))
    named = next((each for each in names if each), b"")
    return named.decode(errors="replace")[: audit.MOST_CHARACTERS]


def note(
    conn: Connection, context: grpc.ServicerContext, action: str, subject: str, now: datetime
) -> None:
    """Notes a deed of the operator who calls, in the transaction that does it.

    Args:
        conn: the transaction.
        context: of the call.
        action: the method's name.
        subject: a device, a shard, a version; at most 128 characters.
        now: the present instant.

    Raises:
        OmegaError: INVALID_FIELD x-omega-actor.
    """
    audit.note(conn, actor(context), action, subject, now)
