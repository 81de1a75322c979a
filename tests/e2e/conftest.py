"""A small fleet on real parts: Postgres, four services, brains, and TVs that only exchange."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega_cli.demo.cluster import Cluster
from omega_cli.demo.fleet import FleetTv, for_each, newest, settle
from omega_client import ConstellationClient, SyncClient
from omega_core.content import Content
from omega_core.vectors import FloatArray, centre
from omega_delta import CataloguePack, decode_catalogue
from omega_embed import open_encoder
from omega_eval.household import Household
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_titles.importing import import_contents

CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"


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
            settle(self.tvs[0], self.sync, constellation, self.model_version)

    def push_all(self) -> None:
        for_each(
            self.tvs,
            lambda tv: tv.push(self.sync, self.embeddings, self.model_version),
            lambda: None,
        )


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    contents = load_sample(SAMPLE)[:150]
    households = synthetic_households(contents, 40, seed=5)
    encoder = open_encoder(kind="lexical")
    with Cluster("lexical") as cluster, SyncClient(cluster.sync.address) as sync:
        with ConstellationClient(cluster.constellation.address) as constellation:
            import_contents(constellation, encoder, contents)
        tvs = [FleetTv(household.events) for household in households[2:]]
        for_each(tvs, lambda tv: tv.register(sync), lambda: None)
        with ConstellationClient(cluster.constellation.address) as constellation:
            settle(tvs[0], sync, constellation, encoder.model_version)
        info = newest(tvs[0].exchange(sync, encoder.model_version), CATALOGUE)
        pack = decode_catalogue(sync.download(info, credential=tvs[0].credential))
        rows = centre(np.asarray(pack.embeddings), pack.centring_mean)
        ids = [content.content_id for content in pack.contents]
        yield Fleet(
            cluster, sync, contents, households, tvs, pack, dict(zip(ids, rows, strict=True))
        )
