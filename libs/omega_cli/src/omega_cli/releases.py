"""`omega releases`: versions that some TVs get before the others, and how those fare."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from omega_cli import pages
from omega_cli.exits import Exit
from omega_cli.output import (
    Column,
    Record,
    add_json,
    add_yes,
    at,
    confirm,
    record_of,
    show_one,
)
from omega_cli.reach import add_reach, admin


def _resource(record: Record) -> str:
    resource = record["resource"]
    return f"{resource['kind']} {resource['version']}"


def _fares(side: str) -> Callable[[Record], str]:
    def told(record: Record) -> str:
        counts = record[side]
        if not (counts and counts["reports"]):
            return ""
        return f"{counts['estimate']:.3f} ± {counts['standard_error']:.3f} of {counts['reports']:,}"

    return told


COLUMNS = (
    Column("release", "release_id", right=True),
    Column("what", _resource),
    Column("stage", "stage"),
    Column("since", at("stage_since")),
    Column("of TVs", lambda record: f"{record['permille'] / 10:g} %", right=True),
    Column("watched what was recommended", _fares("candidate")),
    Column("the others", _fares("control")),
    Column("cause", "cause"),
)
"""Of a list, and of one release."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega releases`."""
    group = commands.add_parser("releases", help="versions by stages: list, complete, roll back")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list releases, the newest first")
    pages.add_limit(listed, 20)
    listed.set_defaults(run=_list)
    completed = actions.add_parser("complete", help="give a version to all TVs now")
    completed.set_defaults(run=_end, complete=True)
    taken = actions.add_parser("roll-back", help="take a version back from those that have it")
    taken.set_defaults(run=_end, complete=False)
    for parser in (completed, taken):
        parser.add_argument("release", metavar="RELEASE", type=int, help="its number")
        add_yes(parser)
    for parser in (listed, completed, taken):
        add_reach(parser)
        add_json(parser)


def _list(arguments: argparse.Namespace) -> int:
    size = pages.size_of(arguments)
    with admin(arguments) as client:
        pages.show_limited(arguments, "releases", COLUMNS, pages.releases(client, size))
    return Exit.DONE


def _end(arguments: argparse.Namespace) -> int:
    deed = "Give it to all TVs" if arguments.complete else "Take it back from all TVs"
    confirm(arguments, f"Release {arguments.release}: {deed}?")
    with admin(arguments) as client:
        record = record_of(client.end_release(arguments.release, complete=arguments.complete))
    show_one(arguments, record, COLUMNS)
    return Exit.DONE
