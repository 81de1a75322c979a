"""A small fleet on real parts: Postgres, four services, brains, and TVs that only exchange."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from omega_cli.demo.cluster import Cluster
from omega_cli.demo.fleet import FleetTv, fetch_catalogue, for_each, settle
from omega_client import ConstellationClient, SyncClient
from omega_core.content import Content
from omega_core.vectors import FloatArray
from omega_delta import CataloguePack
from omega_embed import open_encoder
from omega_eval.household import Household
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_titles.importing import import_contents


@dataclass(frozen=True)
class Fleet:
    """What a test works with."""

    cluster: Cluster
    sync: SyncClient
    contents: list[Content]
    households: list[Household]
    tvs: list[FleetTv]
    pack: CataloguePack
    embeddings: dict[str, FloatArray]

    @property
    def model_version(self) -> str:
        return self.pack.model_version

    def settle(self) -> None:
        """Waits until the gateway tells what the shard holds."""
        with ConstellationClient(self.cluster.constellation.address) as constellation:
            settle(self.sync, constellation, self.model_version, self.tvs[0])

    def push_all(self) -> None:
        for_each(
            self.tvs,
            lambda tv: tv.push(self.sync, self.embeddings, self.model_version),
            lambda: None,
        )


@contextmanager
def _running() -> Iterator[Fleet]:
    contents = load_sample()[:150]
    households = synthetic_households(contents, 40, seed=5)
    encoder = open_encoder(kind="lexical")
    with Cluster("lexical") as cluster, SyncClient(cluster.sync.address) as sync:
        with ConstellationClient(cluster.constellation.address) as constellation:
            import_contents(constellation, encoder, contents)
        tvs = [FleetTv(household.events) for household in households[2:]]
        for_each(tvs, lambda tv: tv.register(sync), lambda: None)
        with ConstellationClient(cluster.constellation.address) as constellation:
            tv, told = settle(sync, constellation, encoder.model_version, tvs[0])
        pack, embeddings = fetch_catalogue(tv, sync, told)
        yield Fleet(cluster, sync, contents, households, tvs, pack, embeddings)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """One of a test's own, of which nobody has pushed."""
    with _running() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[Fleet]:
    """One that tests share: each looks at what its own household pushed alone."""
    with _running() as running:
        yield running
