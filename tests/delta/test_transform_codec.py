"""Coded states and news: what is lossless, what keeps its budget, what is refused."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_delta import GlobalPattern
from omega_delta.transform import (
    CodedState,
    NewTitles,
    code_state,
    decode_news,
    encode_news,
    pack_state,
    patterns_of,
    unpack_state,
)
from omega_testing import codec

WORLD = codec.world()
BOOK = WORLD.codebook
BUDGET = 700


def _same(one: CodedState, other: CodedState) -> bool:
    names = ("ids", "rates", "floors", "weights", "coefficients")
    return (one.version, one.codebook_id, one.step) == (
        other.version,
        other.codebook_id,
        other.step,
    ) and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _chain(versions: int, seed: int, first: int = 1, patterns: int = 10) -> list[CodedState]:
    now = codec.tastes(WORLD, patterns, seed)
    states: list[CodedState] = []
    for version in range(first, first + versions):
        before = states[-1] if states else None
        states.append(code_state(BOOK, version, now, before, BUDGET))
        now = codec.changed(now, WORLD, 1_000 * seed + version)
    return states


def _fault(call: object, *arguments: object) -> str:
    with pytest.raises(OmegaError) as caught:
        call(*arguments)  # type: ignore[operator]  # any of several functions
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


@given(st.integers(0, 12), st.integers(0, 2**16))
@settings(deadline=None, max_examples=8)
def test_a_state_comes_back_as_it_was(patterns: int, seed: int) -> None:
    state = code_state(BOOK, 5, codec.tastes(WORLD, patterns, seed), None, BUDGET)
    data = pack_state(state, BOOK)
    assert len(data) <= BUDGET
    back = unpack_state(data, BOOK)
    assert _same(back, state)
    assert pack_state(back, BOOK) == data


def test_what_is_decoded_resembles_what_was_published() -> None:
    sent = codec.tastes(WORLD, 20, 3)
    made = patterns_of(code_state(BOOK, 1, sent, None, 2_000), BOOK)
    for before, after in zip(sent, made, strict=True):
        assert after.pattern_id == before.pattern_id
        assert float(before.embedding @ after.embedding) >= 0.98
        assert abs(before.success_rate - after.success_rate) <= 1 / 256
        assert after.device_count_floor == before.device_count_floor
        assert after.weight == pytest.approx(before.weight, rel=1 / 16)


@given(st.integers(0, 2**16), st.integers(1, 70))
@settings(deadline=None, max_examples=3)
def test_every_way_through_the_versions_leads_to_the_same_state(seed: int, first: int) -> None:
    states = _chain(6, seed, first)
    rng = random.Random(seed)  # noqa: S311 - chooses ways
    for goal in range(1, len(states)):
        way = sorted(rng.sample(range(goal), rng.randint(0, goal)))
        held: CodedState | None = None
        for stop in [*way, goal]:
            data = encode_news(BOOK, states[stop], held, None, None, 5_000)
            assert len(data) <= len(pack_state(states[stop], BOOK)) + 8
            held = decode_news(data, BOOK, held).state
            assert _same(held, states[stop])


def test_an_update_costs_far_less_than_a_state() -> None:
    one, two = _chain(2, 5, 40)
    update = encode_news(BOOK, two, one, None, None, 5_000)
    assert one.step == two.step
    assert len(update) < len(pack_state(two, BOOK)) / 2


def test_a_state_that_stays_is_said_in_a_few_bytes() -> None:
    sent = codec.tastes(WORLD, 10, 1)
    one = code_state(BOOK, 40, sent, None, BUDGET)
    two = code_state(BOOK, 41, patterns_of(one, BOOK), one, BUDGET)
    assert np.array_equal(one.coefficients, two.coefficients)
    assert len(encode_news(BOOK, two, one, None, None, 5_000)) <= 30


def test_errors_do_not_add_up_along_a_chain() -> None:
    rng = np.random.default_rng(0)
    target = codec.tastes(WORLD, 8, 2)
    state: CodedState | None = None
    for version in range(33, 63):
        state = code_state(BOOK, version, target, state, BUDGET)
        noise = 0.01 * rng.standard_normal((len(target), DIMENSION)).astype(np.float32)
        target = tuple(
            replace(p, embedding=unit(p.embedding + shift))
            for p, shift in zip(target, noise, strict=True)
        )
    assert state is not None
    sent = code_state(BOOK, 63, target, state, BUDGET)
    fresh = code_state(BOOK, 64, target, sent, BUDGET)

    def cosine(of: CodedState) -> float:
        made = patterns_of(of, BOOK)
        return float(
            np.mean([a.embedding @ b.embedding for a, b in zip(target, made, strict=True)])
        )

    assert cosine(sent) >= cosine(fresh) - 0.02


def test_each_pattern_is_coded_anew_once_in_32_versions() -> None:
    sent = codec.tastes(WORLD, 8, 2)
    moved = tuple(replace(p, embedding=unit(p.embedding + 0.02 * WORLD.titles[0])) for p in sent)
    before = code_state(BOOK, 40, sent, None, BUDGET)
    anew = set()
    for version in range(41, 73):
        alone = code_state(BOOK, version, moved, replace(before, ids=before.ids + 2**20), BUDGET)
        after = code_state(BOOK, version, moved, before, BUDGET)
        if alone.step == after.step:
            same = (alone.coefficients == after.coefficients).all(1)
            due = (after.ids.astype(np.int64) + version) % 32 == 0
            assert same[due].all()
            anew |= set(after.ids[due].tolist())
    assert anew == {p.pattern_id for p in sent}


def test_room_that_came_free_makes_the_step_finer() -> None:
    sent = codec.tastes(WORLD, 12, 2)
    crowded = code_state(BOOK, 33, sent, None, BUDGET)
    assert code_state(BOOK, 34, sent[:3], crowded, BUDGET).step == crowded.step
    assert code_state(BOOK, 64, sent[:3], crowded, BUDGET).step > crowded.step


def _adversarial(seed: int, count: int) -> tuple[GlobalPattern, ...]:
    rng = np.random.default_rng(seed)
    kinds = (
        lambda: rng.standard_normal(DIMENSION),
        lambda: np.eye(DIMENSION)[rng.integers(DIMENSION)],
        lambda: rng.standard_normal(DIMENSION) ** 9,
        lambda: rng.choice([-1.0, 1.0], DIMENSION),
        lambda: -WORLD.titles[rng.integers(len(WORLD.titles))].astype(np.float64),
    )
    return tuple(
        GlobalPattern(
            pattern_id=int(number),
            embedding=unit(kinds[int(rng.integers(len(kinds)))]().astype(np.float32)),
            success_rate=float(rng.integers(2)),
            device_count_floor=2 ** int(rng.integers(1, 32)),
            weight=float(rng.choice([0.0, 1e-9, 1.0])),
        )
        for number in np.sort(rng.choice(2**32 - 1, count, replace=False)) + 1
    )


@given(st.integers(0, 2**16), st.integers(1, 24), st.integers(64, 900))
@settings(deadline=None, max_examples=6)
def test_budgets_hold_whatever_the_vectors_are(seed: int, count: int, budget: int) -> None:
    patterns = _adversarial(seed, count)
    before: CodedState | None = None
    for version in (1, 2, 32):
        before = code_state(BOOK, version, patterns, before, budget)
        assert len(pack_state(before, BOOK)) <= budget
        assert len(before.ids) or budget < 400
        patterns_of(before, BOOK)
        patterns = _adversarial(seed + version, count)


@given(st.integers(0, 2**16), st.integers(1, 30), st.integers(150, 2_500))
@settings(deadline=None, max_examples=12)
def test_titles_that_do_not_fit_are_left_out_from_the_oldest_on(
    seed: int, count: int, budget: int
) -> None:
    rng = np.random.default_rng(seed)
    state = code_state(BOOK, 1, (), None, 64)
    rows = unit(rng.standard_normal((count, DIMENSION)).astype(np.float32))
    titles = NewTitles(3, np.sort(rng.choice(2**32, count, replace=False)).astype(np.uint32), rows)
    data = encode_news(BOOK, state, None, codec.rises(5, seed), titles, budget)
    assert len(data) <= budget
    news = decode_news(data, BOOK, None)
    assert news.trends == codec.rises(5, seed)
    came = news.titles.ordinals.tolist() if news.titles else []
    assert came == titles.ordinals.tolist()[count - len(came) :]
    if news.titles is not None:
        near = np.einsum("ij,ij->i", rows[count - len(came) :], news.titles.embeddings)
        assert near.min() >= 0.85


def test_a_state_above_the_budget_of_an_answer_is_refused() -> None:
    state = code_state(BOOK, 1, codec.tastes(WORLD, 10, 1), None, BUDGET)
    assert _fault(encode_news, BOOK, state, None, codec.rises(32, 1), None, 300) == "budget"


def test_the_lightest_patterns_are_left_out_first() -> None:
    patterns = tuple(replace(p, weight=i / 64) for i, p in enumerate(_adversarial(3, 40)))
    state = code_state(BOOK, 1, patterns, None, 500)
    kept = len(state.ids)
    assert 0 < kept < 40
    assert state.ids.tolist() == [p.pattern_id for p in patterns[40 - kept :]]


def _other_book_state() -> CodedState:
    state = _chain(1, 1)[0]
    return replace(state, codebook_id=state.codebook_id ^ 1)


def test_a_base_of_another_codebook_or_step_counts_as_none() -> None:
    one, two = _chain(2, 1, 40)
    whole = encode_news(BOOK, two, None, None, None, 5_000)
    foreign = replace(one, codebook_id=one.codebook_id ^ 1)
    coarser = replace(one, step=one.step - 1)
    for base in (foreign, coarser):
        assert encode_news(BOOK, two, base, None, None, 5_000) == whole
    update = encode_news(BOOK, two, one, None, None, 5_000)
    assert _fault(decode_news, update, BOOK, None) == "base_version"
    assert _fault(decode_news, update, BOOK, two) == "base_version"
    assert _fault(decode_news, update, BOOK, foreign) == "step"
    assert _fault(decode_news, update, BOOK, coarser) == "step"
    # Another state under the same number is found out by the checksum.
    other = replace(one, rates=one.rates + 1)
    assert _fault(decode_news, update, BOOK, other) == "crc32"


def test_another_codebook_is_refused() -> None:
    other = replace(BOOK, model_version="another")
    data = pack_state(_chain(1, 1)[0], BOOK)
    assert _fault(unpack_state, data, other) == "codebook_id"
    assert _fault(pack_state, _chain(1, 1)[0], other) == "state.codebook_id"
    assert _fault(patterns_of, _other_book_state(), BOOK) == "state.codebook_id"


def test_equal_input_gives_equal_bytes() -> None:
    one, two = ([pack_state(state, BOOK) for state in _chain(3, 8)] for _ in range(2))
    assert one == two


def test_damaged_news_are_refused() -> None:
    whole = [(base, message) for base, message, _ in codec.messages(WORLD, 7, 2, 4, 2, 3, 600)]
    rng = random.Random(1)  # noqa: S311 - chooses damage
    for turn in range(300):
        base, message = whole[turn % len(whole)]
        held = unpack_state(base, BOOK) if base else None
        assert _fault(decode_news, codec.damaged(message, rng), BOOK, held)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 0}, "version"),
        ({"budget": 63}, "budget"),
        ({"budget": 65_537}, "budget"),
        ({"previous": _chain(1, 1, 9)[0]}, "version"),
        ({"patterns": 2 * codec.tastes(WORLD, 1, 1)}, "patterns[1].pattern_id"),
        ({"patterns": (replace(codec.tastes(WORLD, 1, 1)[0], weight=2.0),)}, "patterns[0].weight"),
    ],
)
def test_input_out_of_bounds_is_not_coded(changes: dict[str, object], field: str) -> None:
    sound: dict[str, object] = {
        "version": 9,
        "patterns": codec.tastes(WORLD, 2, 1),
        "previous": None,
        "budget": BUDGET,
    }
    assert _fault(code_state, BOOK, *{**sound, **changes}.values()) == field


@pytest.mark.parametrize(
    ("titles", "field"),
    [
        (NewTitles(0, np.zeros(1, np.uint32), WORLD.titles[:1]), "titles.catalogue_version"),
        (NewTitles(3, np.zeros(2, np.uint32), WORLD.titles[:2]), "titles.ordinals[1]"),
        (NewTitles(3, np.zeros(1, np.uint32), WORLD.titles[:2]), "titles.embeddings"),
        (NewTitles(3, np.zeros(1, np.uint32), 2 * WORLD.titles[:1]), "titles.embeddings[0]"),
        (NewTitles(4, np.zeros(1, np.uint32), WORLD.titles[:1]), "titles.catalogue_version"),
    ],
)
def test_titles_out_of_bounds_are_not_coded(titles: NewTitles, field: str) -> None:
    state = code_state(BOOK, 1, (), None, 64)
    assert _fault(encode_news, BOOK, state, None, codec.rises(2, 1), titles, 5_000) == field


def test_titles_arrive_near_what_they_were() -> None:
    rows: FloatArray = WORLD.titles[-20:]
    titles = NewTitles(3, np.arange(20, dtype=np.uint32), rows)
    state = code_state(BOOK, 1, (), None, 64)
    came = decode_news(encode_news(BOOK, state, None, None, titles, 1_600), BOOK, None).titles
    assert came is not None
    assert came.ordinals.tolist() == [*range(20)]
    assert float(np.einsum("ij,ij->i", rows, came.embeddings).mean()) >= 0.96
