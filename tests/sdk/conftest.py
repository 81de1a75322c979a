"""The C library, built once a run, and real brains for it to call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_testing import c_build
from omega_testing.c_library import Json
from omega_testing.processes import ServiceProcess

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"


def _shared(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder that all processes of a run have in common."""
    base = factory.getbasetemp()
    return (base if base.name.startswith("pytest-") else base.parent) / name


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> c_build.Built:
    return c_build.build(_shared(tmp_path_factory, "omega_tv"))


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> c_build.Built:
    return c_build.build(_shared(tmp_path_factory, "sanitized"), "-DOMEGA_TV_SANITIZE=ON")


@pytest.fixture(scope="session")
def titles() -> list[Content]:
    return read_catalogue(SAMPLE)[:40]


@pytest.fixture
def json(built: c_build.Built) -> Iterator[Json]:
    """The ten functions, before omega_init()."""
    functions = Json(built.library)
    yield functions
    functions.c.omega_shutdown()


@pytest.fixture
def storage() -> Iterator[Path]:
    """A brain's folder whose name is short enough for a socket."""
    with TemporaryDirectory(prefix="omega-sdk-") as folder:
        (Path(folder) / "run").mkdir()
        yield Path(folder)


Start = Callable[..., ServiceProcess]


@pytest.fixture
def start(storage: Path) -> Iterator[Start]:
    """Starts a brain on `storage`, with settings of its own; all are stopped in the end."""
    with ExitStack() as stack:

        def started(**settings: str) -> ServiceProcess:
            environ = {
                "OMEGA_BRAIN_STORAGE_PATH": str(storage),
                "OMEGA_BRAIN_LISTEN": f"unix:{storage}/run/brain.sock",
                "OMEGA_BRAIN_ENCODER": "lexical",
            }
            return stack.enter_context(
                ServiceProcess(["omega-brain"], {**environ, **settings}, patience=120)
            )

        yield started


@pytest.fixture
def target(storage: Path) -> str:
    """Where brains of `start` listen, unless they say otherwise."""
    return f"unix:{storage}/run/brain.sock"


@pytest.fixture
def stock(start: Start, target: str, titles: list[Content]) -> Start:
    """Starts a brain and hands the titles over."""

    def stocked() -> ServiceProcess:
        brain = start()
        contents = [content_to_proto(title) for title in titles]
        with BrainClient(target) as client:
            client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
        return brain

    return stocked


@pytest.fixture
def stocked(stock: Start) -> ServiceProcess:
    """A brain that knows the titles."""
    return stock()
