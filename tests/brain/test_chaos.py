"""Killed, broken and starved over and over with viewings and lists flowing: the small version.

The full one is `make chaos-brain`.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from omega_core.content import Content
from omega_testing import chaos_faults
from omega_testing.chaos_brain import FAULTS, PHASES, SPARED, Chaos, ChaosPlan, Course
from omega_testing.chaos_ledger import Ledger
from omega_testing.chaos_traffic import Tally

LIVES = {
    "damaged": (
        Course("events", "none"),
        Course("orderly stop", "none"),
        Course("full disk", "database"),
        Course("upsert", "index"),
    ),
    "interrupted": (
        Course("loops", "log"),
        Course("start", "none"),
        Course("clear", "none"),
        Course("backup", "none"),
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_nothing_acknowledged_is_lost_and_every_list_is_answered(
    tmp_path: Path, titles: Sequence[Content], name: str
) -> None:
    lives, tally = LIVES[name], Tally()
    plan = ChaosPlan(restarts=len(lives), seed=5, longest=0.4, minilm=False)
    ledger = Chaos(tmp_path, titles, plan, tally, courses=lives).run()
    assert tally.failures == []
    assert ledger.acknowledged > len(lives)
    assert tally.counts["answered"] > len(lives)
    assert tally.counts["acknowledged events looked for by id"] > len(lives)
    if name == "damaged":
        # Damage that spared all data may be repaired nevertheless: free pages were hit.
        assert tally.counts["repairs stated"] in {1, 1 - tally.counts[SPARED]}


def test_damage_that_spares_all_data_is_told_apart(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "brain.db")) as connection, connection:
        connection.execute("CREATE TABLE kept AS SELECT hex(zeroblob(9000)) AS body")
        connection.execute("CREATE TABLE gone AS SELECT hex(zeroblob(9000)) AS body")
        connection.execute("DROP TABLE gone")
    assert chaos_faults.sound(tmp_path)
    with (tmp_path / "brain.db").open("r+b") as file:
        file.seek(-2_000, 2)
        file.write(b"free")
    assert chaos_faults.sound(tmp_path)
    chaos_faults.cut(tmp_path / "brain.db", 0.3)
    assert not chaos_faults.sound(tmp_path)


def test_the_small_version_leaves_nothing_out() -> None:
    lives = [life for group in LIVES.values() for life in group]
    assert {life.phase for life in lives} == set(PHASES)
    assert {life.fault for life in lives} == set(FAULTS)


def test_an_event_that_is_not_there_would_be_seen(
    tmp_path: Path, titles: Sequence[Content]
) -> None:
    """The proof itself: one that was never told is looked for, and missed."""
    tally = Tally()
    plan = ChaosPlan(restarts=1, seed=6, longest=0.3, minilm=False)
    chaos = Chaos(tmp_path, titles, plan, tally, courses=[Course("orderly stop", "none")])
    age = chaos.ledger.sent(["never-stored"])
    chaos.ledger.stored(["never-stored"], age)
    chaos.run()
    assert any("missing" in failure for failure in tally.failures)
    assert any("events of" in failure for failure in tally.failures)


def test_what_was_acknowledged_around_an_erasure_is_told_apart() -> None:
    ledger = Ledger()
    before = ledger.sent(["before", "around"])
    ledger.stored(["before"], before)
    ledger.erasing()
    ledger.stored(["around"], before)
    due = ledger.due()
    assert set(due.doomed) == {"before"}
    assert set(due.unsure) == {"around"}
    assert not due.later
    ledger.erased()
    late = ledger.sent(["after", "unanswered", "refused"])
    ledger.stored(["after"], late)
    ledger.refused(["refused"])
    due = ledger.due()
    assert not due.doomed
    assert set(due.later) == {"after"}
    assert set(due.unsure) == {"around", "unanswered"}
    ledger.backed_up()
    ledger.settled()
    assert set(ledger.due().safe) == {"after"}
    assert set(ledger.due().later) == {"around", "unanswered"}


@pytest.mark.parametrize("seed", range(8))
def test_each_damage_is_one(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - draws bytes
    files = [tmp_path / "brain.db", tmp_path / "brain.db-wal", tmp_path / "index" / "graph"]
    for damage in (
        chaos_faults.damage_database,
        chaos_faults.damage_log,
        chaos_faults.damage_index,
    ):
        files[2].parent.mkdir(exist_ok=True)
        for file in files:
            file.write_bytes(rng.randbytes(3 * 4_096))
        before = [file.read_bytes() for file in files]
        damage(tmp_path, rng)
        after = [file.read_bytes() if file.exists() else b"" for file in files]
        assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
