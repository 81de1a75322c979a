"""Holds all four services to their contracts from Python, Node.js and C; then spoilt ones.

Usage: contract_proof.py [--tables] [SERVICE ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import contract_clients

from omega_cli.certs import make
from omega_cli.contract import shard_words
from omega_client import ClientTls, ConstellationClient
from omega_rpc.tokens import new_key_line
from omega_testing.between import Between
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_testing.spoilt_services import SPOILT

CODEBOOK = contract_clients.ROOT / "tests" / "contract" / "codec" / "codebook.bin"
ANY_PORT = "127.0.0.1:0"
OMEGA = Path(sys.prefix) / "bin" / "omega"
SERVICES = ("brain", "sync", "constellation", "federation")
_MARKS = {True: "✓", False: "✗", None: "-"}
Rows = list[dict[str, dict[str, Any]]]
"""Of each row: client -> what `omega contract --json` says of it."""


def main() -> int:
    """Returns 0 when every row holds, and what is spoilt is found at fault by all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", action="store_true", help="print every row of sound services")
    parser.add_argument("services", nargs="*", default=SERVICES, metavar="SERVICE")
    arguments = parser.parse_args()
    faults = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-contract-")))
        clients = ["python", contract_clients.node()]
        site = Site(stack, folder)
        for service in arguments.services:
            # libomega_tv is a client of brains.
            spoken = [*clients, contract_clients.c(folder)] if service == "brain" else clients
            start: Callable[[], Started] = getattr(site, service)
            found = start()
            rows = tried(service, found.address, [*found.flags, *found.trust], spoken)
            faults += told(f"{service}: every row", rows, whole=arguments.tables)
            with Between(found.address, SPOILT, found.authorities) as between:
                rows = tried(service, between.address, found.flags, spoken)
            faults += told_apart(f"{service}, spoilt: the rows that fail", rows)
    return int(faults > 0)


@dataclass(frozen=True)
class Started:
    """A service, and how `omega contract` reaches it."""

    address: str
    """Where it listens."""
    flags: list[str] = field(default_factory=list)
    """Of every run."""
    trust: list[str] = field(default_factory=list)
    """Of a run without anything in between."""
    authorities: bytes | None = None
    """PEM certificates that sign it; None = no TLS."""


class Site:
    """Starts each service when it is asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._postgres = stack.enter_context(EmbeddedPostgres())

    def brain(self) -> Started:
        """A brain without a household."""
        storage = str(self._folder / "brain")
        return Started(self._run("omega-brain", STORAGE_PATH=storage, ENCODER="lexical").address)

    def sync(self) -> Started:
        """A gateway with TLS, tokens and certificates, before a shard with a codebook."""
        pki, keys = self._folder / "pki", self._folder / "token.keys"
        make(pki, ["localhost", "127.0.0.1"], timedelta(days=1), datetime.now(UTC))
        keys.touch(mode=0o600)
        keys.write_text(new_key_line())
        shard = self._run(
            "omega-constellation",
            DATABASE_URL=self._postgres.create_database("sync"),
            DEVICE_CA_CERTIFICATE=str(pki / "device-ca.pem"),
            DEVICE_CA_KEY=str(pki / "device-ca.key"),
        )
        with ConstellationClient(shard.address) as client:
            client.publish_codebook(CODEBOOK.read_bytes())
        ca = pki / "server-ca.pem"
        gateway = self._run(
            "omega-sync",
            ClientTls(ca),
            CONSTELLATION_TARGET=shard.address,
            TOKEN_KEYS=str(keys),
            TLS_CERTIFICATE=str(pki / "server.pem"),
            TLS_KEY=str(pki / "server.key"),
            MTLS_LISTEN=ANY_PORT,
            DEVICE_CA=str(pki / "device-ca.pem"),
        )
        trust = ["--tls-ca", str(ca), "--mtls-address", gateway.addresses["mtls_listen"]]
        return Started(gateway.address, [], trust, ca.read_bytes())

    def constellation(self) -> Started:
        """A constellation with a title."""
        shard = self._run(
            "omega-constellation", DATABASE_URL=self._postgres.create_database("shard")
        )
        with ConstellationClient(shard.address) as client:
            client.upsert_contents(shard_words.Words().contents())
        return Started(shard.address)

    def federation(self) -> Started:
        """A worker of a shard without anything."""
        url = self._postgres.create_database("federation")
        self._run("omega-constellation", DATABASE_URL=url).close()
        worker = self._run("omega-federation-worker", DATABASE_URL=url, PERIOD_SECONDS="0")
        return Started(worker.address)

    def _run(self, command: str, tls: ClientTls | None = None, **settings: str) -> ServiceProcess:
        name = {"omega-federation-worker": "OMEGA_FEDERATION_"}.get(
            command, f"{command.upper().replace('-', '_')}_"
        )
        environ = {f"{name}{key}": value for key, value in {"LISTEN": ANY_PORT, **settings}.items()}
        return self._stack.enter_context(ServiceProcess([command], environ, tls=tls))


def tried(service: str, address: str, flags: Sequence[str], clients: Sequence[str]) -> Rows:
    """What each client's run of the suite gave."""
    chosen = [part for each in clients for part in ("--client", each)]
    command = [str(OMEGA), "contract", service, address, "--json", *flags, *chosen]
    print("$", *command[1:], file=sys.stderr, flush=True)
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    came: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(done.stdout)["rows"]:
        came.setdefault(row["client"], []).append(row)
    # Cases that state an instant or a name of the run have other names at each client.
    return [dict(zip(came, each, strict=True)) for each in zip(*came.values(), strict=True)]


def told(title: str, rows: Rows, *, whole: bool) -> int:
    """Prints how many rows hold by each client, and those that do not; returns their number."""
    wrong = at_fault(rows)
    print(f"\n{title}")
    table(rows if whole else wrong)
    for client in rows[0]:
        counts = Counter(by[client]["ok"] for by in rows)
        print(f"  {client}: {counts[True]} hold, {counts[False]} do not, {counts[None]} left out")
    return len(wrong)


def told_apart(title: str, rows: Rows) -> int:
    """Prints the rows at fault; returns the number of those that clients tell differently."""
    failed = at_fault(rows)
    print(f"\n{title}")
    table(failed)
    apart = [
        by
        for by in failed
        if {row["ok"] for row in by.values() if row["ok"] is not None} != {False}
    ]
    for client in rows[0]:
        print(f"  {client}: {sum(by[client]['ok'] is False for by in failed)} fail")
    if apart or not failed:
        print(f"  {len(apart)} rows are told differently")
    return len(apart) + (not failed)


def at_fault(rows: Rows) -> Rows:
    """Those that do not hold by one client at least."""
    return [by for by in rows if any(row["ok"] is False for row in by.values())]


def table(rows: Rows) -> None:
    """Prints rows with a mark for each client."""
    for by in rows:
        marks = " ".join(f"{client} {_MARKS[row['ok']]}" for client, row in by.items())
        told = next((row for row in by.values() if row["ok"] is not None), next(iter(by.values())))
        print(f"  {marks:<24} {told['rpc']:<24} {told['case'][:60]:<60} {told['got'][:70]}")


if __name__ == "__main__":
    sys.exit(main())
