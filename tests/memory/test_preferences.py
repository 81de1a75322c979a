"""Preferences hold with confidence, say so in a sentence, and bend the present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omega_core.memory import Tier
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_memory.habits import Habits
from omega_memory.sampling import wilson_lower
from omega_memory.semantic import PREFIX, genre_affinity, preferences
from omega_testing.remembering import Remembering

NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)
MORNING, EVENING = ViewingContext(time_of_day=1), ViewingContext(time_of_day=3)


def watched(genre: str, seen: int, stayed: int, context: ViewingContext) -> Habits:
    return add(Habits(), genre, seen, stayed, context)


def add(habits: Habits, genre: str, seen: int, stayed: int, context: ViewingContext) -> Habits:
    return habits.add(
        [
            (
                ViewingEvent(
                    event_id=f"{genre}{number}",
                    content_id=f"{genre}{number}",
                    watch_percentage=0.9 if number < stayed else 0.1,
                    engagement_score=0.5,
                    occurred_at=NOW,
                    context=context,
                ),
                (genre,),
            )
            for number in range(seen)
        ]
    )


@pytest.mark.parametrize(
    ("successes", "trials", "lower"),
    # Wilson intervals by hand: (p + z2/2n - z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.96
    [(4, 4, 0.5101), (8, 9, 0.5650), (50, 100, 0.4038), (0, 10, 0.0), (0, 0, 0.0)],
)
def test_the_lower_bound_is_wilsons(successes: int, trials: int, lower: float) -> None:
    assert wilson_lower(successes, trials) == pytest.approx(lower, abs=1e-4)


def test_a_genre_watched_to_the_end_is_liked_after_four_viewings() -> None:
    assert preferences(watched("Drama", 3, 3, EVENING), "", NOW) == []
    found = preferences(watched("Drama", 4, 4, EVENING), "", NOW)
    assert [each.key for each in found] == [
        f"{PREFIX}always::Drama",
        f"{PREFIX}time:evening:Drama",
    ]
    assert {each.tier for each in found} == {Tier.SEMANTIC}


def test_a_preference_states_its_figures_and_a_sentence() -> None:
    habits = add(watched("Drama", 9, 8, EVENING), "News", 9, 0, MORNING)
    by_key = {each.key: each for each in preferences(habits, "anna", NOW)}
    liked, left = by_key[f"{PREFIX}time:evening:Drama"], by_key[f"{PREFIX}always::News"]
    assert liked.text == "Evenings: Drama is mostly watched to the end, 8 of 9 times."
    assert left.text == "News is mostly left early, 9 of 9 times."
    assert liked.importance == liked.confidence == wilson_lower(8, 9)
    assert liked.profile_id == "anna"
    known = liked.metadata
    assert (known["leaning"], known["rate"], known["support"], known["lift"]) == (
        "likes",
        "0.8889",
        "9.0000",
        "2.0000",
    )
    assert left.metadata["leaning"] == "leaves"


def test_every_preference_reaches_the_tier(tv: Remembering) -> None:
    found = preferences(watched("Drama", 4, 4, EVENING), "", NOW)
    assert tv.memory.replace(Tier.SEMANTIC, "", PREFIX, found, NOW) == len(found)


def test_old_preferences_fade() -> None:
    habits = watched("Drama", 6, 6, EVENING)
    assert preferences(habits, "", NOW)
    assert preferences(habits, "", NOW + timedelta(days=400)) == []


def test_a_genre_suits_the_time_it_is_watched_at() -> None:
    habits = add(watched("Drama", 30, 29, EVENING), "Cartoon", 30, 29, MORNING)
    memories = preferences(habits, "", NOW)
    genres = ("drama", "Cartoon", "Unheard")
    evening = genre_affinity(memories, EVENING, genres)
    morning = genre_affinity(memories, MORNING, genres)
    nowhere = genre_affinity(memories, ViewingContext(), genres)
    assert evening[0] > evening[1] > 0
    assert morning[1] > morning[0] > 0
    assert nowhere[0] == pytest.approx(nowhere[1])
    assert nowhere[2] == evening[2] == 0


def test_what_is_left_early_counts_against_a_genre() -> None:
    memories = preferences(watched("News", 20, 1, EVENING), "", NOW)
    (there,) = genre_affinity(memories, EVENING, ["News"])
    (else_,) = genre_affinity(memories, MORNING, ["News"])
    assert -1 <= there < else_ < 0


def test_affinity_by_hand() -> None:
    memories = preferences(add(watched("Drama", 9, 8, EVENING), "X", 9, 9, MORNING), "", NOW)
    sure = 2 * wilson_lower(8, 9) - 1
    (found,) = genre_affinity(memories, EVENING, ["Drama"])
    assert found == pytest.approx(0.5 * sure + 0.5 * sure * 1.0, abs=1e-6)
