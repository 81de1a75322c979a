"""The peers of the vector search, in a process and an environment of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from omega_core.closing import Closing
from omega_core.vectors import FloatArray

_PATIENCE = 1_800.0
_END_SECONDS = 10.0
_LOG = "log"


class PeersError(OSError):
    """The peers are not installed, or their process failed."""


class Peer(NamedTuple):
    """One of them."""

    name: str
    """Its name, version and the best of the settings that were tried."""
    recall: float
    """Share of the true neighbours that it finds, 0 to 1."""


def interpreter(root: Path) -> Path:
    """The Python of the peers' environment below the repository.

    Raises:
        PeersError: there is none.
    """
    python = root / ".venv-bench" / "bin" / "python"
    if not python.exists():
        raise _missing(python.parents[1].name)
    return python


class Peers(Closing):
    """The process; a context manager.

    Args:
        root: the repository: bench/peers.py and .venv-bench are looked for there.
        vectors: unit rows to store, float32 (n, 384).
        queries: unit rows to search for, float32 (q, 384).

    Raises:
        PeersError: see there.
    """

    def __init__(self, root: Path, vectors: FloatArray, queries: FloatArray) -> None:
        python = interpreter(root)
        self._directory = Path(tempfile.mkdtemp(prefix="omega-peers-"))
        np.save(self._directory / "vectors.npy", vectors)
        np.save(self._directory / "queries.npy", queries)
        with (self._directory / _LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [python, root / "bench" / "peers.py", self._directory],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._watchdog = threading.Timer(_PATIENCE, self._process.kill)
        self._watchdog.start()
        try:
            about = self._read()
        except BaseException:
            self.close()
            raise
        self.peers = {
            name: Peer(f"{name} {peer['version']}, {peer['settings']}", peer["recall"])
            for name, peer in about.items()
        }
        """By name."""

    def run(self) -> Mapping[str, float]:
        """Searches for every query once; the median of each peer, in milliseconds.

        Raises:
            PeersError: the process failed.
        """
        if self._process.stdin is None:
            raise PeersError("the peers cannot be asked")
        try:
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed() from None
        return self._read()

    def close(self) -> None:
        """Ends the process and removes its stores."""
        self._watchdog.cancel()
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise self._failed()
        said: dict[str, Any] = json.loads(line)
        if "missing" in said:
            raise _missing(said["missing"])
        return said

    def _failed(self) -> PeersError:
        with suppress(subprocess.TimeoutExpired):  # ended already, most likely
            self._process.wait(_END_SECONDS)
        self._process.kill()
        self._process.wait()
        said = (self._directory / _LOG).read_text("utf-8", "replace")
        return PeersError(f"the peers ended with {self._process.returncode}: {said[-2_000:]}")


def _missing(what: str) -> PeersError:
    return PeersError(f"the benchmark needs its peers, and {what} is missing: `make bench-setup`")
