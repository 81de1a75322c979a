"""One shard for many histories: what one leaves behind is where the next begins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.sync.convergence.shard import Shard
from tests.sync.convergence.tv import template

from omega_store import Store
from omega_testing.postgres import EmbeddedPostgres


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many histories, and which."""
    parser.addoption("--histories", type=int, default=60, help="random histories")
    parser.addoption("--first-seed", type=int, default=0, help="seed of the first history")


@pytest.fixture(scope="module")
def loop_runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TV's files, to be copied."""
    path = tmp_path_factory.mktemp("template")
    template(path)
    return path


@pytest.fixture
def shard(store: Store, loop_runner: asyncio.Runner) -> Iterator[Shard]:
    """A shard without anything in it."""
    opened = Shard(store, loop_runner)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def old_shard(
    postgres: EmbeddedPostgres, template_database: str, loop_runner: asyncio.Runner
) -> Iterator[Shard]:
    """A shard that histories share."""
    url = postgres.create_database("histories", template_database)
    # Here processes die, the machine does not: nobody needs to wait for its disk.
    with psycopg.connect(url) as conn:
        conn.execute("ALTER DATABASE histories SET synchronous_commit = off")
    with Store.connect(url) as store:
        opened = Shard(store, loop_runner)
        yield opened
        opened.close()
    postgres.drop_database("histories")
