"""`omega contract`."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import grpc

from omega_cli.contract import brain, shard, shard_words, sync, sync_words
from omega_cli.contract.calls import Line, nobody
from omega_cli.contract.suite import Result, run
from omega_cli.contract.sync_devices import Devices
from omega_cli.exits import Exit
from omega_cli.output import Column, add_json, show
from omega_cli.reach import add_tls, reach_of
from omega_rpc.channel import connect
from omega_rpc.tokens import read_secret

_MARKS = {True: "✓", False: "✗", None: "-"}
Tried = Callable[[grpc.Channel, argparse.Namespace], Iterable[Result]]
"""Tries a suite over a channel."""
COLUMNS = (
    Column("RPC", "rpc"),
    Column("case", "case"),
    Column("wanted", "wanted"),
    Column("got", "got"),
    Column("ok", lambda record: _MARKS[record["ok"]]),
)
"""Of the table."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    group = commands.add_parser(
        "contract",
        help="hold a server, whoever wrote it, to proto/: brain, sync or constellation",
        description="Makes calls of every method to a server and says of each what the contract"
        " wants and what came. Ends with 0 where all rows hold, 1 where one does not, 5 where"
        " those hold that could be tried on this server.",
    )
    services = group.add_subparsers(metavar="SERVICE", required=True)
    _add(services, "brain", "a brain: omega.brain.v1.BrainService", brain.LEAVES, _brain)
    parser = _add(services, "sync", "a fleet's door: omega.sync.v1.SyncService", sync.LEAVES, _sync)
    parser.add_argument(
        "--enrolment-key-file",
        type=Path,
        help="the operator's enrolment key, where one is asked for",
    )
    _add(
        services,
        "constellation",
        "a constellation: ConstellationService and AdminService",
        shard.LEAVES,
        _constellation,
    )


def _add(
    services: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    leaves: str,
    tried: Tried,
) -> argparse.ArgumentParser:
    parser = services.add_parser(name, help=what, description=f"Tries {what}. {leaves}")
    parser.add_argument("address", help="HOST:PORT or unix:/absolute/path of the server")
    add_tls(parser)
    add_json(parser)
    parser.set_defaults(run=partial(_run, tried))
    return parser


def _run(tried: Tried, arguments: argparse.Namespace) -> int:
    reach = reach_of(argparse.Namespace(**vars(arguments), target=arguments.address))
    with connect(reach.target, reach.tls, retries=False) as channel:
        results = list(tried(channel, arguments))
    failed = sum(each.ok is False for each in results)
    left_out = sum(each.ok is None for each in results)
    held = len(results) - failed - left_out
    show(
        arguments,
        "rows",
        [asdict(each) for each in results],
        COLUMNS,
        caption=f"{held} rows hold, {failed} do not, {left_out} were left out",
        more={"held": held, "failed": failed, "left_out": left_out},
    )
    if failed:
        return Exit.FAILED
    return Exit.PARTLY if left_out else Exit.DONE


def _brain(channel: grpc.Channel, _arguments: argparse.Namespace) -> Iterator[Result]:
    line = Line(channel, brain.SERVICE)
    found, name = brain.found(line), secrets.token_hex(4)
    try:
        yield from run(brain.suite(name), line, lambda _: nobody, found)
    finally:
        brain.leave(line, name)


def _sync(channel: grpc.Channel, arguments: argparse.Namespace) -> Iterator[Result]:
    path: Path | None = arguments.enrolment_key_file
    words = sync_words.Words(read_secret("--enrolment-key-file", path) if path else "")
    line = Line(channel, sync.SERVICE)
    devices = Devices(line, words)
    try:
        yield from run(sync.suite(words), line, devices.callers, ())
    finally:
        erased = devices.erase()
    yield erased


def _constellation(channel: grpc.Channel, _arguments: argparse.Namespace) -> Iterator[Result]:
    words = shard_words.Words()
    first, second = shard.suites(words)
    line = Line(channel, first.service)
    found = shard.found(line)
    try:
        yield from run(first, line, lambda _: nobody, found)
    finally:
        shard.leave(line, words)
    admin = Line(channel, second.service)
    for each in run(second, admin, lambda _: nobody, found):
        yield replace(each, rpc=f"{second.service.name}.{each.rpc}")
