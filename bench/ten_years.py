"""Ten years of a household through the brain, in minutes, with everything held to an oracle.

`python bench/ten_years.py [--days 3651] [--seed 1] [--storage DIR] [--json]`. The TV is on for four
hours a day; its process ends every month, by turns in good order and by a power cut. Without
--storage the files lie in memory where the machine has that: a TV of ten years commits 150,000
times, and what a disk makes of that is measured elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os

# As omega-brain does, before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.catalogue_file import read_catalogue
from omega_core.clock import ManualClock
from omega_core.viewing import ViewingContext
from omega_loops import DEADLINE_LOOPS, PERIODIC_LOOPS, Loop
from omega_testing.years import LIST, Years
from omega_testing.years_figures import YearsFigures, quantile
from omega_testing.years_findings import drifts, rhythms, tuning
from omega_testing.years_household import ADULT, CHILD, YearsHousehold, YearsPlan
from omega_testing.years_ports import Shown, YearsTv

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh folder of a name that nobody can guess
YEAR = 365
Figures = dict[str, dict[str, object]]


def main() -> None:
    """Plays and prints; ends with 1 when anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=YearsPlan.days)
    parser.add_argument("--seed", type=int, default=YearsPlan.seed)
    parser.add_argument("--storage", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    shift = round(0.6 * arguments.days / YEAR) * YEAR if arguments.days >= 2 * YEAR else 0
    plan = YearsPlan(
        days=arguments.days, seed=arguments.seed, shift_day=shift or round(0.6 * arguments.days)
    )
    with tempfile.TemporaryDirectory(dir=arguments.storage) as folder:
        years, seconds = _play(plan, Path(folder) / "tv")
        figures = _figures(plan, years, seconds)
        years.brain.close()
    faults = years.figures.faults
    if arguments.json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version()}
        print(json.dumps({"bench": "years", "machine": machine, "figures": figures}))
    else:
        _print(years.figures, figures)
    print(*faults, sep="\n", file=sys.stderr)
    sys.exit(bool(faults))


def _play(plan: YearsPlan, storage: Path) -> tuple[Years[Brain], float]:
    clock = ManualClock(plan.start)
    config = BrainConfig(
        storage_path=storage,
        encoder="lexical",
        constellation_url="",
        timezone="UTC",
        recommend_timeout_ms=10_000,
    )
    begun = time.perf_counter()
    years = Years(
        YearsHousehold(plan, read_catalogue(TITLES)),
        clock,
        YearsTv(storage, lambda: Brain(config, clock=clock), _ask),
    )
    years.run(_progress(plan.days, begun))
    return years, time.perf_counter() - begun


def _ask(brain: Brain, profile_id: str, context: ViewingContext) -> Shown:
    answer = brain.recommend(RecommendQuery(limit=LIST, profile_id=profile_id, context=context))
    return answer.recommendation_id, answer.content_ids


def _progress(days: int, begun: float) -> Callable[[int], None]:
    """A bar for a person, a line a year for a file."""
    bars = sys.stderr.isatty()

    def show(day: int) -> None:
        taken = time.perf_counter() - begun
        done = f"{day / YEAR:4.1f} years in {taken:4.0f} s"
        last = day >= days - 1
        if bars and (day % 10 == 0 or last):
            bar = "#" * (40 * (day + 1) // days)
            end = "\n" if last else ""
            print(f"\r[{bar:40}] {done}", end=end, file=sys.stderr, flush=True)
        elif not bars and (day % YEAR == 0 or last):
            print(done, file=sys.stderr, flush=True)

    return show


def _figures(plan: YearsPlan, years: Years[Brain], seconds: float) -> Figures:
    played, work = years.figures, years.figures.work
    tier = max(years.brain.memory.stats(), key=lambda each: each.memories / each.capacity)
    settled = [size for size in played.sizes if size.day >= YEAR] or played.sizes[-1:]
    return {
        "run_s": _figure(
            round(seconds),
            "s",
            "<= 600" if plan.days > 9 * YEAR else "",
            cpu_s=round(time.process_time()),
        ),
        "events": _figure(played.events, "", ">= 20000" if plan.days > 9 * YEAR else ""),
        "viewings": _figure(
            len(years.ledger.entries),
            "",
            "",
            ended_by_the_switch=len(years.ledger.cut_off),
            closed=played.closed,
            power_cut=played.cut,
        ),
        "hours_on_a_day": _figure(
            round(played.on.total_seconds() / 3_600 / played.days, 2), "h", "about 4"
        ),
        "faults": _figure(len(played.faults), "", "0", audits=played.audits),
        **{
            f"{loop}_p99_ms": _figure(
                round(1e3 * work[loop].late(0.99), 2),
                "ms",
                f"<= {1e3 * loop.period.total_seconds():.0f}",
                events=work[loop].finished,
                greatest_ms=round(1e3 * max(work[loop].lateness, default=0), 2),
                beside_a_cycle=played.beside,
            )
            for loop in DEADLINE_LOOPS
        },
        **{
            f"{loop}_cycles": _figure(
                work[loop].finished,
                "",
                "as reckoned",
                coalesced=work[loop].coalesced,
                cpu_ms_a_cycle=round(1e3 * work[loop].cpu / max(work[loop].finished, 1), 2),
            )
            for loop in PERIODIC_LOOPS
        },
        "recommend_p99_ms": _figure(
            round(1e3 * quantile(played.listing, 0.99), 2),
            "ms",
            "",
            p50_ms=round(1e3 * quantile(played.listing, 0.5), 2),
            lists=played.lists,
        ),
        "fullest_tier": _figure(
            round(tier.memories / tier.capacity, 3),
            tier.tier.name.lower(),
            "<= 1",
            **{name: most for name, most in played.fullest.items() if most},
        ),
        "rss_mb": _figure(
            round(played.sizes[-1].rss_mb), "MB", "", after_a_year=round(settled[0].rss_mb)
        ),
        "disk_mb": _figure(
            round(played.sizes[-1].disk_mb, 1), "MB", "<= 512", titles=played.sizes[-1].titles
        ),
        "first_watched_in_list": _figure(
            round(played.hits / max(played.firsts, 1), 3), "", "", titles=played.firsts
        ),
        "taste_patterns_new": _figure(round(played.sizes[-1].new_taste, 3), "", "> 0.5"),
        **_taste(plan, years),
    }


def _taste(plan: YearsPlan, years: Years[Brain]) -> Figures:
    """What the brain has understood of the household."""
    brain, now = years.brain, years.now
    told = [each for each in drifts(brain, now) if ".." not in each.before]
    # A year goes by the month in which it ends.
    turned = f"{plan.start + timedelta(days=plan.shift_day + YEAR):%Y-%m}"
    claimed = [each for each in told if each.significant]
    # The household's taste moves with the adult's.
    wrong = [e for e in claimed if e.after != turned or e.profile_id == CHILD.profile_id]
    right = [e for e in claimed if e not in wrong and e.profile_id == ADULT.profile_id]
    compared = 3 * max(years.figures.work[Loop.TRANSFORMATIVE].finished - 1, 0)
    seasons = [
        each.lift
        for each in rhythms(brain, now)
        if (each.profile_id, each.genre) == (ADULT.profile_id, plan.season)
        and each.when == str(plan.season_month)
    ]
    tested = tuning(brain)
    return {
        "shift_found": _figure(
            len(right), "", "1", p_value=min((each.p_value for each in right), default=1.0)
        ),
        "drift_false_alarms": _figure(len(wrong), "", "0", comparisons=compared),
        "season_lift": _figure(max(seasons, default=0.0), "", "> 1"),
        "self_tuning_tests": _figure(
            sum(tested.values()),
            "",
            "",
            attempts=years.figures.work[Loop.EVOLUTIONARY].finished,
            **tested,
        ),
    }


def _figure(value: object, unit: str, goal: str, **beside: object) -> dict[str, object]:
    return {"value": value, "unit": unit, "goal": goal, "beside": beside}


def _print(played: YearsFigures, figures: Figures) -> None:
    print(f"{'figure':24}{'value':>10} {'unit':10}{'goal':12}beside")
    for name, figure in figures.items():
        beside = figure["beside"]
        rest = ", ".join(f"{k} {v}" for k, v in beside.items()) if isinstance(beside, dict) else ""
        print(f"{name:24}{figure['value']!s:>10} {figure['unit']!s:10}{figure['goal']!s:12}{rest}")
    print(
        f"\n{'loop':16}{'cycles':>8}{'runs':>8}{'failed':>8}{'CPU s':>8}{'s':>8}{'longest s':>10}"
    )
    for loop in Loop:
        work = played.work[loop]
        print(
            f"{loop:16}{work.finished:8}{work.runs:8}{work.failed:8}{work.cpu:8.1f}"
            f"{work.seconds:8.1f}{work.longest:10.3f}"
        )
    print("\nyear  titles  RSS MB  disk MB patterns   edges   new")
    shown = {size.day // YEAR: size for size in reversed(played.sizes)}
    for year, size in sorted(shown.items()):
        print(
            f"{year:4}{size.titles:8}{size.rss_mb:8.0f}{size.disk_mb:9.1f}{size.patterns:9}"
            f"{size.edges:8}{size.new_taste:6.2f}"
        )


if __name__ == "__main__":
    main()
