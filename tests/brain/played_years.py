"""Plays a household's days through a whole brain."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.catalogue_file import read_catalogue
from omega_core.clock import ManualClock
from omega_core.viewing import ViewingContext
from omega_loops import Loop
from omega_testing.years import LIST, Years
from omega_testing.years_household import YearsHousehold, YearsPlan
from omega_testing.years_ports import Shown, YearsTv

TITLES = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh folder of a name that nobody can guess


@contextmanager
def played(plan: YearsPlan, reopen_days: int = 30) -> Iterator[Years[Brain]]:
    """The plan played to its end, with the brain still open.

    In memory where the machine has that: fifteen thousand commits are not what is shown here.
    """
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    clock, storage = ManualClock(plan.start), folder / "tv"
    config = BrainConfig(
        storage_path=storage,
        encoder="lexical",
        constellation_url="",
        timezone="UTC",
        recommend_timeout_ms=10_000,
    )
    try:
        household = YearsHousehold(plan, read_catalogue(TITLES))
        tv = YearsTv(storage, lambda: Brain(config, clock=clock), _ask, reopen_days)
        years = Years(household, clock, tv)
        years.run()
        yield years
        years.brain.close()
    finally:
        shutil.rmtree(folder)


def _ask(brain: Brain, profile_id: str, context: ViewingContext) -> Shown:
    answer = brain.recommend(RecommendQuery(limit=LIST, profile_id=profile_id, context=context))
    return answer.recommendation_id, answer.content_ids


def due(loop: Loop, begin: datetime, end: datetime) -> int:
    """Instants at which a loop was due, the TV on or off."""
    return (end - begin) // loop.period
