"""Switching, checking, taking back and recovering, on a real household's database."""

from __future__ import annotations

import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from omega_persistence import migrate
from omega_testing.tv_slots import TITLES, Tv

SCHEMA = len(migrate.shipped())


def test_a_good_release_stays_with_its_schema(tv: Tv, program: ModuleType) -> None:
    assert tv.install(schema=1) == program.DONE
    assert (tv.slot(), tv.holds()) == ("b", (SCHEMA + 1, TITLES))
    told = tv.update().status()
    assert (told["slot"], told["version"], told["outcome"]) == ("b", "1.2.3", "updated")
    assert not (tv.root / "update" / "before.db").exists()


@pytest.mark.parametrize("answers", [0, 1], ids=["never serves", "serves and ends"])
def test_a_bad_one_that_changed_the_schema_takes_nothing_along(
    answers: int, tv: Tv, program: ModuleType
) -> None:
    assert tv.install(answers=answers, schema=2, erases="other") == program.TAKEN_BACK
    assert (tv.slot(), tv.holds()) == ("a", (SCHEMA, TITLES))
    assert not (tv.root / "update" / "before.db").exists()
    told = tv.update().status()
    assert (told["slot"], told["outcome"]) == ("a", "taken back")
    assert tv.install() == program.DONE
    assert tv.slot() == "b"


def test_a_bad_one_of_the_same_schema_leaves_what_it_did(tv: Tv, program: ModuleType) -> None:
    assert tv.install(answers=0, erases="other") == program.TAKEN_BACK
    assert (tv.slot(), tv.holds()) == ("a", (SCHEMA, ["kept"]))


def test_a_first_release_that_is_bad_leaves_none(program: ModuleType, tmp_path: Path) -> None:
    tv = Tv(program, tmp_path)
    assert tv.install(answers=0) == program.NOTHING_SERVES
    assert not (tmp_path / "current").is_symlink()
    assert tv.install() == program.DONE


@pytest.mark.parametrize("moment", ["_stop", "_keep_copy", "_switch", "_start", "_judge"])
@pytest.mark.parametrize("answers", [0, 1_000], ids=["bad", "good"])
def test_a_power_cut_at_any_moment_ends_in_a_release_that_serves(
    moment: str, answers: int, tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        """Ends the program as a power cut does."""

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(program.Update, moment, cut)
        with pytest.raises(Cut):
            tv.install(answers=answers, schema=1)
    switched = tv.slot() == "b"
    if switched:
        tv.update()._start()  # as systemd starts what the link points to
    kept = switched and answers > 0
    assert tv.update().recover() == (program.DONE if kept else program.TAKEN_BACK)
    assert tv.slot() == ("b" if kept else "a")
    assert tv.holds()[1] == TITLES
    assert tv.holds()[0] == SCHEMA or kept
    assert tv.update().recover() == program.DONE


def test_the_copy_of_a_household_is_nobody_elses_to_read(
    tv: Tv, program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def look(update: Any) -> int:
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in (update.folder, update.copy))
        return int(program.DONE)

    monkeypatch.setattr(program.Update, "_judge", look)
    tv.install()
    assert modes == [0o700, 0o600]
