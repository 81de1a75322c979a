"""Noise whose sketch has left the TV survives the loss of the database: it is never drawn twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.outbox import Outbox
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_delta import CataloguePack
from omega_embed import open_encoder


def test_a_restored_database_makes_the_same_sketches_again(
    config: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    encoder = open_encoder(kind="lexical")
    vectors = encoder.encode([title.title for title in titles])
    pack = CataloguePack(
        version=1,
        model_version=encoder.model_version,
        centring_mean=vectors.mean(axis=0),
        ordinals=np.arange(len(titles), dtype=np.uint32),
        contents=tuple(titles),
        embeddings=vectors,
    )
    config = replace(config, min_samples=1)
    brain = Brain(config, encoder=encoder)
    brain.apply_catalogue(pack)
    for title in titles[:5]:
        brain.observe(viewing(title.content_id))
    sent = Outbox(brain).next_push()
    assert sent is not None
    noise = {row.rowid: brain.stores.sketches.noise_for(row.rowid)
             for row in brain.stores.contents.all_rows()}  # fmt: skip
    assert sum(drawn is not None for drawn in noise.values()) == 5
    brain.stores.database.close()  # no orderly stop, so no backup at its end
    database = config.storage_path / "brain.db"
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)

    brain = Brain(config, encoder=encoder)
    assert brain.stores.database.recovery_notes
    for rowid, drawn in noise.items():
        restored = brain.stores.sketches.noise_for(rowid)
        if drawn is None or restored is None:
            assert drawn is restored
        else:
            assert np.array_equal(restored, drawn)
    brain.close()
