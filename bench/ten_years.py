"""Ten years of a household through the brain."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.catalogue_file import read_catalogue
from omega_core.clock import ManualClock
from omega_core.viewing import ViewingContext
from omega_testing.years import Years
from omega_testing.years_household import YearsHousehold, YearsPlan
from omega_testing.years_ports import Shown, YearsTv

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"


def main() -> None:
    """Plays and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3650)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    plan = YearsPlan(days=arguments.days, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        storage, clock = Path(folder) / "tv", ManualClock(plan.start)
        config = BrainConfig(
            storage_path=storage,
            encoder="lexical",
            constellation_url="",
            timezone="UTC",
            recommend_timeout_ms=10_000,
        )

        def ask(brain: Brain, who: str, context: ViewingContext) -> Shown:
            answer = brain.recommend(RecommendQuery(profile_id=who, context=context))
            return answer.recommendation_id, answer.content_ids

        begun = time.perf_counter()
        years = Years(
            YearsHousehold(plan, read_catalogue(TITLES)),
            clock,
            YearsTv(storage=storage, opened=lambda: Brain(config, clock=clock), ask=ask),
        )
        figures = years.run()
        print(f"{time.perf_counter() - begun:.1f} s")
        for loop, work in figures.work.items():
            print(
                f"{loop:16}{work.finished:7}{work.coalesced:7}{work.runs:7}{work.failed:4}"
                f"{work.seconds:9.2f}{work.cpu:9.2f}{work.longest:8.3f}{1e3 * work.late(0.99):7.2f}",
                dict(work.changes),
            )
        print(figures.seconds)
        print(figures.fullest)
        print(*figures.sizes[::4], sep="\n")
        print(
            {
                k: v
                for k, v in vars(figures).items()
                if k not in {"work", "faults", "seconds", "fullest", "sizes", "listing"}
            }
        )
        print(*figures.faults[:10], sep="\n")
        years.brain.close()


main()
