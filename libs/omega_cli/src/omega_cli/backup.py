"""`omega backup`: a shard's database as files, and back. It needs omega-cli[demo]."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from omega_cli.exits import Exit
from omega_cli.output import Record, add_json, add_yes, confirm, say
from omega_cli.reach import login
from omega_core.errors import invalid

if TYPE_CHECKING:
    from omega_store.backup_manifest import Manifest

DATABASE = "OMEGA_CONSTELLATION_DATABASE_URL"
"""Where the database is, unless the flag says so."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    group = commands.add_parser("backup", help="a shard's database: create, verify, restore")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    created = actions.add_parser("create", help="back a shard up while it goes on")
    created.set_defaults(run=_create)
    verified = actions.add_parser("verify", help="hold a backup to its manifest")
    verified.set_defaults(run=_verify)
    restored = actions.add_parser("restore", help="put a backup into an empty database")
    restored.add_argument(
        "--keep-versions",
        action="store_true",
        help="leave no gap in versions: for a shard that is not the home shard",
    )
    add_yes(restored)
    restored.set_defaults(run=_restore)
    advanced = actions.add_parser(
        "advance", help="leave a gap in versions, where Postgres was put back in another way"
    )
    add_yes(advanced)
    advanced.set_defaults(run=_advance)
    for parser in (created, verified, restored):
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="of the backup")
    for parser in (created, verified, restored, advanced):
        add_json(parser)
    for parser in (created, restored, advanced):
        parser.add_argument("--database-url", help=f"the database; without, as {DATABASE} says")
    for parser in (created, restored):
        parser.add_argument("--pg-bin", type=Path, help="folder of pg_dump and pg_restore")


def _create(arguments: argparse.Namespace) -> int:
    from omega_store import backup

    made = backup.create(_url(arguments), arguments.folder, actor=login(), pg_bin=arguments.pg_bin)
    say(arguments, _record(arguments, made), f"{arguments.folder}: {_told(made)}")
    return Exit.DONE


def _verify(arguments: argparse.Namespace) -> int:
    from omega_store import backup_manifest

    found = backup_manifest.verify(arguments.folder)
    say(arguments, _record(arguments, found), f"{arguments.folder} is whole: {_told(found)}")
    return Exit.DONE


def _restore(arguments: argparse.Namespace) -> int:
    from omega_store import backup, backup_manifest

    url = _url(arguments)
    # The restore holds the dump to it: reading all of a large one twice would take hours.
    told = _told(backup_manifest.read_manifest(arguments.folder))
    confirm(arguments, f"Put {arguments.folder} ({told}) into the database?")
    restored = backup.restore(
        arguments.folder,
        url,
        actor=login(),
        pg_bin=arguments.pg_bin,
        keep_versions=arguments.keep_versions,
    )
    say(arguments, _record(arguments, restored), f"restored: {_told(restored)}")
    return Exit.DONE


def _advance(arguments: argparse.Namespace) -> int:
    from omega_store import backup

    url = _url(arguments)
    confirm(arguments, "No service runs on the database, and it was put back from a backup?")
    backup.advance(url, actor=login())
    done = {"gap": backup.VERSION_GAP}
    say(arguments, done, f"versions go on {backup.VERSION_GAP:,} behind what is there")
    return Exit.DONE


def _url(arguments: argparse.Namespace) -> str:
    from omega_store import check_url

    if arguments.database_url:
        return check_url("--database-url", arguments.database_url)
    if not os.environ.get(DATABASE):
        raise invalid("--database-url", f"given, or {DATABASE} set")
    return check_url(DATABASE, os.environ[DATABASE])


def _told(manifest: Manifest) -> str:
    counts = manifest.counts
    return (
        f"{counts['devices']:,} devices, {counts['pushes']:,} pushes, state"
        f" {manifest.state_version}, {manifest.dump_bytes:,} bytes, as of {manifest.made_at}"
    )


def _record(arguments: argparse.Namespace, manifest: Manifest) -> Record:
    return {"folder": str(arguments.folder), **asdict(manifest)}
