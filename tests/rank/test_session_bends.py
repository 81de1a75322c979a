"""The running session bends lists as its definition says, within its bounds, and fades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.viewing import PlaybackAction, Verdict, ViewingEvent
from omega_rank import Catalogue, RankConfig, Ranker, SessionBias, SessionState, Term
from omega_rank.session import MAX_MOMENTS, MAX_TITLES, MOST_TIRED, weary
from omega_testing.ranking import START, World, make_world, random_contents, random_embeddings

NOW = START + timedelta(days=400)
ACTIONS = tuple(PlaybackAction)


@dataclass(frozen=True)
class Moment:
    row: int
    action: PlaybackAction
    at: datetime
    share: float = 0.0
    verdict: Verdict = Verdict.UNSPECIFIED


def state_of(catalogue: Catalogue, moments: Sequence[Moment]) -> SessionState:
    state = SessionState(catalogue)
    for m in moments:
        state.take(m.row, m.action, m.at, m.share, m.verdict)
    return state


def random_moments(rng: np.random.Generator, titles: int, count: int) -> list[Moment]:
    """Moments at distinct instants of the last hours, in any order of arrival."""
    minutes = rng.permutation(400)[:count]
    return [
        Moment(
            int(rng.integers(0, titles)),
            ACTIONS[rng.integers(0, len(ACTIONS))],
            NOW - timedelta(minutes=int(ago)),
            float(rng.choice([0.0, 0.1, 0.6, 0.95])),
            Verdict(int(rng.choice([0, 0, 0, 0, 1, 2]))),
        )
        for ago in minutes
    ]


def strength(m: Moment) -> float:
    if m.verdict is not Verdict.UNSPECIFIED:
        return 1.0 if m.verdict is Verdict.LIKED else -1.0
    if m.action is PlaybackAction.SKIP and m.share <= 0.7:
        return -1.0
    fixed = {"PLAY": 0.5, "RESUME": 0.2, "REWIND": 0.3, "PAUSE": -0.2, "FAST_FORWARD": -0.3}
    fixed["COMPLETE"] = 1.0
    return fixed.get(m.action.name, 2 * m.share - 1)


def strengths(moments: Sequence[Moment], now: datetime) -> dict[int, float]:
    """Strength of each title by the definition."""
    found: dict[int, float] = {}
    for m in sorted(moments, key=lambda each: each.at):
        hours = (now - m.at).total_seconds() / 3600
        if hours >= 4:
            continue
        decayed = strength(m) * 0.5 ** (hours * 2)
        if not (m.action.ends_viewing or m.action is PlaybackAction.PLAY):
            decayed = min(max(found.get(m.row, 0.0) + decayed, -1.0), 1.0)
        found[m.row] = decayed
    return found


def bonuses(catalogue: Catalogue, moments: Sequence[Moment], now: datetime) -> list[float]:
    e = catalogue.embeddings.astype(np.float64)
    total = np.zeros(len(catalogue))
    for row, value in strengths(moments, now).items():
        total += [value * max(0.0, float(e[row] @ other)) for other in e]
    return [min(max(value, -1.0), 1.0) for value in total]


def put_off(moments: Sequence[Moment], now: datetime) -> set[int]:
    hidden = {
        m.row
        for m in moments
        if (m.action is PlaybackAction.SKIP and m.share <= 0.7) or m.verdict is Verdict.DISLIKED
        if now - m.at < timedelta(hours=8)
    }
    last = max(moments, key=lambda each: each.at)
    if not last.action.ends_viewing and now - last.at < timedelta(hours=4):
        hidden.add(last.row)
    return hidden


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 30), later=st.sampled_from([0, 20, 239, 500])
)
def test_the_bonus_is_its_definition_in_any_order_of_arrival(
    seed: int, count: int, later: int
) -> None:
    rng = np.random.default_rng(seed)
    catalogue = make_world(seed, titles=14, viewings=0).catalogue
    moments, now = random_moments(rng, 14, count), NOW + timedelta(minutes=later)
    # What is four hours older than the newest moment counts for nothing now, nor ever again.
    state = state_of(catalogue, moments)
    bias = state.bias(now)
    assert np.flatnonzero(state.put_off(now)).tolist() == sorted(put_off(moments, now))
    expected = strengths(moments, now)
    if bias is None:
        assert not expected
        assert not put_off(moments, now)
        return
    np.testing.assert_allclose(bias.bonus, bonuses(catalogue, moments, now), atol=1e-5)
    assert set(bias.hidden.tolist()) == put_off(moments, now)
    enjoyed = {row: value for row, value in expected.items() if value > 0}
    told = dict(zip(bias.rows.tolist(), bias.strengths.tolist(), strict=True))
    assert told == pytest.approx(enjoyed, abs=1e-5)


def play(row: int, minutes_ago: float = 0) -> Moment:
    return Moment(row, PlaybackAction.PLAY, NOW - timedelta(minutes=minutes_ago))


def skip(row: int, minutes_ago: float = 0, share: float = 0.05) -> Moment:
    return Moment(row, PlaybackAction.SKIP, NOW - timedelta(minutes=minutes_ago), share)


def of(catalogue: Catalogue, *moments: Moment, later: timedelta = timedelta()) -> SessionBias:
    bias = state_of(catalogue, moments).bias(NOW + later)
    assert bias is not None
    return bias


def test_it_halves_in_30_minutes_and_is_forgotten_after_4_hours() -> None:
    catalogue = make_world(1, viewings=0).catalogue
    state = state_of(catalogue, [play(3)])
    fresh = of(catalogue, play(3)).bonus
    assert fresh.max() == pytest.approx(0.5)
    for half_lives in (1, 2, 7):
        faded = of(catalogue, play(3), later=half_lives * timedelta(minutes=30)).bonus
        np.testing.assert_allclose(faded, fresh * 0.5**half_lives, rtol=1e-5)
    assert state.bias(NOW + timedelta(hours=3, minutes=59)) is not None
    assert state.bias(NOW + timedelta(hours=4)) is None


def test_a_moment_ahead_of_the_clock_counts_as_one_of_now() -> None:
    catalogue = make_world(1, viewings=0).catalogue
    ahead = of(catalogue, play(3), later=timedelta(minutes=-5))
    np.testing.assert_array_equal(ahead.bonus, of(catalogue, play(3)).bonus)


def test_a_skipped_title_and_the_one_that_is_on_are_not_shown() -> None:
    world = make_world(2, viewings=10)
    whole = [t.row for t in Ranker().rank(world.catalogue, None, world.history, limit=80).titles]
    skipped, on = whole[:2]
    bias = of(world.catalogue, skip(skipped, 5), play(on))
    for candidates in (None, np.ones(len(world.catalogue), np.bool_)):
        ranking = Ranker().rank(
            world.catalogue, None, world.history, limit=80, session=bias, candidates=candidates
        )
        assert {t.row for t in ranking.titles} == set(whole) - {skipped, on}
        assert candidates is None or candidates.all()
    later = of(world.catalogue, skip(skipped, 5), later=timedelta(hours=7))
    assert later.hidden.tolist() == [skipped]
    assert not later.bonus.any()
    assert not state_of(world.catalogue, [skip(skipped)]).put_off(NOW + timedelta(hours=8)).any()


def test_a_skip_at_the_end_is_a_title_that_was_watched() -> None:
    catalogue = make_world(2, viewings=0).catalogue
    bias = of(catalogue, skip(4, share=0.95))
    assert bias.hidden.tolist() == []
    assert bias.bonus[4] == pytest.approx(0.9)


def test_a_skip_voids_what_the_beginning_said() -> None:
    catalogue = make_world(2, viewings=0).catalogue
    np.testing.assert_array_equal(
        of(catalogue, play(4, 1), skip(4)).bonus, of(catalogue, skip(4)).bonus
    )


def test_only_the_newest_titles_and_moments_are_kept() -> None:
    catalogue = make_world(2, titles=60, viewings=0).catalogue
    plays = [play(row, 60 - row) for row in range(MAX_TITLES + 5)]
    np.testing.assert_allclose(
        of(catalogue, *plays).bonus, of(catalogue, *plays[5:]).bonus, atol=1e-6
    )
    rewinds = [
        Moment(1, PlaybackAction.REWIND, NOW - timedelta(seconds=k)) for k in range(MAX_MOMENTS)
    ]
    np.testing.assert_array_equal(
        of(catalogue, play(2, 90), *rewinds).bonus, of(catalogue, *rewinds).bonus
    )
    skips = [skip(row, 50 - row / 2) for row in range(60)]
    assert of(catalogue, *skips).hidden.tolist() == list(range(60))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
def test_following_a_catalogue_equals_taking_the_moments_over_it(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    world = make_world(seed, titles=12, viewings=0)
    moments = random_moments(rng, 12, count)
    state = state_of(world.catalogue, moments)
    # Rows move, some titles are gone and others are new.
    kept = rng.permutation(12)[:9].tolist()
    contents = [*random_contents(rng, 3, start=50), *(world.contents[row] for row in kept)]
    vectors = np.concatenate([random_embeddings(rng, 3), world.embeddings[kept]])
    other = Catalogue.build(contents, vectors)
    state.follow(other)
    moved = [
        replace(m, row=other.row_of[f"t{m.row}"]) for m in moments if f"t{m.row}" in other.row_of
    ]
    fresh = state_of(other, moved)
    ours, theirs = state.bias(NOW), fresh.bias(NOW)
    assert (ours is None) == (theirs is None)
    assert state.put_off(NOW).tolist() == fresh.put_off(NOW).tolist()
    if ours and theirs:
        np.testing.assert_allclose(ours.bonus, theirs.bonus, atol=1e-6)
        assert ours.watching == theirs.watching


def test_events_are_taken_as_moments_and_unknown_titles_passed_over() -> None:
    catalogue = make_world(2, viewings=0).catalogue
    state = SessionState(catalogue)
    event = ViewingEvent("e", "t7", 0.2, 0.2, NOW, action=PlaybackAction.STOP)
    state.observe(replace(event, content_id="unheard-of"))
    assert state.bias(NOW) is None
    state.observe(event)
    expected = of(catalogue, Moment(7, PlaybackAction.STOP, NOW, 0.2))
    bias = state.bias(NOW)
    assert bias is not None
    np.testing.assert_array_equal(bias.bonus, expected.bonus)


def ranked_by_base(world: World, *, collective: bool) -> tuple[dict[int, float], float]:
    """Relevance of each unseen title without a session, and the sum of the weights behind it."""
    model = world.model if collective else None
    titles = Ranker().rank(world.catalogue, model, world.history, limit=200).titles
    base = {t.row: sum(t.contributions.values()) for t in titles}
    far = max(titles, key=lambda t: abs(base[t.row]))
    logit = float(np.log(far.score / (1 - far.score)))
    return base, base[far.row] / logit


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    viewings=st.integers(0, 30),
    collective=st.booleans(),
    weight=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
def test_the_session_moves_titles_by_its_bonus_and_never_past_a_strong_taste(
    seed: int, viewings: int, collective: bool, weight: float
) -> None:
    world = make_world(seed, viewings=viewings)
    rng = np.random.default_rng(seed)
    bias = state_of(world.catalogue, random_moments(rng, 80, 12)).bias(NOW)
    base, weights = ranked_by_base(world, collective=collective)
    ranking = Ranker(RankConfig(session_weight=weight, mmr_lambda=1)).rank(
        world.catalogue,
        world.model if collective else None,
        world.history,
        limit=200,
        session=bias,
    )
    place = {t.row: k for k, t in enumerate(ranking.titles)}
    for ranked in ranking.titles:
        expected = weight * weights * float(bias.bonus[ranked.row]) if bias else 0.0
        added = ranked.contributions.get(Term.SESSION, 0.0)
        assert added == pytest.approx(expected, abs=2e-3)
        assert sum(ranked.contributions.values()) == pytest.approx(
            base[ranked.row] + added, abs=1e-3
        )
    scores = [t.score for t in ranking.titles]
    assert scores == sorted(scores, reverse=True)
    for better, first in place.items():
        for worse, second in place.items():
            if base[better] - base[worse] > 2 * weight * weights + 2e-3:
                assert first < second


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), collective=st.booleans())
def test_a_session_reason_names_the_enjoyed_title_that_adds_most(
    seed: int, collective: bool
) -> None:
    world = make_world(seed, viewings=8)
    moments = random_moments(np.random.default_rng(seed), 80, 10)
    bias = state_of(world.catalogue, moments).bias(NOW)
    ranking = Ranker(RankConfig(session_weight=1)).rank(
        world.catalogue,
        world.model if collective else None,
        world.history,
        limit=30,
        session=bias,
    )
    e = world.catalogue.embeddings.astype(np.float64)
    enjoyed = {row: value for row, value in strengths(moments, NOW).items() if value > 0}
    last = max(moments, key=lambda each: each.at)
    for ranked in ranking.titles:
        if ranked.reason_term is not Term.SESSION:
            continue
        added = {row: value * float(e[row] @ e[ranked.row]) for row, value in enjoyed.items()}
        (named,) = ranked.because
        assert added[named] == pytest.approx(max(added.values()), abs=1e-5)
        assert added[named] > 0
        assert ranked.contributions[Term.SESSION] > 0
        on = named == last.row and not last.action.ends_viewing
        doing = "are watching" if on else "just watched"
        assert ranked.reason == f"Because you {doing} {world.catalogue.titles[named]}"


def test_what_is_on_brings_titles_like_it_forward_and_says_so() -> None:
    world = make_world(4, viewings=6)
    plain = Ranker(RankConfig(mmr_lambda=1)).rank(world.catalogue, None, world.history, limit=80)
    rows = [t.row for t in plain.titles]
    on = rows[40]
    bent = Ranker(RankConfig(mmr_lambda=1, session_weight=1)).rank(
        world.catalogue, None, world.history, limit=80, session=of(world.catalogue, play(on))
    )
    likeness = world.catalogue.embeddings @ world.catalogue.embeddings[on]
    like = [row for row in np.argsort(-likeness).tolist() if row in rows and row != on][:8]
    after = [t.row for t in bent.titles]
    assert np.mean([after.index(row) for row in like]) < np.mean([rows.index(r) for r in like])
    said = [t for t in bent.titles if t.reason_term is Term.SESSION]
    assert said
    title = world.catalogue.titles[on]
    assert all(t.reason == f"Because you are watching {title}" for t in said)


def test_a_session_of_another_catalogue_is_refused() -> None:
    world, other = make_world(1, viewings=3), make_world(1, titles=81, viewings=0)
    with pytest.raises(ValueError, match="session"):
        Ranker().rank(
            world.catalogue, None, world.history, limit=1, session=of(other.catalogue, play(1))
        )


def test_a_title_shown_in_vain_loses_a_bounded_part_of_its_bonus() -> None:
    rows, fatigue = np.array([1, 3]), np.array([1.0, 0.5], np.float32)
    alone = weary(None, rows, fatigue, 5)
    assert alone.bonus.tolist() == [0, -MOST_TIRED, 0, -MOST_TIRED / 2, 0]
    assert (len(alone.hidden), len(alone.rows), alone.watching) == (0, 0, -1)
    bent = replace(alone, bonus=np.array([0.4, 0.9, -1, -0.9, 0], np.float32), watching=2)
    tired = weary(bent, rows, fatigue, 5)
    np.testing.assert_allclose(tired.bonus, [0.4, 0.4, -1, -1, 0], atol=1e-6)
    assert tired.watching == 2
    assert bent.bonus[1] == np.float32(0.9), "the bias itself stays as it is"
