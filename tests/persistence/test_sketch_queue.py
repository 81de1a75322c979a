"""Noise is drawn once, a push stays what it was until it is acknowledged, and nothing is lost."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from omega_core.clock import ManualClock, SystemClock
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_persistence import Contents, Database, Sketches, StoredContent

Queue = Callable[..., bool]


def noise(number: int) -> FloatArray:
    return np.random.default_rng(number).normal(size=384).astype(np.float32)


def sketch(number: int, model: str = "m1") -> bytes:
    return f"{number:04d}-{model}".encode().ljust(48, b".")


@pytest.fixture
def sketches(database: Database) -> Sketches:
    return Sketches(database)


@pytest.fixture
def queue(sketches: Sketches, contents: Contents, clock: ManualClock) -> Queue:
    """Queues the sketch of a stored title."""
    rowids = {row.content.content_id: row.rowid for row in contents.all_rows()}

    def store(number: int, model: str = "m1", class_byte: int = 7, **other: Any) -> bool:
        return sketches.store(
            rowids.get(f"c{number}", number),
            other.get("noise", noise(number)),
            other.get("sketch", sketch(number, model)),
            class_byte,
            sigma_hundredths=other.get("sigma", 500),
            model_version=model,
            now=clock.now(),
            release_at=clock.now() + timedelta(hours=other.get("after", 0)),
        )

    return store


def test_noise_comes_back_bit_for_bit(sketches: Sketches, queue: Queue) -> None:
    assert sketches.noise_for(1) is None
    queue(0)
    np.testing.assert_array_equal(sketches.noise_for(1), noise(0))


def test_other_noise_is_refused_by_the_code_and_by_the_table(
    sketches: Sketches, queue: Queue, database: Database
) -> None:
    queue(0)
    with pytest.raises(OmegaError) as refused:
        queue(0, noise=noise(1))
    assert refused.value.field == "noise"
    with database.read() as connection, pytest.raises(sqlite3.IntegrityError, match="once"):
        connection.execute("UPDATE sketches SET noise = zeroblob(1536)")
    np.testing.assert_array_equal(sketches.noise_for(1), noise(0))


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("noise", {"noise": np.full(384, np.inf, np.float32)}),
        ("noise", {"noise": np.ones(383, np.float32)}),
        ("sketch", {"sketch": b"x" * 47}),
        ("class_byte", {"class_byte": 256}),
        ("sigma_hundredths", {"sigma": 49}),
        ("sigma_hundredths", {"sigma": 6_401}),
        ("model_version", {"model": ""}),
    ],
)
def test_a_sketch_out_of_bounds_is_refused(queue: Queue, field: str, bad: dict[str, Any]) -> None:
    with pytest.raises(OmegaError) as refused:
        queue(0, **bad)
    assert (refused.value.code, refused.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_a_sketch_of_an_unknown_title_is_refused(queue: Queue) -> None:
    with pytest.raises(OmegaError) as refused:
        queue(12_345)
    assert refused.value.code is ErrorCode.UNKNOWN_CONTENT


def test_nothing_to_push_is_no_push(sketches: Sketches, queue: Queue) -> None:
    assert sketches.next_push(20, model_version="m1") is None
    queue(0)
    assert sketches.next_push(20, model_version="m2") is None
    for limit in (0, 21):
        with pytest.raises(OmegaError):
            sketches.next_push(limit, model_version="m1")


def test_a_push_is_the_same_until_it_is_acknowledged(
    sketches: Sketches, queue: Queue, database: Database, path: Path, clock: ManualClock
) -> None:
    for number in range(5):
        queue(number, class_byte=number)
    push = sketches.next_push(4, model_version="m1")
    assert push is not None
    assert str(UUID(push.request_id)) == push.request_id
    queue(6)
    clock.advance(timedelta(days=1))
    assert sketches.next_push(1, model_version="m1") == push
    database.close()
    again = Database.open(path, clock=clock)
    reopened = Sketches(again)
    assert reopened.next_push(20, model_version="m1") == push
    assert reopened.acknowledge(push.request_id) == len(push) == 4
    assert reopened.acknowledge(push.request_id) == 0
    rest = reopened.next_push(20, model_version="m1")
    assert rest is not None
    assert rest.request_id != push.request_id
    assert (len(rest), reopened.acknowledged_count(), reopened.pending_count()) == (2, 4, 2)
    again.close()


def test_the_order_of_a_push_tells_nothing_of_the_order_of_watching(
    sketches: Sketches, queue: Queue
) -> None:
    orders = set()
    for _ in range(8):
        for number in range(10):
            queue(number)
        push = sketches.next_push(10, model_version="m1")
        assert push is not None
        orders.add(push.sketches)
        sketches.clear()
    # Eight equal draws out of 10! orders do not happen.
    assert len(orders) > 1


def test_a_sketch_and_its_class_follow_while_it_waits_and_not_after(
    sketches: Sketches, queue: Queue
) -> None:
    assert queue(0, class_byte=1)
    assert not queue(0, class_byte=2, sketch=b"2" * 48)
    push = sketches.next_push(20, model_version="m1")
    assert push is not None
    assert (push.classes, push.sketches) == (bytes([2]), b"2" * 48)
    assert not queue(0, class_byte=3, sketch=b"3" * 48)
    assert sketches.next_push(20, model_version="m1") == push
    sketches.acknowledge(push.request_id)
    assert not queue(0, class_byte=4)
    assert sketches.next_push(20, model_version="m1") is None


def test_a_title_is_reported_under_one_encoder_and_never_again(
    sketches: Sketches, queue: Queue
) -> None:
    for number in range(4):
        queue(number)
    first = sketches.next_push(2, model_version="m1")
    assert first is not None
    sketches.acknowledge(first.request_id)
    before = {int(part[:4]) for part in split(first.sketches)}
    assert sketches.reported() == {number + 1 for number in before}
    assert sketches.next_push(20, model_version="m2") is None, "what waits is of the other encoder"
    for number in range(4):
        assert not queue(number, model="m2")
        np.testing.assert_array_equal(sketches.noise_for(number + 1), noise(number))
    push = sketches.next_push(20, model_version="m2")
    assert push is not None
    assert push.model_version == "m2"
    rest = {sketch(number, "m2") for number in range(4) if number not in before}
    assert set(split(push.sketches)) == rest
    sketches.acknowledge(push.request_id)
    for model in ("m1", "m2"):
        for number in range(4):
            assert not queue(number, model=model, sigma=600)
        assert sketches.next_push(20, model_version=model) is None
    assert (sketches.pending_count(), sketches.acknowledged_count()) == (0, 4)


def test_an_open_push_leaves_under_the_encoder_that_it_was_made_with(
    sketches: Sketches, queue: Queue
) -> None:
    queue(0)
    made = sketches.next_push(20, model_version="m1")
    assert made is not None
    queue(0, model="m2")
    queue(1, model="m2")
    assert sketches.next_push(20, model_version="m2") == made
    sketches.acknowledge(made.request_id)
    push = sketches.next_push(20, model_version="m2")
    assert push is not None
    assert (push.model_version, push.sketches) == ("m2", sketch(1, "m2"))


def test_what_an_earlier_release_made_again_for_another_encoder_stays(
    sketches: Sketches, queue: Queue, database: Database
) -> None:
    queue(0)
    push = sketches.next_push(20, model_version="m1")
    assert push is not None
    with database.transaction() as connection:
        connection.execute(
            "UPDATE sketches SET model_version = 'm2', state = 0, request_id = NULL,"
            " position = NULL"
        )
    assert sketches.next_push(20, model_version="m2") is None
    assert (sketches.pending_count(), sketches.acknowledged_count()) == (0, 1)


def test_a_sketch_joins_no_push_before_its_instant(
    sketches: Sketches, queue: Queue, clock: ManualClock
) -> None:
    for number, hours in enumerate((2, 5, 5, 24)):
        queue(number, after=hours)
    left: list[set[int]] = []
    for _ in range(24):
        clock.advance(timedelta(hours=1))
        push = sketches.next_push(20, model_version="m1", due_by=clock.now())
        if push is not None:
            left.append({int(part[:4]) for part in split(push.sketches)})
            sketches.acknowledge(push.request_id)
    assert left == [{0}, {1, 2}, {3}]


def test_a_sketch_that_waits_keeps_its_instant(
    sketches: Sketches, queue: Queue, clock: ManualClock
) -> None:
    queue(0, after=3)
    queue(0, after=30, class_byte=9)
    push = sketches.next_push(1, model_version="m1", due_by=clock.now() + timedelta(hours=3))
    assert push is not None
    assert push.classes == bytes([9])


def test_an_instant_that_lies_too_far_ahead_is_drawn_again(
    sketches: Sketches, queue: Queue, clock: ManualClock
) -> None:
    queue(0, after=3)
    queue(1, after=1_000)
    soon = clock.now() + timedelta(hours=24)
    sketches.hasten(soon, lambda: clock.now() + timedelta(hours=4))
    for hours, number in ((3, 0), (4, 1)):
        at = clock.now() + timedelta(hours=hours)
        push = sketches.next_push(20, model_version="m1", due_by=at)
        assert push is not None
        assert push.sketches == sketch(number)
        sketches.acknowledge(push.request_id)


def test_a_push_holds_sketches_of_one_noise_scale(sketches: Sketches, queue: Queue) -> None:
    for number in range(8):
        queue(number, sigma=500 if number % 2 else 600)
    found: dict[int, set[int]] = {}
    while push := sketches.next_push(3, model_version="m1"):
        numbers = {int(part[:4]) for part in split(push.sketches)}
        found.setdefault(push.sigma_hundredths, set()).update(numbers)
        sketches.acknowledge(push.request_id)
    assert found == {600: {0, 2, 4, 6}, 500: {1, 3, 5, 7}}


def test_what_has_left_never_takes_another_noise_scale(
    sketches: Sketches, queue: Queue, database: Database
) -> None:
    queue(0)
    queue(1)
    queue(0, sigma=600)
    push = sketches.next_push(20, model_version="m1")
    assert push is not None
    sketches.acknowledge(push.request_id)
    again = sketches.next_push(20, model_version="m1")
    assert again is not None, "the other scale travels apart"
    assert {push.sigma_hundredths, again.sigma_hundredths} == {500, 600}
    sketches.acknowledge(again.request_id)
    for sigma in (500, 600):
        queue(0, sigma=sigma)
    assert sketches.next_push(20, model_version="m1") is None
    for change in (
        "UPDATE sketches SET sigma_hundredths = 700",
        "UPDATE sketches SET has_left = 0",
    ):
        with database.read() as connection, pytest.raises(sqlite3.IntegrityError, match="left"):
            connection.execute(change)


class SketchQueueMachine(RuleBasedStateMachine):
    """Any interleaving of queueing, pushing, losing the answer and restarting."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "omega.db"
        self.database = Database.open(self.path, clock=SystemClock())
        self.queued: set[int] = set()
        self.acknowledged: set[bytes] = set()
        self.open: Any = None

    @initialize()
    def fill(self) -> None:
        vector = np.eye(384, dtype=np.float32)[0]
        Contents(self.database).upsert(
            [
                StoredContent(
                    content=Content(f"c{number}", "Title", ContentKind.MOVIE),
                    embedding=vector,
                    model_version="m1",
                )
                for number in range(30)
            ]
        )

    @property
    def sketches(self) -> Sketches:
        return Sketches(self.database)

    @rule(number=st.integers(1, 30), class_byte=st.integers(0, 31))
    def queue(self, number: int, class_byte: int) -> None:
        new = self.sketches.store(
            number,
            noise(number),
            sketch(number),
            class_byte,
            sigma_hundredths=500,
            model_version="m1",
            now=SystemClock().now(),
            release_at=SystemClock().now(),
        )
        assert new == (number not in self.queued)
        self.queued.add(number)

    @rule(limit=st.integers(1, 20))
    def push(self, limit: int) -> None:
        push = self.sketches.next_push(limit, model_version="m1")
        if self.open is not None:
            assert push == self.open
        elif len(self.queued) == len(self.acknowledged):
            assert push is None
        else:
            assert push is not None
            assert 1 <= len(push) <= limit
            assert not self.acknowledged & set(split(push.sketches))
        self.open = push

    @rule()
    def acknowledge(self) -> None:
        if self.open is not None:
            assert self.sketches.acknowledge(self.open.request_id) == len(self.open)
            self.acknowledged |= set(split(self.open.sketches))
            self.open = None

    @rule()
    def restart(self) -> None:
        self.database.close()
        self.database = Database.open(self.path, clock=SystemClock())

    @invariant()
    def counts_add_up(self) -> None:
        assert self.sketches.acknowledged_count() == len(self.acknowledged)
        assert self.sketches.pending_count() == len(self.queued) - len(self.acknowledged)

    def teardown(self) -> None:
        with suppress(OmegaError):
            self.database.close()
        self.directory.cleanup()


def split(sketches: bytes) -> list[bytes]:
    return [sketches[i : i + 48] for i in range(0, len(sketches), 48)]


TestSketchQueueMachine = SketchQueueMachine.TestCase
TestSketchQueueMachine.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
