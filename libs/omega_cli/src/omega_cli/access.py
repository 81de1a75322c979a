"""`omega claims` and `omega revoke`: who may register, and who may no longer call."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, timedelta

from omega_cli.exits import Exit
from omega_cli.output import add_json, print_json, say
from omega_cli.reach import add_reach, admin
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
    add_reach(command)
    add_json(command)
    command.set_defaults(run=_claims)


def register_revoke(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega revoke`."""
    command = commands.add_parser("revoke", help="shut a device out, within 60 seconds")
    command.add_argument("device", metavar="DEVICE", help="tv- and 32 hexadecimal digits")
    add_reach(command)
    add_json(command)
    command.set_defaults(run=revoke)


def duration(name: str, text: str) -> timedelta:
    """A duration such as "90m", "12h" or "30d".

    Raises:
        OmegaError: INVALID_FIELD with field `name`.
    """
    match = _DURATION.match(text)
    if not match:
        raise invalid(name, _SPOKEN)
    return int(match[1]) * _UNITS[match[2]]


def _claims(arguments: argparse.Namespace) -> int:
    valid_for = duration("--valid-for", arguments.valid_for)
    with admin(arguments) as client:
        claims = client.create_claims(arguments.count, valid_for)
    if arguments.json:
        print_json({"claims": claims})
    else:
        print(*claims, sep="\n")
    return Exit.DONE


def revoke(arguments: argparse.Namespace) -> Exit:
    """Shuts the device of the arguments out, and says so."""
    with admin(arguments) as client:
        revoked_at = client.revoke_device(arguments.device).revoked_at.ToDatetime(UTC)
    stamp = revoked_at.isoformat(timespec="seconds")
    record = {"device_id": arguments.device, "revoked_at": stamp.replace("+00:00", "Z")}
    say(arguments, record, f"{arguments.device} was shut out at {stamp}")
    return Exit.DONE
