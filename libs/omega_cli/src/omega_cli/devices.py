"""`omega devices`: what a shard knows of TVs. Nothing of what they pushed."""

from __future__ import annotations

import argparse

from omega.constellation.v1 import admin_pb2
from omega_cli import access, pages
from omega_cli.exits import Exit
from omega_cli.output import (
    Column,
    Record,
    add_json,
    add_yes,
    at,
    confirm,
    record_of,
    say,
    show_one,
)
from omega_cli.reach import add_reach, admin

FILTERS = {
    "all": admin_pb2.DEVICE_FILTER_UNSPECIFIED,
    "active": admin_pb2.DEVICE_FILTER_ACTIVE,
    "revoked": admin_pb2.DEVICE_FILTER_REVOKED,
}
"""What may stand after --only."""


def _state(record: Record) -> str:
    return "revoked" if record["revoked_at"] else "welcome"


COLUMNS = (
    Column("device", "device_id"),
    Column("region", "region"),
    Column("platform", "platform"),
    Column("version", "app_version"),
    Column("last seen", at("last_seen_at")),
    Column("state", _state),
    Column("pushes", "pushes", right=True),
    Column("sketches", "sketches", right=True),
)
"""Of a list."""
DETAILS = (
    *COLUMNS[:4],
    Column("shard", "shard"),
    Column("registered", at("registered_at")),
    Column("last seen", at("last_seen_at")),
    Column("shut out", at("revoked_at")),
    Column("has a key", "has_key"),
    *COLUMNS[6:],
)
"""Of one device."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega devices`."""
    group = commands.add_parser("devices", help="TVs: list, show, shut out, erase")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list TVs of a shard")
    listed.add_argument("--region", help="only those of this region")
    listed.add_argument(
        "--only", choices=FILTERS, default="all", help="active: synced within a day (%(default)s)"
    )
    listed.add_argument("--shard", help="shard that has them; without, the one asked")
    pages.add_limit(listed, 100)
    listed.set_defaults(run=_list)
    shown = actions.add_parser("show", help="show one TV")
    shown.set_defaults(run=_show)
    revoked = actions.add_parser("revoke", help="shut a TV out, within 60 seconds")
    revoked.set_defaults(run=access.revoke)
    erased = actions.add_parser("erase", help="erase a TV and all that it pushed, for good")
    add_yes(erased)
    erased.set_defaults(run=_erase)
    for parser in (shown, revoked, erased):
        parser.add_argument("device", metavar="DEVICE", help="tv- and 32 hexadecimal digits")
    for parser in (listed, shown, revoked, erased):
        add_reach(parser)
        add_json(parser)


def _list(arguments: argparse.Namespace) -> int:
    request = admin_pb2.ListDevicesRequest(
        shard=arguments.shard or "",
        region=arguments.region or "",
        filter=FILTERS[arguments.only],
        page_size=pages.size_of(arguments),
    )
    with admin(arguments) as client:
        pages.show_limited(arguments, "devices", COLUMNS, pages.devices(client, request), "first")
    return Exit.DONE


def _show(arguments: argparse.Namespace) -> int:
    with admin(arguments) as client:
        record = record_of(client.get_device(arguments.device))
    show_one(arguments, record, DETAILS)
    return Exit.DONE


def _erase(arguments: argparse.Namespace) -> int:
    confirm(arguments, f"Erase {arguments.device} and all that it pushed, for good?")
    with admin(arguments) as client:
        pushes = client.erase_device(arguments.device)
    record: Record = {"device_id": arguments.device, "pushes": pushes}
    say(arguments, record, f"{arguments.device} is erased, with {pushes:,} pushes")
    return Exit.DONE
