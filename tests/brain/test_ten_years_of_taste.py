"""After ten years the first of them is held against the last, by the brain's own slowest loop."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.memory import Tier
from omega_core.viewing import ViewingEvent
from omega_loops import Loop
from omega_memory import trajectory
from omega_meta_sona import TuningConfig

START = datetime(2026, 3, 2, 18, tzinfo=UTC)
DAY = timedelta(days=1)


def test_ten_years_leave_a_taste_and_the_way_it_went(
    config: BrainConfig,
    stocked_storage: Path,
    titles: list[Content],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tuning is not what is shown here, and takes most of the time.
    monkeypatch.setattr("omega_brain.tuning.TuningConfig", lambda: TuningConfig(least_positives=50))
    shutil.copytree(stocked_storage, config.storage_path)
    clock = ManualClock(START)
    brain = Brain(config, clock=clock)
    brain.loops.tick(clock.now())
    shelves = [
        [t for t in titles if genre in t.genres and other not in t.genres][:14]
        for genre, other in (("Comedy", "Drama"), ("Drama", "Comedy"))
    ]
    for year, shelf in zip((0, 9), shelves, strict=True):
        brain.observe_all(
            [
                ViewingEvent(
                    f"{year}-{n}", title.content_id, 0.95, 0.95, START + (365 * year + 12 * n) * DAY
                )
                for n, title in enumerate(shelf, 1)
            ]
        )
    # Off for ten years: the TV makes up for each loop by one cycle.
    clock.advance(Loop.TRANSCENDENT.period)
    states = brain.persistence.loops
    while states.load()[Loop.TRANSCENDENT].cycle < 1:
        assert brain.loops.tick(clock.now())

    held = {each.key: each for each in brain.memory.named(Tier.EVOLUTIONARY, "", clock.now(), None)}
    taken = [each for key, each in held.items() if ".." in key and "taste" in key]
    assert [each.profile_id for each in taken] == [""]
    assert "Comedy" in taken[0].text
    assert "Drama" in taken[0].text
    drifts = [
        each.metadata for key, each in held.items() if key.startswith(trajectory.DRIFT_PREFIX)
    ]
    first_to_last = [m for m in drifts if (m["before"][:4], m["after"][:4]) == ("2027", "2036")]
    assert [m["significant"] for m in first_to_last] == ["true"]
    (report,) = states.history(Loop.TRANSCENDENT, 1)
    assert (report.cycle, report.changes["taste_memories"]) == (1, 3)
    brain.close()
