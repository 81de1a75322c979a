"""Fleets of shards as processes, each shard with a database of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omega_testing.postgres import EmbeddedPostgres
from omega_testing.shard_site import ShardSite, SiteShard

AddShard = Callable[..., SiteShard]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ShardSite]:
    """No shard yet."""
    with ShardSite(tmp_path) as opened:
        yield opened


@pytest.fixture
def add(
    site: ShardSite, postgres: EmbeddedPostgres, template_database: str, tmp_path: Path
) -> Iterator[AddShard]:
    """add(name, region="", environ=None) -> a shard with a fresh database."""
    del tmp_path
    with ExitStack() as stack:

        def one(name: str, *more: object) -> SiteShard:
            database = f"shard_{uuid.uuid4().hex}"
            url = postgres.create_database(database, template_database)
            stack.callback(postgres.drop_database, database)
            return site.add(name, url, *more)  # type: ignore[arg-type]

        yield one
