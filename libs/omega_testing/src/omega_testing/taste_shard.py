"""A shard whose households have made-up tastes, for tests of federation rounds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from omega_core import limits
from omega_core.content import Content, ContentKind
from omega_delta import CataloguePack, encode_catalogue
from omega_store import Store, pushes, resources
from omega_store.pushes import Push
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW, registered
from omega_testing.tastes import LIKED, TasteWorld

SIGMA = 2.0
"""Noise scale of its sketches: low, so that a dozen devices are a fleet."""


class TasteShard:
    """Fills a shard's database.

    Args:
        store: the shard.
        world: its titles; ordinal i is row i.
    """

    def __init__(self, store: Store, world: TasteWorld) -> None:
        self._store = store
        self._world = world
        self._groups = len(world.embeddings) // world.each

    def publish_catalogue(self, model_version: str = MODEL) -> None:
        """Publishes all titles as the next catalogue version."""
        count = len(self._world.embeddings)
        with self._store.transaction() as conn:
            version = resources.newest_version(conn, ResourceKind.CATALOGUE) + 1
            pack = CataloguePack(
                version=version,
                model_version=model_version,
                centring_mean=self._world.mean,
                ordinals=np.arange(count, dtype=np.uint32),
                contents=tuple(
                    Content(f"t{i}", f"Title {i}", ContentKind.MOVIE) for i in range(count)
                ),
                embeddings=self._world.embeddings,
            )
            resources.publish(
                conn,
                ResourceKind.CATALOGUE,
                version,
                model_version=model_version,
                body=encode_catalogue(pack),
                now=NOW,
            )

    def add_households(
        self,
        number: int,
        *,
        model_version: str = MODEL,
        region: str = "",
        at: datetime = NOW,
    ) -> list[str]:
        """Registers devices that like four fifths of a group and pushed them; their ids."""
        ids = registered(self._store, number, region=region)
        for n, device_id in enumerate(ids):
            random = np.random.default_rng(n)
            first = self._world.each * (n % self._groups)
            liked = first + random.permutation(self._world.each)[: self._world.each * 4 // 5]
            self.push(device_id, liked.tolist(), seed=n, model_version=model_version, at=at)
        return ids

    def push(
        self,
        device_id: str,
        titles: Sequence[int],
        *,
        seed: int,
        model_version: str = MODEL,
        stated_sigma: float = 0.0,
        at: datetime = NOW,
    ) -> None:
        """Stores pushes of a sketch a title, received at an instant.

        They are under SIGMA, or under a scale that they state.
        """
        sketches = self._world.sketches(list(titles), stated_sigma or SIGMA, seed)
        size = limits.MAX_PUSH_SKETCHES * limits.SKETCH_BYTES
        parts = [sketches[at : at + size] for at in range(0, len(sketches), size)]
        batch = [
            Push(
                device_id,
                str(uuid.uuid5(uuid.UUID(int=seed), f"{device_id}/{n}")),
                model_version,
                part,
                bytes([LIKED]) * (len(part) // limits.SKETCH_BYTES),
                round(100 * stated_sigma),
            )
            for n, part in enumerate(parts)
        ]
        with self._store.transaction() as conn:
            pushes.store(conn, batch, at)
