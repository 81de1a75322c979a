"""Causal counts as rows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from omega_core.causes import (
    ALL,
    AS_CAUSE,
    AS_EFFECT,
    CausalChanges,
    CausalCount,
    CausalTail,
    CausalTotal,
)
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence import Database
from omega_persistence.causal import Causal

AT = datetime(2026, 3, 1, 20, 15, 0, 123_456, UTC)


@pytest.fixture
def causal(database: Database) -> Causal:
    return Causal(database)


def edge(cause: str, effect: str, profile_id: str = "", joint: float = 0.1) -> CausalCount:
    return CausalCount(profile_id, cause, effect, joint, AT - timedelta(days=1), AT)


def total(kind: int, name: str, profile_id: str = "") -> CausalTotal:
    return CausalTotal(profile_id, kind, name, 1 / 3, AT)


def tail(profile_id: str = "", session_id: str = "s") -> CausalTail:
    return CausalTail(profile_id, session_id, AT, ("genre:Krimi „Ä“", "pattern:3"))


FIRST = CausalChanges(
    edges=(edge("a", "b"), edge("a", "c"), edge("b", "c"), edge("a", "b", "ann")),
    totals=(total(AS_CAUSE, "a"), total(AS_EFFECT, "b"), total(ALL, ""), total(ALL, "", "ann")),
    tails=(tail(), tail("ann")),
    learnt_seq=12,
)


def test_counts_come_back_as_they_were(causal: Causal) -> None:
    causal.save(FIRST)
    assert causal.edges("") == list(FIRST.edges[:3])
    assert causal.edges() == list(FIRST.edges)
    assert causal.totals("") == list(FIRST.totals[:3])
    assert (causal.tail(""), causal.tail("bob")) == (tail(), None)
    assert (causal.count(), causal.learnt_seq(), causal.profiles()) == (4, 12, ["", "ann"])


def test_edges_are_asked_for_by_either_end_and_by_pair(causal: Causal) -> None:
    causal.save(FIRST)
    assert [e.effect for e in causal.edges("", cause="a")] == ["b", "c"]
    assert [e.cause for e in causal.edges("", effect="c")] == ["a", "b"]
    found = causal.edges("", pairs=[("b", "c"), ("a", "b"), ("c", "a")])
    assert [(e.cause, e.effect) for e in found] == [("a", "b"), ("b", "c")]
    assert causal.edges("", pairs=[]) == []


def test_a_later_step_replaces_what_it_names(causal: Causal) -> None:
    causal.save(FIRST)
    causal.save(
        CausalChanges(
            edges=(edge("a", "b", joint=2.5),), tails=(tail(session_id="t"),), learnt_seq=13
        )
    )
    assert causal.edges("", cause="a")[0].joint == pytest.approx(2.5)
    assert causal.tail("") == tail(session_id="t")
    assert (causal.count(), causal.learnt_seq()) == (4, 13)


def test_what_is_learnt_already_is_not_stored_again(causal: Causal) -> None:
    causal.save(FIRST)
    with pytest.raises(OmegaError) as refused:
        causal.save(CausalChanges(edges=(edge("x", "y"),), learnt_seq=12))
    assert refused.value.code is ErrorCode.INTERNAL
    assert causal.edges("", cause="x") == []


def test_a_count_below_nothing_stores_nothing(causal: Causal) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        causal.save(CausalChanges(edges=(edge("x", "y"), edge("x", "z", joint=-1)), learnt_seq=3))
    assert (causal.count(), causal.learnt_seq()) == (0, 0)


def test_single_edges_and_totals_can_be_forgotten(causal: Causal) -> None:
    causal.save(FIRST)
    assert causal.remove([("", "a", "b"), ("", "z", "z")]) == 1
    assert causal.remove_totals([("", AS_CAUSE, "a"), ("ann", ALL, "")]) == 2
    assert [(e.profile_id, e.cause, e.effect) for e in causal.edges()] == [
        ("", "a", "c"),
        ("", "b", "c"),
        ("ann", "a", "b"),
    ]
    assert causal.totals("ann") == []


def test_clearing_forgets_a_profile_or_all(causal: Causal) -> None:
    causal.save(FIRST)
    assert causal.clear("ann") == 1
    assert (causal.tail("ann"), causal.totals("ann"), causal.count()) == (None, [], 3)
    assert causal.clear() == 3
    assert (causal.tail(""), causal.totals(""), causal.count()) == (None, [], 0)
    assert causal.learnt_seq() == 12
