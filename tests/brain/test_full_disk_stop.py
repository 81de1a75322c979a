"""A full disk must keep neither a brain from stopping nor its directory from the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_testing.gateway import Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]


def _fill(brain: Brain, *, full: bool = True) -> None:
    """SQLite's own page limit stands for the disk's: the same error from the same place."""
    with brain.stores.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_stop_on_a_full_disk_gives_the_directory_up(
    config: BrainConfig, titles: list[Content], viewing: Viewing
) -> None:
    brain = Brain(config)
    brain.upsert(titles)
    for title in titles[:3]:
        brain.observe(viewing(title.content_id))
    for _ in range(500):
        brain.recommend(RecommendQuery(limit=100))
    _fill(brain)
    with pytest.raises(OmegaError) as caught:
        brain.stores.recommendations.flush()
    assert caught.value.code == ErrorCode.STORAGE_FULL
    for _ in range(500):
        brain.recommend(RecommendQuery(limit=100))
    brain.close()
    again = Brain(config)
    assert (again.stores.events.count(), again.likes) == (3, 3)
    again.close()


def test_an_index_that_cannot_be_written_costs_time_and_nothing_else(
    config: BrainConfig, titles: list[Content]
) -> None:
    """A file stands where the index's directory would be."""
    config.storage_path.mkdir()
    (config.storage_path / "index").write_text("in the way")
    for _ in range(2):
        brain = Brain(config)
        brain.upsert(titles)
        query = RecommendQuery(query_text=titles[5].title, limit=50)
        assert titles[5].content_id in brain.recommend(query).content_ids
        brain.backup()
        brain.close()


def test_a_full_disk_stops_a_sync_and_the_next_one_goes_on(
    tv: Tv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
) -> None:
    publish_catalogue(titles)
    tv.brain.upsert(titles[:10])
    _fill(tv.brain)
    before = tv.listed()
    with pytest.raises(OmegaError) as caught:
        tv.sync()
    assert caught.value.code == ErrorCode.STORAGE_FULL
    assert tv.listed() == before
    _fill(tv.brain, full=False)
    tv.sync()
    assert tv.brain.stores.contents.count() == len(titles)
    assert len(gateway.registrations) == len(
        {request.request_id for request in gateway.registrations}
    )


def test_fresh_noise_does_not_leave_before_a_backup_holds_it(
    tv: Tv,
    config: BrainConfig,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    viewing: Viewing,
) -> None:
    """A directory stands where the backup would be written."""
    publish_catalogue(titles)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    in_the_way = config.storage_path / "brain.db.backup.new"
    (in_the_way / "x").mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(OmegaError) as caught:
            tv.sync()
        assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
    assert not gateway.sketches
    (in_the_way / "x").rmdir()
    in_the_way.rmdir()
    assert tv.sync().pushed_sketches == 4
