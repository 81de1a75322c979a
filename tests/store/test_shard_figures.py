"""Figures of a shard."""

from __future__ import annotations

from datetime import timedelta

from omega_store import Store, contents, devices, pushes, resources, status
from omega_store.resources import ResourceKind
from omega_store.status import ACTIVE, ShardFigures
from omega_testing.fleet import MODEL, NOW, push, registered, titles


def test_an_empty_shard_counts_nothing(store: Store) -> None:
    with store.snapshot() as conn:
        assert status.figures(conn, NOW) == ShardFigures(0, 0, 0, 0, 0, 0, 0, None)


def test_figures_count_what_is_there(store: Store) -> None:
    ids = registered(store, 5)
    with store.transaction() as conn:
        devices.touch(conn, ids[0], NOW - ACTIVE - timedelta(minutes=5))
        pushes.store(conn, [push(ids[1], 3), push(ids[2], 4), push(ids[2], 0)], NOW)
        devices.touch(conn, ids[3], NOW)
        devices.revoke(conn, ids[3], NOW)
        contents.upsert(conn, titles(6), model_version=MODEL, catalogue_version=0, now=NOW)
        resources.publish(conn, ResourceKind.CATALOGUE, 1, model_version=MODEL, body=b"x", now=NOW)
        assert status.figures(conn, NOW) == ShardFigures(
            total_devices=4,
            active_devices=2,
            pushes=2,
            sketches=7,
            contents=6,
            catalogue_version=1,
            state_version=0,
            last_push_at=NOW,
        )
