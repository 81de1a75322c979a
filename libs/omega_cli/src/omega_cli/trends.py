"""`omega trends` and `omega audit`: what rises, and what operators did."""

from __future__ import annotations

import argparse

from omega_cli import pages
from omega_cli.exits import Exit
from omega_cli.output import Column, add_json, at, moment, record_of, show
from omega_cli.reach import add_reach, admin

TRENDS = (
    Column("title", "title"),
    Column("id", "content_id"),
    Column("score", lambda record: f"{record['score']:.2f}", right=True),
)
"""Columns of trends."""
AUDIT = (
    Column("entry", "entry_id", right=True),
    Column("when", at("at")),
    Column("who", "actor"),
    Column("what", "action"),
    Column("to what", "subject"),
)
"""Columns of the log."""


def register_trends(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega trends`."""
    parser = commands.add_parser("trends", help="titles that rise, everywhere or in a region")
    parser.add_argument("--region", help="a region; without, over all")
    add_reach(parser)
    add_json(parser)
    parser.set_defaults(run=_trends)


def register_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega audit`."""
    parser = commands.add_parser("audit", help="what operators did, the newest first")
    pages.add_limit(parser, 100)
    add_reach(parser)
    add_json(parser)
    parser.set_defaults(run=_audit)


def _trends(arguments: argparse.Namespace) -> int:
    with admin(arguments) as client:
        answer = record_of(client.list_trends(arguments.region or ""))
    regions = ", ".join(answer["regions"])
    caption = f"as of {moment(answer['scored_at'])}"
    show(
        arguments,
        "trends",
        answer["trends"],
        TRENDS,
        caption=f"{caption}; regions with their own: {regions}" if regions else caption,
        more={"scored_at": answer["scored_at"], "regions": answer["regions"]},
    )
    return Exit.DONE


def _audit(arguments: argparse.Namespace) -> int:
    size = pages.size_of(arguments)
    with admin(arguments) as client:
        pages.show_limited(arguments, "entries", AUDIT, pages.audit(client, size))
    return Exit.DONE
