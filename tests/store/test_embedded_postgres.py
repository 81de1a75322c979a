"""The test kit's own Postgres: it survives crashes and outlives nobody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from omega_testing.postgres import EmbeddedPostgres, closed_directory

_SCRIPT = """
import signal, sys
from omega_testing.postgres import EmbeddedPostgres
with EmbeddedPostgres() as cluster:
    print(cluster.pid, cluster.url.partition("host=")[2], flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass
"""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_cluster_keeps_what_was_committed() -> None:
    with EmbeddedPostgres() as cluster:
        with psycopg.connect(cluster.url) as conn:
            conn.execute("CREATE TABLE t AS SELECT 7 AS x")
        first = cluster.pid
        cluster.kill()
        assert gone(first)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(cluster.url)
        cluster.restart()
        with psycopg.connect(cluster.url) as conn:
            assert conn.execute("SELECT x FROM t").fetchone() == (7,)
            assert conn.execute("SHOW fsync").fetchone() == ("on",)


def test_stop_leaves_neither_process_nor_directory() -> None:
    with EmbeddedPostgres() as cluster:
        pid, directory = cluster.pid, Path(cluster.url.partition("host=")[2])
        assert directory.is_dir()
    assert gone(pid)
    assert not directory.exists()
    cluster.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_cluster_never_outlives_its_starter(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid, directory = starter.stdout.readline().decode().split()
        assert not gone(int(pid))
        os.kill(starter.pid, number)
        starter.wait()
        while not gone(int(pid)):  # the suite's time limit ends a failure
            time.sleep(0.02)
        while Path(directory).exists():
            time.sleep(0.02)


def test_the_outermost_private_directory_is_named(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "private" / "inner").mkdir(parents=True)
    for directory in (base, base / "private" / "inner"):
        directory.chmod(0o755)
    (base / "private").chmod(0o750)
    closed = closed_directory(base / "private" / "inner")
    assert closed is not None
    # Where the tests' own directory is private, that is named, which lies further out.
    assert (base / "private").is_relative_to(closed)
    assert closed_directory(Path("/")) is None


def test_a_given_directory_is_kept() -> None:
    # Not tmp_path, which is private to the user of the tests.
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    try:
        for expected in (1, 2):
            with EmbeddedPostgres(directory / "c") as cluster, psycopg.connect(cluster.url) as conn:
                conn.execute("CREATE TABLE IF NOT EXISTS t (x int)")
                conn.execute("INSERT INTO t VALUES (1)")
                assert conn.execute("SELECT count(*) FROM t").fetchone() == (expected,)
        assert (directory / "c" / "data" / "PG_VERSION").exists()
    finally:
        shutil.rmtree(directory)
