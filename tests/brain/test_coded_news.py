"""News under a codebook: a step between coded states, taken up whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.brain.conftest import NOW

from omega_brain.deltas import CODEBOOK, TRANSFORM
from omega_core.content import Content, embedding_text
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import centre, unit
from omega_delta import GlobalPattern, StateDelta, Trend, Trends
from omega_delta.components import U8
from omega_delta.transform import Codebook, NewTitles, neighbourhoods, patterns_of, train
from omega_embed import open_encoder
from omega_testing.gateway import Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

MODEL = "lexical-384-r1"
Publish = Callable[..., None]


@pytest.fixture(scope="session")
def vectors(titles: list[Content]) -> np.ndarray:
    return open_encoder(kind="lexical").encode([embedding_text(title) for title in titles])


@pytest.fixture(scope="session")
def codebooks(vectors: np.ndarray) -> tuple[Codebook, Codebook]:
    """Two codebooks of one encoder."""
    tastes = neighbourhoods(vectors, vectors.mean(axis=0), 0, 400)
    return train(MODEL, tastes, vectors, 1), train(MODEL, tastes[:300], vectors, 2)


@pytest.fixture(scope="session")
def tastes(vectors: np.ndarray) -> list[GlobalPattern]:
    """Twelve patterns."""
    centred = centre(vectors, vectors.mean(axis=0))
    means = [centred[at : at + 10].mean(axis=0) for at in range(0, 120, 10)]
    return [
        GlobalPattern(number + 1, row, 0.75, 4, 1 / 12)
        for number, row in enumerate(unit(np.array(means, np.float32)))
    ]


@pytest.fixture
def coded(
    tv: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> Tv:
    """A TV that holds a codebook and version 1 under it."""
    gateway.publish(CODEBOOK, 1, codebooks[0].body, MODEL)
    gateway.told.tell_coded(codebooks[0], 1, tastes)
    tv.sync()
    tv.sync()
    return tv


def _held(tv: Tv) -> dict[int, bytes]:
    return {p.pattern_id: p.embedding.tobytes() for p in tv.brain.stores.patterns.all()}


def _expected(gateway: Gateway, codebook: Codebook, version: int) -> dict[int, bytes]:
    """What every TV holds at a version: the decoded state, as float16."""
    return {
        p.pattern_id: p.embedding.astype(np.float16).astype(np.float32).tobytes()
        for p in patterns_of(gateway.told.states[version], codebook)
    }


def test_without_a_codebook_news_come_in_pages_and_with_it_as_a_state(
    tv: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    gateway.publish(CODEBOOK, 1, codebooks[0].body, MODEL)
    gateway.told.tell_coded(codebooks[0], 1, tastes)
    assert tv.sync().pulled_patterns == 12
    first = gateway.requests[-1]
    assert (first.codec, first.codebook_id, first.state_version) == (U8, 0, 0)
    assert [pull.page for pull in gateway.pulls] == [1]
    assert tv.brain.stores.coded.held() is None
    assert tv.sync().pulled_patterns == 12
    second = gateway.requests[-1]
    assert (second.codec, second.codebook_id) == (TRANSFORM, codebooks[0].id)
    assert second.state_version == 0, "a state in another form is no base"
    assert _held(tv) == _expected(gateway, codebooks[0], 1)
    assert tv.sync().pulled_patterns == 0
    assert gateway.requests[-1].state_version == 1


def test_an_update_is_a_step_from_what_is_held(
    coded: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    changed = [tastes[0], *tastes[2:11], GlobalPattern(99, tastes[11].embedding, 0.5, 8, 0.1)]
    trends = Trends(1, NOW, (Trend(3, 0.5, regional=False), Trend(7, 0.25, regional=True)))
    gateway.told.tell_coded(codebooks[0], 2, changed, trends)
    outcome = coded.sync()
    assert outcome.pulled_patterns == 3, "two are gone and one is new"
    assert outcome.pulled_bytes < 400
    assert _held(coded) == _expected(gateway, codebooks[0], 2)
    held = coded.brain.stores.trends.held()
    assert held is not None
    assert [(t.ordinal, t.regional) for t in held.titles] == [(3, False), (7, True)]
    assert coded.brain.stores.patterns.version() == 2


def test_a_tv_that_missed_versions_holds_what_all_others_hold(
    coded: Tv,
    gateway: Gateway,
    codebooks: tuple[Codebook, ...],
    tastes: list[GlobalPattern],
    open_tv: Callable[..., Tv],
) -> None:
    for version in range(2, 6):
        moved = [
            GlobalPattern(
                p.pattern_id,
                unit((p.embedding + 0.02 * version * tastes[0].embedding)[np.newaxis])[0],
                p.success_rate,
                p.device_count_floor,
                p.weight,
            )
            for p in tastes
        ]
        gateway.told.tell_coded(codebooks[0], version, moved)
    coded.sync()
    assert _held(coded) == _expected(gateway, codebooks[0], 5)
    late = open_tv(storage_path=coded.brain.config.storage_path.with_name("late"))
    late.sync()
    late.sync()
    assert _held(late) == _held(coded)


def test_news_that_are_damaged_change_nothing_and_the_next_come_from_nothing(
    coded: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    before = _held(coded)
    gateway.told.spoil = True
    gateway.told.tell_coded(codebooks[0], 2, tastes[:9])
    with pytest.raises(OmegaError) as refused:
        coded.sync()
    assert refused.value.code is ErrorCode.CORRUPT_RESOURCE
    assert _held(coded) == before
    assert coded.brain.stores.patterns.version() == 1
    gateway.told.spoil = False
    coded.sync()
    assert gateway.requests[-1].state_version == 0
    assert _held(coded) == _expected(gateway, codebooks[0], 2)


def test_a_coded_state_that_cannot_be_read_starts_afresh(
    coded: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    with coded.brain.stores.database.transaction() as connection:
        connection.execute("UPDATE coded_state SET body = x'00'")
    gateway.told.tell_coded(codebooks[0], 2, tastes[:9])
    with pytest.raises(OmegaError):
        coded.sync()
    coded.sync()
    assert _held(coded) == _expected(gateway, codebooks[0], 2)


def test_another_codebook_begins_at_nothing(
    coded: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    gateway.publish(CODEBOOK, 2, codebooks[1].body, MODEL)
    gateway.told.tell_coded(codebooks[1], 2, tastes)
    coded.sync()  # In pages, since the fleet has only the new one; and brings it.
    coded.sync()
    last = gateway.requests[-1]
    assert (last.codebook_id, last.state_version) == (codebooks[1].id, 0)
    assert _held(coded) == _expected(gateway, codebooks[1], 2)


def test_a_codebook_that_the_fleet_does_not_know_is_stated_once(
    coded: Tv, gateway: Gateway, tastes: list[GlobalPattern]
) -> None:
    gateway.told.tell_pages(_whole(tastes, 2))
    coded.sync()
    assert coded.brain.stores.patterns.version() == 2
    coded.sync()
    assert (gateway.requests[-1].codec, gateway.requests[-1].state_version) == (U8, 2)


def test_a_damaged_codebook_is_not_kept(
    tv: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...]
) -> None:
    body = bytearray(codebooks[0].body)
    body[40:400] = bytes(360)
    gateway.publish(CODEBOOK, 1, bytes(body[:-3]), MODEL)
    with pytest.raises(OmegaError):
        tv.sync()
    assert tv.brain.stores.resources.held() == []


def test_pages_of_a_state_that_moves_on_are_collected_anew(
    tv: Tv, gateway: Gateway, tastes: list[GlobalPattern]
) -> None:
    gateway.told.tell_pages(_whole(tastes, 1))

    def move_on(_: object) -> None:
        gateway.on_pull = lambda _: None
        gateway.told.tell_pages(_whole([*tastes, *_more(tastes)], 2))

    gateway.on_pull = move_on
    assert tv.sync().pulled_patterns == 24
    assert [(pull.page, pull.wanted_version) for pull in gateway.pulls] == [(1, 1), (1, 2), (2, 2)]
    assert tv.brain.stores.patterns.version() == 2


def test_pages_that_never_settle_are_left_for_the_next_exchange(
    tv: Tv, gateway: Gateway, tastes: list[GlobalPattern]
) -> None:
    gateway.told.tell_pages(_whole(tastes, 1))
    versions = iter(range(2, 100))
    gateway.on_pull = lambda _: gateway.told.tell_pages(_whole(tastes, next(versions)))
    assert tv.sync().pulled_patterns == 0
    assert tv.brain.stores.patterns.version() == 0
    gateway.on_pull = lambda _: None
    assert tv.sync().pulled_patterns == 12


def test_a_kill_leaves_all_of_the_news_or_none(
    coded: Tv, gateway: Gateway, codebooks: tuple[Codebook, ...], tastes: list[GlobalPattern]
) -> None:
    """Killed after the patterns were written and before the commit, in a process of its own."""
    gateway.told.tell_coded(codebooks[0], 2, tastes[:6])
    before, config = _held(coded), coded.brain.config
    coded.close()
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from omega_brain.brain import Brain\n"
        "from omega_brain.config import BrainConfig\n"
        "from omega_persistence import CodedStates\n"
        "CodedStates.put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "brain = Brain(BrainConfig(storage_path=Path(sys.argv[1]), encoder='lexical',"
        " constellation_url=sys.argv[2], catalogue_hours=0))\n"
        "brain.sync()\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(config.storage_path), config.constellation_url],
        timeout=50,
        check=False,
    )
    assert killed.returncode == -9
    from omega_brain.brain import Brain  # noqa: PLC0415 - beside what it is compared with

    with Brain(config) as brain:
        assert brain.stores.patterns.version() == 1
        held = {p.pattern_id: p.embedding.tobytes() for p in brain.stores.patterns.all()}
        assert held == before
        brain.sync()
        assert brain.stores.patterns.version() == 2


def test_vectors_of_new_titles_wait_for_their_texts(
    coded: Tv,
    gateway: Gateway,
    codebooks: tuple[Codebook, ...],
    tastes: list[GlobalPattern],
    vectors: np.ndarray,
) -> None:
    new = NewTitles(2, np.array([100, 101, 105], np.uint32), vectors[[100, 101, 105]])
    gateway.told.tell_coded(codebooks[0], 2, tastes, None, new)
    coded.sync()
    waiting = coded.brain.stores.title_vectors.between(1, 2, MODEL)
    assert sorted(waiting) == [100, 101, 105]
    assert all(float(waiting[o] @ vectors[o]) > 0.9 for o in waiting)
    assert coded.brain.stores.title_vectors.between(2, 3, MODEL) == {}


def _more(tastes: list[GlobalPattern]) -> list[GlobalPattern]:
    return [
        GlobalPattern(p.pattern_id + 50, -p.embedding, p.success_rate, 4, p.weight) for p in tastes
    ]


def _whole(tastes: list[GlobalPattern], version: int) -> StateDelta:
    return StateDelta(0, version, MODEL, tuple(tastes))
