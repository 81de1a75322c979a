"""A real PgBouncer before an embedded Postgres, pooling transactions."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from omega_testing.postgres import EmbeddedPostgres
from omega_testing.supervised import Supervised

INSTALL = "apt-get install pgbouncer"
"""What installs it on Debian."""
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_USER = "postgres"


class PgBouncer:
    """One proxy on a unix socket; a context manager.

    Args:
        postgres: what it leads to.
        servers: connections to each database that its clients share.

    Raises:
        RuntimeError: it is not installed, or does not start.
    """

    def __init__(self, postgres: EmbeddedPostgres, servers: int = 8) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise RuntimeError(f"pgbouncer is missing: {INSTALL}")
        self._base = Path(tempfile.mkdtemp(prefix="omega-pgbouncer-"))
        owner = None
        if os.geteuid() == 0:
            entry = pwd.getpwnam("nobody")
            owner = (entry.pw_uid, entry.pw_gid)
            os.chown(self._base, *owner)
        (self._base / "users.txt").write_text(f'"{_USER}" ""\n')
        settings = {
            "listen_addr": "",
            "unix_socket_dir": self._base,
            "auth_type": "trust",
            "auth_file": self._base / "users.txt",
            "pool_mode": "transaction",
            "default_pool_size": servers,
            "max_client_conn": 500,
            "logfile": "",
        }
        lines = ["[databases]", f"* = host={postgres.socket}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        config = self._base / "pgbouncer.ini"
        config.write_text("\n".join(lines) + "\n")
        log = self._base / "pgbouncer.log"
        self._process = Supervised(
            [program, str(config)],
            {"PATH": "/usr/bin:/bin"},
            output=log,
            log=log,
            directory=self._base,
            scratch=self._base,
            owner=owner,
            stop_signal=signal.SIGINT,
            patience=_STOP_SECONDS,
        )
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    def database_url(self, name: str) -> str:
        """Connection URL of a database, through the proxy."""
        return f"postgresql://{_USER}@/{name}?host={self._base}&port=6432"

    def stop(self) -> None:
        """Ends it. May be called twice."""
        self._process.stop()
        shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _await(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.database_url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"pgbouncer did not start: {error}") from error
                time.sleep(0.02)
            else:
                return
