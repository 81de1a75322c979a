"""`omega rounds`: what the fleet learned when, and learning now."""

from __future__ import annotations

import argparse
import time
import uuid
from datetime import datetime

from omega.federation.v1 import federation_service_pb2 as federation
from omega_cli import pages
from omega_cli.exits import Exit
from omega_cli.output import Column, Record, add_json, at, console, record_of, show_one
from omega_cli.reach import add_reach, admin
from omega_client import AdminClient
from omega_core.errors import ErrorCode, OmegaError

POLL_SECONDS = 0.5
"""Time between two looks at a round that is watched."""


def _seconds(record: Record) -> str:
    if not (record["started_at"] and record["finished_at"]):
        return ""
    begun, ended = (datetime.fromisoformat(record[k]) for k in ("started_at", "finished_at"))
    return f"{(ended - begun).total_seconds():.1f} s"


COLUMNS = (
    Column("round", "round_id", right=True),
    Column("status", "status"),
    Column("began", at("started_at")),
    Column("took", _seconds, right=True),
    Column("devices", "devices", right=True),
    Column("sketches", "sketches", right=True),
    Column("patterns", "patterns", right=True),
    Column("refresh", "refreshed"),
    Column("error", "error_code"),
)
"""Of a list."""
DETAILS = (
    *COLUMNS[:5],
    Column("sketches", "sketches"),
    Column("decoded anew", "decoded_sketches"),
    Column("titles by 3 devices or more", "supported_titles"),
    *COLUMNS[6:8],
    Column("patterns moved", lambda record: f"{record['pattern_shift']:.4f}"),
    Column("quality", lambda record: f"{record['quality']:.3f}"),
    Column("trends", "trends"),
    Column("state", "state_version"),
    Column("factors", "factors_version"),
    Column("noise (mu)", "dp_mu"),
    Column("open titles and pairs", "pairs"),
    Column("reports behind them", "reports"),
    Column("weight of a report", "pair_weight"),
    Column("error", "error_code"),
    Column("request", "request_id"),
)
"""Of one round."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega rounds`."""
    group = commands.add_parser("rounds", help="rounds of the federation: list, show, trigger")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list rounds, the newest first")
    pages.add_limit(listed, 20)
    listed.set_defaults(run=_list)
    shown = actions.add_parser("show", help="show one round")
    shown.add_argument("round", metavar="ROUND", type=int, help="its number")
    shown.set_defaults(run=_show)
    asked = actions.add_parser("trigger", help="ask for a round; a worker runs it")
    asked.add_argument("--refresh", action="store_true", help="let it learn from everything anew")
    asked.add_argument("--watch", action="store_true", help="wait for its end; 1 where it failed")
    asked.add_argument(
        "--request-id", help="a UUID: asked for twice, it is one round; without, a new one"
    )
    asked.set_defaults(run=_trigger)
    for parser in (listed, shown, asked):
        add_reach(parser)
        add_json(parser)


def _list(arguments: argparse.Namespace) -> int:
    size = pages.size_of(arguments)
    with admin(arguments) as client:
        pages.show_limited(arguments, "rounds", COLUMNS, pages.rounds(client, size))
    return Exit.DONE


def _show(arguments: argparse.Namespace) -> int:
    with admin(arguments) as client:
        record = record_of(_round(client, arguments.round))
    show_one(arguments, record, DETAILS)
    return Exit.DONE


def _trigger(arguments: argparse.Namespace) -> int:
    request_id = arguments.request_id or str(uuid.uuid4())
    with admin(arguments) as client:
        found = client.trigger_federation(request_id, refresh=arguments.refresh).round
        if arguments.watch:
            found = _watched(client, found)
    show_one(arguments, record_of(found), DETAILS)
    failed = found.status == federation.ROUND_STATUS_FAILED
    return Exit.FAILED if failed else Exit.DONE


def _watched(client: AdminClient, found: federation.Round) -> federation.Round:
    """The round once it has ended, however long that takes."""
    ended = {federation.ROUND_STATUS_SUCCEEDED, federation.ROUND_STATUS_FAILED}
    with console(errors=True).status(f"round {found.round_id}") as status:
        while found.status not in ended:
            status.update(f"round {found.round_id}: {record_of(found)['status']}")
            time.sleep(POLL_SECONDS)
            found = _round(client, found.round_id)
    return found


def _round(client: AdminClient, round_id: int) -> federation.Round:
    """One round.

    Raises:
        OmegaError: UNKNOWN_ROUND.
    """
    if round_id > 0:
        listed = client.list_rounds(1, round_id + 1).rounds
        if listed and listed[0].round_id == round_id:
            return listed[0]
    raise OmegaError(ErrorCode.UNKNOWN_ROUND, field="ROUND")
