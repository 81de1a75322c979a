"""Months of a household through a whole brain: nothing lost, nothing kept too long, all learnt."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.catalogue_file import read_catalogue
from omega_core.clock import ManualClock
from omega_core.viewing import ViewingContext
from omega_loops import DEADLINE_LOOPS
from omega_testing.years import Years
from omega_testing.years_household import YearsHousehold, YearsPlan
from omega_testing.years_ports import Shown, YearsTv

TITLES = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the machine has that: ten thousand commits are not what is shown here."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder of a name that nobody can guess
    if not memory.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


def _ask(brain: Brain, profile_id: str, context: ViewingContext) -> Shown:
    answer = brain.recommend(RecommendQuery(profile_id=profile_id, context=context))
    return answer.recommendation_id, answer.content_ids


def test_a_month(quick_folder: Path) -> None:
    plan = YearsPlan(days=31)
    clock = ManualClock(plan.start)
    config = BrainConfig(
        storage_path=quick_folder / "tv",
        encoder="lexical",
        constellation_url="",
        timezone="UTC",
        recommend_timeout_ms=10_000,
    )
    years = Years(
        YearsHousehold(plan, read_catalogue(TITLES)),
        clock,
        YearsTv(config.storage_path, lambda: Brain(config, clock=clock), _ask, reopen_days=10),
    )
    figures = years.run()
    years.brain.close()
    assert figures.faults == []
    for loop in DEADLINE_LOOPS:
        assert figures.work[loop].finished == figures.events > 180
    assert (figures.closed, figures.cut) == (2, 1)
