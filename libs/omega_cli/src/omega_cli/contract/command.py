"""`omega contract`."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from omega_cli.contract import (
    brain,
    clients,
    federation,
    report,
    shard,
    shard_words,
    sync,
    sync_words,
)
from omega_cli.contract.calls import Line, nobody
from omega_cli.contract.clients.orders import Client, Identity, Target
from omega_cli.contract.clients.python import PythonClient
from omega_cli.contract.rows import CERTIFIED
from omega_cli.contract.suite import Result, run
from omega_cli.contract.sync_devices import Devices
from omega_cli.output import add_json
from omega_cli.reach import add_tls, reach_of
from omega_core.errors import invalid
from omega_rpc.tls import client_pem
from omega_rpc.tokens import read_secret

Tried = Callable[[Client, Client, Target, argparse.Namespace], Iterator[Result]]
"""Tries a suite by a client, with a spare one, at a server."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    group = commands.add_parser(
        "contract",
        help="hold a server, whoever wrote it, to proto/: brain, sync, constellation, federation",
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
    parser.add_argument(
        "--mtls-address",
        help="HOST:PORT where the gateway takes certificates: devices call there, and show those"
        " that they got at ADDRESS in the place of tokens",
    )
    _add(
        services,
        "constellation",
        "a constellation: ConstellationService and AdminService",
        shard.LEAVES,
        _constellation,
    )
    _add(
        services,
        "federation",
        "a federation worker: omega.federation.v1.FederationService",
        federation.LEAVES,
        _federation,
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
    parser.add_argument(
        "--client",
        action="append",
        metavar="CLIENT",
        help=f"whose calls are tried: {clients.OWN}, or NAME=COMMAND that starts a program with a"
        " client of its own (docs/contracts.md); may be given several times",
    )
    add_json(parser)
    parser.set_defaults(run=partial(_run, tried))
    return parser


def _run(tried: Tried, arguments: argparse.Namespace) -> int:
    target = _target(arguments)
    commands = dict(map(clients.named, arguments.client or [clients.OWN]))
    came: report.Came = {}
    with PythonClient() as spare:
        for name, command in commands.items():
            with clients.started(command) as client:
                came[name] = list(tried(client, spare, target, arguments))
    return report.printed(arguments, came)


def _target(arguments: argparse.Namespace) -> Target:
    reach = reach_of(argparse.Namespace(**vars(arguments), target=arguments.address))
    if reach.tls is None:
        return Target(reach.target)
    ca, pair = client_pem(reach.tls)
    return Target(reach.target, ca, Identity(*pair) if pair else None)


def _brain(
    client: Client, spare: Client, target: Target, _arguments: argparse.Namespace
) -> Iterator[Result]:
    line = Line(client, spare, target, brain.SERVICE)
    found, name = brain.found(line), secrets.token_hex(4)
    try:
        yield from run(brain.suite(name), line, lambda _: nobody, found)
    finally:
        brain.leave(line, name)


def _sync(
    client: Client, spare: Client, target: Target, arguments: argparse.Namespace
) -> Iterator[Result]:
    path: Path | None = arguments.enrolment_key_file
    words = sync_words.Words(read_secret("--enrolment-key-file", path) if path else "")
    line = Line(client, spare, target, sync.SERVICE)
    devices = Devices(line, words, _certified(target, arguments.mtls_address))
    found = {CERTIFIED} if devices.certified else set()
    try:
        yield from run(sync.suite(words), line, devices.callers, found)
    finally:
        erased = devices.erase()
    yield erased


def _certified(target: Target, address: str | None) -> Target | None:
    """Where devices show certificates; None = nowhere."""
    if not address:
        return None
    if target.authorities is None:
        raise invalid("--tls-ca", "set when --mtls-address is")
    return Target(address, target.authorities)


def _constellation(
    client: Client, spare: Client, target: Target, _arguments: argparse.Namespace
) -> Iterator[Result]:
    words = shard_words.Words()
    first, second = shard.suites(words)
    line = Line(client, spare, target, first.service)
    found = shard.found(line)
    try:
        yield from run(first, line, lambda _: nobody, found)
    finally:
        shard.leave(line, words)
    for each in run(second, replace(line, service=second.service), lambda _: nobody, found):
        yield replace(each, rpc=f"{second.service.name}.{each.rpc}")


def _federation(
    client: Client, spare: Client, target: Target, _arguments: argparse.Namespace
) -> Iterator[Result]:
    line = Line(client, spare, target, federation.SERVICE)
    yield from run(federation.suite(), line, lambda _: nobody, federation.found(line))
