"""A brain with a few titles, where programs of the C library look for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.catalogue_file import read_catalogue
from omega_delta import content_to_proto
from omega_testing.c_build import ROOT
from omega_testing.processes import ServiceProcess

SAMPLE = ROOT / "data" / "sample" / "titles.jsonl"


@dataclass(frozen=True)
class Home:
    """Where it is."""

    storage: Path
    """What omega_init() is given."""
    target: str
    """What omega_client_open() is given."""
    watched: str
    """The id of a title that it knows."""
    brain: ServiceProcess
    """The brain."""


@contextmanager
def household(titles: int = 40) -> Iterator[Home]:
    """Starts it with so many titles of the sample, 1 to 500.

    Its folder's name is short enough for a socket.
    """
    with TemporaryDirectory(prefix="omega-sdk-") as name:
        storage = Path(name)
        (storage / "run").mkdir()
        target = f"unix:{storage}/run/brain.sock"
        environ = {
            "OMEGA_BRAIN_STORAGE_PATH": name,
            "OMEGA_BRAIN_LISTEN": target,
            "OMEGA_BRAIN_ENCODER": "lexical",
        }
        contents = [content_to_proto(title) for title in read_catalogue(SAMPLE)[:titles]]
        with ServiceProcess(["omega-brain"], environ) as brain:
            with BrainClient(target) as client:
                client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
            yield Home(storage, target, contents[0].content_id, brain)
