"""A federation worker over shards, killed at chosen points of its rounds and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from omega_core.closing import Closing
from omega_store import Store
from omega_store.rounds import Round, RoundStatus, find, listed, request
from omega_testing import gates
from omega_testing.processes import ServiceProcess
from omega_testing.taste_shard import SIGMA

_NAME = "omega-federation-worker"
_PATIENCE = 120.0


class ChaosWorkers(Closing):
    """One worker that answers for all shards; a context manager.

    Args:
        home: the first shard.
        folder: for the file of shards and logs.
    """

    def __init__(self, home: Store, folder: Path) -> None:
        self._home = home
        self._folder = folder
        self._file = folder / "shards.json"
        self._process: ServiceProcess | None = None

    def names(self, home: str, urls: Mapping[str, str]) -> None:
        """Says which shards there are; holds from the next start on."""
        shards = [{"name": name, "database_url": url} for name, url in urls.items()]
        self._file.write_text(json.dumps({"home": home, "shards": shards}), "utf-8")

    def start(self) -> None:
        """Starts the worker, whether all shards are there or not."""
        environ = {**learning(), "OMEGA_FEDERATION_SHARDS_FILE": str(self._file)}
        self._process = ServiceProcess(
            [_NAME], environ, directory=self._folder / _NAME, serving=False
        )

    def kill_before(self, table: str, condition: str) -> None:
        """Kills the worker in a round just before it writes such a row; starts it again."""
        with gates.closed(self._home, table, condition):
            self._ask()  # whatever round comes to the row first
            gates.await_somebody(self._home, _NAME)
            self.close()
        self.start()

    def refresh(self) -> Round:
        """A round that learns from everything, when it has ended.

        Raises:
            TimeoutError: it takes longer than two minutes.
        """
        return self._ended(self._ask())

    def settle(self) -> None:
        """Waits until no round is asked for or under way.

        Raises:
            TimeoutError: it takes longer than two minutes.
        """
        with self._home.statements() as conn:
            [newest], _ = listed(conn, 1)
        self._ended(newest.request_id)  # they run in the order in which they were asked for

    def close(self) -> None:
        """SIGKILL. May be called twice."""
        if self._process:
            self._process.kill()
            self._process.close()
        self._process = None

    def _ended(self, request_id: str) -> Round:
        deadline = time.monotonic() + _PATIENCE
        while True:
            with self._home.statements() as conn:
                found = find(conn, request_id)
            if found and found.status in {RoundStatus.SUCCEEDED, RoundStatus.FAILED}:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"round {found}")
            time.sleep(0.05)

    def _ask(self) -> str:
        request_id = str(uuid.uuid4())
        with self._home.transaction() as conn:
            request(conn, request_id, datetime.now(UTC), refresh=True)
        return request_id


def refresh_alone(whole: Store) -> Round:
    """The same over a shard that is alone, by the worker's program.

    Raises:
        CalledProcessError: it failed.
    """
    environ = {**os.environ, **learning(), "OMEGA_FEDERATION_DATABASE_URL": whole.url}
    subprocess.run([Path(sys.prefix) / "bin" / _NAME, "--refresh"], env=environ, check=True)
    with whole.statements() as conn:
        [found], _ = listed(conn, 1)
    return found


def learning() -> dict[str, str]:
    """Settings of a worker for the sketches of taste_shard."""
    given = {
        "SIGMA": str(SIGMA),
        "LAM": "5",
        "RANK": "16",
        "PERIOD_SECONDS": "0",
        "LISTEN": "127.0.0.1:0",
        "PART_SECONDS": "5",
    }
    return {f"OMEGA_FEDERATION_{name}": value for name, value in given.items()}
