"""A brain with a few titles, where programs of the C library look for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.catalogue_file import read_catalogue
from omega_delta import content_to_proto
from omega_testing.c_build import ROOT
from omega_testing.processes import ServiceProcess

# A hundred threads that call take the processor that it starts with.
_PATIENCE = 120.0
SAMPLE = ROOT / "data" / "sample" / "titles.jsonl"


class Home:
    """The brain and what firmware knows of it.

    Args:
        storage: its folder, with a name that is short enough for a socket.
    """

    def __init__(self, storage: Path) -> None:
        (storage / "run").mkdir()
        self.storage = storage
        """What omega_init() is given."""
        self.target = f"unix:{storage}/run/brain.sock"
        """What omega_client_open() is given."""
        self.watched: list[str] = []
        """Ids of titles that it knows."""
        self.brain = self._started()
        """The brain as it runs now."""

    def fill(self, titles: int) -> None:
        """Hands so many titles of the sample over, 1 to 500."""
        contents = [content_to_proto(title) for title in read_catalogue(SAMPLE)[:titles]]
        with BrainClient(self.target) as client:
            client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
        self.watched = [content.content_id for content in contents]

    def restart(self, gone_seconds: float) -> None:
        """Kills the brain, and starts it after so many seconds."""
        self.brain.kill()
        self.brain.close()
        time.sleep(gone_seconds)
        self.brain = self._started()

    def _started(self) -> ServiceProcess:
        environ = {
            "OMEGA_BRAIN_STORAGE_PATH": str(self.storage),
            "OMEGA_BRAIN_LISTEN": self.target,
            "OMEGA_BRAIN_ENCODER": "lexical",
        }
        return ServiceProcess(["omega-brain"], environ, patience=_PATIENCE)


@contextmanager
def household(titles: int = 40) -> Iterator[Home]:
    """Starts a brain with so many titles, and stops it."""
    with TemporaryDirectory(prefix="omega-sdk-") as name:
        home = Home(Path(name))
        try:
            home.fill(titles)
            yield home
        finally:
            home.brain.close()
