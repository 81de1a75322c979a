"""`omega shards`: the directory of a fleet, and the moves that follow from a change of it."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from omega.constellation.v1 import admin_pb2
from omega_cli.exits import Exit
from omega_cli.output import (
    Column,
    Record,
    add_json,
    add_yes,
    confirm,
    print_json,
    printable,
    record_of,
    show,
)
from omega_cli.reach import Reach, add_reach, reach_of
from omega_client import AdminClient, ConstellationClient, ServiceError
from omega_core.directory import Directory, ShardEntry
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc import directories

_LOOK_SECONDS = 1.0
ENTRY = (
    Column("shard", "shard"),
    Column("region", "region"),
    Column("target", "target"),
    Column("state", "state"),
    Column("split of", "split_of"),
)
"""Of the directory."""
FIGURES = (
    *ENTRY,
    Column("answers", "reachable"),
    Column("devices", "total_devices", right=True),
    Column("active", "active_devices", right=True),
    Column("leaving", "leaving_devices", right=True),
    Column("directory", "directory_version", right=True),
    Column("state version", "state_version", right=True),
)
"""Of the shards."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega shards`."""
    group = commands.add_parser("shards", help="shards of a fleet: list, add, drain, split, remove")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list the shards with their figures")
    listed.set_defaults(run=_list)
    directory = actions.add_parser("directory", help="show the directory that is held")
    directory.set_defaults(run=_directory)
    added = actions.add_parser("add", help="add a shard; the first one is the home shard")
    added.add_argument("--region", default="", help="region whose gateways place TVs there")
    added.set_defaults(run=_add)
    drained = actions.add_parser("drain", help="have a shard give its TVs to the others")
    drained.add_argument("--back", action="store_true", help="have it take TVs again")
    drained.set_defaults(run=_drain)
    split = actions.add_parser("split", help="add a shard that takes half of another's TVs")
    split.add_argument("parent", metavar="PARENT", help="shard that is split")
    split.set_defaults(run=_split)
    removed = actions.add_parser("remove", help="take a shard out that was drained and is empty")
    add_yes(removed)
    removed.set_defaults(run=_remove)
    for parser in (added, drained, split, removed):
        parser.add_argument("shard", metavar="SHARD", help="1 to 63 characters of [a-z0-9-]")
    for parser in (added, split):
        parser.add_argument(
            "address", metavar="HOST:PORT", help="its constellation, for the others"
        )
    for parser in (added, drained, split):
        parser.add_argument("--watch", action="store_true", help="wait until all TVs have moved")
    for parser in (listed, directory, added, drained, split, removed):
        add_reach(parser)
        add_json(parser)


def _list(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    with AdminClient(reach.target, tls=reach.tls) as client:
        answer = client.list_shards()
    _show(arguments, answer)
    return Exit.DONE if all(s.reachable for s in answer.shards) else Exit.PARTLY


def _directory(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    message = directories.to_proto(_held(reach))
    records = [record_of(entry) for entry in message.shards]
    about = {"version": message.version, "home": message.home}
    caption = f"version {message.version}, home {message.home}" if message.version else "none"
    show(arguments, "shards", records, ENTRY, caption=caption, more=about)
    return Exit.DONE


def _add(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    entry = ShardEntry(arguments.shard, arguments.address, arguments.region)
    held = _held(reach)
    if not held.version:
        return _found(arguments, reach, entry)
    return _with(arguments, reach, held, entry)


def _split(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    held = _held(reach)
    parent = _named(held, arguments.parent)
    entry = ShardEntry(arguments.shard, arguments.address, parent.region, split_of=parent.shard)
    return _with(arguments, reach, held, entry)


def _drain(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    held = _held(reach)
    entry = replace(_named(held, arguments.shard), active=arguments.back)
    changed = tuple(entry if e.shard == entry.shard else e for e in held.shards)
    others = (e for e in changed if e.region == entry.region and e.active)
    if not any(others):
        raise invalid("SHARD", "one beside which another of its region takes TVs")
    return _publish(arguments, reach, replace(held, shards=changed))


def _remove(arguments: argparse.Namespace) -> int:
    reach = reach_of(arguments)
    held = _held(reach)
    entry = _named(held, arguments.shard)
    if entry.shard == held.home:
        raise invalid("SHARD", "another than the home shard, which holds what is one for the fleet")
    if any(e.split_of == entry.shard for e in held.shards):
        raise invalid("SHARD", "one that no other was split from: remove those first")
    with AdminClient(reach.target, tls=reach.tls) as client:
        stats = client.get_shard_stats(entry.shard)
    left = stats.total_devices + stats.revoked_devices + stats.leaving_devices
    if entry.active or left:
        raise invalid("SHARD", f"drained and empty; it has {left:,} TVs")
    confirm(arguments, f"Take {entry.shard} out of the directory?")
    shards = tuple(e for e in held.shards if e.shard != entry.shard)
    return _publish(arguments, reach, replace(held, shards=shards))


def _found(arguments: argparse.Namespace, reach: Reach, entry: ShardEntry) -> int:
    """The first directory: of the shard that is asked, which is the home shard from now on."""
    with AdminClient(reach.target, tls=reach.tls) as client:
        alone = client.list_shards().home
    if alone != entry.shard:
        raise invalid("SHARD", f"{alone}, the shard that is asked, before any other")
    return _publish(arguments, reach, Directory(0, entry.shard, (entry,)))


def _with(arguments: argparse.Namespace, reach: Reach, held: Directory, entry: ShardEntry) -> int:
    """A shard more; it has to answer, by its own name, before any TV is given to it."""
    if held.find(entry.shard) is not None:
        raise invalid("SHARD", "a name that no shard of the directory has")
    after = replace(held, shards=(*held.shards, entry))
    with AdminClient(entry.target, tls=reach.tls) as client:
        found = client.list_shards()
    if entry.shard not in {s.entry.shard for s in found.shards}:
        raise invalid("SHARD", f"{found.home}, which the constellation at HOST:PORT is called")
    return _publish(arguments, reach, after)


def _publish(arguments: argparse.Namespace, reach: Reach, changed: Directory) -> int:
    """Publishes the next version at the home shard first, then at all others."""
    after = replace(changed, version=changed.version + 1)
    message = directories.to_proto(after)
    away: list[str] = []
    for entry in sorted(after.shards, key=lambda e: (e.shard != after.home, e.shard)):
        # The first directory is published where the command was told to ask.
        target = reach.target if after.version == 1 else entry.target
        try:
            with AdminClient(target, tls=reach.tls) as client:
                client.publish_directory(message)
        except ServiceError as error:
            if entry.shard == after.home or error.status not in {
                "UNAVAILABLE",
                "DEADLINE_EXCEEDED",
            }:
                raise
            away.append(entry.shard)
            print(f"{entry.shard} does not answer; it asks home for it later", file=sys.stderr)
    if getattr(arguments, "watch", False):
        _watch(arguments, reach, after.version)
    elif arguments.json:
        print_json({"version": after.version, "home": after.home, "away": away})
    else:
        print(f"directory {after.version} holds; `omega shards list` shows how TVs move")
    return Exit.PARTLY if away else Exit.DONE


def _watch(arguments: argparse.Namespace, reach: Reach, version: int) -> None:
    """Waits until every shard that answers holds the directory and has no TV of another."""
    told = ""
    while True:
        with AdminClient(reach.target, tls=reach.tls) as client:
            answer = client.list_shards()
        there = [s for s in answer.shards if s.reachable]
        behind = [s.entry.shard for s in there if s.directory_version < version]
        left = sum(s.leaving_devices for s in there)
        if not left and not behind:
            break
        said = f"{left:,} TVs are to move"
        if behind:
            said += f"; {', '.join(behind)} hold an earlier directory"
        if said != told:
            print(printable(said), file=sys.stderr)
            told = said
        time.sleep(_LOOK_SECONDS)
    _show(arguments, answer)


def _show(arguments: argparse.Namespace, answer: admin_pb2.ListShardsResponse) -> None:
    records: list[Record] = []
    for shard in answer.shards:
        record = record_of(shard)
        records.append(record.pop("entry") | record)
    about = {"version": answer.directory_version, "home": answer.home}
    caption = f"directory {answer.directory_version}, home {answer.home}"
    show(arguments, "shards", records, FIGURES, caption=caption, more=about)


def _held(reach: Reach) -> Directory:
    with ConstellationClient(reach.target, tls=reach.tls) as client:
        return directories.from_proto(client.get_directory())


def _named(held: Directory, shard: str) -> ShardEntry:
    entry = held.find(shard)
    if entry is None:
        raise OmegaError(ErrorCode.UNKNOWN_SHARD, field="SHARD")
    return entry
