"""What the sync keeps beside patterns and sketches: coded states, vectors that wait, switches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.vectors import FloatArray, unit
from omega_persistence import (
    CodedStates,
    Contents,
    Database,
    StoredContent,
    StoredState,
    SyncFacts,
    TitleVectors,
    Way,
    erase_household,
    title_vectors,
)

MakeTitle = Callable[..., StoredContent]


def _vectors(count: int, seed: int = 0) -> FloatArray:
    drawn = np.random.default_rng(seed).normal(size=(count, 384))
    return unit(drawn.astype(np.float32))


def test_one_coded_state_is_held_until_another_takes_its_place(
    database: Database, path: Path, clock: ManualClock
) -> None:
    states = CodedStates(database)
    assert states.held() is None
    states.put(StoredState(3, 2**32 - 1, b"three"))
    states.put(StoredState(7, 5, b"seven"))
    database.close()
    again = Database.open(path, clock=clock)
    states = CodedStates(again)
    assert states.held() == StoredState(7, 5, b"seven")
    erase_household(again, str(uuid4()))
    assert states.held() is not None, "it is the fleet's"
    states.clear()
    assert states.held() is None
    again.close()


@pytest.mark.parametrize("wrong", [StoredState(0, 1, b""), StoredState(1, 2**32, b"")])
def test_a_state_out_of_bounds_is_refused(database: Database, wrong: StoredState) -> None:
    with pytest.raises(OmegaError, match=r"version|codebook_id"):
        CodedStates(database).put(wrong)


def test_vectors_wait_for_the_catalogue_that_needs_them(database: Database) -> None:
    table, vectors = TitleVectors(database), _vectors(4)
    table.keep(2, "encoder-1", [5, 6], vectors[:2])
    table.keep(3, "encoder-1", [7], vectors[2:3])
    table.keep(3, "encoder-2", [8], vectors[3:])
    assert sorted(table.between(1, 3, "encoder-1")) == [5, 6, 7]
    assert sorted(table.between(2, 3, "encoder-1")) == [7]
    assert sorted(table.between(1, 2, "encoder-1")) == [5, 6]
    np.testing.assert_allclose(table.between(1, 3, "encoder-1")[6], vectors[1], atol=1e-3)
    table.drop(2)
    assert sorted(table.between(0, 9, "encoder-1")) == [7]


def test_a_bounded_number_of_vectors_waits_and_the_oldest_go(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(title_vectors, "MOST", 5)
    table = TitleVectors(database)
    table.keep(1, "m", [10, 11, 12], _vectors(3))
    table.keep(2, "m", [1, 2, 3, 4], _vectors(4))
    assert sorted(table.between(0, 2, "m")) == [1, 2, 3, 4, 12]


def test_a_catalogue_moves_on_by_titles_and_ordinals_that_go(
    database: Database, make_title: MakeTitle
) -> None:
    table = Contents(database)
    table.upsert([make_title(n, ordinal=n) for n in range(5)], replace_ordinals=True)
    table.upsert([make_title(9)])
    counts = table.apply_step(
        [make_title(1, ordinal=1, title="renamed"), make_title(7, ordinal=3)], [0]
    )
    assert (counts.added, counts.updated) == (1, 1)
    held = {row.ordinal: row.content.content_id for row in table.by_ordinal()}
    assert held == {1: "c1", 2: "c2", 3: "c7", 4: "c4"}
    assert table.by_ids(["c1"])["c1"].content.title == "renamed"
    kept = table.by_ids(["c0", "c3", "c9"])
    assert {row.ordinal for row in kept.values()} == {None}, "they stay as the TV's own"
    revs = [row.rev for row in table.all_rows()]
    assert len(set(revs)) == len(revs)


def test_titles_are_read_in_the_order_of_ordinals_page_by_page(
    database: Database, make_title: MakeTitle
) -> None:
    table = Contents(database)
    table.upsert([make_title(n, ordinal=2_000 - n) for n in range(1_201)], replace_ordinals=True)
    assert [row.ordinal for row in table.by_ordinal()] == list(range(800, 2_001))


def test_a_refusal_outlives_an_erasure_and_consent_does_not(
    database: Database, clock: ManualClock
) -> None:
    facts = SyncFacts(database)
    assert (facts.consent(), facts.metered(), facts.not_before(), facts.way()) == (
        None,
        None,
        None,
        None,
    )
    facts.set_consent(True)
    facts.set_metered(False)
    facts.set_not_before(clock.now() + timedelta(hours=1))
    facts.set_way(Way("http1", clock.now()))
    assert (facts.consent(), facts.metered()) == (True, False)
    assert facts.not_before() == clock.now() + timedelta(hours=1)
    assert facts.way() == Way("http1", clock.now())
    erase_household(database, str(uuid4()))
    assert (facts.consent(), facts.metered()) == (None, False)
    facts.set_consent(False)
    erase_household(database, str(uuid4()))
    assert facts.consent() is False
    facts.set_consent(True)
    assert facts.consent() is True
    facts.set_way(None)
    facts.set_not_before(None)
    assert (facts.way(), facts.not_before()) == (None, None)
