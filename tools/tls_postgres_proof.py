"""Calls a Postgres that was built with TLS, as Debian's is, by the settings of the services."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import trustme

from omega_core.errors import OmegaError
from omega_store import Store, StoreConfig, migrate
from omega_testing.certificates import write_leaf
from omega_testing.postgres import RELEASE, EmbeddedPostgres, server_user
from omega_testing.processes import ServiceProcess, free_port

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages are, a folder a release."""
MISSING = "Postgres with TLS is missing: apt-get install -y --no-install-recommends postgresql"
_REFUSED = "refused"
_PROTOCOL = re.compile(r"SSL enabled \(protocol=([^,]+),")
_RELOAD_SECONDS = 20.0
_HBA = """
local all all trust
hostssl all postgres 127.0.0.1/32 trust
hostssl all certified 127.0.0.1/32 cert
hostnossl all all 127.0.0.1/32 reject
"""


@dataclass(frozen=True)
class Case:
    """One way to call."""

    name: str
    """What is tried."""
    wanted: str
    """What must come of it: the version of TLS, or "refused"."""
    found: str
    """What came of it."""
    said: str = ""
    """Why it was refused."""

    def ok(self) -> bool:
        """Whether it is as it must be."""
        return self.wanted == self.found


class Site:
    """A server on a port of loopback that takes TLS alone, and an authority that it is not of.

    Args:
        folder: for certificates.
        stack: closes what was opened.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        folder.chmod(0o755)
        self._authority = trustme.CA()
        self.ca, self.stranger = folder / "ca.pem", folder / "stranger.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))
        trustme.CA().cert_pem.write_to_path(str(self.stranger))
        self._certify(self._authority)
        shown = self._authority.issue_cert("client@omega.test", common_name="certified")
        self.shown, self.shown_key = write_leaf(shown, folder, "client")
        hba = folder / "pg_hba.conf"
        hba.write_text(_HBA)
        self._port = free_port()
        self.server = stack.enter_context(
            EmbeddedPostgres(
                settings={
                    "listen_addresses": "127.0.0.1",
                    "port": str(self._port),
                    "log_connections": "on",
                    "ssl": "on",
                    "ssl_cert_file": str(folder / "server.pem"),
                    "ssl_key_file": str(folder / "server.key"),
                    "ssl_ca_file": str(self.ca),
                    "hba_file": str(hba),
                }
            )
        )
        self.bare = free_port()
        bare = {"listen_addresses": "127.0.0.1", "port": str(self.bare)}
        stack.enter_context(EmbeddedPostgres(settings=bare))
        with psycopg.connect(self.server.url, autocommit=True) as conn:
            conn.execute("CREATE ROLE certified LOGIN SUPERUSER")

    def url(
        self,
        sslmode: str,
        *,
        user: str = "postgres",
        host: str = "localhost",
        port: int = 0,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """How a service is told of it, or of what listens on another port."""
        parameters = {"sslmode": sslmode, "sslrootcert": str(self.ca), **(more or {})}
        at = f"{host}:{port or self._port}"
        return f"postgresql://{user}@{at}/postgres?{urlencode(parameters)}"

    def log(self) -> str:
        """What the server has said."""
        return (self.server.socket / "postgres.log").read_text("utf-8")

    def replace(self) -> None:
        """Gives the server a certificate of another authority, which clients are told of, too."""
        self._authority = trustme.CA()
        self._certify(self._authority)
        self._authority.cert_pem.write_to_path(str(self.ca))
        self.server.reload()

    def _certify(self, authority: trustme.CA) -> None:
        write_leaf(authority.issue_cert("localhost"), self._folder, "server", server_user())


def main() -> int:
    """Prints a table; 1 when anything is not as it must be, 2 when the server is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # each case says why it was refused
    logging.getLogger("omega_store").setLevel(logging.ERROR)
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if RELEASE not in os.environ:
        if not found:
            print(MISSING, file=sys.stderr)
            return 2
        os.environ[RELEASE] = str(found[-1].parents[1])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-tls-")))
        site = Site(folder, stack)
        with psycopg.connect(site.server.url) as conn:
            release = conn.info.parameter_status("server_version")
            vector = conn.execute(
                "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
            ).fetchone()
        cases = connections(site)
        if vector:
            cases += service(site)
        cases += rotation(site)
    ok = all(case.ok() for case in cases)
    if arguments.json:
        listed = [{**asdict(case), "ok": case.ok()} for case in cases]
        print(json.dumps({"proof": "tls-postgres", "server": release, "ok": ok, "cases": listed}))
        return int(not ok)
    print(f"Postgres {release}, of {os.environ[RELEASE]}")
    for case in cases:
        print(f"{case.name:58} {case.found:10} {'' if case.ok() else '<- WRONG '}{case.said}")
    if not vector:
        print("it has no pgvector, which a whole constellation needs: connections were tried alone")
    print("all as it must be" if ok else "NOT ALL AS IT MUST BE")
    return int(not ok)


def connections(site: Site) -> list[Case]:
    """Every way in which the store connects, by good and bad settings."""
    good = site.url("verify-full")
    certified = {"sslcert": str(site.shown), "sslkey": str(site.shown_key)}
    stranger = {"sslrootcert": str(site.stranger)}
    with_certificate = site.url("verify-full", user="certified", more=certified)
    return [
        tried("pool, verify-full", good, pooled),
        tried("a leader's session, verify-full", good, session),
        tried("migrations, verify-full", good, migrating),
        Case("omega-constellation --migrate-only, verify-full", "TLSv1.3", program(site, good)),
        tried("pool, certificate of the client", with_certificate, pooled),
        refused("no certificate of the client", site.url("verify-full", user="certified")),
        refused("another authority", site.url("verify-full", more=stranger)),
        refused("another authority, by the pool", site.url("verify-ca", more=stranger), pooled),
        refused("a name that is not in the certificate", site.url("verify-full", host="127.0.0.1")),
        refused("plain text, where the server asks for TLS", site.url("disable")),
        refused(
            "verify-full, where the server has no TLS", site.url("verify-full", port=site.bare)
        ),
    ]


def tried(name: str, url: str, version: Callable[[str], str]) -> Case:
    """A way that must lead to TLS 1.3."""
    try:
        return Case(name, "TLSv1.3", version(url))
    except OmegaError as error:
        return Case(name, "TLSv1.3", _REFUSED, _line(error))


def session(url: str) -> str:
    """By the connection that holds a leader's lock."""
    with Store.connect(url, StoreConfig()) as store, store.session() as conn:
        return _version(conn)


def refused(name: str, url: str, by: Callable[[str], str] = session) -> Case:
    """A way that must be refused."""
    try:
        return Case(name, _REFUSED, by(url))
    except OmegaError as error:
        return Case(name, _REFUSED, _REFUSED, _line(error))


def pooled(url: str) -> str:
    """By the pool of a service."""
    with Store.connect(url, StoreConfig()) as store, store.statements() as conn:
        return _version(conn)


def migrating(url: str) -> str:
    """By the migrations, which end early where there is no pgvector."""
    with suppress(psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
        migrate(url)
    return pooled(url)


def program(site: Site, url: str) -> str:
    """By a service's own program, as the server's log has it."""
    mark = len(site.log())
    subprocess.run(
        [str(Path(sys.prefix) / "bin" / "omega-constellation"), "--migrate-only"],
        env={**os.environ, "OMEGA_CONSTELLATION_DATABASE_URL": url},
        capture_output=True,
        check=False,
    )
    came = [line for line in site.log()[mark:].splitlines() if "connection authorized" in line]
    found = {match[1] if (match := _PROTOCOL.search(line)) else "plain" for line in came}
    return "+".join(sorted(found))


def service(site: Site) -> list[Case]:
    """A whole constellation, by what the server says of its connections."""
    environ = {
        "OMEGA_CONSTELLATION_DATABASE_URL": site.url("verify-full"),
        "OMEGA_CONSTELLATION_LISTEN": "127.0.0.1:0",
    }
    with (
        ServiceProcess(["omega-constellation"], environ),
        psycopg.connect(site.server.url) as conn,
    ):
        rows = conn.execute(
            "SELECT DISTINCT coalesce(s.version, 'plain') FROM pg_stat_ssl s"
            " JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'omega%'"
        ).fetchall()
    found = "+".join(sorted(str(version) for (version,) in rows))
    return [Case("a constellation that serves, all its connections", "TLSv1.3", found)]


def rotation(site: Site) -> list[Case]:
    """Server and authority are replaced under an open pool: files are read at each connection."""
    before = site.ca.with_name("before.pem")
    before.write_bytes(site.ca.read_bytes())
    with Store.connect(site.url("verify-full"), StoreConfig()) as store:
        with store.statements() as conn:
            site.replace()
            deadline = time.monotonic() + _RELOAD_SECONDS
            name = "a new connection, the authority of before"
            # The server reads its files a moment after it was told to.
            while (
                case := refused(name, site.url("verify-full", more={"sslrootcert": str(before)}))
            ) and (not case.ok() and time.monotonic() < deadline):
                time.sleep(0.05)
            cases = [
                case,
                Case("an open connection, replaced certificate", "TLSv1.3", _version(conn)),
            ]
        with store.session() as conn:
            cases.append(Case("a new connection, replaced certificate", "TLSv1.3", _version(conn)))
    return cases


def _version(conn: psycopg.Connection) -> str:
    """What the server says of this connection."""
    row = conn.execute(
        "SELECT coalesce(version, 'plain') FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    ).fetchone()
    return str(row[0]) if row else "plain"


def _line(error: OmegaError) -> str:
    """The end of what libpq said, in one line."""
    cause = str(error.__cause__ or error).strip().splitlines()
    return cause[-1].strip() if cause else ""


if __name__ == "__main__":
    sys.exit(main())
