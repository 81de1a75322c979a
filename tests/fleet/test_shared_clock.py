"""A clock that several processes share through a file, and that a simulation moves."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.clock import SystemClock
from omega_core.errors import ErrorCode, OmegaError
from omega_core.shared_clock import MovedClock, SharedClock, seconds_of, service_clock

START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
spans = st.timedeltas(timedelta(0), timedelta(days=4_000))
instants = spans.map(lambda span: START + span)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clock"


@settings(max_examples=50)
@given(start=instants, steps=st.lists(spans, max_size=8))
def test_readers_see_every_step_to_the_microsecond(
    tmp_path_factory: pytest.TempPathFactory, start: datetime, steps: list[timedelta]
) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock"
    with MovedClock(path, start) as moved:
        read = SharedClock(path)
        now = start
        for step in steps:
            assert read.now() == moved.now() == now
            before = read.seconds()
            moved.advance(step)
            now += step
            assert read.seconds() >= before
        assert read.now() == now
        assert read.seconds() == pytest.approx((now - START).total_seconds() + START.timestamp())


@given(back=st.timedeltas(timedelta(microseconds=1), timedelta(days=9)))
def test_time_does_not_go_back(tmp_path_factory: pytest.TempPathFactory, back: timedelta) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock"
    with MovedClock(path, START) as moved:
        with pytest.raises(OmegaError) as caught:
            moved.advance(-back)
        assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "instant")
        assert moved.now() == START


def test_it_stands_still_until_it_runs_and_keeps_its_instant_when_it_stops(path: Path) -> None:
    with MovedClock(path, START) as moved:
        assert moved.now() == moved.now() == START
        moved.run(1_000_000)
        while moved.now() < START + timedelta(seconds=10):
            pass
        moved.run(0)
        stopped = moved.now()
        assert moved.now() == stopped


def test_a_reader_never_sees_half_a_record(path: Path) -> None:
    a, b = START, START + timedelta(days=365)
    seen: set[datetime] = set()
    with MovedClock(path, a) as moved:
        read = SharedClock(path)
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                seen.add(read.now())

        reader = threading.Thread(target=look)
        reader.start()
        for n in range(2_000):
            moved.move_to(b + timedelta(days=n))
        done.set()
        reader.join()
    assert seen <= {a, *(b + timedelta(days=n) for n in range(2_000))}


def test_another_process_goes_by_it(path: Path) -> None:
    program = (
        "import sys; from omega_core.shared_clock import service_clock;"
        "print(service_clock({'OMEGA_CLOCK_FILE': sys.argv[1]}).now().isoformat())"
    )
    with MovedClock(path, START) as moved:
        moved.advance(timedelta(hours=3))
        said = subprocess.run(
            [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
        )
    assert datetime.fromisoformat(said.stdout.strip()) == START + timedelta(hours=3)
    assert "Never in production" in said.stderr


def test_without_the_variable_a_service_goes_by_the_machine() -> None:
    assert isinstance(service_clock({}), SystemClock)
    assert isinstance(service_clock({"OMEGA_CLOCK_FILE": ""}), SystemClock)


@pytest.mark.parametrize("content", [None, b"", b"x" * 28])
def test_a_file_that_is_no_clock_is_refused_by_name(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OmegaError) as caught:
        service_clock({"OMEGA_CLOCK_FILE": str(path)})
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, "clock_file")


def test_limits_go_by_the_same_time(path: Path) -> None:
    with MovedClock(path, START) as moved:
        seconds = seconds_of(moved)
        before = seconds()
        moved.advance(timedelta(minutes=1))
        assert seconds() - before == 60
    assert seconds_of(SystemClock())() >= 0
