"""An update that fails half-way is taken back at once: the release of before goes on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from omega_persistence import migrate
from omega_testing.tv_slots import TITLES, Tv

PLENTY = 10**12


def goes_on(tv: Tv) -> bool:
    """Whether the release of before runs, on what it had, and nothing is left to be ended."""
    copy = tv.root / "update" / "before.db"
    as_before = (tv.slot(), tv.holds()) == ("a", (len(migrate.shipped()), TITLES))
    return tv.runs() and as_before and not copy.exists() and tv.update().recover() == 0


def test_a_copy_that_fails_half_way(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def half(update: Any) -> None:
        update.copy.write_bytes(bytes(4_096))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(program.Update, "_keep_copy", half)
    assert tv.install() == program.TAKEN_BACK
    assert "No space left" in capfd.readouterr().err
    assert goes_on(tv)


def test_a_switch_that_fails(tv: Tv, program: ModuleType) -> None:
    (tv.root / "current.new").mkdir()
    assert tv.install() == program.TAKEN_BACK
    assert goes_on(tv)


def test_a_full_disk_just_behind_the_switch(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = program.Update._note

    def full(update: Any, **changes: Any) -> None:
        if changes.get("phase") in ("checking", "taking back"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(update, **changes)

    monkeypatch.setattr(program.Update, "_note", full)
    assert tv.install(schema=1) == program.TAKEN_BACK
    assert goes_on(tv)


def test_a_brain_that_cannot_be_stopped(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tv.update

    def unstoppable() -> Any:
        update = made()
        update.stop_command = ["false"]
        return update

    monkeypatch.setattr(tv, "update", unstoppable)
    assert tv.install() == program.TAKEN_BACK
    assert goes_on(tv)


def test_what_cannot_be_written_down_is_not_begun(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(program.Update, "_note", full)
        with pytest.raises(program.Refused, match="No space left"):
            tv.install()
    assert goes_on(tv)


@pytest.mark.parametrize("full", ["", "update", "storage"])
def test_each_place_needs_room_of_its_own(
    full: str, tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(place: Path) -> SimpleNamespace:
        return SimpleNamespace(free=0 if place == tv.root / full else PLENTY)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(program.Refused, match="no room in"):
        tv.update()._check_room(1)


def test_places_of_one_file_system_share_its_room(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = tv.update()
    free = 4 * 1_000 + 2 * update._database_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    update._check_room(1_000)
    with pytest.raises(program.Refused, match="no room in"):
        update._check_room(1_001)
