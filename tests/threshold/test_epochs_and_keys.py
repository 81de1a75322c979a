"""Epochs, and keys that are there while theirs is open and at no other time."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import KeyRing, Schedule

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SCHEDULE = Schedule()
EPOCH = SCHEDULE.at(NOW)
SCHEDULES = st.builds(Schedule, days=st.integers(1, 366), grace_hours=st.integers(0, 720))
INSTANTS = st.floats(0, 7e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(SCHEDULES, INSTANTS)
def test_the_epochs_that_are_open_have_begun_and_not_closed(
    schedule: Schedule, now: datetime
) -> None:
    current = schedule.at(now)
    assert schedule.ends(current - 1) <= now < schedule.ends(current)
    for epoch in range(max(0, current - 40), current + 3):
        is_open = schedule.ends(epoch - 1) <= now < schedule.closes(epoch)
        assert (epoch in schedule.open(now)) is is_open


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 367}, {"grace_hours": 721}])
def test_a_schedule_has_bounds(wrong: dict[str, int]) -> None:
    with pytest.raises(OmegaError, match=f"{next(iter(wrong))} must be between"):
        Schedule(**wrong)


def test_an_epoch_has_one_key_and_keeps_it(tmp_path: Path) -> None:
    with KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as ring:
        key = ring.key(EPOCH, NOW)
        assert ring.key(EPOCH, NOW) == key
    with KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as ring:
        assert ring.key(EPOCH, NOW) == key
        assert ring.public_keys(NOW) == {EPOCH: key.public}
        assert ring.key(EPOCH + 1, SCHEDULE.ends(EPOCH)) != key


def test_two_that_ask_first_at_once_get_one_key(tmp_path: Path) -> None:
    with (
        KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as one,
        KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as other,
        ThreadPoolExecutor(4) as pool,
    ):
        keys = list(pool.map(lambda ring: ring.key(EPOCH, NOW).secret, [one, other] * 4))
    assert len(set(keys)) == 1


def test_two_purposes_never_share_a_key(tmp_path: Path) -> None:
    with (
        KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as pairs,
        KeyRing(tmp_path / "keys", "tokens", SCHEDULE) as tokens,
    ):
        assert pairs.key(EPOCH, NOW) != tokens.key(EPOCH, NOW)


@pytest.mark.parametrize("epoch", [-1, EPOCH - 1, EPOCH + 1])
def test_an_epoch_that_is_not_open_has_no_key(ring: KeyRing, epoch: int) -> None:
    assert SCHEDULE.closes(EPOCH - 1) <= NOW
    with pytest.raises(OmegaError) as refused:
        ring.key(epoch, NOW)
    assert (refused.value.code, refused.value.field) == (ErrorCode.EPOCH_CLOSED, "epoch")


def test_the_last_epoch_is_served_beside_the_next_until_it_closes(ring: KeyRing) -> None:
    last = ring.key(EPOCH, NOW)
    closes = SCHEDULE.closes(EPOCH)
    assert list(ring.public_keys(closes - timedelta(seconds=1))) == [EPOCH, EPOCH + 1]
    assert ring.key(EPOCH, closes - timedelta(seconds=1)) == last
    assert list(ring.public_keys(closes)) == [EPOCH + 1]
    with pytest.raises(OmegaError, match="epoch must be one that is open"):
        ring.key(EPOCH, closes)


def test_a_closed_epochs_key_is_gone_from_the_file_and_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with KeyRing(path, "pairs", SCHEDULE) as ring:
        ring.key(EPOCH, NOW)
        (seed,) = sqlite3.connect(path).execute("SELECT seed FROM seeds").fetchone()
        assert seed in path.read_bytes()
        ring.key(EPOCH + 1, SCHEDULE.closes(EPOCH))
        assert [seed in each.read_bytes() for each in tmp_path.iterdir()] == [False]
        with pytest.raises(OmegaError, match="epoch must be one that was not closed"):
            ring.key(EPOCH, NOW)  # the clock went back
    with (
        KeyRing(path, "pairs", SCHEDULE) as ring,
        pytest.raises(OmegaError, match="epoch must be one that was not closed"),
    ):
        ring.key(EPOCH, NOW)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    with KeyRing(tmp_path / "keys", "pairs", SCHEDULE):
        assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_what_one_process_closed_another_does_not_open_again(tmp_path: Path) -> None:
    """Whose clock is behind, and which had not asked for that key before."""
    with (
        KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as ahead,
        KeyRing(tmp_path / "keys", "pairs", SCHEDULE) as behind,
    ):
        ahead.close_epochs(SCHEDULE.closes(EPOCH))
        with pytest.raises(OmegaError, match="epoch must be one that was not closed"):
            behind.key(EPOCH, NOW)
