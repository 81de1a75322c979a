"""Noise whose sketch has left the TV survives the loss of the database, or its identity does not.

It is never drawn twice under one identity.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.outbox import Outbox
from omega_client import BrainClient, ServiceError
from omega_core.clock import SystemClock
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_delta import CataloguePack
from omega_embed import open_encoder
from omega_persistence import Identity, pushed, restore
from omega_testing.gateway import Fault, Gateway, serving
from omega_testing.processes import ServiceProcess

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]


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


def _liked_and_pushed(tv: Tv, titles: list[Content], viewing: Viewing) -> None:
    tv.watch([viewing(title.content_id) for title in titles])
    while tv.sync().pushed_sketches:
        pass


def _require_begun_anew(tv: Tv, gateway: Gateway, old: Identity, likes: int) -> None:
    """The fleet forgot the old identity, and holds every title once, under noise of the new one."""
    before = set(gateway.sketches)
    while tv.sync().pushed_sketches:
        pass
    now = tv.brain.stores.meta.identity()
    assert now is not None
    assert now.device_id != old.device_id
    assert old.device_id in gateway.erased
    assert len(gateway.sketches) == likes
    assert before.isdisjoint(gateway.sketches)


def test_an_old_backup_takes_a_new_identity_and_the_fleet_forgets_the_old_one(
    config: BrainConfig,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_tv()
    tv.sync()
    _liked_and_pushed(tv, titles[:3], viewing)
    tv.brain.backup()
    database = config.storage_path / "brain.db"
    old_backup = config.storage_path.parent / "kept-by-a-person"
    shutil.copyfile(database.with_name("brain.db.backup"), old_backup)
    _liked_and_pushed(tv, titles[3:6], viewing)
    old = tv.brain.stores.meta.identity()
    assert old is not None
    tv.close()
    assert restore(old_backup, database, clock=SystemClock()).events == 3
    again = open_tv()
    assert pushed.NOTE in again.brain.stores.database.recovery_notes
    again.watch([viewing(title.content_id) for title in titles[3:6]])
    _require_begun_anew(again, gateway, old, likes=6)


def test_a_tv_whose_files_are_all_damaged_has_its_old_identity_forgotten(
    config: BrainConfig,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    viewing: Viewing,
) -> None:
    publish_catalogue(titles)
    tv = open_tv()
    tv.sync()
    _liked_and_pushed(tv, titles[:4], viewing)
    old = tv.brain.stores.meta.identity()
    assert old is not None
    tv.close()
    for name in ("brain.db", "brain.db.backup"):
        (config.storage_path / name).write_bytes(b"damaged")
    again = open_tv()
    again.sync()
    again.watch([viewing(title.content_id) for title in titles[:4]])
    _require_begun_anew(again, gateway, old, likes=4)


@pytest.mark.parametrize("stored", [True, False])
def test_killed_while_a_push_leaves_and_damaged_after_it_comes_again_as_it_was(
    stored: bool,
    tmp_path: Path,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
) -> None:
    """The backup beside the database holds the very push that was under way."""
    publish_catalogue(titles)
    with serving(gateway) as address:
        environ = {
            "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{address}",
            "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
        }
        with ServiceProcess(["omega-brain"], environ) as process:
            with BrainClient(process.address) as client:
                client.sync_now()
                for n, title in enumerate(titles[:5]):
                    client.observe_event(
                        pb.ObserveEventRequest(
                            event_id=f"e{n}", content_id=title.content_id, watch_percentage=0.9
                        )
                    )
                gateway.faults.extend([Fault(grpc.StatusCode.INTERNAL, stored=stored)] * 3)
                with pytest.raises(ServiceError):
                    client.sync_now()
            process.kill()
        (tmp_path / "tv" / "brain.db").write_bytes(b"damaged")
        with (
            ServiceProcess(["omega-brain"], environ) as process,
            BrainClient(process.address) as client,
        ):
            notes = client.get_stats().recovery_notes
            assert notes
            assert pushed.NOTE not in notes
            assert client.sync_now().pushed_sketches == 5
    attempts = [request.SerializeToString() for request in gateway.requests if request.sketches]
    assert len(attempts) == 4, "the client asks a brain three times"
    assert len(set(attempts)) == 1
    assert len(gateway.sketches) == len(set(gateway.sketches)) == 5
    assert (gateway.erased, len(gateway.registrations)) == (set(), 1)
