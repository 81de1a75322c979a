"""What a fleet in containers needs beside its images: Postgres, keys, folders, free ports."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from images.plan import USER
from psycopg import sql

from omega_rpc.tokens import new_key_line
from omega_testing.postgres import EmbeddedPostgres

SOCKET = "/run/postgres"
"""Where containers find the folder of Postgres's socket."""


@dataclass(frozen=True)
class Site:
    """The surroundings of a fleet."""

    folder: Path
    """Scratch, which everybody may read."""
    postgres: EmbeddedPostgres
    """The shard's database, outside of any container."""

    @property
    def inside_url(self) -> str:
        """The database as containers reach it, with `socket` mounted."""
        return f"postgresql://postgres@/postgres?host={SOCKET}"

    @property
    def socket(self) -> dict[Path, str]:
        """The volume that holds the database's socket."""
        return {self.postgres.socket: SOCKET}

    def secret(self, name: str, text: str) -> Path:
        """A file that only the services' user can read."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        path.chmod(0o600)
        os.chown(path, USER, USER)
        return path

    def token_keys(self) -> Path:
        """A gateway's keys."""
        return self.secret("token-keys", new_key_line() + "\n")

    def storage(self, name: str) -> Path:
        """An empty folder of a brain."""
        path = self.folder / name
        path.mkdir()
        os.chown(path, USER, USER)
        return path

    @contextmanager
    def held(self, table: str) -> Iterator[None]:
        """Lets every statement on a table wait until the end."""
        with psycopg.connect(self.postgres.url) as connection:
            lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table))
            connection.execute(lock)
            yield
            connection.rollback()

    def waiting(self) -> int:
        """Statements that wait for a lock."""
        return self._count("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def rows(self, table: str) -> int:
        """Rows of a table."""
        return self._count(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))

    def _count(self, query: sql.Composed | str) -> int:
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def site() -> Iterator[Site]:
    """Starts it; everything is gone at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="omega-images-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        postgres = stack.enter_context(EmbeddedPostgres())
        postgres.socket.chmod(0o755)  # the data in it stays closed
        yield Site(folder, postgres)
