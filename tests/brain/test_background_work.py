"""Syncs and backups that nobody asks for: when they come, what they survive, how they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omega_brain.background import FIRST_BACKUP_SECONDS, Background
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.content import Content
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_testing.gateway import Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]


def test_after_a_sync_the_server_says_when(tv: Tv, gateway: Gateway) -> None:
    gateway.ask_back_in(timedelta(seconds=77))
    assert 70 < Background(tv.brain)._sync() <= 77


def test_work_goes_on_after_whatever_it_raised(tv: Tv) -> None:
    background = Background(tv.brain)
    done = threading.Event()
    seen: list[int] = []

    def work() -> float:
        seen.append(len(seen))
        if len(seen) < 3:
            raise [OSError("gone"), RuntimeError("worse")][len(seen) - 1]
        done.set()
        return 60.0

    background._run("test", lambda: 0.01, work)
    assert done.wait(20)
    background.stop()
    assert seen == [0, 1, 2]


def test_a_backup_holds_what_was_recorded(
    tv: Tv, config: BrainConfig, titles: list[Content], viewing: Viewing, tmp_path: Path
) -> None:
    tv.brain.upsert(titles)
    tv.watch([viewing(title.content_id) for title in titles[:3]])
    assert Background(tv.brain)._backup() == config.backup_interval_seconds
    copy = tmp_path / "restored" / "brain.db"
    copy.parent.mkdir()
    copy.write_bytes((config.storage_path / "brain.db.backup").read_bytes())
    with_it = Brain(replace(config, storage_path=copy.parent))
    assert (with_it.stores.events.count(), with_it.likes) == (3, 3)
    with_it.close()
    assert list((config.storage_path / "index").glob("manifest-*.json"))


def test_without_a_server_or_an_interval_nothing_is_exchanged(open_tv: Callable[..., Tv]) -> None:
    for settings in ({"constellation_url": ""}, {"sync_interval_secs": 0}):
        tv = open_tv(**settings)
        background = Background(tv.brain)
        background.start()
        assert [thread.name for thread in background._threads] == ["heartbeat", "backup"]
        background.stop()
        tv.close()


def test_a_tv_without_a_backup_makes_one_soon(open_tv: Callable[..., Tv]) -> None:
    tv = open_tv(constellation_url="", backup_interval_seconds=7_200)
    background = Background(tv.brain)
    assert background.first_backup() == FIRST_BACKUP_SECONDS
    tv.brain.backup()
    assert background.first_backup() == 7_200


def test_stopping_ends_an_exchange_under_way(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish
) -> None:
    """A body that takes minutes must not hold up a TV that is switched off."""
    publish_catalogue(titles)
    reached, go_on = threading.Event(), threading.Event()

    def halt(_: int) -> None:
        reached.set()
        go_on.wait(50)

    gateway.on_sent = halt
    background = Background(tv.brain)
    background._run("sync", lambda: 0.01, background._sync)
    try:
        assert reached.wait(20)
        background.stop()
        assert not go_on.is_set()
    finally:
        go_on.set()
    assert tv.brain.stores.meta.last_sync().error == "", "no fault of the server's"


def test_exchanges_take_turns(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish, viewing: Viewing
) -> None:
    publish_catalogue(titles)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:30]])
    under_way: list[int] = []
    most: list[int] = []

    def stored() -> None:
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.02)
        under_way.pop()

    gateway.on_stored = stored
    with ThreadPoolExecutor(4) as pool:
        outcomes = [future.result() for future in [pool.submit(tv.sync) for _ in range(4)]]
    assert sorted(outcome.pushed_sketches for outcome in outcomes) == [0, 0, 12, 18]
    assert most == [1, 1]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"constellation_url": "http://sync.example.com:443"}, "constellation_url"),
        ({"constellation_url": "https://192.0.2.1:443/path"}, "constellation_url"),
        ({"constellation_url": "http://127.0.0.1"}, "constellation_url"),
        ({"constellation_url": "https://me@sync.example.com"}, "constellation_url"),
        ({"constellation_url": "https://[::1"}, "constellation_url"),
        (
            {
                "constellation_url": "https://sync.example.com",
                "constellation_tls_ca": Path("/nowhere/ca.pem"),
            },
            "ca",
        ),
    ],
)
def test_a_target_that_cannot_be_trusted_is_refused_at_the_start(
    settings: dict[str, object], named: str, config: BrainConfig
) -> None:
    with pytest.raises(OmegaError, match=named):
        Brain(replace(config, **settings))  # type: ignore[arg-type]  # a table of settings
