"""Semantic: what a profile stays with, by genre, mood and time of day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from omega_core.memory import KIND, Memory, Tier
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext
from omega_memory.habits import ANY, Habit, Habits
from omega_memory.sampling import wilson_lower
from omega_memory.words import MOODS, TIMES, decimal

PREFIX = "preference:"
"""Keys of preferences begin so."""
LIKES, LEAVES = "likes", "leaves"
"""Which way a preference leans: viewings of it mostly succeed, or mostly fail."""


def preferences(habits: Habits, profile_id: str, now: datetime) -> list[Memory]:
    """Every preference that holds with confidence 1/2 or more, strongest first.

    Its confidence and importance are the lower end of the 95 % Wilson interval of the share of
    viewings that succeeded (or failed, for what is left), so a genre always watched to the end
    needs four viewings. Metadata: habit, value, genre, leaning, rate, support (viewings, faded),
    lift (the genre's share of viewings then, over its share always).

    Store them with HouseholdMemory.replace(Tier.SEMANTIC, profile_id, PREFIX, ...).
    """
    present = habits.faded(now)
    found = []
    for habit, value, genre in present.cells:
        if genre != ANY and habit in {Habit.ALWAYS, Habit.TIME, Habit.MOOD}:
            memory = _preference(present, (habit, value, genre), profile_id, now)
            if memory is not None:
                found.append(memory)
    return sorted(found, key=lambda memory: (-memory.importance, memory.key))


def genre_affinity(
    memories: Iterable[Memory], context: ViewingContext, genres: Sequence[str]
) -> FloatArray:
    """(len(genres),) how much each genre suits the present context, -1 to 1; 0 = nothing known.

    Half comes from the genre itself: +-(2 confidence - 1). Half is the mean of the same for the
    context's time of day and mood, scaled by log2(lift) within -1 and 1: a genre that is liked but
    not then gains nothing.

    Args:
        memories: preferences of one profile.
        context: the present circumstances.
        genres: names, compared without case.
    """
    stated = {
        (Habit.TIME.value, TIMES.get(context.time_of_day, "")),
        (Habit.MOOD.value, MOODS.get(context.mood, "")),
    }
    always: dict[str, float] = {}
    then: dict[str, list[float]] = {}
    for memory in memories:
        known = memory.metadata
        if known.get(KIND) != "preference":
            continue
        genre = known["genre"].casefold()
        sure = 2.0 * memory.confidence - 1.0
        if known["habit"] == Habit.ALWAYS:
            always[genre] = sure if known["leaning"] == LIKES else -sure
        elif (known["habit"], known["value"]) in stated:
            lift = float(np.clip(math.log2(max(float(known["lift"]), 1e-6)), -1.0, 1.0))
            then.setdefault(genre, []).append(sure * lift if known["leaning"] == LIKES else -sure)
    affinity = [
        0.5 * always.get(name, 0.0) + 0.5 * float(np.mean(then.get(name, [0.0])))
        for name in map(str.casefold, genres)
    ]
    return np.asarray(affinity, np.float32)


def _preference(
    habits: Habits, cell: tuple[Habit, str, str], profile_id: str, now: datetime
) -> Memory | None:
    habit, value, genre = cell
    seen, stayed = habits.cells[cell]
    likes, leaves = wilson_lower(stayed, seen), wilson_lower(seen - stayed, seen)
    sure = max(likes, leaves)
    if sure < 0.5:  # noqa: PLR2004 - more likely than not
        return None
    leaning, count = (LIKES, stayed) if likes >= leaves else (LEAVES, seen - stayed)
    done = "watched to the end" if leaning == LIKES else "left early"
    when = {
        Habit.ALWAYS: genre,
        Habit.TIME: f"{value.capitalize()}s: {genre}",
        Habit.MOOD: f"In a {value} mood: {genre}",
    }[habit]
    return Memory(
        tier=Tier.SEMANTIC,
        key=f"{PREFIX}{habit}:{value}:{genre}"[:160],
        profile_id=profile_id,
        text=f"{when} is mostly {done}, {count:.0f} of {seen:.0f} times.",
        importance=sure,
        confidence=sure,
        created_at=now,
        accessed_at=now,
        metadata={
            KIND: "preference",
            "habit": habit.value,
            "value": value,
            "genre": genre,
            "leaning": leaning,
            "rate": decimal(stayed / seen),
            "support": decimal(seen),
            "lift": decimal(_lift(habits, cell)),
        },
    )


def _lift(habits: Habits, cell: tuple[Habit, str, str]) -> float:
    habit, value, genre = cell
    then = habits.cells[cell][0] / habits.counts(habit, value)[0]
    always = habits.counts(Habit.ALWAYS, "", genre)[0] / habits.counts(Habit.ALWAYS)[0]
    return then / always if always else 1.0
