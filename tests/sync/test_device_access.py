from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_sync.access import Enrolment
from omega_sync.audit import LOGGER, Audit, open_audit

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DEVICE, OTHER = "tv-" + "0" * 32, "tv-" + "1" * 32
SYNC = "/omega.sync.v1.SyncService/Sync"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of an audit file that is not there yet."""
    return tmp_path / "audit.jsonl"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def begin(path: Path, clock: ManualClock) -> Iterator[Callable[[], Audit]]:
    """begin() -> an audit into the file, as another process would open it."""
    with ExitStack() as stack:

        def open_one() -> Audit:
            audit = open_audit("audit_log", path, clock)
            stack.callback(audit.close)
            return audit

        yield open_one


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_without_a_key_file_every_tv_may_enrol() -> None:
    Enrolment.read("enrolment_key_file", None).check("")
    Enrolment.read("enrolment_key_file", None).check("anything")


@given(shown=st.text(max_size=40))
@settings(deadline=None)
def test_only_the_equal_key_enrols(shown: str) -> None:
    enrolment = Enrolment("the operator's key")
    enrolment.check("the operator's key")
    with pytest.raises(OmegaError) as caught:
        enrolment.check(shown)
    assert caught.value.code is ErrorCode.ENROLMENT_REFUSED


@pytest.mark.parametrize("content", ["", "\n", "k" * 257, "two\nlines", "ä"])
def test_a_key_file_of_no_use_names_its_setting(tmp_path: Path, content: str) -> None:
    path = tmp_path / "enrolment.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(OmegaError, match="enrolment_key_file"):
        Enrolment.read("enrolment_key_file", path)


def test_a_key_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "enrolment.key"
    path.write_text("a key\n")
    path.chmod(0o600)
    Enrolment.read("enrolment_key_file", path).check("a key")


def test_a_decision_is_a_line_that_names_nobody(path: Path, begin: Callable[[], Audit]) -> None:
    audit = begin()
    audit.admitted(SYNC, "proof", DEVICE)
    audit.refused(SYNC, "proof", OmegaError(ErrorCode.UNAUTHENTICATED, field="dpop", detail=DEVICE))
    first, second = lines(path)
    assert len(first.pop("device")) == 16
    assert first == {
        "time": "2026-11-29T12:00:00.000+00:00",
        "method": "Sync",
        "outcome": "admitted",
        "form": "proof",
    }
    assert second == {
        **first,
        "outcome": "refused",
        "reason": "UNAUTHENTICATED",
        "field": "dpop",
    }
    assert DEVICE[3:] not in path.read_text()
    assert path.stat().st_mode & 0o007 == 0


def test_a_pseudonym_holds_for_a_day_of_one_process(
    path: Path, clock: ManualClock, begin: Callable[[], Audit]
) -> None:
    audit = begin()
    for device_id in (DEVICE, OTHER, DEVICE):
        audit.admitted(SYNC, "proof", device_id)
        clock.advance(timedelta(hours=7))
    clock.advance(timedelta(hours=7))
    audit.admitted(SYNC, "proof", DEVICE)
    begin().admitted(SYNC, "proof", DEVICE)
    names = [line["device"] for line in lines(path)]
    assert names[0] == names[2]
    assert len(set(names)) == 4


def test_a_file_that_is_moved_away_is_begun_anew(path: Path, begin: Callable[[], Audit]) -> None:
    audit = begin()
    audit.admitted(SYNC, "proof", DEVICE)
    path.rename(path.with_suffix(".old"))
    audit.admitted(SYNC, "certificate", DEVICE)
    assert [line["form"] for line in lines(path)] == ["certificate"]


def test_without_a_file_decisions_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    audit = open_audit("audit_log", None, ManualClock(NOW))
    with caplog.at_level(logging.WARNING, LOGGER):
        audit.admitted(SYNC, "proof", DEVICE)
    with caplog.at_level(logging.INFO, LOGGER):
        audit.admitted(SYNC, "proof", DEVICE)
    assert len(caplog.records) == 1


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="audit_log must be a file that can be written"):
        open_audit("audit_log", tmp_path / "absent" / "audit.jsonl", ManualClock(NOW))
