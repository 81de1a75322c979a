"""What stands when little is known: the device's budget, popular titles, shipped defaults."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.errors import OmegaError
from omega_core.memory import MemoryQuery, Tier
from omega_memory import shipped
from omega_memory.popular import PREFIX, PopularTitle, popular_list, popular_memories
from omega_memory.substrate import Latencies, device_memory, latency_budget_ms
from omega_rank.config import RankConfig
from omega_testing.remembering import Remembering

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)


def measured(*milliseconds: float) -> Latencies:
    latencies = Latencies()
    for each in milliseconds:
        latencies.note(each / 1_000)
    return latencies


def test_the_device_knows_its_cores_memory_and_speed(tv: Remembering) -> None:
    profile = measured(*range(1, 101)).profile()
    assert profile.cores >= 1
    assert profile.memory_bytes > 2**20
    assert profile.answers == 100
    assert profile.p50_ms == pytest.approx(50.5)
    assert profile.p99_ms == pytest.approx(99.01)
    memory = device_memory(profile, NOW)
    assert tv.memory.store(memory, NOW)
    assert "answers in 50.5 ms" in memory.text
    assert tv.memory.store(device_memory(measured().profile(), NOW), NOW)


def test_only_the_latest_answers_count() -> None:
    profile = measured(*[500.0] * 10, *[2.0] * 2_000).profile()
    assert profile.answers == 2_000
    assert profile.p99_ms == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("answers", "milliseconds", "budget"),
    [(99, 1.0, 15.0), (100, 1.0, 3.75), (100, 3.0, 6.0), (100, 40.0, 15.0)],
)
def test_the_budget_follows_what_was_measured(
    answers: int, milliseconds: float, budget: float
) -> None:
    memory = device_memory(measured(*[milliseconds] * answers).profile(), NOW)
    assert latency_budget_ms([memory], 15.0) == pytest.approx(budget, abs=0.001)
    assert latency_budget_ms([], 15.0) == 15.0


def test_a_budget_needs_a_ceiling() -> None:
    with pytest.raises(OmegaError):
        latency_budget_ms([], 0.0)


def test_trends_are_kept_by_rank_and_replaced_by_newer_ones(tv: Remembering) -> None:
    def keep(*scores: tuple[str, float]) -> int:
        titles = [PopularTitle(name, name.upper(), score) for name, score in scores]
        memories = popular_memories(titles, "trend", "north", NOW)
        return tv.memory.replace(Tier.CIVILIZATIONAL, "", PREFIX, memories, NOW)

    assert keep(("c1", 2.0), ("c2", 8.0), ("c3", 0.0)) == 2
    trends = tv.memory.named(Tier.CIVILIZATIONAL, PREFIX, NOW)
    assert popular_list(trends, [], 5) == ["c2", "c1"]
    assert {each.text for each in trends} == {"Popular in north: C1.", "Popular in north: C2."}
    assert sorted(each.importance for each in trends) == pytest.approx([0.925, 1.0])
    assert keep(("c4", 1.0)) == 1
    trends = tv.memory.named(Tier.CIVILIZATIONAL, PREFIX, NOW)
    assert popular_list(trends, [], 5) == ["c4"]


def test_the_list_of_last_resort_ends_with_what_was_shipped(
    opened: Callable[..., Remembering],
) -> None:
    held = shipped.source().recent(MemoryQuery(), 1_000)
    ids = [content.content_id for content in shipped.defaults().popular]
    trend = popular_memories([PopularTitle(ids[3], "T", 1.0)], "prior", "", NOW)
    assert popular_list(trend, held, 5) == [ids[3], ids[0], ids[1], ids[2], ids[4]]
    assert popular_list([], held, 1_000) == ids
    tv = opened(defaults=held)
    found = tv.memory.recall(MemoryQuery(tiers=(Tier.OMEGA,), limit=3), NOW)
    assert [each.memory.content_id for each in found] == ids[:3]


def test_the_shipped_defaults_are_what_the_tool_builds() -> None:
    tool = [sys.executable, str(ROOT / "tools" / "shipped_defaults.py"), "--check"]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stdout


def test_the_shipped_ranking_is_the_rankers_own() -> None:
    assert dict(shipped.defaults().ranking) == asdict(RankConfig())


def test_the_shipped_titles_are_many_sided_and_for_every_hour() -> None:
    titles = shipped.defaults().popular
    assert len(titles) == len({title.content_id for title in titles}) == 200
    leading = Counter(title.genres[0] for title in titles[:20])
    assert len(leading) >= 15
    assert not {"Crime", "Horror", "Thriller", "War"} & {g for t in titles for g in t.genres}
