"""Each pair of liked titles is told once, ever, within the bytes of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.brain.pair_town import Likes, PairTv, Town, told, town

from omega_persistence.pair_reports import PairState
from omega_threshold.intake import SENT_BYTES


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Town]:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town") as made:
        yield made


@pytest.fixture
def open_tv(parties: Town, tmp_path: Path) -> Iterator[Callable[..., PairTv]]:
    made: list[PairTv] = []

    def start(likes: list[int], **settings: Any) -> PairTv:
        tv = PairTv(parties, tmp_path / f"tv-{len(made)}", Likes(likes), **settings)
        tv.start()
        made.append(tv)
        return tv

    yield start
    for tv in made:
        tv.stop()


def test_every_pair_is_told_once_within_the_bytes_of_each_day(
    parties: Town, open_tv: Callable[..., PairTv]
) -> None:
    likes = list(range(1, 10))
    tv = open_tv(likes)
    tv.days(9)
    assert parties.pairs() == dict.fromkeys(told(likes), 1)
    days = tv.stores.pair_means.days()
    assert max(days.values()) <= 4_000
    assert tv.stores.pair_reports.counts()[PairState.TOLD] == 45
    assert {each.size for each in parties.arrived if each.method == "Forward"} == {SENT_BYTES + 3}
    tv.days(10)
    assert len(parties.rows) == 45


def test_without_a_delay_a_day_pays_for_sending_what_it_made(
    parties: Town, open_tv: Callable[..., PairTv]
) -> None:
    tv = open_tv(list(range(1, 41)), delay=timedelta())
    tv.days(1)
    found = tv.stores.pair_reports.counts()
    assert found[PairState.TOLD] == len(parties.rows) >= 14
    assert found[PairState.READY] == found[PairState.TRIED] == 0
