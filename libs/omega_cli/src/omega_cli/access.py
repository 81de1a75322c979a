"""`omega claims` and `omega revoke`: who may register, and who may no longer call."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, timedelta
from pathlib import Path

from omega_client import AdminClient, ClientTls
from omega_core.errors import invalid

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])\Z")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPOKEN = "a number of minutes, hours or days, such as 90m, 12h or 30d"


def register_claims(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega claims`."""
    command = commands.add_parser("claims", help="make one-time claims for TVs to register with")
    command.add_argument("--count", type=int, default=1, help="how many, 1 to 1,000 (default 1)")
    command.add_argument(
        "--valid-for", default="30d", help="how long they can be shown, 1m to 366d (default 30d)"
    )
    _reach(command)
    command.set_defaults(run=_claims)


def register_revoke(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega revoke`."""
    command = commands.add_parser("revoke", help="shut a device out, within 60 seconds")
    command.add_argument("device", metavar="DEVICE", help="tv- and 32 hexadecimal digits")
    _reach(command)
    command.set_defaults(run=_revoke)


def duration(name: str, text: str) -> timedelta:
    """A duration such as "90m", "12h" or "30d".

    Raises:
        OmegaError: INVALID_FIELD with field `name`.
    """
    match = _DURATION.match(text)
    if not match:
        raise invalid(name, _SPOKEN)
    return int(match[1]) * _UNITS[match[2]]


def _reach(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--constellation", default="127.0.0.1:50072", help="its address (default: %(default)s)"
    )
    command.add_argument("--tls-ca", type=Path, help="PEM certificates that sign it")
    command.add_argument("--tls-certificate", type=Path, help="PEM chain to show, with --tls-key")
    command.add_argument("--tls-key", type=Path, help="its PEM key")


def _client(arguments: argparse.Namespace) -> AdminClient:
    ca = arguments.tls_ca
    tls = ClientTls(ca, arguments.tls_certificate, arguments.tls_key) if ca else None
    return AdminClient(arguments.constellation, tls=tls)


def _claims(arguments: argparse.Namespace) -> int:
    valid_for = duration("--valid-for", arguments.valid_for)
    with _client(arguments) as client:
        for claim in client.create_claims(arguments.count, valid_for):
            print(claim)
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    with _client(arguments) as client:
        revoked_at = client.revoke_device(arguments.device).revoked_at.ToDatetime(UTC)
    print(f"{arguments.device} was shut out at {revoked_at.isoformat(timespec='seconds')}")
    return 0
