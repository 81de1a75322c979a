"""The split keeps its promises for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.viewing import ViewingEvent
from omega_eval.household import Household
from omega_eval.split import MIN_POSITIVES, HoldOut, Level, SplitHousehold, split

START = datetime(2024, 1, 1, tzinfo=UTC)

viewings = st.lists(
    st.tuples(st.integers(0, 25), st.integers(0, 12), st.sampled_from([0.2, 0.7, 0.71, 1.0])),
    max_size=40,
)


def household(seen: list[tuple[int, int, float]], name: str = "h") -> Household:
    events = [
        ViewingEvent(f"e{k}", f"t{title}", share, share, START + timedelta(hours=hour))
        for k, (title, hour, share) in enumerate(seen)
    ]
    return Household(name, tuple(events), synthetic=False)


def cut(seen: list[tuple[int, int, float]], hold_out: HoldOut, level: Level) -> SplitHousehold:
    return split([household(seen)], hold_out, level)[0]


def first_successes(events: tuple[ViewingEvent, ...]) -> list[str]:
    seen: set[str] = set()
    found = []
    for event in events:
        if event.content_id not in seen and event.watch_percentage > 0.7:
            found.append(event.content_id)
        seen.add(event.content_id)
    return found


@settings(max_examples=150, deadline=None)
@given(seen=viewings, hold_out=st.sampled_from(HoldOut), level=st.sampled_from(Level))
def test_nothing_at_or_after_the_first_held_out_positive_trains(
    seen: list[tuple[int, int, float]], hold_out: HoldOut, level: Level
) -> None:
    found = cut(seen, hold_out, level)
    assert list(found.train) == sorted(found.train, key=lambda e: e.occurred_at)
    train_ids = {event.event_id for event in found.train}
    held = set(found.held_out)
    assert len(held) == len(found.held_out)
    for event in household(seen).events:
        if event.content_id in held:
            assert event.event_id not in train_ids
    if held:
        first = found.held_out[0]
        starts = min(e.occurred_at for e in household(seen).events if e.content_id == first)
        assert all(event.occurred_at <= starts for event in found.train)


@settings(max_examples=150, deadline=None)
@given(seen=viewings)
def test_last20_and_loo_hold_out_the_last_positives(seen: list[tuple[int, int, float]]) -> None:
    distinct_hours = [(title, k, share) for k, (title, _, share) in enumerate(seen)]
    positives = first_successes(household(distinct_hours).events)
    last20 = cut(distinct_hours, HoldOut.LAST20, Level.TEST)
    loo = cut(distinct_hours, HoldOut.LOO, Level.TEST)
    if len(positives) < MIN_POSITIVES:
        assert (last20.held_out, loo.held_out) == ((), ())
        assert len(last20.train) == len(loo.train) == len(seen)
        return
    count = max(1, round(0.2 * len(positives)))
    assert list(last20.held_out) == positives[-count:]
    assert list(loo.held_out) == positives[-1:]
    whole = household(distinct_hours).events
    for found in (last20, loo):
        at = next(k for k, e in enumerate(whole) if e.content_id == found.held_out[0])
        assert found.train == whole[:at]


@settings(max_examples=100, deadline=None)
@given(seen=viewings, hold_out=st.sampled_from(HoldOut))
def test_validation_is_the_same_cut_inside_the_training_part(
    seen: list[tuple[int, int, float]], hold_out: HoldOut
) -> None:
    outer = cut(seen, hold_out, Level.TEST)
    inner = cut(seen, hold_out, Level.VALIDATION)
    assert inner.train == outer.train[: len(inner.train)]
    assert not set(inner.held_out) & set(outer.held_out)
    again = first_successes(outer.train)
    if len(again) < MIN_POSITIVES:
        assert (inner.train, inner.held_out) == (outer.train, ())
    else:
        count = 1 if hold_out is HoldOut.LOO else max(1, round(0.2 * len(again)))
        assert list(inner.held_out) == again[-count:]


def test_ties_fall_by_the_seed_and_by_nothing_else() -> None:
    together = [(title, 5, 1.0) for title in range(20)]
    first = split([household(together)], seed=1)[0]
    assert split([household(together)], seed=1)[0] == first
    assert split([household(together)], seed=2)[0].held_out != first.held_out
    apart = [(title, title, 1.0) for title in range(20)]
    assert split([household(apart)], seed=1) == split([household(apart)], seed=2)


def test_a_rewatch_is_no_positive() -> None:
    seen = [(k, k, 1.0) for k in range(6)] + [(0, 10, 1.0), (1, 11, 1.0)]
    found = cut(seen, HoldOut.LOO, Level.TEST)
    assert found.held_out == ("t5",)
    assert [event.content_id for event in found.train] == ["t0", "t1", "t2", "t3", "t4"]
